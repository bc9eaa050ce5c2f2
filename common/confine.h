/* SPDX-License-Identifier: MIT */
/*
 * confine.h - a process gives up what it will not need again: for good, and for its children too.
 *
 * Independent of how it was started: systemd's units say the same and more. In this order, by the
 * main thread and before there is another:
 *
 *     confine_bounding()      while we may be root
 *     become the service's user; start the runner (runner.h), which is not confined further
 *     confine_privileges()    no capability is left, none can be gained
 *     confine_files_*()       Landlock: nothing but what was allowed can be opened or executed
 *     confine_calls()         seccomp: what no part of us calls is refused
 *
 * A kernel or a build without one of these does without: that is said in the state, and is no
 * failure. What is refused afterwards is refused with an error, never by ending the process: a
 * refresh in flight that is killed may cost the grant, which is more than an attacker who is
 * refused a system call gains.
 */
#ifndef COMMON_CONFINE_H
#define COMMON_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No program that is executed from now on has a capability. Without CAP_SETPCAP: nothing happens,
 * and confine_privileges() does the same by no_new_privs. */
void confine_bounding(void);

/* Sets of capabilities, as capabilities(7) numbers them. */
#define CONFINE_CAPABILITY(number) ((uint64_t)1 << (number))

/* Keeps those of `keep` that the process has; programs that it executes are not restricted. */
void confine_capabilities(uint64_t keep);
/* The same, and no new privileges for us and what we execute. */
void confine_privileges(uint64_t keep);

/* Files ------------------------------------------------------------------------------------------
 */

enum confine_access {
	CONFINE_READ,  /* a directory: everything below it */
	CONFINE_WRITE, /* read, write, make, rename, remove */
};

struct confine_path {
	const char *path;
	enum confine_access access;
};

struct confine_files;

/* NULL: the kernel has no Landlock that suits us (below 5.19, or switched off). Every function
 * takes NULL. */
struct confine_files *confine_files_new(void);
/* A path that does not exist allows nothing. */
void confine_files_allow(struct confine_files *files, enum confine_access access, const char *path);
/* What is in path's directory, and in that of the file it points to: a file is replaced by renaming
 * another onto it. path may be NULL. */
void confine_files_allow_beside(struct confine_files *files, enum confine_access access,
				const char *path);
/* What libc, the resolver, OpenSSL and Cyrus SASL read on any system. */
void confine_files_allow_system(struct confine_files *files);
/* True: in force. Frees. */
bool confine_files_enforce(struct confine_files *files);
/* Landlock's version in this kernel; 0: none. */
int confine_files_version(void);

/* System calls -----------------------------------------------------------------------------------
 */

/* For all threads. False: not compiled in, or refused by the kernel. */
bool confine_calls(void);
/* "libseccomp 2.5.4", or what there is instead. */
const char *confine_calls_version(void);

/* For the log, where it is not in force: a kernel may have it, and whoever started us forbid it. */
#define CONFINE_NO_FILES "their modes alone (Landlock is not there, or forbidden)"
#define CONFINE_NO_CALLS "nothing (libseccomp is not there, or its filter forbidden)"

#endif
