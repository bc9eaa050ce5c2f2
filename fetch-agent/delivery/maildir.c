/* SPDX-License-Identifier: MIT */
/* maildir.c - see maildir.h. */
#include "fetch-agent/delivery/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define NAME_END ".mailoauth"
#define FEW	 8     /* messages for which single syncs cost less than syncfs(2) */
#define HELD_MAX 65536 /* written at once: most messages are one write(2) */

struct maildir {
	char *path;
	int tmp, new, cur;
	size_t held_len; /* of the message that is being written */
	char held[HELD_MAX];
};

/* Names: UIDVALIDITY.UUID_HASH.mailoauth, for instance 1795453870.U42_9f86d081884c7d65.mailoauth
 * -------- */

static bool hash_append(EVP_MD_CTX *digest, const char *text)
{
	return EVP_DigestUpdate(digest, text, strlen(text) + 1) == 1;
}

/* section: NULL for none. */
static void hash_of(const char *mailbox, const char *folder, const char *section, char *hash)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];

	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 ||
	    !hash_append(digest, mailbox) || !hash_append(digest, folder) ||
	    (section != NULL && !hash_append(digest, section)) ||
	    EVP_DigestFinal_ex(digest, sum, NULL) != 1)
		abort(); /* as xalloc: out of memory */
	EVP_MD_CTX_free(digest);
	for (size_t i = 0; i < (MAILDIR_ORIGIN_MAX - 1) / 2; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", sum[i]);
}

void maildir_origin_set(struct maildir_origin *origin, const char *section, const char *mailbox,
			const char *folder, uint32_t uidvalidity)
{
	hash_of(mailbox, folder, NULL, origin->hash);
	hash_of(mailbox, folder, section, origin->writer);
	origin->uidvalidity = uidvalidity;
}

static void name_with(const struct maildir_origin *origin, const char *hash, uint32_t uid,
		      char *name)
{
	(void)snprintf(name, MAILDIR_NAME_MAX, "%u.U%u_%s" NAME_END, origin->uidvalidity, uid,
		       hash);
}

static void name_of(const struct maildir_origin *origin, uint32_t uid, char *name)
{
	name_with(origin, origin->hash, uid, name);
}

/* The name of a message whose UID the server has not said yet; nothing that could be published. */
static void name_in_tmp(const struct maildir_origin *origin, const struct maildir_message *message,
			char *name)
{
	if (message->uid != 0)
		name_with(origin, origin->writer, message->uid, name);
	else
		(void)snprintf(name, MAILDIR_NAME_MAX, "%u.N%u_%s" NAME_END, origin->uidvalidity,
			       message->seq, origin->writer);
}

/* Directories ------------------------------------------------------------------------------------
 */

/* made is set if it was not there. */
static int open_directory(const char *path, const char *name, bool *made)
{
	char *whole = xasprintf("%s/%s", path, name);
	int fd = -1;

	if (mkdir(whole, 0700) == 0)
		*made = true;
	else if (errno != EEXIST)
		goto out;
	fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
out:
	free(whole);
	return fd;
}

static bool sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	return synced;
}

/* The names of a new Maildir and of its parts must survive what its messages survive. The directory
 * above may be one that we can search and not read: then it cannot be synced either. */
static bool sync_made(const char *path, bool made, bool made_parts)
{
	char *parent = xasprintf("%s/..", path);
	bool synced = !made_parts || sync_directory(path);

	if (made)
		(void)sync_directory(parent);
	free(parent);
	return synced;
}

enum outcome maildir_open(const char *path, struct maildir **out, struct err *err)
{
	struct maildir *maildir = xcalloc(1, sizeof(*maildir));
	bool made = mkdir(path, 0700) == 0, made_parts = false, good = made || errno == EEXIST;
	int saved = errno;

	maildir->path = xstrdup(path);
	maildir->tmp = maildir->new = maildir->cur = -1;
	if (good) {
		maildir->tmp = open_directory(path, "tmp", &made_parts);
		maildir->new = open_directory(path, "new", &made_parts);
		maildir->cur = open_directory(path, "cur", &made_parts);
		good = maildir->tmp >= 0 && maildir->new >= 0 && maildir->cur >= 0 &&
		       sync_made(path, made, made_parts);
		saved = errno;
	}
	if (!good) {
		maildir_close(maildir);
		return err_set(err, OUTCOME_CONFIG, "%s: cannot open the Maildir: %s%s", path,
			       strerror(saved),
			       saved == ENOENT ? " (the directory above it must be there)" : "");
	}
	*out = maildir;
	return OUTCOME_OK;
}

void maildir_close(struct maildir *maildir)
{
	if (maildir == NULL)
		return;
	if (maildir->tmp >= 0)
		(void)close(maildir->tmp);
	if (maildir->new >= 0)
		(void)close(maildir->new);
	if (maildir->cur >= 0)
		(void)close(maildir->cur);
	free(maildir->path);
	free(maildir);
}

const char *maildir_path(const struct maildir *maildir)
{
	return maildir->path;
}

static enum outcome trouble(const struct maildir *maildir, const char *what, struct err *err)
{
	int saved = errno;

	return err_set(err, saved == EACCES || saved == EROFS ? OUTCOME_CONFIG : OUTCOME_RETRY,
		       "%s: %s: %s", maildir->path, what, strerror(saved));
}

/* Writing ----------------------------------------------------------------------------------------
 */

enum outcome maildir_message_begin(struct maildir *maildir, const struct maildir_origin *origin,
				   uint32_t uid, uint32_t seq, bool to_lf,
				   struct maildir_message *message, struct err *err)
{
	char name[MAILDIR_NAME_MAX];

	maildir->held_len = 0;
	*message = (struct maildir_message){.uid = uid, .seq = seq, .to_lf = to_lf};
	name_in_tmp(origin, message, name);
	message->fd = openat(maildir->tmp, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return message->fd >= 0 ? OUTCOME_OK : trouble(maildir, name, err);
}

static bool flush(struct maildir *maildir, struct maildir_message *message)
{
	size_t done = 0;

	while (done < maildir->held_len) {
		ssize_t written =
			write(message->fd, maildir->held + done, maildir->held_len - done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		done += (size_t)written;
	}
	message->bytes += done;
	maildir->held_len = 0;
	return true;
}

static bool hold(struct maildir *maildir, struct maildir_message *message, struct span bytes)
{
	while (bytes.len > 0) {
		size_t room = HELD_MAX - maildir->held_len;
		size_t take = bytes.len < room ? bytes.len : room;

		memcpy(maildir->held + maildir->held_len, bytes.ptr, take);
		maildir->held_len += take;
		bytes.ptr += take;
		bytes.len -= take;
		if (maildir->held_len == HELD_MAX && !flush(maildir, message))
			return false;
	}
	return true;
}

struct holding {
	struct maildir *maildir;
	struct maildir_message *message;
};

static bool hold_run(void *ctx, struct span run)
{
	const struct holding *holding = ctx;

	return hold(holding->maildir, holding->message, run);
}

enum outcome maildir_message_write(struct maildir *maildir, struct maildir_message *message,
				   struct span bytes, struct err *err)
{
	struct holding holding = {maildir, message};
	bool good = message->to_lf ? line_ends_to_lf(&message->line_ends, bytes, hold_run, &holding)
				   : hold(maildir, message, bytes);

	return good ? OUTCOME_OK : trouble(maildir, "cannot write a message", err);
}

static void remove_from_tmp(const struct maildir *maildir, const struct maildir_origin *origin,
			    const struct maildir_message *message)
{
	char name[MAILDIR_NAME_MAX];

	name_in_tmp(origin, message, name);
	(void)unlinkat(maildir->tmp, name, 0);
}

/* A full disk has no room for what is half there. */
static enum outcome not_written(const struct maildir *maildir, const struct maildir_origin *origin,
				const struct maildir_message *message, const char *name,
				struct err *err)
{
	enum outcome what = trouble(maildir, name, err);

	remove_from_tmp(maildir, origin, message);
	return what;
}

enum outcome maildir_message_end(struct maildir *maildir, const struct maildir_origin *origin,
				 struct maildir_message *message, uint32_t uid, struct err *err)
{
	char name[MAILDIR_NAME_MAX], final[MAILDIR_NAME_MAX];
	struct holding holding = {maildir, message};
	bool whole = line_ends_finish(&message->line_ends, hold_run, &holding) &&
		     flush(maildir, message);
	int rc = close(message->fd);

	message->fd = -1;
	if (!whole || (rc != 0 && errno != EINTR))
		return not_written(maildir, origin, message, "cannot write a message", err);
	if (message->uid != uid) {
		name_in_tmp(origin, message, name);
		name_with(origin, origin->writer, uid, final);
		if (renameat(maildir->tmp, name, maildir->tmp, final) != 0)
			return not_written(maildir, origin, message, name, err);
		message->uid = uid;
	}
	return OUTCOME_OK;
}

void maildir_message_drop(struct maildir *maildir, const struct maildir_origin *origin,
			  struct maildir_message *message)
{
	if (message->fd < 0)
		return;
	(void)close(message->fd);
	message->fd = -1;
	remove_from_tmp(maildir, origin, message);
}

/* Durable, then visible --------------------------------------------------------------------------
 */

static bool sync_one(struct maildir *maildir, const struct maildir_origin *origin, uint32_t uid)
{
	char name[MAILDIR_NAME_MAX];
	bool synced;
	int fd;

	name_with(origin, origin->writer, uid, name);
	fd = openat(maildir->tmp, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	synced = fsync(fd) == 0;
	(void)close(fd);
	return synced;
}

enum outcome maildir_sync(struct maildir *maildir, const struct maildir_origin *origin,
			  const uint32_t *uids, size_t count, struct err *err)
{
	if (count > FEW)
		return syncfs(maildir->tmp) == 0 ? OUTCOME_OK
						 : trouble(maildir, "cannot sync", err);
	for (size_t i = 0; i < count; i++) {
		if (!sync_one(maildir, origin, uids[i]))
			return trouble(maildir, "cannot sync a message", err);
	}
	return count == 0 || fsync(maildir->tmp) == 0 ? OUTCOME_OK
						      : trouble(maildir, "cannot sync tmp", err);
}

/* An earlier version had one name in tmp/ and new/, and may have ended before it came to this. */
static bool publish_one(struct maildir *maildir, const struct maildir_origin *origin, uint32_t uid,
			char *name)
{
	char written[MAILDIR_NAME_MAX];

	name_of(origin, uid, name);
	name_with(origin, origin->writer, uid, written);
	if (renameat(maildir->tmp, written, maildir->new, name) == 0)
		return true;
	return errno == ENOENT &&
	       (renameat(maildir->tmp, name, maildir->new, name) == 0 || errno == ENOENT);
}

enum outcome maildir_publish(struct maildir *maildir, const struct maildir_origin *origin,
			     const uint32_t *uids, size_t count, struct err *err)
{
	char name[MAILDIR_NAME_MAX];

	for (size_t i = 0; i < count; i++) {
		if (!publish_one(maildir, origin, uids[i], name))
			return trouble(maildir, name, err);
	}
	return count == 0 || fsync(maildir->new) == 0 ? OUTCOME_OK
						      : trouble(maildir, "cannot sync new", err);
}

/* Looking ----------------------------------------------------------------------------------------
 */

/* The UID in a name of this folder's; 0: it is not one, or has another UIDVALIDITY. */
static uint32_t uid_in(const struct maildir_origin *origin, const char *name)
{
	struct scanner scan = scanner_over(span_from_str(name));
	uint64_t uidvalidity, uid;

	if (scan_u64(&scan, UINT32_MAX, &uidvalidity) && uidvalidity == origin->uidvalidity &&
	    scan_literal(&scan, ".U") && scan_u64(&scan, UINT32_MAX, &uid) &&
	    scan_literal(&scan, "_") && scan_literal(&scan, origin->hash) &&
	    scan_literal(&scan, NAME_END))
		return (uint32_t)uid;
	return 0;
}

/* A stream over the directory that does not share its position with fd. */
static DIR *stream_of(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again >= 0 ? fdopendir(again) : NULL;

	if (stream == NULL && again >= 0)
		(void)close(again);
	return stream;
}

void maildir_sweep(struct maildir *maildir, const struct maildir_origin *origin)
{
	char *end = xasprintf("_%s" NAME_END, origin->writer);
	size_t end_len = strlen(end);
	DIR *stream = stream_of(maildir->tmp);
	const struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len > end_len && strcmp(entry->d_name + len - end_len, end) == 0)
			(void)unlinkat(maildir->tmp, entry->d_name, 0);
	}
	if (stream != NULL)
		(void)closedir(stream);
	free(end);
}

/* False, with errno: it could not be read to its end. */
static bool scan_directory(int fd, const struct maildir_origin *origin, maildir_found_fn *found,
			   void *context)
{
	DIR *stream = stream_of(fd);
	const struct dirent *entry;
	int error;

	if (stream == NULL)
		return false;
	while (errno = 0, (entry = readdir(stream)) != NULL) {
		uint32_t uid = uid_in(origin, entry->d_name);

		if (uid != 0)
			found(context, uid);
	}
	error = errno;
	(void)closedir(stream);
	errno = error;
	return error == 0;
}

enum outcome maildir_scan(struct maildir *maildir, const struct maildir_origin *origin,
			  maildir_found_fn *found, void *context, struct err *err)
{
	if (!scan_directory(maildir->new, origin, found, context))
		return trouble(maildir, "cannot read new", err);
	if (!scan_directory(maildir->cur, origin, found, context))
		return trouble(maildir, "cannot read cur", err);
	return OUTCOME_OK;
}
