/* SPDX-License-Identifier: MIT */
/* folder-select.c - see folder-select.h. */
#include "fetch-agent/folder-select.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"

#include "common/banned.h"

#define FOLDERS_MAX	10000
#define LISTING_MAX	(4 << 20) /* bytes of all names */
#define PATTERN_MAX	1024
#define UNSELECTABLE	(IMAP_ATTRIBUTE_NOSELECT | IMAP_ATTRIBUTE_NONEXISTENT)
#define USUAL_NAMES_MAX 6

static const char inbox[] = "INBOX";

static const struct special_use {
	const char *word;
	unsigned attribute;
	const char *usual[USUAL_NAMES_MAX]; /* where the server does not mark them */
} special_uses[] = {
	{"\\All", IMAP_ATTRIBUTE_ALL, {"All Mail"}},
	{"\\Archive", IMAP_ATTRIBUTE_ARCHIVE, {"Archive", "Archives"}},
	{"\\Drafts", IMAP_ATTRIBUTE_DRAFTS, {"Drafts", "Draft"}},
	{"\\Flagged", IMAP_ATTRIBUTE_FLAGGED, {"Starred"}},
	{"\\Important", IMAP_ATTRIBUTE_IMPORTANT, {"Important"}},
	{"\\Junk", IMAP_ATTRIBUTE_JUNK, {"Junk", "Junk Email", "Junk E-mail", "Spam", "Bulk Mail"}},
	{"\\Sent", IMAP_ATTRIBUTE_SENT, {"Sent", "Sent Items", "Sent Messages", "Sent Mail"}},
	{"\\Trash",
	 IMAP_ATTRIBUTE_TRASH,
	 {"Trash", "Deleted Items", "Deleted Messages", "Deleted", "Bin"}},
};

#define SPECIAL_USES (sizeof(special_uses) / sizeof(special_uses[0]))

/* The listing ------------------------------------------------------------------------------------
 */

static struct folder *find(const struct folder_listing *listing, struct span name)
{
	for (size_t i = 0; i < listing->count; i++) {
		if (span_equals(name, listing->folders[i].name))
			return &listing->folders[i];
	}
	return NULL;
}

static void add(struct folder_listing *listing, const struct imap_list *list)
{
	struct folder folder = {
		.attributes = list->attributes,
		.delimiter = list->delimiter,
		.subscribed = (list->attributes & IMAP_ATTRIBUTE_SUBSCRIBED) != 0,
	};

	if (listing->count == FOLDERS_MAX || listing->bytes + list->utf8.len > LISTING_MAX) {
		listing->overflow = true;
		return;
	}
	folder.name = span_equals_nocase(list->utf8, inbox) ? xstrdup(inbox) : xspandup(list->utf8);
	listing->bytes += list->utf8.len;
	listing->folders = xgrow(listing->folders, listing->count, sizeof(*listing->folders));
	listing->folders[listing->count++] = folder;
}

void folder_listing_add(struct folder_listing *listing, const struct imap_list *list)
{
	struct folder *known;

	if (!list->lsub) {
		add(listing, list);
		return;
	}
	known = find(listing,
		     span_equals_nocase(list->utf8, inbox) ? span_from_str(inbox) : list->utf8);
	if (known != NULL)
		known->subscribed = true;
}

void folder_listing_release(struct folder_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->folders[i].name);
	free(listing->folders);
	*listing = (struct folder_listing){0};
}

/* Matching ---------------------------------------------------------------------------------------
 */

bool folder_word_is_name(const char *word)
{
	return word[0] != '!' && word[0] != '\\' && strpbrk(word, "*%") == NULL;
}

/* All the places in the pattern at once, so that no pattern takes exponential time. */
static bool wildcards_match(const char *pattern, const char *name, char delimiter)
{
	bool at[PATTERN_MAX + 1] = {true};
	size_t len = strlen(pattern);

	if (len > PATTERN_MAX)
		return false;
	for (size_t i = 0; i < len && (pattern[i] == '*' || pattern[i] == '%'); i++)
		at[i + 1] = true;
	for (; *name != '\0'; name++) {
		bool before = at[0]; /* was at[i] true before this byte? */

		at[0] = false;
		for (size_t i = 0; i < len; i++) {
			bool here = before;
			bool wild = pattern[i] == '*' || pattern[i] == '%';
			bool any = wild && (pattern[i] == '*' || *name != delimiter);

			before = at[i + 1];
			/* A wildcard takes nothing, or one byte more. */
			at[i + 1] = wild ? at[i] || (any && before) : here && pattern[i] == *name;
		}
	}
	return at[len];
}

/* INBOX is the same in any case, and what is below it lies below it. */
static size_t inbox_prefix(const char *name, char delimiter)
{
	size_t len = sizeof(inbox) - 1;

	if (strncasecmp(name, inbox, len) != 0)
		return 0;
	return name[len] == '\0' || (delimiter != '\0' && name[len] == delimiter) ? len : 0;
}

static const struct special_use *special_find(const char *word)
{
	for (size_t i = 0; i < SPECIAL_USES; i++) {
		if (strcasecmp(special_uses[i].word, word) == 0)
			return &special_uses[i];
	}
	return NULL;
}

static bool is_selectable(const struct folder *folder)
{
	return (folder->attributes & UNSELECTABLE) == 0;
}

/* A usual name counts at the top or right under INBOX. */
static bool is_usual(const struct special_use *use, const struct folder *folder)
{
	const char *name = folder->name;
	size_t below = inbox_prefix(name, folder->delimiter);

	if (below > 0 && name[below] != '\0')
		name += below + 1;
	for (size_t i = 0; i < USUAL_NAMES_MAX && use->usual[i] != NULL; i++) {
		if (strcasecmp(use->usual[i], name) == 0)
			return true;
	}
	return false;
}

static const struct folder *special(const struct folder_listing *listing,
				    const struct special_use *use)
{
	const struct folder *usual = NULL;

	for (size_t i = 0; i < listing->count; i++) {
		const struct folder *folder = &listing->folders[i];

		if (!is_selectable(folder))
			continue;
		if ((folder->attributes & use->attribute) != 0)
			return folder;
		if (usual == NULL && is_usual(use, folder))
			usual = folder;
	}
	return usual;
}

const char *folder_special(const struct folder_listing *listing, const char *use)
{
	const struct special_use *known = special_find(use);
	const struct folder *folder = known != NULL ? special(listing, known) : NULL;

	return folder != NULL ? folder->name : NULL;
}

void folder_specials_describe(const struct folder_listing *listing, struct buffer *text)
{
	for (size_t i = 0; i < SPECIAL_USES; i++) {
		const struct folder *folder = special(listing, &special_uses[i]);

		if (folder != NULL)
			(void)buffer_printf(text, "%s%s (%s)", text->len > 0 ? ", " : "",
					    special_uses[i].word, folder->name);
	}
}

/* word: without its "!". */
static bool word_matches(const struct folder_listing *listing, const char *word,
			 const struct folder *folder)
{
	const char *name = folder->name;
	size_t below = inbox_prefix(name, folder->delimiter);
	size_t named = inbox_prefix(word, folder->delimiter);

	if (word[0] == '\\') {
		const char *used = folder_special(listing, word);

		return used != NULL && strcmp(used, name) == 0;
	}
	if (below > 0 && named > 0) {
		name += below;
		word += named;
	}
	return wildcards_match(word, name, folder->delimiter);
}

const char *folder_word_problem(const char *word)
{
	if (word[0] == '!')
		word++;
	if (word[0] == '\0' || word[0] == '!')
		return "! excludes nothing: say !FOLDER";
	if (word[0] == '\\' && special_find(word) == NULL)
		return "is no special use: \\All, \\Archive, \\Drafts, \\Flagged, \\Important, "
		       "\\Junk, \\Sent or \\Trash";
	return strlen(word) > PATTERN_MAX ? "is too long" : NULL;
}

/* Selecting --------------------------------------------------------------------------------------
 */

struct selection {
	struct folder_listing *listing;
	const struct words *words;
	bool subscribed;
	const char *except;
	struct words *names;
};

static bool is_excluded(const struct selection *selection, const struct folder *folder)
{
	for (size_t i = 0; i < selection->words->count; i++) {
		const char *word = selection->words->word[i];

		if (word[0] == '!' && word_matches(selection->listing, word + 1, folder))
			return true;
	}
	return false;
}

static void take_name(struct selection *selection, const char *word)
{
	const struct folder_listing *listing = selection->listing;
	const char *name = strcasecmp(word, inbox) == 0 ? inbox : word;
	struct folder unlisted = {
		.name = xstrdup(name),
		.delimiter = listing->count > 0 ? listing->folders[0].delimiter : '\0',
	};
	struct folder *folder = find(listing, span_from_str(name));

	if (folder == NULL)
		folder = &unlisted;
	if (!folder->taken && !words_contain(selection->names, name) &&
	    !is_excluded(selection, folder)) {
		folder->taken = true;
		words_push(selection->names, span_from_str(name));
	}
	free(unlisted.name);
}

/* False: the word matches nothing, not even what is excluded. */
static bool take_matches(struct selection *selection, const char *word)
{
	bool only_subscribed = selection->subscribed && word[0] != '\\';
	bool any = false;

	for (size_t i = 0; i < selection->listing->count; i++) {
		struct folder *folder = &selection->listing->folders[i];

		if (!is_selectable(folder) || (only_subscribed && !folder->subscribed) ||
		    !word_matches(selection->listing, word, folder))
			continue;
		any = true;
		if (folder->taken || is_excluded(selection, folder) ||
		    (selection->except != NULL && strcmp(selection->except, folder->name) == 0))
			continue;
		folder->taken = true;
		words_push(selection->names, span_from_str(folder->name));
	}
	return any;
}

static void warn(const struct selection *selection, const char *word, struct words *warnings)
{
	struct buffer text = BUFFER_INIT(FOLDER_WARNING_MAX);
	struct buffer uses = BUFFER_INIT(FOLDER_WARNING_MAX / 2);

	folder_specials_describe(selection->listing, &uses);
	if (word[0] != '\\')
		(void)buffer_printf(&text, "folder = %s: matches no %sfolder", word,
				    selection->subscribed ? "subscribed " : "");
	else
		(void)buffer_printf(&text, "folder = %s: the server has no such folder; it has %s",
				    word, uses.len > 0 ? buffer_cstr(&uses) : "no special uses");
	words_push(warnings, buffer_span(&text));
	buffer_release(&text);
	buffer_release(&uses);
}

static int by_name(const void *a, const void *b)
{
	const struct folder *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void inbox_first(struct words *names)
{
	for (size_t i = 1; i < names->count; i++) {
		char *name = names->word[i];

		if (strcmp(name, inbox) == 0) {
			memmove(names->word + 1, names->word, i * sizeof(*names->word));
			names->word[0] = name;
			return;
		}
	}
}

void folder_select(struct folder_listing *listing, const struct words *words, bool subscribed,
		   const char *except, struct words *names_out, struct words *warnings)
{
	struct selection selection = {listing, words, subscribed, except, names_out};

	if (listing->count > 1)
		qsort(listing->folders, listing->count, sizeof(*listing->folders), by_name);
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->word[i];

		if (word[0] == '!')
			continue;
		if (folder_word_is_name(word))
			take_name(&selection, word);
		else if (!take_matches(&selection, word))
			warn(&selection, word, warnings);
	}
	inbox_first(names_out);
}
