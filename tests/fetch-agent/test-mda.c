/* SPDX-License-Identifier: MIT */
/*
 * test-mda.c - messages into real programs through a real spawner: what reaches
 * them, what their ends mean, and that none takes a part of a message for the
 * whole.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "fetch-agent/delivery/envelope.h"
#include "fetch-agent/delivery/mda-arguments.h"
#include "fetch-agent/delivery/mda-verdict.h"
#include "fetch-agent/delivery/spawner.h"
#include "tests/common/scratch.h"

#include "common/banned.h"

#define VERDICTS_MAX 64
#define PATIENCE_S   60 /* a test that waits so long has failed */

/* The pure parts ------------------------------------------------------------------------------- */

static void arguments_are_split(void **state)
{
	static const struct {
		const char *text, *words; /* NULL: refused */
	} examples[] = {
		{"", ""},
		{"  /bin/a \t b ", "/bin/a|b|"},
		{"a 'b c' \"d e\"f g\"\"", "a|b c|d ef|g|"},
		{"'' \"\"", "||"},
		{"a\\ b 'c\\' \"d\\\"e\" \\", "a b|c\\|d\"e|\\|"},
		{"$HOME `x` $(y) ; | * ~", "$HOME|`x`|$(y)|;|||*|~|"},
		{"-d '%{recipient}' %{sender}", "-d|%{recipient}|%{sender}|"},
		{"'a", NULL},
		{"a \"b", NULL},
	};
	struct buffer got = BUFFER_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct words words = {0};

		buffer_clear(&got);
		assert_int_equal(mda_arguments_split(examples[i].text, &words),
				 examples[i].words != NULL);
		for (size_t j = 0; j < words.count; j++)
			(void)buffer_printf(&got, "%s|", words.word[j]);
		if (examples[i].words != NULL)
			assert_string_equal(buffer_cstr(&got), examples[i].words);
		words_release(&words);
	}
	buffer_release(&got);
}

static void exit_statuses_mean(void **state)
{
	static const struct {
		int status;
		enum delivery_kind kind;
	} examples[] = {
		{EX_OK, DELIVERY_DONE},
		{1, DELIVERY_LATER},
		{2, DELIVERY_LATER},
		{EX_USAGE, DELIVERY_LATER},
		{EX_DATAERR, DELIVERY_REFUSED},
		{EX_NOINPUT, DELIVERY_LATER},
		{EX_NOUSER, DELIVERY_REFUSED},
		{EX_NOHOST, DELIVERY_REFUSED},
		{EX_UNAVAILABLE, DELIVERY_REFUSED},
		{EX_SOFTWARE, DELIVERY_LATER},
		{EX_OSERR, DELIVERY_LATER},
		{EX_OSFILE, DELIVERY_LATER},
		{EX_CANTCREAT, DELIVERY_LATER},
		{EX_IOERR, DELIVERY_LATER},
		{EX_TEMPFAIL, DELIVERY_LATER},
		{EX_PROTOCOL, DELIVERY_LATER},
		{EX_NOPERM, DELIVERY_REFUSED},
		{EX_CONFIG, DELIVERY_LATER},
		{127, DELIVERY_LATER},
		{255, DELIVERY_LATER},
	};
	char program[] = "/x";
	struct delivery_config config = {.path = program, .timeout_s = 9};
	struct delivery_verdict verdict;

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		mda_verdict(&config,
			    &(struct mda_end){.status = examples[i].status << 8, .words = ""},
			    &verdict);
		assert_int_equal(verdict.kind, examples[i].kind);
		assert_int_equal(verdict.outcome == OUTCOME_OK, verdict.kind == DELIVERY_DONE);
	}
	mda_verdict(&config, &(struct mda_end){.status = EX_NOUSER << 8, .words = "no such person"},
		    &verdict);
	assert_string_equal(verdict.err.text, "/x: exit status 67 (user unknown): no such person");
	mda_verdict(&config, &(struct mda_end){.status = SIGKILL, .had_all = true, .words = ""},
		    &verdict);
	assert_int_equal(verdict.kind, DELIVERY_LATER);
	assert_string_equal(
		verdict.err.text,
		"/x: killed by signal 9; it may have kept the message, which comes twice then");
	mda_verdict(&config, &(struct mda_end){.terminated = true, .words = "wait"}, &verdict);
	assert_int_equal(verdict.kind, DELIVERY_LATER);
	assert_string_equal(verdict.err.text,
			    "/x: took longer than deliver_timeout, 9 s: ended: wait");
	mda_verdict(&config, &(struct mda_end){.how = SPAWN_LOST, .words = ""}, &verdict);
	assert_int_equal(verdict.kind, DELIVERY_DOWN);
}

/* Programs ------------------------------------------------------------------------------------- */

struct got {
	uint32_t uid;
	struct delivery_verdict verdict;
};

struct stage {
	char top[32];
	struct event_base *base;
	struct delivery_config config;
	const struct delivery_config *configs[1];
	struct delivery_world world;
	struct delivery *delivery;
	struct got got[VERDICTS_MAX];
	size_t count, wanted;
	bool room;
	bool lost; /* the spawner */
};

static void on_lost(void *ctx)
{
	struct stage *stage = ctx;

	stage->lost = true;
}

static void on_verdict(void *ctx, uint32_t uid, const struct delivery_verdict *verdict)
{
	struct stage *stage = ctx;

	assert_true(stage->count < VERDICTS_MAX);
	stage->got[stage->count++] = (struct got){uid, *verdict};
	if (stage->count == stage->wanted)
		(void)event_base_loopbreak(stage->base);
}

static void on_room(void *ctx)
{
	struct stage *stage = ctx;

	stage->room = true;
	(void)event_base_loopbreak(stage->base);
}

static int setup(void **state)
{
	struct stage *stage = xcalloc(1, sizeof(*stage));

	(void)signal(SIGPIPE, SIG_IGN);
	assert_true(scratch_make(stage->top, sizeof(stage->top), "mda"));
	assert_int_equal(chmod(stage->top, 0755), 0);
	stage->base = event_base_new();
	*state = stage;
	return 0;
}

static void close_stage(struct stage *stage)
{
	delivery_close(stage->delivery);
	stage->delivery = NULL;
	spawner_stop(stage->world.spawner);
	stage->world.spawner = NULL;
	delivery_config_release(&stage->config);
	stage->count = 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	close_stage(stage);
	event_base_free(stage->base);
	assert_true(scratch_remove(stage->top));
	free(stage);
	return 0;
}

/* deliver = mda:PROGRAM arguments; the program is a script when body is given.
 */
static void open_stage(struct stage *stage, const char *body, const char *arguments, int64_t limit)
{
	const struct delivery_handler handler = {on_verdict, on_room, stage};
	char *program = xasprintf("%s/mda", stage->top);
	char *text = xasprintf("mda:%s %s", body != NULL ? program : "", arguments);
	struct err err = ERR_INIT;

	if (body != NULL) {
		FILE *file = fopen(program, "we");

		assert_non_null(file);
		fprintf(file, "#!/bin/sh\ntop=%s\n%s\n", stage->top, body);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(chmod(program, 0755), 0);
	}
	stage->config.timeout_s = limit;
	assert_int_equal(delivery_config_parse(text, &stage->config, &err), OUTCOME_OK);
	stage->configs[0] = &stage->config;
	assert_int_equal(spawner_start(stage->configs, 1, &stage->world.spawner, &err), OUTCOME_OK);
	spawner_attach(stage->world.spawner, stage->base, on_lost, stage);
	stage->world.base = stage->base;
	assert_int_equal(
		delivery_open(&stage->config, &stage->world, &handler, &stage->delivery, &err),
		OUTCOME_OK);
	free(program);
	free(text);
}

static void await(struct stage *stage, size_t verdicts)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};

	stage->wanted = verdicts;
	(void)event_base_loopexit(stage->base, &patience);
	while (stage->count < verdicts) {
		assert_int_equal(event_base_dispatch(stage->base), 0);
		assert_false(event_base_got_exit(stage->base));
	}
}

static void begin(struct stage *stage, const char *sender, const char *recipients)
{
	static const struct envelope_place place = {.account = "relay", .folder = "a b"};
	struct words words = {0};
	struct delivery_envelope envelope = {sender, &words};
	struct delivery_facts facts = {.envelope = &envelope, .place = &place};

	words_split(recipients, &words);
	delivery_begin(stage->delivery, &facts);
	words_release(&words);
}

static void deliver(struct stage *stage, uint32_t uid, const char *recipients, const char *text)
{
	begin(stage, "from@example", recipients);
	(void)delivery_write(stage->delivery, span_from_str(text));
	delivery_end(stage->delivery, uid);
}

/* The content of a file in the scratch directory; NULL: it is not there. */
static char *content(const struct stage *stage, const char *name)
{
	static char bytes[65536];
	char *path = xasprintf("%s/%s", stage->top, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, bytes, sizeof(bytes) - 1) : -1;

	free(path);
	if (fd < 0)
		return NULL;
	(void)close(fd);
	bytes[len > 0 ? len : 0] = '\0';
	return bytes;
}

static void expect(const struct stage *stage, enum delivery_kind kind, const char *words)
{
	const struct got *got = &stage->got[stage->count - 1];

	assert_int_equal(got->verdict.kind, kind);
	if (words != NULL && strstr(got->verdict.err.text, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, got->verdict.err.text);
}

static void gets_message_arguments_and_environment(void **state)
{
	struct stage *stage = *state;

	open_stage(stage,
		   "cat >$top/message; printf '%s|' \"$@\" >$top/arguments\n"
		   "printf '%s|' \"$SENDER\" \"$RECIPIENT\" \"$HOME\" \"$USER\" "
		   ">$top/environment\n"
		   "umask >$top/umask; env | grep -c . >$top/variables; ls "
		   "/proc/self/fd >$top/fds",
		   "-f %{sender} 'x y' --to=%{recipient} %{folder}/%{account} $HOME", 0);
	deliver(stage, 7, "alice@x", "a\r\nb\rc\r\n\r\n\r");
	await(stage, 1);
	expect(stage, DELIVERY_DONE, NULL);
	assert_int_equal(stage->got[0].uid, 7);
	assert_string_equal(content(stage, "message"), "a\nb\rc\n\n\r");
	assert_string_equal(content(stage, "arguments"),
			    "-f|from@example|x y|--to=alice@x|a b/relay|$HOME|");
	assert_memory_equal(content(stage, "environment"), "from@example|alice@x|/", 22);
	assert_string_equal(content(stage, "umask"), "0077\n");
	/* ls opens the directory as 3. */
	assert_string_equal(content(stage, "fds"), "0\n1\n2\n3\n");
}

static void ends_mean(void **state)
{
	static const struct {
		const char *body;
		enum delivery_kind kind;
		const char *words;
	} examples[] = {
		{"exit 1", DELIVERY_LATER, "exit status 1 "},
		{"cat >/dev/null; exit 75", DELIVERY_LATER, "temporary failure"},
		{"cat >/dev/null; echo 'no such' >&2; echo 'person' >&2; exit 67", DELIVERY_REFUSED,
		 "(user unknown): no such person"},
		{"exec <&-; exit 0", DELIVERY_DONE, NULL},
		{"exit 0", DELIVERY_DONE, NULL},
		{"kill -9 $$", DELIVERY_LATER, "signal 9"},
		{"kill -PIPE $$", DELIVERY_LATER, "signal 13"}, /* ignored here, not there */
		{"cat >/dev/null; head -c 1000000 /dev/zero | tr '\\0' x >&2; echo last "
		 ">&2; exit 65",
		 DELIVERY_REFUSED, "xlast"},
		{"printf 'a\\033[31m\\007b' >&2; exit 77", DELIVERY_REFUSED, "a?[31m?b"},
	};
	struct stage *stage = *state;
	char *large = xcalloc(1, 300001);

	memset(large, 'x', 300000);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		open_stage(stage, examples[i].body, "", 0);
		deliver(stage, 1, "alice", i % 2 == 0 ? "text\r\n" : large);
		await(stage, 1);
		expect(stage, examples[i].kind, examples[i].words);
		close_stage(stage);
	}
	free(large);
}

static void a_missing_program_is_down(void **state)
{
	struct stage *stage = *state;

	open_stage(stage, NULL, "/nonexistent/mda", 0);
	deliver(stage, 1, "alice", "text\r\n");
	await(stage, 1);
	expect(stage, DELIVERY_DOWN, "cannot run /nonexistent/mda: No such file or directory");
	deliver(stage, 2, "alice", "text\r\n");
	await(stage, 2);
	expect(stage, DELIVERY_LATER, NULL);
}

static void one_that_hangs_is_ended(void **state)
{
	struct stage *stage = *state;

	open_stage(stage, "echo asleep >&2; sleep 1000", "", 1);
	deliver(stage, 1, "alice", "text\r\n");
	await(stage, 1);
	expect(stage, DELIVERY_LATER,
	       "deliver_timeout, 1 s: ended: asleep; it may have kept the message");
}

static void addresses_make_no_options(void **state)
{
	struct stage *stage = *state;

	open_stage(stage, "cat >/dev/null", "%{sender} -f%{sender} x%{sender}", 0);
	begin(stage, "--config=/tmp/x", "alice");
	delivery_end(stage->delivery, 1);
	await(stage, 1);
	expect(stage, DELIVERY_REFUSED, "begins with '-'");
	begin(stage, "a\nb", "alice");
	delivery_end(stage->delivery, 2);
	await(stage, 2);
	expect(stage, DELIVERY_REFUSED, "control characters");
	begin(stage, "", "alice");
	delivery_end(stage->delivery, 3);
	await(stage, 3);
	expect(stage, DELIVERY_DONE, NULL);
}

/* The program has read a part, says so, and the message is dropped. */
static void a_part_is_never_the_whole(void **state)
{
	struct stage *stage = *state;
	char byte;
	char *fifo = xasprintf("%s/ready", stage->top);
	int fd;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDWR | O_CLOEXEC);
	open_stage(stage, "head -n 1 >/dev/null; echo >$top/ready; cat >/dev/null; echo >>$top/end",
		   "", 0);
	begin(stage, "a@b", "alice");
	(void)delivery_write(stage->delivery, span_from_str("first\r\nsecond\r\n"));
	assert_int_equal(read(fd, &byte, 1), 1);
	delivery_drop(stage->delivery);
	/* A later one shows that the first is over, without waiting for nothing to
	 * happen. */
	deliver(stage, 2, "alice", "whole\r\n");
	await(stage, 1);
	assert_int_equal(stage->got[0].uid, 2);
	assert_string_equal(content(stage, "end"), "\n");
	(void)close(fd);
	free(fifo);
}

/* The main process dies in the middle of a message; `alive` is open while its spawner lives. */
static void nor_is_it_when_we_die(void **state)
{
	struct stage *stage = *state;
	char *fifo = xasprintf("%s/ready", stage->top);
	int alive[2], fd;
	char byte;
	pid_t pid;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDWR | O_CLOEXEC);
	assert_int_equal(pipe(alive), 0);
	pid = fork();
	if (pid == 0) {
		open_stage(stage, "head -n 1 >/dev/null; echo >$top/ready; cat; echo >$top/end", "",
			   0);
		begin(stage, "a@b", "alice");
		(void)delivery_write(stage->delivery, span_from_str("first\r\nsecond\r\n"));
		_exit(read(fd, &byte, 1) == 1 ? 0 : 1);
	}
	(void)close(alive[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read(alive[0], &byte, 1), 0);
	assert_null(content(stage, "end"));
	(void)close(alive[0]);
	(void)close(fd);
	free(fifo);
}

/* More than a pipe holds: the source is stopped, and goes on when there is
 * room. */
static void waits_for_a_slow_reader(void **state)
{
	struct stage *stage = *state;
	size_t size = 1000000, stops = 0;
	char *text = xcalloc(1, size + 1), *expected;

	memset(text, 'y', size);
	open_stage(stage, "sleep 0.2; wc -c >$top/count", "", 0);
	begin(stage, "a@b", "alice");
	for (size_t at = 0; at < size; at += 50000) {
		stage->room = false;
		if (delivery_write(stage->delivery, (struct span){text + at, 50000}))
			continue;
		stops++;
		while (!stage->room)
			(void)event_base_dispatch(stage->base);
	}
	delivery_end(stage->delivery, 1);
	await(stage, 1);
	expect(stage, DELIVERY_DONE, NULL);
	assert_true(stops > 0);
	expected = content(stage, "count");
	assert_memory_equal(expected, "1000000\n", 8);
	free(text);
}

/* Four at once; the fifth waits for a place, and each recipient is a run of its
 * own. */
static void several_at_once_and_one_for_each(void **state)
{
	struct stage *stage = *state;

	open_stage(stage,
		   "cat >/dev/null; mkdir $top/run.$$; ls -d $top/run.* | wc -l "
		   ">>$top/at-once\n"
		   "sleep 0.1; rmdir $top/run.$$; echo $2 >>$top/who",
		   "-d %{recipient}", 0);
	for (uint32_t uid = 1; uid <= 12; uid++)
		deliver(stage, uid, uid == 1 ? "alice bob" : "carol", "text\r\n");
	await(stage, 12);
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(stage->got[i].verdict.kind, DELIVERY_DONE);
	assert_non_null(strstr(content(stage, "who"), "alice\n"));
	assert_non_null(strstr(content(stage, "who"), "bob\n"));
	/* The message with two recipients has one place. */
	for (const char *at = content(stage, "at-once"); *at != '\0'; at++)
		assert_true(*at == '\n' || *at <= '5');
}

static void one_recipient_refused_is_refused(void **state)
{
	struct stage *stage = *state;

	open_stage(stage, "cat >/dev/null; [ $2 != bob ] || exit 67", "-d %{recipient}", 0);
	deliver(stage, 1, "alice bob carol", "text\r\n");
	await(stage, 1);
	expect(stage, DELIVERY_REFUSED, "user unknown");
}

static void runs_as_another_user(void **state)
{
	struct stage *stage = *state;
	struct spawner *spawner = NULL;
	const struct passwd *nobody = getpwnam("nobody");
	char *expected;
	struct err err = ERR_INIT;

	if (nobody == NULL)
		skip();
	stage->config.mda_user = xstrdup("nobody");
	if (geteuid() != 0) {
		stage->configs[0] = &stage->config;
		assert_int_equal(spawner_start(stage->configs, 1, &spawner, &err), OUTCOME_CONFIG);
		assert_non_null(strstr(err.text, "needs root"));
		return;
	}
	expected = xasprintf("%u %u %u nobody\n", (unsigned)nobody->pw_uid,
			     (unsigned)nobody->pw_gid, (unsigned)nobody->pw_uid);
	assert_int_equal(chmod(stage->top, 0777), 0);
	open_stage(stage, "cat >/dev/null; echo `id -u` `id -g` `id -ru` $USER >$top/id", "", 0);
	deliver(stage, 1, "alice", "text\r\n");
	await(stage, 1);
	expect(stage, DELIVERY_DONE, NULL);
	assert_string_equal(content(stage, "id"), expected);
	free(expected);
}

/* A program's parent is the spawner. */
static void the_spawner_dies(void **state)
{
	struct stage *stage = *state;

	open_stage(stage, "cat >/dev/null; kill -9 $PPID; exit 0", "", 0);
	deliver(stage, 1, "alice", "text\r\n");
	await(stage, 1);
	expect(stage, DELIVERY_DOWN, "the process that runs MDAs ended");
	(void)event_base_loop(stage->base, EVLOOP_NONBLOCK);
	assert_true(stage->lost);
}

/* Before the event loop tells of it: what can be run no more is not to wait its time, as what was
 * tried in vain does. */
static void the_spawner_is_dead_already(void **state)
{
	struct stage *stage = *state;
	siginfo_t info;

	open_stage(stage, "cat >/dev/null; kill -9 $PPID; exit 0", "", 0);
	deliver(stage, 1, "alice", "text\r\n");
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	deliver(stage, 2, "alice", "text\r\n");
	await(stage, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(stage->got[i].verdict.kind, DELIVERY_DOWN);
		assert_non_null(
			strstr(stage->got[i].verdict.err.text, "the process that runs MDAs ended"));
	}
}

static void wrong_words_are_said(void **state)
{
	static const char *const wrong[] = {"mda:", "mda:dovecot-lda", "mda:/x 'y", "mda:/x %{uid}",
					    "mda:/x %{sender"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct delivery_config config = {0};
		struct err err = ERR_INIT;

		assert_int_equal(delivery_config_parse(wrong[i], &config, &err), OUTCOME_CONFIG);
		assert_non_null(strstr(err.text, wrong[i]));
		delivery_config_release(&config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_split),
		cmocka_unit_test(exit_statuses_mean),
		cmocka_unit_test(wrong_words_are_said),
		cmocka_unit_test_setup_teardown(gets_message_arguments_and_environment, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ends_mean, setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_program_is_down, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_hangs_is_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_make_no_options, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_is_never_the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(nor_is_it_when_we_die, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_a_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(several_at_once_and_one_for_each, setup, teardown),
		cmocka_unit_test_setup_teardown(one_recipient_refused_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_as_another_user, setup, teardown),
		cmocka_unit_test_setup_teardown(the_spawner_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(the_spawner_is_dead_already, setup, teardown),
	};

	return cmocka_run_group_tests_name("mda", tests, NULL, NULL);
}
