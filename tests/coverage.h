/* SPDX-License-Identifier: MIT */
/*
 * coverage.h - put before every file of ours by `./bootstrap coverage`: counters are written by
 * exit(3) alone, and our helpers end by _exit(2) or become other programs.
 *
 * Linked with -Wl,--wrap for each of them. Counters are zeroed once written, since who called
 * vfork(2) shares them.
 */
#ifndef TESTS_COVERAGE_H
#define TESTS_COVERAGE_H

#define COVERAGE_HIDDEN __attribute__((weak, visibility("hidden")))

void __gcov_dump(void);
void __gcov_reset(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));
int __real_execve(const char *path, char *const argv[], char *const envp[]);
int __wrap_execve(const char *path, char *const argv[], char *const envp[]);
int __real_execv(const char *path, char *const argv[]);
int __wrap_execv(const char *path, char *const argv[]);
int __real_execvp(const char *file, char *const argv[]);
int __wrap_execvp(const char *file, char *const argv[]);

static inline void coverage_write(void)
{
	__gcov_dump();
	__gcov_reset();
}

COVERAGE_HIDDEN void __wrap__exit(int status)
{
	coverage_write();
	__real__exit(status);
}

COVERAGE_HIDDEN int __wrap_execve(const char *path, char *const argv[], char *const envp[])
{
	coverage_write();
	return __real_execve(path, argv, envp);
}

COVERAGE_HIDDEN int __wrap_execv(const char *path, char *const argv[])
{
	coverage_write();
	return __real_execv(path, argv);
}

COVERAGE_HIDDEN int __wrap_execvp(const char *file, char *const argv[])
{
	coverage_write();
	return __real_execvp(file, argv);
}

#endif
