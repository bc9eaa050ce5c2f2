/* SPDX-License-Identifier: MIT */
/*
 * token-import.h - token files and configurations of other programs, told apart by what stands in
 * them: the table of formats.
 */
#ifndef TOKEN_HELPER_IMPORT_TOKEN_IMPORT_H
#define TOKEN_HELPER_IMPORT_TOKEN_IMPORT_H

#include "token-helper/import/import-list.h"

#define IMPORT_FILE_MAX 1048576

/* A file, as the readers see it. Everything is borrowed. */
struct import_input {
	const char *path;
	struct span bytes;
	struct json_object *json; /* the same, if it is one JSON object; else NULL */
};

/* What a program knows by itself of a registration of that name, where its files say nothing. */
struct import_fallback {
	const char *registration;
	const char *token_url;
};

struct import_format {
	const char *program; /* for people */
	/* Is the file one of the program's? Looks, and judges nothing. */
	bool (*recognises)(const struct import_input *input);
	/* Adds accounts and defaults; notes what is wrong with the file. */
	void (*read)(const struct import_input *input, struct import_list *list);
	/* What to do with the old program, lest both refresh one grant: {account} and {file} are
	 * filled in. */
	const char *stop;
	/* Files that may complete what one file says, tried when they are there; NULL-terminated.
	 * "~/" is the home directory. */
	const char *const *companions;
	const struct import_fallback *fallbacks; /* ended by a NULL registration; NULL: none */
	/* Fills what the program itself takes for granted, when all files were read; NULL: nothing.
	 */
	void (*complete)(struct import_account *account);
	/* True: the program's token file is named in Postfix's sasl_passwd. */
	bool has_alias;
};

extern const struct import_format import_email_oauth2_proxy;
extern const struct import_format import_getmail_tokens;
extern const struct import_format import_msal;
extern const struct import_format import_mutt;
extern const struct import_format import_oama;
extern const struct import_format import_pizauth;
extern const struct import_format import_sasl_xoauth2;

/* "sasl-xoauth2, mutt_oauth2.py, ...": for messages. */
void import_programs_append(struct buffer *out);

/* OpenPGP, armoured or not: to be decrypted before import_take(). */
bool import_is_encrypted(struct span bytes);

/*
 * Adds what stands in the file to the list. The format that recognised it; NULL: none did, *why_out
 * says what it looks like (a literal).
 */
const struct import_format *import_take(struct import_list *list, const char *path,
					struct span bytes, const char **why_out);

#endif
