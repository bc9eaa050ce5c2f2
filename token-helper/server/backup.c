/* SPDX-License-Identifier: MIT */
/* backup.c - see backup.h. */
#include "token-helper/server/backup.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "token-helper/accounts/archive.h"
#include "token-helper/server/verbs.h"

#include "common/banned.h"

#define NAME_MAX_LEN	64
#define NAMES_AT_ONCE	1000
#define GRANT_BYTES_MAX 524288
#define PIECE_BYTES	30000 /* percent-encoded it is at most three times as long */

struct backup_upload {
	char account[NAME_MAX_LEN + 1];
	size_t size;	     /* of the whole */
	struct buffer bytes; /* what has come */
};

struct backup_upload *backup_upload_new(void)
{
	struct backup_upload *upload = xcalloc(1, sizeof(*upload));

	buffer_init_secret(&upload->bytes, GRANT_BYTES_MAX);
	return upload;
}

void backup_upload_free(struct backup_upload *upload)
{
	if (upload == NULL)
		return;
	buffer_release(&upload->bytes);
	free(upload);
}

static void refuse(struct connection *conn, const char *text)
{
	connection_reply_failure(conn, OUTCOME_PROTOCOL, text);
}

/* Absent is "". False: too long, or with a NUL in it. */
static bool read_name(struct span key, const char *field, char name[NAME_MAX_LEN + 1])
{
	struct buffer value = BUFFER_INIT(HELPER_REQUEST_MAX);
	bool ok = !fields_get(key, field, &value) ||
		  (value.len <= NAME_MAX_LEN && strlen(buffer_cstr(&value)) == value.len);

	name[0] = '\0';
	if (ok)
		memcpy(name, buffer_cstr(&value), value.len + 1);
	buffer_release(&value);
	return ok;
}

/* Listing ------------------------------------------------------------------------------------- */

/* Names have no spaces. */
void verb_backup_list(struct connection *conn, struct span key)
{
	struct buffer names = BUFFER_INIT(NAMES_AT_ONCE * (NAME_MAX_LEN + 1));
	char after[NAME_MAX_LEN + 1];
	enum outcome outcome;
	struct err err;

	if (!read_name(key, "after", after)) {
		refuse(conn, "after is no account's name");
		return;
	}
	outcome =
		archive_names(connection_world(conn)->accounts, after, NAMES_AT_ONCE, &names, &err);
	for (size_t i = 0; i < names.len; i++) {
		if (names.data[i] == '\0')
			names.data[i] = i + 1 < names.len ? ' ' : '\0';
	}
	if (outcome == OUTCOME_OK)
		connection_reply_ok(conn,
				    (struct span){names.data, names.len > 0 ? names.len - 1 : 0});
	else
		connection_reply_failure(conn, outcome, err.text);
	buffer_release(&names);
}

/* Out ----------------------------------------------------------------------------------------- */

static void reply_piece(struct connection *conn, const char *name, struct span bytes, bool sealed,
			size_t offset)
{
	struct buffer data = BUFFER_INIT_SECRET(HELPER_REPLY_MAX);
	size_t left = bytes.len - offset;
	uint64_t sum = token_fingerprint(bytes);

	(void)fields_append_str(&data, "account", name);
	(void)fields_append_int(&data, "size", (int64_t)bytes.len);
	(void)fields_append_int(&data, "offset", (int64_t)offset);
	(void)fields_append_int(&data, "sum_high", (int64_t)(sum >> 32));
	(void)fields_append_int(&data, "sum_low", (int64_t)(sum & UINT32_MAX));
	(void)fields_append_str(&data, "sealed", sealed ? "yes" : "no");
	(void)fields_append(
		&data, "data",
		(struct span){bytes.ptr + offset, left < PIECE_BYTES ? left : PIECE_BYTES});
	connection_reply_ok(conn, buffer_span(&data));
	buffer_release(&data);
}

void verb_backup(struct connection *conn, struct span key)
{
	struct buffer bytes = BUFFER_INIT_SECRET(GRANT_BYTES_MAX);
	char name[NAME_MAX_LEN + 1];
	uint64_t offset = 0;
	enum outcome outcome;
	bool sealed = false;
	struct err err;

	if (!read_name(key, "account", name) || name[0] == '\0') {
		refuse(conn, "account is no account's name");
		return;
	}
	(void)fields_get_u64(key, "offset", GRANT_BYTES_MAX, &offset);
	outcome = archive_read(connection_world(conn)->accounts, name, &bytes, &sealed, &err);
	if (outcome != OUTCOME_OK)
		connection_reply_failure(conn, outcome, err.text);
	else if (bytes.len == 0)
		connection_reply_ok(conn, (struct span){"", 0}); /* gone since it was listed */
	else if (offset >= bytes.len)
		refuse(conn, "offset is past the end");
	else
		reply_piece(conn, name, buffer_span(&bytes), sealed, (size_t)offset);
	buffer_release(&bytes);
}

/* In ------------------------------------------------------------------------------------------ */

static const char *const results[] = {
	[ARCHIVE_RESTORED] = "restored",
	[ARCHIVE_UNCHANGED] = "unchanged",
};

static void restore(struct connection *conn, struct backup_upload *upload,
		    enum archive_source source, bool force)
{
	enum archive_result result = ARCHIVE_UNCHANGED;
	struct buffer data = BUFFER_INIT(256);
	struct err err;
	enum outcome outcome =
		archive_restore(connection_world(conn)->accounts, upload->account,
				buffer_span(&upload->bytes), source, force, &result, &err);

	buffer_release(&upload->bytes);
	(void)fields_append_str(&data, "account", upload->account);
	(void)fields_append_str(&data, "result", results[result]);
	if (outcome == OUTCOME_OK)
		connection_reply_ok(conn, buffer_span(&data));
	else
		connection_reply_failure(conn, outcome, err.text);
	buffer_release(&data);
}

/* A piece at offset 0 begins anew: the last restore may have been broken off. */
static bool take_piece(struct backup_upload *upload, const char *name, uint64_t size,
		       uint64_t offset, struct span piece)
{
	if (offset == 0) {
		buffer_release(&upload->bytes);
		(void)memcpy(upload->account, name, strlen(name) + 1);
		upload->size = (size_t)size;
	}
	return strcmp(upload->account, name) == 0 && upload->size == size &&
	       upload->bytes.len == offset && piece.len > 0 &&
	       upload->bytes.len + piece.len <= upload->size &&
	       buffer_append_span(&upload->bytes, piece);
}

void verb_restore(struct connection *conn, struct span key)
{
	struct backup_upload *upload = connection_world(conn)->upload;
	struct buffer piece = BUFFER_INIT_SECRET(HELPER_REQUEST_MAX);
	struct buffer force = BUFFER_INIT(8);
	struct buffer from = BUFFER_INIT(16);
	enum archive_source source = ARCHIVE_BACKUP;
	char name[NAME_MAX_LEN + 1];
	uint64_t size = 0;
	uint64_t offset = 0;
	bool ok = read_name(key, "account", name) && name[0] != '\0' &&
		  fields_get_u64(key, "size", GRANT_BYTES_MAX, &size) &&
		  fields_get_u64(key, "offset", GRANT_BYTES_MAX, &offset) &&
		  fields_get(key, "data", &piece) &&
		  take_piece(upload, name, size, offset, buffer_span(&piece));

	(void)fields_get(key, "force", &force);
	if (fields_get(key, "from", &from) &&
	    span_equals(buffer_span(&from), archive_source_names[ARCHIVE_IMPORT]))
		source = ARCHIVE_IMPORT;
	if (!ok)
		refuse(conn, "the pieces of a grant do not fit together");
	else if (upload->bytes.len < upload->size)
		connection_reply_ok(conn, (struct span){"", 0});
	else
		restore(conn, upload, source, span_equals(buffer_span(&force), "yes"));
	buffer_release(&piece);
	buffer_release(&from);
	buffer_release(&force);
}
