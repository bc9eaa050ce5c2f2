/* SPDX-License-Identifier: MIT */
/* mbsync-file.c - see mbsync-file.h. */
#include "fetch-agent/import/mbsync-file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/scanner.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define WORDS_MAX    256
#define SECTIONS_MAX 3000
#define WORD_MAX     8192
/* Lines ------------------------------------------------------------------------------------------
 */

/* One argument, in quotes or not. False: there is none, or it has no end. */
static bool take_word(struct scanner *scan, struct buffer *word)
{
	bool quoted = false;
	const char *began;

	while (scan->cur < scan->end && isspace((unsigned char)*scan->cur))
		scan->cur++;
	if (scan->cur == scan->end)
		return false;
	began = scan->cur;
	buffer_clear(word);
	while (scan->cur < scan->end && (quoted || !isspace((unsigned char)*scan->cur))) {
		if (*scan->cur == '"') {
			quoted = !quoted;
			scan->cur++;
			continue;
		}
		if (*scan->cur == '\\' && scan->cur + 1 < scan->end)
			scan->cur++;
		(void)buffer_append_byte(word, *scan->cur++);
	}
	if (quoted || !buffer_ok(word))
		scan->cur = began;
	return scan->cur > began;
}

static bool take_words(struct mbsync_file *file, struct span text, int line, struct words *out)
{
	struct scanner scan = scanner_over(text);
	struct buffer word = BUFFER_INIT_SECRET(WORD_MAX);

	while (out->count < WORDS_MAX && take_word(&scan, &word))
		words_push(out, buffer_span(&word));
	buffer_release(&word);
	if (!scanner_at_end(&scan) || !buffer_ok(&word) || out->count == 0)
		import_problem(file->plan, line,
			       "a quote without its end, a word that is too long, or too many");
	return scanner_at_end(&scan) && out->count > 0;
}

struct head {
	const char *keyword;
	enum mbsync_kind kind;
};

static const struct head heads[] = {
	{"IMAPAccount", MBSYNC_ACCOUNT},  {"IMAPStore", MBSYNC_IMAP},
	{"MaildirStore", MBSYNC_MAILDIR}, {"Channel", MBSYNC_CHANNEL},
	{"Group", MBSYNC_GROUP},
};

static void add_section(struct mbsync_file *file, enum mbsync_kind kind, const char *name, int line)
{
	if (file->count == SECTIONS_MAX) {
		import_problem(file->plan, line, "more than %d sections", SECTIONS_MAX);
		return;
	}
	file->sections = xreallocarray(file->sections, file->count + 1, sizeof(*file->sections));
	file->sections[file->count++] =
		(struct mbsync_section){.kind = kind, .name = xstrdup(name), .line = line};
	file->in_section = kind != MBSYNC_GLOBAL;
}

/* Takes words. */
static void add_setting(struct mbsync_file *file, struct words *words, int line)
{
	struct mbsync_section *section = &file->sections[file->in_section ? file->count - 1 : 0];
	struct mbsync_setting *setting;

	section->settings =
		xreallocarray(section->settings, section->count + 1, sizeof(*section->settings));
	setting = &section->settings[section->count++];
	*setting =
		(struct mbsync_setting){.keyword = words->word[0], .words = *words, .line = line};
	memmove(words->word, words->word + 1, (words->count - 1) * sizeof(*words->word));
	setting->words.count--;
	*words = (struct words){0};
}

static void read_words(struct mbsync_file *file, struct words *words, int line)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		/* Inside a group, Channel names a member. */
		if (strcasecmp(heads[i].keyword, words->word[0]) != 0 ||
		    (file->in_section && heads[i].kind == MBSYNC_CHANNEL &&
		     file->sections[file->count - 1].kind == MBSYNC_GROUP))
			continue;
		if (words->count < 2)
			import_problem(file->plan, line, "%s lacks a name", heads[i].keyword);
		else
			add_section(file, heads[i].kind, words->word[1], line);
		return;
	}
	if (words->count < 2)
		import_problem(file->plan, line, "%s has no value", words->word[0]);
	else
		add_setting(file, words, line);
}

static void read_line(struct mbsync_file *file, struct span line, int number)
{
	struct words words = {0};
	size_t blank = 0;

	while (blank < line.len && isspace((unsigned char)line.ptr[blank]))
		blank++;
	if (blank == line.len)
		file->in_section = false;
	else if (line.ptr[blank] == '#')
		return;
	else if (memchr(line.ptr, '\0', line.len) != NULL)
		import_problem(file->plan, number, "holds a NUL byte");
	else if (take_words(file, line, number, &words))
		read_words(file, &words, number);
	words_release(&words);
}

void mbsync_file_read(struct mbsync_file *file, struct span text, struct import_plan *plan)
{
	struct scanner scan = scanner_over(text);
	struct span line;

	*file = (struct mbsync_file){.plan = plan};
	add_section(file, MBSYNC_GLOBAL, "", 1);
	for (int number = 1; scan_line(&scan, &line); number++)
		read_line(file, line, number);
}

static void section_release(struct mbsync_section *section)
{
	for (size_t i = 0; i < section->count; i++) {
		struct words *words = &section->settings[i].words;

		for (size_t w = 0; w < words->count; w++)
			wipe(words->word[w], strlen(words->word[w])); /* one is a password */
		words_release(words);
		free(section->settings[i].keyword);
	}
	free(section->settings);
	free(section->name);
}

void mbsync_file_release(struct mbsync_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		section_release(&file->sections[i]);
	free(file->sections);
	*file = (struct mbsync_file){0};
}

/* Asking -----------------------------------------------------------------------------------------
 */

const struct mbsync_section *mbsync_find(const struct mbsync_file *file, enum mbsync_kind kind,
					 const char *name)
{
	for (size_t i = 0; i < file->count; i++) {
		if (file->sections[i].kind == kind && strcmp(file->sections[i].name, name) == 0)
			return &file->sections[i];
	}
	return NULL;
}

const struct mbsync_setting *mbsync_setting(const struct mbsync_section *section,
					    const char *keyword)
{
	for (size_t i = 0; section != NULL && i < section->count; i++) {
		if (strcasecmp(section->settings[i].keyword, keyword) == 0)
			return &section->settings[i];
	}
	return NULL;
}

const char *mbsync_text(const struct mbsync_section *section, const char *keyword)
{
	const struct mbsync_setting *setting = mbsync_setting(section, keyword);

	return setting != NULL ? setting->words.word[0] : NULL;
}

int mbsync_line(const struct mbsync_section *section, const char *keyword)
{
	const struct mbsync_setting *setting = mbsync_setting(section, keyword);

	return setting != NULL ? setting->line : section->line;
}

const struct mbsync_setting *mbsync_channel_setting(const struct mbsync_file *file,
						    const struct mbsync_section *channel,
						    const char *keyword)
{
	const struct mbsync_setting *own = mbsync_setting(channel, keyword);

	return own != NULL ? own : mbsync_setting(&file->sections[0], keyword);
}
