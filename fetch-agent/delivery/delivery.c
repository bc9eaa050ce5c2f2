/* SPDX-License-Identifier: MIT */
/* delivery.c - the list of methods, and the way to the one that a section names. See delivery.h. */
#include "fetch-agent/delivery/delivery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define TIMEOUT_DEFAULT_S 300
#define FORMS_MAX	  512

/* A row each. */
static const struct delivery_method *const methods[] = {
	&delivery_lmtp_method,
	&delivery_smtp_method,
	&delivery_maildir_method,
	&delivery_mda_method,
	NULL,
};

static const struct delivery_method *method_of(struct span scheme)
{
	for (size_t i = 0; methods[i] != NULL; i++) {
		if (span_equals(scheme, methods[i]->scheme))
			return methods[i];
	}
	return NULL;
}

/* "maildir:/PATH; lmtp:unix:/PATH or lmtp:HOST:PORT; ..." */
static enum outcome no_such_method(const char *text, struct err *err)
{
	struct buffer forms = BUFFER_INIT(FORMS_MAX);
	enum outcome what;

	for (size_t i = 0; methods[i] != NULL; i++)
		(void)buffer_printf(&forms, "%s%s", i > 0 ? "; " : "", methods[i]->form);
	what = err_set(err, OUTCOME_CONFIG, "deliver = %s: must be one of %s", text,
		       buffer_cstr(&forms));
	buffer_release(&forms);
	return what;
}

enum outcome delivery_config_parse(const char *text, struct delivery_config *config,
				   struct err *err)
{
	size_t scheme = strcspn(text, ":");

	free(config->text);
	config->text = xstrdup(text);
	config->method = method_of((struct span){text, scheme});
	if (config->method == NULL || text[scheme] == '\0')
		return no_such_method(text, err);
	if (config->parallel == 0)
		config->parallel = config->method->parallel > 0 ? config->method->parallel : 1;
	if (config->timeout_s == 0)
		config->timeout_s = TIMEOUT_DEFAULT_S;
	return config->method->parse(text + scheme + 1, config, err);
}

void delivery_config_release(struct delivery_config *config)
{
	free(config->text);
	free(config->path);
	free(config->host);
	words_release(&config->args);
	free(config->mda_user);
	*config = (struct delivery_config){0};
}

enum outcome delivery_check_path(const struct delivery_config *config, const char *path, int mode,
				 struct err *err)
{
	if (access(path, mode) == 0)
		return OUTCOME_OK;
	return err_set(err, OUTCOME_CONFIG, "deliver = %s: %s: %s", config->text, path,
		       strerror(errno));
}

enum outcome delivery_check(const struct delivery_config *config, struct err *err)
{
	return config->method->check != NULL ? config->method->check(config, err) : OUTCOME_OK;
}

char *delivery_directory(const struct delivery_config *config)
{
	return config->method->directory != NULL ? config->method->directory(config) : NULL;
}

bool delivery_needs_recipient(const struct delivery_config *config)
{
	return config->method->needs_recipient != NULL && config->method->needs_recipient(config);
}

enum outcome delivery_open(const struct delivery_config *config, const struct delivery_world *world,
			   const struct delivery_handler *handler, struct delivery **out,
			   struct err *err)
{
	enum outcome what = config->method->open(config, out, err);

	if (what != OUTCOME_OK)
		return what;
	(*out)->method = config->method;
	(*out)->config = config;
	(*out)->world = *world;
	(*out)->handler = *handler;
	return OUTCOME_OK;
}

void delivery_close(struct delivery *delivery)
{
	if (delivery != NULL)
		delivery->method->close(delivery);
}

void delivery_begin(struct delivery *delivery, const struct delivery_facts *facts)
{
	delivery->method->begin(delivery, facts);
}

bool delivery_write(struct delivery *delivery, struct span bytes)
{
	return delivery->method->write(delivery, bytes);
}

void delivery_end(struct delivery *delivery, uint32_t uid)
{
	delivery->method->end(delivery, uid);
}

void delivery_drop(struct delivery *delivery)
{
	delivery->method->drop(delivery);
}
