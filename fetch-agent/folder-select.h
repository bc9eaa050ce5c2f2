/* SPDX-License-Identifier: MIT */
/*
 * folder-select.h - which of a server's folders a section means: names, wildcards, special uses,
 * exclusions. Pure.
 *
 *   INBOX        that folder, whatever LIST says; INBOX in any case
 *   Lists/%      wildcards: % for anything within one level, an asterisk for anything
 *   \Sent        the folder that the server uses for it (RFC 6154), else one that is usually so
 * named !Lists/spam  not this one; may be any of the above
 */
#ifndef FETCH_AGENT_FOLDER_SELECT_H
#define FETCH_AGENT_FOLDER_SELECT_H

#include "common/config.h"
#include "fetch-agent/imap/imap-response.h"

#define FOLDER_WARNING_MAX 512

struct folder {
	char *name; /* UTF-8 */
	unsigned attributes;
	char delimiter; /* '\0': none */
	bool subscribed;
	bool taken;
};

struct folder_listing {
	struct folder *folders;
	size_t count;
	size_t bytes;
	bool overflow; /* there were more than we keep */
};

/* One answer to LIST, or, after those, to LSUB. */
void folder_listing_add(struct folder_listing *listing, const struct imap_list *list);
void folder_listing_release(struct folder_listing *listing);

/* Is it to be looked up (wildcard, special use, exclusion), or is it a name? */
bool folder_word_is_name(const char *word);

/* What is wrong with it, for file:line; NULL: nothing. */
const char *folder_word_problem(const char *word);

/*
 * Names in the order of words, those that one word matches in the order of their bytes, INBOX
 * first, each once. except (NULL: none) is left out of what wildcards match. Each word that
 * matches nothing adds a line to warnings.
 */
void folder_select(struct folder_listing *listing, const struct words *words, bool subscribed,
		   const char *except, struct words *names_out, struct words *warnings);

/* The folder of a special use ("\Trash"), borrowed; NULL: there is none. */
const char *folder_special(const struct folder_listing *listing, const char *use);

/* "\Drafts (Drafts), \Sent (Sent)": what the server has; "" for nothing. */
void folder_specials_describe(const struct folder_listing *listing, struct buffer *text);

#endif
