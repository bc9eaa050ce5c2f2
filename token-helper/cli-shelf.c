/* SPDX-License-Identifier: MIT */
/* cli-shelf.c - see cli-shelf.h. */
#include "token-helper/cli-shelf.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/xalloc.h"

#include "common/banned.h"

#define SUFFIX ".txt"

enum { PLACES = 2 };

struct shelf shelf_guides(const char *config)
{
	return (struct shelf){config, "guides", GUIDES_DIR};
}

struct shelf shelf_topics(const char *config)
{
	return (struct shelf){config, "topics", TOPICS_DIR};
}

/* Gives. */
static char *place(const struct shelf *shelf, int which)
{
	const char *slash = strrchr(shelf->config, '/');

	if (which == 1)
		return xstrdup(shelf->installed);
	return xasprintf("%.*s/%s", slash != NULL ? (int)(slash - shelf->config) : 1,
			 slash != NULL ? shelf->config : ".", shelf->subject);
}

/* A name never leads out of its directory. */
static bool is_plain(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			return false;
	}
	return len > 0;
}

static void list_place(const char *path, struct words *names)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);
		char *name;

		if (len <= strlen(SUFFIX) ||
		    strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) != 0 ||
		    !is_plain(entry->d_name, len - strlen(SUFFIX)))
			continue;
		name = xspandup((struct span){entry->d_name, len - strlen(SUFFIX)});
		if (words_contain(names, name))
			free(name);
		else
			words_take(names, name);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void shelf_list(const struct shelf *shelf, struct words *names)
{
	words_release(names);
	for (int i = 0; i < PLACES; i++) {
		char *path = place(shelf, i);

		list_place(path, names);
		free(path);
	}
	words_sort(names);
}

enum outcome shelf_is_empty(const struct shelf *shelf, struct err *err)
{
	char *beside = place(shelf, 0);

	(void)err_set(
		err, OUTCOME_CONFIG,
		"there are no %s in %s or %s: install the package again, or run: make install",
		shelf->subject, beside, shelf->installed);
	free(beside);
	return OUTCOME_CONFIG;
}

enum outcome shelf_read(const struct shelf *shelf, const char *name, struct buffer *text,
			struct err *err)
{
	enum outcome what = err_set(err, OUTCOME_CONFIG, "there is no text %s among the %s", name,
				    shelf->subject);
	int fd = -1;

	for (int i = 0; i < PLACES && fd < 0 && is_plain(name, strlen(name)); i++) {
		char *dir = place(shelf, i);
		char *path = xasprintf("%s/%s" SUFFIX, dir, name);

		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			what = file_read_all(fd, path, text, err);
		free(path);
		free(dir);
	}
	if (fd >= 0)
		(void)close(fd);
	return what;
}
