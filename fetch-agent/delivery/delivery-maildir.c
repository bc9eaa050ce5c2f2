/* SPDX-License-Identifier: MIT */
/*
 * delivery-maildir.c - the method "maildir" of delivery.h: the first half, writing. The second
 * half, durable and visible, is maildir.h's and ledger.c's.
 */
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "fetch-agent/delivery/delivery.h"

#include "common/banned.h"

struct delivery_maildir {
	struct delivery delivery;
	struct maildir *maildir;
	struct maildir_origin origin; /* of the message under way */
	struct maildir_message message;
	bool begun;
	enum outcome what; /* of the message under way */
	struct err err;
};

static enum outcome parse(const char *rest, struct delivery_config *config, struct err *err)
{
	if (rest[0] != '/')
		return err_set(err, OUTCOME_CONFIG, "the Maildir's path must begin with /");
	config->path = xstrdup(rest);
	return OUTCOME_OK;
}

/* One that is missing is made, but not the directory above it. */
static char *directory(const struct delivery_config *config)
{
	char *path = xstrdup(config->path), *above;

	if (access(path, F_OK) == 0)
		return path;
	above = xstrdup(dirname(path));
	free(path);
	return above;
}

static enum outcome check(const struct delivery_config *config, struct err *err)
{
	static const char *const parts[] = {"tmp", "new", "cur"};
	char *path = directory(config);
	enum outcome what = delivery_check_path(config, path, W_OK | X_OK, err);

	free(path);
	for (size_t i = 0; what == OUTCOME_OK && i < 3; i++) {
		path = xasprintf("%s/%s", config->path, parts[i]);
		if (access(path, F_OK) == 0)
			what = delivery_check_path(config, path, W_OK | X_OK, err);
		free(path);
	}
	return what;
}

static enum outcome maildir_method_open(const struct delivery_config *config, struct delivery **out,
					struct err *err)
{
	struct delivery_maildir *self = xcalloc(1, sizeof(*self));
	enum outcome what = maildir_open(config->path, &self->maildir, err);

	if (what != OUTCOME_OK) {
		free(self);
		return what;
	}
	self->message = (struct maildir_message)MAILDIR_MESSAGE_INIT;
	*out = &self->delivery;
	return OUTCOME_OK;
}

static void drop(struct delivery *delivery)
{
	struct delivery_maildir *self = (struct delivery_maildir *)delivery;

	if (self->begun)
		maildir_message_drop(self->maildir, &self->origin, &self->message);
	self->begun = false;
}

static void maildir_method_close(struct delivery *delivery)
{
	struct delivery_maildir *self = (struct delivery_maildir *)delivery;

	drop(delivery);
	maildir_close(self->maildir);
	free(self);
}

static void begin(struct delivery *delivery, const struct delivery_facts *facts)
{
	struct delivery_maildir *self = (struct delivery_maildir *)delivery;

	drop(delivery);
	self->origin = *facts->origin;
	self->begun = true;
	self->what = maildir_message_begin(self->maildir, &self->origin, facts->uid, facts->seq,
					   !delivery->config->crlf, &self->message, &self->err);
}

static bool write_bytes(struct delivery *delivery, struct span bytes)
{
	struct delivery_maildir *self = (struct delivery_maildir *)delivery;

	if (!self->begun || self->what != OUTCOME_OK)
		return true;
	self->what = maildir_message_write(self->maildir, &self->message, bytes, &self->err);
	if (self->what != OUTCOME_OK)
		maildir_message_drop(self->maildir, &self->origin, &self->message);
	return true;
}

/* What keeps one message from being written (full disk, quota, rights) keeps the next one too. */
static void end(struct delivery *delivery, uint32_t uid)
{
	struct delivery_maildir *self = (struct delivery_maildir *)delivery;
	struct delivery_verdict verdict = {.kind = DELIVERY_DONE};

	if (self->what == OUTCOME_OK)
		self->what = maildir_message_end(self->maildir, &self->origin, &self->message, uid,
						 &self->err);
	self->begun = false;
	if (self->what != OUTCOME_OK) {
		maildir_message_drop(self->maildir, &self->origin, &self->message);
		verdict = (struct delivery_verdict){
			.kind = DELIVERY_DOWN, .outcome = self->what, .err = self->err};
	}
	delivery->handler.verdict(delivery->handler.ctx, uid, &verdict);
}

struct maildir *delivery_maildir(const struct delivery *delivery)
{
	return delivery->method->staged ? ((const struct delivery_maildir *)delivery)->maildir
					: NULL;
}

const struct delivery_method delivery_maildir_method = {
	.scheme = "maildir",
	.form = "maildir:/PATH",
	.staged = true,
	.parse = parse,
	.check = check,
	.directory = directory,
	.open = maildir_method_open,
	.close = maildir_method_close,
	.begin = begin,
	.write = write_bytes,
	.end = end,
	.drop = drop,
};
