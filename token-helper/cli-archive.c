/* SPDX-License-Identifier: MIT */
/* cli-archive.c - see cli-archive.h. */
#include "token-helper/cli-archive.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/scanner.h"

#include "common/banned.h"

#define HEAD		"mailoauth-backup "
#define ARCHIVE_VERSION 1
#define LINE_MAX_LEN	200
#define COUNT_MAX	1000000
#define HASH_HEX	64

static bool hash_hex(struct span bytes, char hex[HASH_HEX + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(bytes.ptr, bytes.len, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (size_t i = 0; i < HASH_HEX / 2; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return true;
}

/* Writing ------------------------------------------------------------------------------------- */

bool archive_append_head(struct buffer *out)
{
	return buffer_printf(out, HEAD "%d\n", ARCHIVE_VERSION);
}

bool archive_append_grant(struct buffer *out, const char *name, struct span bytes)
{
	char hex[HASH_HEX + 1];

	return hash_hex(bytes, hex) &&
	       buffer_printf(out, "grant %s %zu %s\n", name, bytes.len, hex) &&
	       buffer_append_span(out, bytes) && buffer_append_byte(out, '\n');
}

bool archive_append_end(struct buffer *out, size_t count)
{
	return buffer_printf(out, "end %zu\n", count);
}

/* Reading ------------------------------------------------------------------------------------- */

struct reading {
	struct scanner scan;
	struct archive_entry entry;
	char hash[HASH_HEX + 1];
	uint64_t count; /* of the end */
	bool ended;
};

static struct reading reading_from(struct span file, size_t at)
{
	return (struct reading){.scan = scanner_over((struct span){file.ptr + at, file.len - at})};
}

static bool take_word(struct scanner *line, char *word, size_t size)
{
	struct span span;

	if (!scan_until(line, ' ', size - 1, &span) || span.len == 0 ||
	    memchr(span.ptr, '\0', span.len) != NULL)
		return false;
	memcpy(word, span.ptr, span.len);
	word[span.len] = '\0';
	return true;
}

static bool read_grant(struct reading *reading, struct scanner *line)
{
	uint64_t len;
	struct span hash;

	if (!take_word(line, reading->entry.name, sizeof(reading->entry.name)) ||
	    !scan_u64(line, ARCHIVE_GRANT_MAX, &len) || !scan_byte(line, ' ') ||
	    !scan_take(line, HASH_HEX, &hash) || !scanner_at_end(line))
		return false;
	memcpy(reading->hash, hash.ptr, HASH_HEX);
	reading->hash[HASH_HEX] = '\0';
	return scan_take(&reading->scan, (size_t)len, &reading->entry.bytes) &&
	       scan_byte(&reading->scan, '\n');
}

/* One line and what it announces. */
static bool read_one(struct reading *reading)
{
	struct scanner line;
	struct span span;

	if (!scan_until(&reading->scan, '\n', LINE_MAX_LEN, &span))
		return false;
	line = scanner_over(span);
	if (scan_literal(&line, "grant "))
		return read_grant(reading, &line);
	reading->ended = scan_literal(&line, "end ") &&
			 scan_u64(&line, COUNT_MAX, &reading->count) && scanner_at_end(&line);
	return reading->ended;
}

static bool skip_head(struct reading *reading, uint64_t *version)
{
	return scan_literal(&reading->scan, HEAD) && scan_u64(&reading->scan, 1000000, version) &&
	       scan_byte(&reading->scan, '\n');
}

static enum outcome check_entries(struct reading *reading, struct span file, size_t *count_out,
				  struct err *err)
{
	char hash[HASH_HEX + 1];
	size_t count = 0;

	for (;;) {
		size_t at = (size_t)(reading->scan.cur - file.ptr);

		if (!read_one(reading))
			return err_set(err, OUTCOME_CONFIG,
				       "the backup is damaged or cut off at byte %zu, after %zu "
				       "grants",
				       at, count);
		if (reading->ended)
			break;
		if (!hash_hex(reading->entry.bytes, hash) || strcmp(hash, reading->hash) != 0)
			return err_set(
				err, OUTCOME_CONFIG,
				"the backup is damaged: the grant of %s at byte %zu is not as "
				"it was written",
				reading->entry.name, at);
		count++;
	}
	if (reading->count != count || !scanner_at_end(&reading->scan))
		return err_set(err, OUTCOME_CONFIG, "the backup is damaged: its end does not fit");
	*count_out = count;
	return OUTCOME_OK;
}

enum outcome archive_check(struct span file, size_t *count_out, struct err *err)
{
	struct reading reading = reading_from(file, 0);
	uint64_t version = 0;

	if (!skip_head(&reading, &version))
		return err_set(err, OUTCOME_CONFIG, "it is no backup of mailoauth's");
	if (version != ARCHIVE_VERSION)
		return err_set(
			err, OUTCOME_CONFIG,
			"the backup was written by a newer mailoauth (version %u, this program "
			"knows %d): use that one",
			(unsigned)version, ARCHIVE_VERSION);
	return check_entries(&reading, file, count_out, err);
}

bool archive_next(struct span file, size_t *at, struct archive_entry *entry)
{
	struct reading reading = reading_from(file, *at);
	uint64_t version;

	if ((*at == 0 && !skip_head(&reading, &version)) || !read_one(&reading) || reading.ended)
		return false;
	*at = (size_t)(reading.scan.cur - file.ptr);
	*entry = reading.entry;
	return true;
}
