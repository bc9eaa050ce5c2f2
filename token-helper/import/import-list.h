/* SPDX-License-Identifier: MIT */
/*
 * import-list.h - what other programs kept of their accounts, in our words.
 *
 * Between the readers (one file a format, each a pure function of bytes) and what is done with it,
 * so that each is said once. A reader notes what it cannot carry over. Tokens and secrets live in
 * secret buffers and go into no note.
 */
#ifndef TOKEN_HELPER_IMPORT_IMPORT_LIST_H
#define TOKEN_HELPER_IMPORT_IMPORT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct json_object;

#define IMPORT_ACCOUNTS_MAX 256
#define IMPORT_TEXT_MAX	    2048  /* bytes of a name, a URL, a scope */
#define IMPORT_TOKEN_MAX    16384 /* of a refresh token, a client secret */
#define IMPORT_NOTES_MAX    262144

enum import_key {
	IMPORT_USER,
	IMPORT_CLIENT_ID,
	IMPORT_TOKEN_URL,
	IMPORT_AUTHORIZE_URL,
	IMPORT_REDIRECT,
	IMPORT_SCOPE,
	IMPORT_GRANT, /* "client_credentials"; NULL: a person's */
	IMPORT_PROXY,
	IMPORT_CA_FILE,
	IMPORT_KEY_COUNT,
};

struct import_settings {
	char *value[IMPORT_KEY_COUNT]; /* NULL: not said. One line, no control characters */
	struct buffer client_secret;   /* secret; empty: none */
};

struct import_format;

struct import_account {
	const struct import_format *format;
	char *file;	    /* where it stands */
	char *name;	    /* the section's; NULL until import_list_complete() */
	char *registration; /* which defaults of the program's count; NULL: those for all */
	struct import_settings settings;
	struct buffer refresh_token; /* secret; empty: none */
	int64_t expires_s; /* when its access token ends, wall clock; 0: not said or not known */
};

/* What one of the program's files says for all accounts, or for those of one registration. */
struct import_defaults {
	const struct import_format *format;
	char *registration; /* NULL: for all */
	struct import_settings settings;
};

struct import_list {
	struct import_account **accounts;
	size_t count;
	struct import_defaults **defaults;
	size_t defaults_count;
	struct buffer notes; /* lines "FILE: text" */
	/* Asks a person for the password of `what`; false: there is none to be had. */
	bool (*password)(void *context, const char *what, struct buffer *out);
	void *context;
};

void import_list_init(struct import_list *list);
void import_list_release(struct import_list *list);

/* The new one; NULL, and noted, when there are too many. Borrowed from the list. */
struct import_account *import_account_add(struct import_list *list,
					  const struct import_format *format, const char *file);
struct import_settings *import_defaults_add(struct import_list *list,
					    const struct import_format *format,
					    const char *registration);

void import_note(struct import_list *list, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A value that is empty, too long or has a control character is left out; false: so it was. What
 * stood there is replaced. */
bool import_set(struct import_settings *settings, enum import_key key, struct span value);
bool import_set_secret(struct import_settings *settings, struct span secret);
bool import_set_token(struct import_account *account, struct span token);

/* The same from members of an object; false: absent too. */
bool import_set_json(struct import_settings *settings, enum import_key key,
		     struct json_object *json, const char *member);
bool import_set_secret_json(struct import_settings *settings, struct json_object *json,
			    const char *member);
bool import_set_token_json(struct import_account *account, struct json_object *json,
			   const char *member);

/* What a program calls the keys; the last row has no word. The client's secret is called
 * client_secret by all of them, and is no row. */
struct import_word {
	enum import_key key;
	const char *word;
};

/* Sets what the word means, if it is one of them. */
void import_set_word(struct import_settings *settings, const struct import_word *words,
		     struct span word, struct span value);

/* All of them that are members of the object. */
void import_set_members(struct import_settings *settings, const struct import_word *words,
			struct json_object *json);

/*
 * When all files are read: fills what the accounts lack from the defaults, and gives each a name of
 * its own that can stand in mailoauth.conf, from its user or its file.
 */
void import_list_complete(struct import_list *list);

#endif
