/* SPDX-License-Identifier: MIT */
/*
 * fuzz-archive.c - the file that `mailoauth restore` reads: from another machine, another year, or
 * somebody else.
 *
 * Beside not crashing: what passes the check gives exactly as many grants as it says, all of them
 * bytes of the file, and is what backup would write of them; whatever is written passes.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/require.h"
#include "token-helper/cli-archive.h"

#include "common/banned.h"

#define FILE_MAX 4194304

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct span part, struct span whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* Also when the check has not passed: nobody walks then, but nothing bad may come of it. */
static size_t walk(struct span file, struct buffer *again)
{
	struct archive_entry entry;
	size_t count = 0;
	size_t at = 0;

	require(archive_append_head(again));
	while (archive_next(file, &at, &entry)) {
		require(at <= file.len && lies_in(entry.bytes, file));
		require(entry.name[0] != '\0' && strlen(entry.name) <= ARCHIVE_NAME_MAX);
		require(entry.bytes.len <= ARCHIVE_GRANT_MAX);
		require(archive_append_grant(again, entry.name, entry.bytes));
		count++;
	}
	require(archive_append_end(again, count));
	return count;
}

/* A file of one grant whose bytes are anything. */
static void check_any_bytes(struct span bytes)
{
	struct buffer file = BUFFER_INIT(FILE_MAX);
	struct archive_entry entry;
	size_t count = 0;
	size_t at = 0;

	require(archive_append_head(&file) && archive_append_grant(&file, "a", bytes) &&
		archive_append_end(&file, 1));
	require(archive_check(buffer_span(&file), &count, NULL) == OUTCOME_OK && count == 1);
	require(archive_next(buffer_span(&file), &at, &entry));
	require(entry.bytes.len == bytes.len &&
		(bytes.len == 0 || memcmp(entry.bytes.ptr, bytes.ptr, bytes.len) == 0));
	require(!archive_next(buffer_span(&file), &at, &entry));
	/* One byte less or another one is noticed. */
	require(archive_check((struct span){file.data, file.len - 1}, &count, NULL) != OUTCOME_OK);
	if (bytes.len > 0) {
		file.data[entry.bytes.ptr - file.data] ^= 1;
		require(archive_check(buffer_span(&file), &count, NULL) != OUTCOME_OK);
	}
	buffer_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span file = {(const char *)data, size};
	struct buffer again = BUFFER_INIT(FILE_MAX);
	struct err err = ERR_INIT;
	size_t count = 77;

	if (size > ARCHIVE_GRANT_MAX)
		return 0;
	if (archive_check(file, &count, &err) == OUTCOME_OK) {
		require(walk(file, &again) == count);
		require(again.len == size && memcmp(again.data, data, size) == 0);
	} else {
		require(count == 77 && err.text[0] != '\0');
		(void)walk(file, &again);
	}
	check_any_bytes(file);
	buffer_release(&again);
	return 0;
}
