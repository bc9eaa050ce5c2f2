/* SPDX-License-Identifier: MIT */
/* check-files.c - are the store and the secrets closed to others? */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "token-helper/doctor/doctor.h"

#include "common/banned.h"

#define OPEN_TO_OTHERS (S_IRWXG | S_IRWXO)

static void mend_mode(struct doctor *doctor, const char *mode, const char *path)
{
	struct buffer quoted = BUFFER_INIT(FINDING_TEXT_MAX);

	doctor_append_quoted(&quoted, path);
	doctor_mend(doctor, "chmod %s %s", mode, buffer_cstr(&quoted));
	buffer_release(&quoted);
}

/* Grants that others can read; how many were looked at. */
static size_t look_at_grants(struct doctor *doctor, DIR *dir, const char *store)
{
	struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(dir)) != NULL) {
		char path[4096];
		struct stat st;

		if (strstr(entry->d_name, ".grant") == NULL ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		count++;
		if ((st.st_mode & OPEN_TO_OTHERS) == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", store, entry->d_name);
		doctor_say(doctor, SEVERITY_ERROR, "%s is open to others (mode %04o)", path,
			   (unsigned)(st.st_mode & 07777));
		doctor_why(doctor, "It holds a refresh token. If others may have read it, have a "
				   "new one made: mailoauth authorize.");
		mend_mode(doctor, "0600", path);
	}
	return count;
}

static void look_at_store(struct doctor *doctor, const char *store)
{
	DIR *dir = opendir(store);
	size_t before = doctor->finding_count, count = 0;
	struct stat st;

	if (dir == NULL || fstat(dirfd(dir), &st) != 0) {
		doctor_say(doctor, errno == EACCES ? SEVERITY_NOTE : SEVERITY_ERROR, "%s: %s",
			   store, strerror(errno));
		if (errno == EACCES)
			doctor_mend(doctor, "sudo mailoauth doctor");
	} else {
		if ((st.st_mode & OPEN_TO_OTHERS) != 0) {
			doctor_say(doctor, SEVERITY_ERROR, "%s is open to others (mode %04o)",
				   store, (unsigned)(st.st_mode & 07777));
			mend_mode(doctor, "0700", store);
		}
		count = look_at_grants(doctor, dir, store);
		if (doctor->finding_count == before)
			doctor_say(doctor, SEVERITY_OK,
				   "%s and its %zu grant%s are closed to others", store, count,
				   count == 1 ? "" : "s");
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* A configuration that its readers could write would be theirs. Secrets in files of their own are
 * looked at when the configuration is read: `config`. */
void check_files(struct doctor *doctor)
{
	struct stat st;

	if (stat(doctor->cli->config, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		doctor_say(doctor, SEVERITY_ERROR, "%s can be written by others (mode %04o)",
			   doctor->cli->config, (unsigned)(st.st_mode & 07777));
		doctor_why(doctor, "It says where secrets are sent, and who gets tokens.");
		mend_mode(doctor, "go-w", doctor->cli->config);
	}
	if (doctor->config != NULL)
		look_at_store(doctor, doctor->config->store);
}
