/* SPDX-License-Identifier: MIT */
/* counting.c - see counting.h. */
#include "bench/counting.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/banned.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *ptr, size_t size);

static struct heap_use heap;

static void counted(size_t bytes)
{
	heap.allocations++;
	heap.bytes += bytes;
}

void *malloc(size_t size)
{
	counted(size);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	counted(count * size);
	return __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
	counted(size);
	return __libc_realloc(ptr, size);
}

struct heap_use heap_use_now(void)
{
	return heap;
}

/* Each call stops the child twice, on its way in and out. */
static long watch(pid_t pid)
{
	long stops = 0;
	int status;

	for (;;) {
		if (waitpid(pid, &status, 0) < 0)
			return -1;
		if (WIFEXITED(status))
			return WEXITSTATUS(status) == 0 ? stops / 2 : -1;
		if (WIFSIGNALED(status))
			return -1;
		if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80))
			stops++;
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			return -1;
	}
}

long count_system_calls(work_fn *work, void *argument)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		(void)raise(SIGSTOP);
		work(argument);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return -1;
	return watch(pid);
}
