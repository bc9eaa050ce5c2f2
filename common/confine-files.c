/* SPDX-License-Identifier: MIT */
/*
 * confine-files.c - see confine.h: Landlock, by its three system calls.
 *
 * The kernel's header of the build may be older than the kernel: what is newer than Linux 5.13 is
 * defined here. Renaming from one directory into another, which is how a Maildir is written, is
 * possible from version 2 on (Linux 5.19).
 */
#include "common/confine.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sanitized.h"
#include "common/xalloc.h"

#if !defined(SANITIZED) && defined(SYS_landlock_create_ruleset) && __has_include(<linux/landlock.h>)
#define HAVE_LANDLOCK 1
#include <linux/landlock.h>
#endif

#include "common/banned.h"

#ifdef HAVE_LANDLOCK

#define VERSION_MIN 2

#define EXECUTE	  (UINT64_C(1) << 0)
#define WRITE	  (UINT64_C(1) << 1)
#define READ	  (UINT64_C(1) << 2)
#define READ_DIR  (UINT64_C(1) << 3)
#define CHANGE	  (UINT64_C(0x1ff0)) /* REMOVE_DIR, REMOVE_FILE, MAKE_*: bits 4 to 12 */
#define DEVICES	  (UINT64_C(1) << 6 | UINT64_C(1) << 11) /* MAKE_CHAR, MAKE_BLOCK */
#define REFER	  (UINT64_C(1) << 13)
#define TRUNCATE  (UINT64_C(1) << 14) /* version 3 */
#define IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */

#define ON_FILES (EXECUTE | WRITE | READ | TRUNCATE | IOCTL_DEV) /* what a file can be allowed */

struct confine_files {
	int fd;
	uint64_t handled;
};

int confine_files_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

static uint64_t known_to(int version)
{
	uint64_t known = EXECUTE | WRITE | READ | READ_DIR | CHANGE | REFER;

	if (version >= 3)
		known |= TRUNCATE;
	if (version >= 5)
		known |= IOCTL_DEV;
	return known;
}

struct confine_files *confine_files_new(void)
{
	struct landlock_ruleset_attr attributes = {0};
	int version = confine_files_version();
	struct confine_files *files;
	long fd;

	if (version < VERSION_MIN)
		return NULL;
	attributes.handled_access_fs = known_to(version);
	fd = syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (fd < 0)
		return NULL;
	files = xcalloc(1, sizeof(*files));
	*files = (struct confine_files){(int)fd, attributes.handled_access_fs};
	return files;
}

void confine_files_allow(struct confine_files *files, enum confine_access access, const char *path)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = READ | READ_DIR};
	struct stat st;

	if (files == NULL)
		return;
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	if (access == CONFINE_WRITE)
		rule.allowed_access |= WRITE | (CHANGE & ~DEVICES) | REFER | TRUNCATE;
	rule.allowed_access &= files->handled;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= ON_FILES;
	(void)syscall(SYS_landlock_add_rule, files->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	(void)close(rule.parent_fd);
}

bool confine_files_enforce(struct confine_files *files)
{
	bool enforced;

	if (files == NULL)
		return false;
	enforced = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		   syscall(SYS_landlock_restrict_self, files->fd, 0) == 0;
	(void)close(files->fd);
	free(files);
	return enforced;
}

#else

int confine_files_version(void)
{
	return 0;
}

struct confine_files *confine_files_new(void)
{
	return NULL;
}

void confine_files_allow(struct confine_files *files, enum confine_access access, const char *path)
{
	(void)files;
	(void)access;
	(void)path;
}

bool confine_files_enforce(struct confine_files *files)
{
	(void)files;
	return false;
}

#endif

/* Where things are ----------------------------------------------------------------------------- */

/* Read by libc (resolver, NSS and its modules, time zones, locales), OpenSSL (configuration,
 * providers, certificates), Cyrus SASL (plugins). Services are asked at sockets, which Landlock
 * leaves alone. */
static const struct confine_path system_paths[] = {
	{"/etc", CONFINE_READ},
	{"/usr", CONFINE_READ},
	{"/lib", CONFINE_READ},
	{"/lib32", CONFINE_READ},
	{"/lib64", CONFINE_READ},
	{"/nix/store", CONFINE_READ},
	{"/gnu/store", CONFINE_READ},
	{"/run", CONFINE_READ}, /* resolv.conf, credentials, secrets */
	{"/var/lib/ca-certificates", CONFINE_READ},
	{"/var/lib/sss", CONFINE_READ},
	{"/var/db", CONFINE_READ},
	{"/var/cache/nscd", CONFINE_READ},
	{"/dev/null", CONFINE_WRITE},
	{"/dev/urandom", CONFINE_READ},
	{"/dev/random", CONFINE_READ},
	{"/proc/self", CONFINE_READ},
	{"/proc/sys", CONFINE_READ},
	{"/proc/meminfo", CONFINE_READ},
	{"/proc/stat", CONFINE_READ},
	{"/proc/cpuinfo", CONFINE_READ},
	{"/sys/devices/system/cpu", CONFINE_READ},
};

/* Where OpenSSL looks instead, if it is told to. */
static const char *const system_variables[] = {"SSL_CERT_FILE",	  "SSL_CERT_DIR", "OPENSSL_CONF",
					       "OPENSSL_MODULES", "SASL_PATH",	  "SASL_CONF_PATH"};

/* paths: several, parted by colons, or NULL. */
static void allow_each(struct confine_files *files, const char *paths)
{
	while (paths != NULL && *paths != '\0') {
		size_t len = strcspn(paths, ":");
		char *path = xspandup((struct span){paths, len});

		confine_files_allow(files, CONFINE_READ, path);
		free(path);
		paths += len + (paths[len] == ':');
	}
}

void confine_files_allow_system(struct confine_files *files)
{
	for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++)
		confine_files_allow(files, system_paths[i].access, system_paths[i].path);
	for (size_t i = 0; i < sizeof(system_variables) / sizeof(system_variables[0]); i++) {
		allow_each(files, getenv(system_variables[i]));
	}
}

static void allow_directory_of(struct confine_files *files, enum confine_access access,
			       const char *path)
{
	char *copy = xstrdup(path);

	confine_files_allow(files, access, dirname(copy));
	free(copy);
}

void confine_files_allow_beside(struct confine_files *files, enum confine_access access,
				const char *path)
{
	char *target;

	if (path == NULL)
		return;
	allow_directory_of(files, access, path);
	target = realpath(path, NULL);
	if (target != NULL)
		allow_directory_of(files, access, target);
	free(target);
}
