/* SPDX-License-Identifier: MIT */
/*
 * confine-calls.c - see confine.h: seccomp, by libseccomp.
 *
 * Two filters, both in force. One lists what is refused with a reason: those calls fail with EPERM
 * (or what the table says) and are told to the kernel's log. The other lists what a network daemon
 * on libc, libcurl, libevent, OpenSSL and SQLite may call, and generously: what is on neither list
 * does not exist (ENOSYS). That is what an older kernel says, and libraries know what to do then:
 * one that is upgraded, and tries a system call that is newer than this list, goes on with the call
 * that it used before. clone3(2) is not listed on purpose: its flags cannot be seen, those of
 * clone(2) can.
 *
 * With AddressSanitizer no filter is compiled in: see sanitized.h.
 */
#include "common/confine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sanitized.h"

#if defined(HAVE_SECCOMP) && !defined(SANITIZED)
#include <seccomp.h>
#endif

#include "common/banned.h"

#if defined(HAVE_SECCOMP) && !defined(SANITIZED)

/* clang-format off */
static const char *const allowed[] = {
	/* memory */
	"brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "pkey_mprotect", "pkey_alloc",
	"pkey_free", "madvise", "msync", "mincore", "mlock", "mlock2", "munlock", "mlockall",
	"munlockall", "membarrier", "memfd_create",
	/* files */
	"open", "openat", "openat2", "creat", "close", "close_range", "read", "write", "readv",
	"writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek",
	"_llseek", "stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "fstatat64",
	"newfstatat", "oldstat", "oldlstat", "oldfstat", "statx", "statfs", "fstatfs", "statfs64",
	"fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd",
	"chdir", "fchdir", "getdents", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink",
	"unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
	"truncate", "ftruncate", "truncate64", "ftruncate64", "fallocate", "fadvise64",
	"fadvise64_64", "arm_fadvise64_64", "readahead", "fsync", "fdatasync", "sync_file_range",
	"sync_file_range2", "syncfs", "sync", "flock", "fcntl", "fcntl64", "dup", "dup2", "dup3",
	"pipe", "pipe2", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "fchownat",
	"lchown", "chown32", "fchown32", "lchown32", "umask", "utime", "utimes", "futimesat",
	"utimensat", "utimensat_time64", "ioctl", "copy_file_range", "sendfile", "sendfile64",
	"splice", "tee", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
	"flistxattr", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	/* waiting */
	"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime",
	"timerfd_gettime", "timerfd_settime64", "timerfd_gettime64",
	/* sockets */
	"socket", "socketcall", "socketpair", "connect", "bind", "accept", "accept4",
	"getsockname", "getpeername", "getsockopt", "setsockopt", "send", "recv", "sendto",
	"recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "recvmmsg_time64", "shutdown",
	/* time */
	"time", "times", "gettimeofday", "clock_gettime", "clock_gettime64", "clock_getres",
	"clock_getres_time64", "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "alarm",
	"getitimer", "setitimer", "timer_create", "timer_settime", "timer_settime64",
	"timer_gettime", "timer_gettime64", "timer_getoverrun", "timer_delete",
	/* threads */
	"clone", "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list",
	"set_tid_address", "rseq", "gettid", "tgkill", "sched_yield", "sched_getaffinity",
	"sched_setaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
	"sched_get_priority_min", "getcpu", "arch_prctl", "set_thread_area", "get_thread_area",
	"set_tls", "get_tls", "cacheflush", "riscv_flush_icache", "riscv_hwprobe", "swapcontext",
	"exit", "exit_group", "restart_syscall",
	/* signals */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaction", "sigprocmask", "sigreturn",
	"sigpending", "sigsuspend", "signal", "sigaltstack", "pause", "wait4", "waitpid", "waitid",
	/* who and what we are */
	"getpid", "getppid", "getpgrp", "getpgid", "getsid", "getuid", "geteuid", "getgid",
	"getegid", "getresuid", "getresgid", "getgroups", "getuid32", "geteuid32", "getgid32",
	"getegid32", "getresuid32", "getresgid32", "getgroups32", "capget", "getrlimit",
	"ugetrlimit", "setrlimit", "prlimit64", "getrusage", "getpriority", "ioprio_get", "prctl",
	"sysinfo", "uname", "getrandom",
};

static const char *const refused[] = {
	/* programs and processes: the runner's */
	"execve", "execveat", "fork", "vfork",
	/* other processes */
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	"pidfd_send_signal", "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
	/* parts of the kernel that attackers like */
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "keyctl", "add_key", "request_key", "personality", "modify_ldt",
	"fanotify_init", "open_by_handle_at",
	/* the machine */
	"mount", "umount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen",
	"fsconfig", "fsmount", "fspick", "mount_setattr", "unshare", "setns", "init_module",
	"finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon",
	"swapoff", "acct", "quotactl", "syslog", "settimeofday", "stime", "clock_settime",
	"clock_adjtime", "adjtimex", "sethostname", "setdomainname", "ioperm", "iopl", "mknod",
	"mknodat",
	/* strangers: what we listen on is open by now */
	"listen",
	/* another identity */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
	"setfsgid", "setgroups", "setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32",
	"setresgid32", "setfsuid32", "setfsgid32", "setgroups32", "capset",
};
/* clang-format on */

#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
/* With one argument, a structure that a filter cannot look into. */
#if defined(__i386__) || defined(__s390__) || defined(__arm__)
#define MMAP "mmap2"
#else
#define MMAP "mmap"
#endif
#define LOW 0xffffffffu /* an int: the kernel does not look at what is above */
#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

/* Refused only with this argument. */
static const struct refusal {
	const char *call;
	int error;
	unsigned argument;
	enum scmp_compare compare;
	scmp_datum_t mask, value; /* SCMP_CMP_MASKED_EQ; else mask is what is compared with */
} refusals[] = {
	{"clone", EPERM, CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0}, /* no processes */
	/* Nothing that was written is executed; modules of NSS are mapped without. */
	{MMAP, EPERM, 2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC},
	{"mprotect", EPERM, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC},
	{"pkey_mprotect", EPERM, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC},
	/* Typing at the terminal that we were started from. */
	{"ioctl", EPERM, 1, SCMP_CMP_MASKED_EQ, LOW, TIOCSTI},
	{"ioctl", EPERM, 1, SCMP_CMP_MASKED_EQ, LOW, TIOCLINUX},
	{"prctl", EPERM, 0, SCMP_CMP_MASKED_EQ, LOW, PR_SET_DUMPABLE},
	{"prctl", EPERM, 0, SCMP_CMP_MASKED_EQ, LOW, PR_SET_PTRACER},
	{"prlimit64", EPERM, 0, SCMP_CMP_NE, 0, 0}, /* others' limits */
	{"socket", EAFNOSUPPORT, 0, SCMP_CMP_GT, AF_INET6, 0},
};

static bool add(scmp_filter_ctx filter, uint32_t action, const char *name,
		const struct scmp_arg_cmp *compare)
{
	int call = seccomp_syscall_resolve_name(name);
	int error;

	if (call == __NR_SCMP_ERROR) /* libseccomp is older than the call: it does not exist */
		return true;
	error = seccomp_rule_add_array(filter, action, call, compare != NULL ? 1 : 0, compare);
	return error == 0 || error == -EDOM; /* it is another architecture's */
}

static bool add_refusals(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp others = {0, SCMP_CMP_NE, (scmp_datum_t)getpid(), 0};
	bool good = add(filter, SCMP_ACT_ERRNO(EPERM), "tgkill", &others);

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];
		struct scmp_arg_cmp compare = {refusal->argument, refusal->compare, refusal->mask,
					       refusal->value};

		good = add(filter, SCMP_ACT_ERRNO((uint32_t)refusal->error), refusal->call,
			   &compare) &&
		       good;
	}
	for (unsigned family = 0; family < AF_INET6; family++) {
		struct scmp_arg_cmp compare = {0, SCMP_CMP_EQ, family, 0};

		if (family != AF_UNIX && family != AF_INET)
			good = add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", &compare) &&
			       good;
	}
	return good;
}

static bool add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
	bool good = true;

	for (size_t i = 0; i < count; i++)
		good = add(filter, action, names[i], NULL) && good;
	return good;
}

/* Another architecture's calls would be unfiltered; nothing of ours makes them. */
static bool load(scmp_filter_ctx filter)
{
	(void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, no list */
	return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && seccomp_load(filter) == 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool refuse(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool good = filter != NULL &&
		    add_all(filter, SCMP_ACT_ERRNO(EPERM), refused, COUNT(refused)) &&
		    add_refusals(filter);

	if (good) {
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
		good = load(filter);
	}
	seccomp_release(filter);
	return good;
}

/* The refused are left to the other filter. */
static bool allow(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	bool good = filter != NULL && add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed)) &&
		    add_all(filter, SCMP_ACT_ALLOW, refused, COUNT(refused)) && load(filter);

	seccomp_release(filter);
	return good;
}

bool confine_calls(void)
{
	return refuse() && allow();
}

const char *confine_calls_version(void)
{
	static char text[64];
	const struct scmp_version *version = seccomp_version();

	(void)snprintf(text, sizeof(text), "libseccomp %u.%u.%u", version->major, version->minor,
		       version->micro);
	return text;
}

#else

bool confine_calls(void)
{
	return false;
}

const char *confine_calls_version(void)
{
#ifdef SANITIZED
	return "no libseccomp (AddressSanitizer)";
#else
	return "no libseccomp";
#endif
}

#endif
