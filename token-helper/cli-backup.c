/* SPDX-License-Identifier: MIT */
/*
 * cli-backup.c - the verbs backup and restore.
 *
 * The daemon gives and takes grants one by one, so both work while it runs. A backup is written
 * beside its place and renamed when it is whole; a restore reads its whole file before it begins.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/file.h"
#include "common/xalloc.h"
#include "token-helper/cli-archive.h"
#include "token-helper/cli-grant.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

#define CALL_TIMEOUT_MS 10000
#define FILE_MAX	(512UL << 20)
#define NAMES_MAX	100000
#define PIECE_BYTES	5000 /* percent-encoded at most three times as long: fits a request */
#define TRIES_MAX	5    /* of one grant that is replaced while it is read */

struct backup {
	const struct cli *cli;
	struct buffer archive; /* secret */
	size_t count;
	size_t plain; /* of them not sealed */
};

static bool is_standard(const char *file)
{
	return strcmp(file, "-") == 0;
}

static enum cli_exit report_file(const char *file)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, OUTCOME_RETRY, "%s: %s", file, strerror(errno));
	return cli_report(CLI_OUTPUT, err.text);
}

/* Asking -------------------------------------------------------------------------------------- */

static enum cli_exit ask(const struct cli *cli, const struct buffer *request, struct buffer *reply,
			 struct span *data)
{
	struct err err = ERR_INIT;
	enum cli_exit exit = cli_call(cli, request, CALL_TIMEOUT_MS, reply, data, &err);

	return exit == CLI_OK ? exit : cli_report(exit, err.text);
}

struct piece {
	uint64_t size, offset, sum_high, sum_low;
	struct buffer data; /* secret */
	bool sealed;
	bool none; /* the grant is gone */
};

static bool read_piece(struct span data, struct piece *piece)
{
	struct buffer word = BUFFER_INIT(8);
	bool ok;

	piece->none = data.len == 0;
	if (piece->none)
		return true;
	ok = fields_get_u64(data, "size", ARCHIVE_GRANT_MAX, &piece->size) &&
	     fields_get_u64(data, "offset", ARCHIVE_GRANT_MAX, &piece->offset) &&
	     fields_get_u64(data, "sum_high", UINT32_MAX, &piece->sum_high) &&
	     fields_get_u64(data, "sum_low", UINT32_MAX, &piece->sum_low) &&
	     fields_get(data, "sealed", &word) && fields_get(data, "data", &piece->data) &&
	     piece->data.len > 0;
	piece->sealed = span_equals(buffer_span(&word), "yes");
	buffer_release(&word);
	return ok;
}

static enum cli_exit ask_piece(const struct cli *cli, const char *name, size_t offset,
			       struct piece *piece)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "backup");
	cli_field_str(&request, "account", name);
	cli_field_u64(&request, "offset", offset);
	exit = ask(cli, &request, &reply, &data);
	if (exit == CLI_OK && !read_piece(data, piece))
		exit = cli_report(CLI_PROTOCOL, "mailoauthd's answer to backup cannot be read");
	buffer_release(&request);
	buffer_release(&reply);
	return exit;
}

/* Backup -------------------------------------------------------------------------------------- */

static bool is_whole(const struct buffer *bytes, const struct piece *piece)
{
	uint64_t sum = token_fingerprint(buffer_span(bytes));

	return bytes->len == piece->size && sum >> 32 == piece->sum_high &&
	       (sum & UINT32_MAX) == piece->sum_low;
}

/* All of one grant as it stood at one moment. *got: false when it was replaced meanwhile. */
static enum cli_exit read_once(const struct cli *cli, const char *name, struct buffer *bytes,
			       struct piece *piece, bool *got)
{
	enum cli_exit exit;

	buffer_clear(bytes);
	do {
		exit = ask_piece(cli, name, bytes->len, piece);
		if (exit != CLI_OK || piece->none)
			break;
		if (piece->offset != bytes->len ||
		    !buffer_append_span(bytes, buffer_span(&piece->data)))
			return cli_report(CLI_PROTOCOL, "mailoauthd's pieces do not fit together");
	} while (bytes->len < piece->size);
	*got = exit == CLI_OK && (piece->none || is_whole(bytes, piece));
	return exit;
}

static enum cli_exit back_up_one(struct backup *backup, const char *name)
{
	struct buffer bytes = BUFFER_INIT_SECRET(ARCHIVE_GRANT_MAX);
	struct piece piece = {.data = BUFFER_INIT_SECRET(HELPER_REPLY_MAX)};
	enum cli_exit exit = CLI_OK;
	bool got = false;

	for (int i = 0; i < TRIES_MAX && exit == CLI_OK && !got; i++)
		exit = read_once(backup->cli, name, &bytes, &piece, &got);
	if (exit == CLI_OK && !got)
		exit = cli_report(CLI_RETRY,
				  "a grant was replaced again and again while it was read");
	if (exit == CLI_OK && !piece.none) {
		backup->count++;
		backup->plain += piece.sealed ? 0 : 1;
		if (!archive_append_grant(&backup->archive, name, buffer_span(&bytes)))
			exit = cli_report(CLI_OUTPUT, "the backup would be too large");
	}
	buffer_release(&bytes);
	buffer_release(&piece.data);
	return exit;
}

/* *last: the last of the names. */
static enum cli_exit back_up_listed(struct backup *backup, const char *names, char *last,
				    size_t size)
{
	struct words words = {0};
	enum cli_exit exit = CLI_OK;

	words_split(names, &words);
	for (size_t i = 0; i < words.count && exit == CLI_OK; i++) {
		(void)snprintf(last, size, "%s", words.word[i]);
		exit = back_up_one(backup, words.word[i]);
	}
	words_release(&words);
	return exit;
}

static enum cli_exit back_up_all(struct backup *backup)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	char last[ARCHIVE_NAME_MAX + 1] = "";
	struct span data = {"", 1};
	enum cli_exit exit = CLI_OK;

	(void)archive_append_head(&backup->archive);
	while (exit == CLI_OK && data.len > 0 && backup->count < NAMES_MAX) {
		char *names;

		cli_request(&request, "backup-list");
		cli_field_str(&request, "after", last);
		exit = ask(backup->cli, &request, &reply, &data);
		if (exit != CLI_OK)
			break;
		names = xspandup(data);
		exit = back_up_listed(backup, names, last, sizeof(last));
		free(names);
	}
	if (exit == CLI_OK && !archive_append_end(&backup->archive, backup->count))
		exit = cli_report(CLI_OUTPUT, "the backup would be too large");
	buffer_release(&request);
	buffer_release(&reply);
	return exit;
}

static void say_what_it_is(const struct backup *backup)
{
	FILE *out = is_standard(backup->cli->file) ? stderr : stdout;

	(void)fprintf(out, "%zu grant%s\n", backup->count, backup->count == 1 ? "" : "s");
	if (backup->plain > 0)
		(void)fprintf(out,
			      "%zu in plain text: keep the backup like a private key, or "
			      "set seal_key_file in mailoauth.conf\n",
			      backup->plain);
	if (backup->plain < backup->count)
		(void)fprintf(out, "sealed grants are of use only with their key: keep that "
				   "elsewhere, but keep it\n");
}

enum cli_exit cli_backup(const struct cli *cli)
{
	struct backup backup = {.cli = cli, .archive = BUFFER_INIT_SECRET(FILE_MAX)};
	struct err err = ERR_INIT;
	enum cli_exit exit = back_up_all(&backup);

	if (exit == CLI_OK && !is_standard(cli->file) &&
	    file_replace_private(cli->file, buffer_span(&backup.archive), &err) != OUTCOME_OK)
		exit = cli_report(CLI_OUTPUT, err.text);
	else if (exit == CLI_OK && is_standard(cli->file) &&
		 !file_write_all(STDOUT_FILENO, buffer_span(&backup.archive)))
		exit = report_file("standard output");
	if (exit == CLI_OK)
		say_what_it_is(&backup);
	buffer_release(&backup.archive);
	return exit;
}

/* Restore ------------------------------------------------------------------------------------- */

static enum cli_exit read_file(const char *file, struct buffer *bytes)
{
	struct err err = ERR_INIT;
	enum outcome outcome = is_standard(file)
				       ? file_read_all(STDIN_FILENO, "standard input", bytes, &err)
				       : file_read(file, bytes, &err);

	if (outcome == OUTCOME_OK)
		return CLI_OK;
	return cli_report(buffer_ok(bytes) ? CLI_OUTPUT : CLI_DATA, err.text);
}

static enum cli_exit send_piece(const struct cli *cli, const struct archive_entry *entry,
				const char *from, size_t offset, struct buffer *reply,
				struct span *data)
{
	struct buffer request = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	size_t left = entry->bytes.len - offset;
	enum cli_exit exit;

	cli_request(&request, "restore");
	cli_field_str(&request, "account", entry->name);
	cli_field_u64(&request, "size", entry->bytes.len);
	cli_field_u64(&request, "offset", offset);
	if (cli->force)
		cli_field_str(&request, "force", "yes");
	if (from != NULL)
		cli_field_str(&request, "from", from);
	cli_field(
		&request, "data",
		(struct span){entry->bytes.ptr + offset, left < PIECE_BYTES ? left : PIECE_BYTES});
	exit = ask(cli, &request, reply, data);
	buffer_release(&request);
	return exit;
}

static enum cli_exit send_grant(const struct cli *cli, const struct archive_entry *entry,
				const char *from, struct buffer *result)
{
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct span data = {"", 0};
	enum cli_exit exit = CLI_OK;

	for (size_t at = 0; at < entry->bytes.len && exit == CLI_OK; at += PIECE_BYTES)
		exit = send_piece(cli, entry, from, at, &reply, &data);
	if (exit == CLI_OK && !fields_get(data, "result", result))
		exit = cli_report(CLI_PROTOCOL, "mailoauthd's answer to restore cannot be read");
	buffer_release(&reply);
	return exit;
}

enum cli_exit cli_grant_put(const struct cli *cli, const char *account, struct span grant,
			    const char *from, struct buffer *result)
{
	struct archive_entry entry = {.bytes = grant};

	if (strlen(account) > ARCHIVE_NAME_MAX)
		return cli_report(CLI_DATA, "the account's name is too long");
	(void)memcpy(entry.name, account, strlen(account) + 1);
	return send_grant(cli, &entry, from, result);
}

static enum cli_exit restore_one(const struct cli *cli, const struct archive_entry *entry)
{
	struct buffer result = BUFFER_INIT(32);
	enum cli_exit exit = send_grant(cli, entry, NULL, &result);

	if (exit == CLI_OK)
		(void)printf("%s: %s\n", entry->name, buffer_cstr(&result));
	buffer_release(&result);
	return exit;
}

/* One that fails does not keep the others out; the first failure is the exit status. */
static enum cli_exit restore_all(const struct cli *cli, struct span file)
{
	struct archive_entry entry;
	enum cli_exit first = CLI_OK;
	bool found = false;
	size_t at = 0;

	while (archive_next(file, &at, &entry)) {
		enum cli_exit exit;

		if (cli->only != NULL && strcmp(cli->only, entry.name) != 0)
			continue;
		found = true;
		exit = restore_one(cli, &entry);
		if (first == CLI_OK)
			first = exit;
		if (exit == CLI_UNREACHABLE || exit == CLI_DENIED)
			break;
	}
	if (!found && cli->only != NULL)
		return cli_report(CLI_DATA, "the backup has no grant of that account");
	if (!found)
		(void)puts("there is no grant in it: nothing was restored");
	return first;
}

enum cli_exit cli_restore(const struct cli *cli)
{
	struct buffer bytes = BUFFER_INIT_SECRET(FILE_MAX);
	struct err err = ERR_INIT;
	size_t count = 0;
	enum cli_exit exit = read_file(cli->file, &bytes);

	if (exit == CLI_OK && archive_check(buffer_span(&bytes), &count, &err) != OUTCOME_OK) {
		err_prefix(&err, "%s: ", cli->file);
		exit = cli_report(CLI_DATA, err.text);
	}
	if (exit == CLI_OK)
		exit = restore_all(cli, buffer_span(&bytes));
	buffer_release(&bytes);
	return exit;
}
