/* SPDX-License-Identifier: MIT */
/* secret-file.c - see secret-file.h. */
#include "common/secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/banned.h"

#define SECRET_MAX 16384

static enum outcome read_secret_fd(int fd, const char *path, struct buffer *secret, struct err *err)
{
	struct stat st;
	char chunk[1024];
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, OUTCOME_CONFIG, "%s: is not a regular file", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return err_set(err, OUTCOME_CONFIG,
			       "%s: holds a secret and others can read it: chmod o= %s", path,
			       path);
	buffer_clear(secret);
	do
		n = read(fd, chunk, sizeof(chunk));
	while (n > 0 && buffer_append(secret, chunk, (size_t)n));
	wipe(chunk, sizeof(chunk));
	if (n < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	if (!buffer_ok(secret) || secret->len > SECRET_MAX)
		return err_set(err, OUTCOME_CONFIG, "%s: is too large for a secret", path);
	while (secret->len > 0 &&
	       (secret->data[secret->len - 1] == '\n' || secret->data[secret->len - 1] == '\r'))
		secret->data[--secret->len] = '\0';
	if (secret->len == 0)
		return err_set(err, OUTCOME_CONFIG, "%s: is empty", path);
	return OUTCOME_OK;
}

enum outcome secret_file_read(const char *path, struct buffer *secret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum outcome outcome;

	if (fd < 0)
		return err_set(err, OUTCOME_CONFIG, "%s: %s", path, strerror(errno));
	outcome = read_secret_fd(fd, path, secret, err);
	(void)close(fd);
	return outcome;
}
