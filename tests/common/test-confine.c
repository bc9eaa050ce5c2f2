/* SPDX-License-Identifier: MIT */
/* test-confine.c - what a confined process cannot do, what it still can, and what its runner does
 * for it. Each case is a child: confinement is for good. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/confine.h"
#include "common/runner.h"
#include "common/xalloc.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

#define NOT_COMPILED_IN 77

/* In a child, what is not so is said, and is its exit status. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "# %s:%d: not so: %s (%s)\n", __FILE__, __LINE__,    \
				      #condition, strerror(errno));                                \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static int status_of(void (*body)(const char *), const char *argument)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		body(argument);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void in_child(void (*body)(const char *), const char *argument)
{
	assert_int_equal(status_of(body, argument), 0);
}

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	return scratch_make(directory, sizeof(directory), "confine") ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return scratch_remove(directory) ? 0 : -1;
}

static char *below(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static void put(const char *name)
{
	char *path = below(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
	free(path);
}

static void make(const char *name)
{
	char *path = below(name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

/* Privileges ---------------------------------------------------------------------------------- */

static bool status_says(const char *line)
{
	FILE *file = fopen("/proc/self/status", "re");
	char text[256];
	bool says = false;

	while (file != NULL && fgets(text, sizeof(text), file) != NULL)
		says = says || strncmp(text, line, strlen(line)) == 0;
	if (file != NULL)
		(void)fclose(file);
	return says;
}

static void give_up_privileges(const char *none)
{
	(void)none;
	confine_bounding();
	confine_privileges(0);
	CHECK(status_says("NoNewPrivs:\t1"));
	CHECK(status_says("CapEff:\t0000000000000000"));
	CHECK(status_says("CapPrm:\t0000000000000000"));
	CHECK(geteuid() != 0 || status_says("CapBnd:\t0000000000000000"));
}

static void keep_two(const char *none)
{
	(void)none;
	confine_capabilities(CONFINE_CAPABILITY(6) | CONFINE_CAPABILITY(7));
	CHECK(status_says("CapEff:\t00000000000000c0"));
	CHECK(status_says("CapPrm:\t00000000000000c0"));
	/* Who executes as root has its own. */
	CHECK(!status_says("CapBnd:\t00000000000000c0"));
}

static void test_no_capability_is_left(void **state)
{
	(void)state;
	in_child(give_up_privileges, NULL);
}

static void test_some_are_kept(void **state)
{
	(void)state;
	in_child(keep_two, NULL);
}

/* Files --------------------------------------------------------------------------------------- */

static int opens(const char *name, int flags)
{
	char *path = below(name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int error = errno;

	free(path);
	if (fd < 0)
		return error;
	(void)close(fd);
	return 0;
}

static int renames(const char *from, const char *to)
{
	char *old = below(from), *new = below(to);
	int error = rename(old, new) == 0 ? 0 : errno;

	free(old);
	free(new);
	return error;
}

static void look_around(const char *none)
{
	char *program = below("read/program");
	char *argv[] = {program, NULL};
	char *beside = below("beside/key");
	char *read_only = below("read"), *writable = below("write");
	struct confine_files *files = confine_files_new();

	(void)none;
	confine_files_allow_system(files);
	confine_files_allow(files, CONFINE_READ, read_only);
	confine_files_allow(files, CONFINE_WRITE, writable);
	confine_files_allow(files, CONFINE_READ, "/nonexistent/thing");
	confine_files_allow_beside(files, CONFINE_READ, beside);
	CHECK(confine_files_enforce(files));
	CHECK(opens("secret", O_RDONLY) == EACCES);
	CHECK(opens("secret", O_WRONLY) == EACCES);
	CHECK(opens("read/file", O_RDONLY) == 0);
	CHECK(opens("read/file", O_WRONLY) == EACCES);
	CHECK(opens("read/new", O_WRONLY | O_CREAT) == EACCES);
	CHECK(opens("beside/another", O_RDONLY) == 0);	  /* renamed onto it later, perhaps */
	CHECK(opens("pointed-to/target", O_RDONLY) == 0); /* beside/key is a link to it */
	CHECK(execv(program, argv) != 0 && errno == EACCES);
	CHECK(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
	CHECK(open("/etc/passwd", O_WRONLY | O_CLOEXEC) < 0);
	CHECK(open("/dev/null", O_RDWR | O_CLOEXEC) >= 0);
	CHECK(opens("write/new", O_RDWR | O_CREAT) == 0);
	CHECK(renames("write/new", "write/from/new") == 0);
	CHECK(renames("write/from/new", "write/to/new") == 0);
	CHECK(opens("write/to/new", O_WRONLY | O_TRUNC) == 0);
	CHECK(renames("write/to/new", "read/new") != 0);
	CHECK(renames("secret", "write/secret") != 0);
}

static void test_only_what_was_allowed_is_opened(void **state)
{
	char *link = below("beside/key"), *target = below("pointed-to/target");

	(void)state;
	make("read");
	make("write");
	make("write/from");
	make("write/to");
	make("beside");
	make("pointed-to");
	put("secret");
	put("read/file");
	put("read/program");
	put("beside/another");
	put("pointed-to/target");
	assert_int_equal(symlink(target, link), 0);
	free(link);
	free(target);
	in_child(look_around, NULL);
}

/* System calls -------------------------------------------------------------------------------- */

static void enter_calls(void)
{
	confine_privileges(0);
	if (!confine_calls())
		_exit(NOT_COMPILED_IN);
}

static long calls_nothing(void)
{
	return syscall(9999);
}

static long calls_clone3(void)
{
	return syscall(435 /* clone3 */, NULL, 0);
}

static long calls_execve(void)
{
	return execl("/bin/true", "true", NULL);
}

static long calls_fork(void)
{
	return fork();
}

static long calls_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long calls_kill(void)
{
	return kill(getppid(), 0);
}

static long calls_tgkill(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long calls_listen(void)
{
	return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}

static long calls_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long calls_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long calls_ipx(void)
{
	return socket(AF_IPX, SOCK_DGRAM, 0);
}

static long calls_mmap(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static long calls_mprotect(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static long calls_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long calls_prlimit(void)
{
	return syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, NULL);
}

static long calls_tiocsti(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static long calls_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

static long calls_io_uring(void)
{
	return syscall(425 /* io_uring_setup */, 1, NULL);
}

static long calls_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long calls_setuid(void)
{
	return setuid(geteuid());
}

static long calls_personality(void)
{
	return syscall(SYS_personality, 0x400000 /* READ_IMPLIES_EXEC */);
}

static const struct refused_call {
	const char *name;
	long (*call)(void);
	int error;
} refused_calls[] = {
	{"9999", calls_nothing, ENOSYS},	   {"clone3", calls_clone3, ENOSYS},
	{"execve", calls_execve, EPERM},	   {"fork", calls_fork, EPERM},
	{"ptrace", calls_ptrace, EPERM},	   {"kill", calls_kill, EPERM},
	{"tgkill", calls_tgkill, EPERM},	   {"listen", calls_listen, EPERM},
	{"netlink", calls_netlink, EAFNOSUPPORT},  {"packet", calls_packet, EAFNOSUPPORT},
	{"ipx", calls_ipx, EAFNOSUPPORT},	   {"mmap", calls_mmap, EPERM},
	{"mprotect", calls_mprotect, EPERM},	   {"prctl", calls_prctl, EPERM},
	{"prlimit", calls_prlimit, EPERM},	   {"tiocsti", calls_tiocsti, EPERM},
	{"keyctl", calls_keyctl, EPERM},	   {"io_uring", calls_io_uring, EPERM},
	{"unshare", calls_unshare, EPERM},	   {"setuid", calls_setuid, EPERM},
	{"personality", calls_personality, EPERM},
};

static void call_what_is_refused(const char *none)
{
	(void)none;
	enter_calls();
	for (size_t i = 0; i < sizeof(refused_calls) / sizeof(refused_calls[0]); i++) {
		const struct refused_call *refused = &refused_calls[i];

		errno = 0;
		if (refused->call() == -1 && errno == refused->error)
			continue;
		(void)fprintf(stderr, "# %s: %s\n", refused->name, strerror(errno));
		_exit(1);
	}
}

static void test_calls_are_refused(void **state)
{
	(void)state;
	in_child(call_what_is_refused, NULL);
}

static void *say_so(void *said)
{
	*(bool *)said = true;
	return NULL;
}

static int caught;

static void on_signal(int number)
{
	caught = number;
}

static void do_the_daily_work(const char *none)
{
	struct addrinfo *addresses = NULL;
	bool said = false;
	pthread_t thread;
	int pair[2];

	(void)none;
	(void)signal(SIGUSR1, on_signal);
	enter_calls();
	CHECK(pthread_create(&thread, NULL, say_so, &said) == 0);
	CHECK(pthread_join(thread, NULL) == 0 && said);
	CHECK(raise(SIGUSR1) == 0 && caught == SIGUSR1);
	CHECK(getaddrinfo("localhost", "smtp", NULL, &addresses) == 0);
	freeaddrinfo(addresses);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[0], "x", 1) == 1);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_DGRAM, 0) >= -1);
	CHECK(epoll_create1(EPOLL_CLOEXEC) >= 0 && timerfd_create(CLOCK_MONOTONIC, 0) >= 0);
	CHECK(memfd_create("x", MFD_CLOEXEC) >= 0);
	CHECK(opens("made", O_RDWR | O_CREAT) == 0 && renames("made", "renamed") == 0);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) > 0);
}

static void test_daily_work_is_done(void **state)
{
	(void)state;
	in_child(do_the_daily_work, NULL);
}

static pthread_barrier_t confined;

static void *try_to_fork(void *error)
{
	(void)pthread_barrier_wait(&confined);
	*(int *)error = fork() == -1 ? errno : 0;
	return NULL;
}

static void confine_a_thread_too(const char *none)
{
	pthread_t thread;
	int error = 0;

	(void)none;
	CHECK(pthread_barrier_init(&confined, NULL, 2) == 0);
	CHECK(pthread_create(&thread, NULL, try_to_fork, &error) == 0);
	enter_calls();
	(void)pthread_barrier_wait(&confined);
	CHECK(pthread_join(thread, NULL) == 0 && error == EPERM);
}

static void test_threads_are_confined_too(void **state)
{
	(void)state;
	in_child(confine_a_thread_too, NULL);
}

/* The runner ---------------------------------------------------------------------------------- */

static const char *known_now;

static void learn(void *context, bool again, struct runner_list *list)
{
	struct words words = {0};

	(void)context;
	words_split(again ? known_now : "/bin/echo known", &words);
	runner_allow(list, &words, 1);
	words_release(&words);
}

/* What the program wrote, or "errno N", or "status N". */
static void run(const char *line, char *said, size_t size)
{
	struct words argv = {0};
	struct runner_order order = {.argv = &argv, .input = -1, .group = true};
	struct pollfd polled = {.events = POLLIN};
	struct runner_end end;
	int ends[2];
	ssize_t len;

	words_split(line, &argv);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	order.output = order.complaint = ends[1];
	polled.fd = runner_run(&order);
	(void)close(ends[1]);
	CHECK(polled.fd >= 0);
	CHECK(poll(&polled, 1, 30000) == 1 && runner_ended(polled.fd, &end));
	len = read(ends[0], said, size - 1);
	said[len > 0 ? len : 0] = '\0';
	if (end.error != 0)
		(void)snprintf(said, size, "errno %d", end.error);
	else if (end.status != 0)
		(void)snprintf(said, size, "status %d", end.status);
	(void)close(polled.fd);
	(void)close(ends[0]);
	words_release(&argv);
}

static void run_by_the_list(const char *none)
{
	char said[64], refused[16];

	(void)none;
	(void)snprintf(refused, sizeof(refused), "errno %d", EACCES);
	known_now = "/bin/echo new";
	CHECK(runner_start(learn, NULL, NULL) == OUTCOME_OK);
	run("/bin/echo known", said, sizeof(said));
	CHECK(strcmp(said, "known\n") == 0);
	run("/bin/echo known more", said, sizeof(said));
	CHECK(strcmp(said, "known more\n") == 0);
	run("/bin/echo known more and", said, sizeof(said));
	CHECK(strcmp(said, refused) == 0);
	run("/bin/echo", said, sizeof(said));
	CHECK(strcmp(said, refused) == 0);
	run("/bin/cat /etc/passwd", said, sizeof(said));
	CHECK(strcmp(said, refused) == 0);
	run("/bin/echo new", said, sizeof(said));
	CHECK(strcmp(said, "new\n") == 0);
	run("/bin/echo known", said, sizeof(said)); /* the configuration lacks it now */
	CHECK(strcmp(said, refused) == 0);
	runner_stop();
}

static void test_runs_what_the_configuration_says(void **state)
{
	(void)state;
	in_child(run_by_the_list, NULL);
}

/* What a program reads, writes and calls is not ours to restrict. */
static void run_unconfined(const char *path)
{
	struct confine_files *files;
	char said[64];

	CHECK(runner_start(NULL, NULL, NULL) == OUTCOME_OK);
	confine_privileges(0);
	files = confine_files_new();
	if (files != NULL) {
		confine_files_allow_system(files);
		CHECK(confine_files_enforce(files));
		CHECK(open(path, O_RDONLY | O_CLOEXEC) < 0);
	}
	if (!confine_calls() && files == NULL)
		_exit(NOT_COMPILED_IN);
	run(path, said, sizeof(said));
	CHECK(strcmp(said, "from a child of a child\n") == 0);
	runner_stop();
}

static void test_programs_are_not_confined(void **state)
{
	char *path = below("script");
	FILE *file = fopen(path, "we");

	(void)state;
	assert_non_null(file);
	(void)fprintf(file, "#!/bin/sh\necho \"$(cat %s/word | cat) of a child\"\n", directory);
	(void)fchmod(fileno(file), 0700);
	(void)fclose(file);
	free(path);
	path = below("word");
	file = fopen(path, "we");
	(void)fputs("from a child", file);
	(void)fclose(file);
	free(path);
	path = below("script");
	in_child(run_unconfined, path);
	free(path);
}

static void give_up_on_one(const char *path)
{
	struct words argv = {0};
	struct runner_order order = {.argv = &argv, .input = -1, .group = true};
	struct pollfd gone = {.events = 0};
	int ends[2], run;

	(void)path;
	words_split("/bin/sleep 600", &argv);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	order.output = order.complaint = ends[1];
	run = runner_run(&order);
	(void)close(ends[1]);
	words_release(&argv);
	CHECK(run >= 0);
	(void)close(run);
	gone.fd = ends[0]; /* it hangs up when nobody has the other end */
	CHECK(poll(&gone, 1, 30000) == 1 && (gone.revents & POLLHUP) != 0);
	runner_stop();
}

static void test_closing_kills(void **state)
{
	(void)state;
	in_child(give_up_on_one, NULL);
}

static void lose_it(const char *none)
{
	struct words argv = {0};
	struct runner_order order = {.argv = &argv, .input = -1};
	FILE *children;
	int runner = 0;

	(void)none;
	CHECK(runner_start(NULL, NULL, NULL) == OUTCOME_OK);
	children = fopen("/proc/thread-self/children", "re");
	CHECK(children != NULL && fscanf(children, "%d", &runner) == 1 && runner > 0);
	(void)fclose(children);
	CHECK(kill(runner, SIGKILL) == 0 && waitpid(runner, NULL, 0) == runner);
	order.output = order.complaint = STDERR_FILENO;
	words_split("/bin/true", &argv);
	CHECK(runner_run(&order) == -1 && errno == EPIPE);
	CHECK(strstr(runner_error_text(EPIPE), "restart") != NULL);
	words_release(&argv);
}

static void test_its_death_is_said(void **state)
{
	(void)state;
	in_child(lose_it, NULL);
}

static void try_calls(const char *argument)
{
	(void)argument;
	enter_calls();
}

/* What this machine, build or user cannot do is left out, with the reason: cmocka's skip() counts
 * as a failure in TAP. */
static bool can(bool it_can, const char *what)
{
	if (!it_can)
		print_message("# left out: %s\n", what);
	return it_can;
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static size_t add(struct CMUnitTest *tests, size_t count, const struct CMUnitTest *list,
		  size_t list_count)
{
	memcpy(tests + count, list, list_count * sizeof(*list));
	return count + list_count;
}

int main(void)
{
	const struct CMUnitTest always[] = {
		cmocka_unit_test(test_no_capability_is_left),
		cmocka_unit_test(test_runs_what_the_configuration_says),
		cmocka_unit_test(test_closing_kills),
		cmocka_unit_test(test_its_death_is_said),
	};
	const struct CMUnitTest as_root[] = {cmocka_unit_test(test_some_are_kept)};
	const struct CMUnitTest files[] = {cmocka_unit_test(test_only_what_was_allowed_is_opened)};
	const struct CMUnitTest calls[] = {
		cmocka_unit_test(test_calls_are_refused),
		cmocka_unit_test(test_daily_work_is_done),
		cmocka_unit_test(test_threads_are_confined_too),
		cmocka_unit_test(test_programs_are_not_confined),
	};
	struct CMUnitTest tests[16];
	size_t count = 0;

	count = add(tests, count, always, COUNT(always));
	if (can(geteuid() == 0, "only root has capabilities"))
		count = add(tests, count, as_root, COUNT(as_root));
	if (can(confine_files_version() >= 2, "no Landlock in this kernel or build"))
		count = add(tests, count, files, COUNT(files));
	if (can(status_of(try_calls, NULL) == 0, confine_calls_version()))
		count = add(tests, count, calls, COUNT(calls));
	return _cmocka_run_group_tests("confine", tests, count, make_directory, remove_directory);
}
