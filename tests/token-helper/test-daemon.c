/* SPDX-License-Identifier: MIT */
/*
 * test-daemon.c - the real mailoauthd before clients, an authorization server and an administrator
 * who all misbehave.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/helper-protocol.h"
#include "common/xalloc.h"
#include "tests/token-helper/daemon-stage.h"

#include "common/banned.h"

#define ASKERS 50
#define IDLERS 500
#define CROWD  120 /* of which half fits */
#define NOBODY 65534

static struct stage stage;

static int open_stage(void **state)
{
	(void)state;
	stage_open(&stage);
	return 0;
}

static int close_stage(void **state)
{
	(void)state;
	stage_close(&stage);
	return 0;
}

/* One account, relay, whose token at-0 lives for so long. */
static void start_with(int64_t lives_s)
{
	char *conf = stage_account("relay", "");

	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", lives_s);
	stage_start(&stage);
	free(conf);
}

static void check_reply(char *reply, const char *start, const char *part)
{
	if (reply == NULL || strncmp(reply, start, strlen(start)) != 0 ||
	    strstr(reply, part) == NULL)
		fail_msg("\"%s\" is not \"%s...%s\"", reply != NULL ? reply : "(nothing)", start,
			 part);
	free(reply);
}

static void check_ask(const char *request, const char *start, const char *part)
{
	check_reply(stage_ask(&stage, request), start, part);
}

static void check_refresh_token(const char *name, const char *token)
{
	struct grant grant;

	stage_read_grant(&stage, name, &grant);
	assert_string_equal(buffer_cstr(&grant.refresh_token), token);
	grant_release(&grant);
}

static void end_well(void)
{
	assert_int_equal(stage_stop(&stage), 0);
}

/* token --------------------------------------------------------------------------------------- */

static void a_living_token_is_handed_out(void **state)
{
	(void)state;
	start_with(3600);
	check_ask("token selector=relay",
		  "OK account=relay user=relay@example.test expires=", " token=at-0");
	check_ask("token user=RELAY@example.test service=smtp host=SMTP.example.test", "OK ",
		  " token=at-0");
	check_ask("token selector=relay service=imap", "OK account=relay user=",
		  " hosts=imap.example.test%20imap2.example.test token=at-0");
	check_ask("token selector=other", "PERM config ", "account");
	assert_int_equal(stage.endpoint->requests, 0);
	end_well();
}

static void fifty_askers_make_one_request(void **state)
{
	int fds[ASKERS];

	(void)state;
	start_with(-60);
	stage.endpoint->held = true;
	for (int i = 0; i < ASKERS; i++) {
		fds[i] = stage_connect(&stage);
		stage_send(fds[i], "token selector=relay");
	}
	/* Answered after all the others: they have been read. */
	check_ask("ping ", "OK ", "accounts=1");
	(void)sem_post(&stage.endpoint->release);
	for (int i = 0; i < ASKERS; i++) {
		check_reply(stage_receive(fds[i]), "OK ", " token=at-1");
		close(fds[i]);
	}
	assert_int_equal(stage.endpoint->requests, 1);
	check_refresh_token("relay", "rt-1");
	end_well();
}

static void the_scope_is_sent_and_no_secret(void **state)
{
	(void)state;
	start_with(-60);
	check_ask("token selector=relay", "OK ", "at-1");
	assert_non_null(strstr(stage.endpoint->request, "scope=mail"));
	assert_non_null(strstr(stage.endpoint->request, "refresh_token=rt-0"));
	assert_null(strstr(stage.endpoint->request, "client_secret"));
	end_well();
}

static void a_refresh_carries_what_the_provider_wants(void **state)
{
	char *conf = stage_account("relay", "redirect = http://localhost:8400/back\n"
					    "refresh_redirect_uri = yes\nresource = urn:mail\n");

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", -60);
	stage_start(&stage);
	check_ask("token selector=relay", "OK ", "at-1");
	assert_non_null(strstr(stage.endpoint->request,
			       "redirect_uri=http%3A%2F%2Flocalhost%3A8400%2Fback"));
	assert_non_null(strstr(stage.endpoint->request, "resource=urn%3Amail"));
	/* A port is added only where any will do. */
	check_ask("authorize-begin account=relay port=9", "OK ",
		  "\"redirect_uri\":\"http://localhost:8400/back\"");
	free(conf);
	end_well();
}

static void an_outage_is_bridged_while_the_token_lives(void **state)
{
	(void)state;
	start_with(100); /* less than min_valid */
	stage_answer(&stage, "503 Busy", "Retry-After: 200\r\n", "");
	check_ask("token selector=relay", "OK ", " token=at-0");
	check_ask("token selector=relay", "OK ", " token=at-0");
	assert_int_equal(stage.endpoint->requests, 1);
	check_ask("refresh account=relay", "TEMP retry account relay: ", "503");
	end_well();
}

static void an_outage_without_a_token_is_temporary(void **state)
{
	(void)state;
	start_with(-60);
	stage_answer(&stage, "503 Busy", "Retry-After: 200\r\n", "");
	check_ask("token selector=relay", "TEMP retry account relay: ", "next attempt in 200 s");
	check_ask("login smtp.example.test", "TEMP retry account relay: ", "next attempt in");
	assert_int_equal(stage.endpoint->requests, 1);
	end_well();
}

/* Two accounts fail; a third one is told of it without a request, and without their names. */
static void an_outage_of_two_is_told_to_a_third(void **state)
{
	char *a = stage_account("a", "");
	char *b = stage_account("b", "");
	char *c = stage_account("c", "");
	char *conf = xasprintf("%s%s%s", a, b, c);
	char *says =
		xasprintf("TEMP retry account c: http://127.0.0.1:%d is down (last attempt there: ",
			  stage.port);

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "a", -60);
	stage_grant(&stage, "b", -60);
	stage_grant(&stage, "c", -60);
	stage_answer(&stage, "503 Busy", "Retry-After: 200\r\n", "");
	stage_start(&stage);
	check_ask("token selector=a", "TEMP retry account a: ", "next attempt in 200 s");
	check_ask("token selector=b", "TEMP retry account b: ", "next attempt in 200 s");
	check_ask("token selector=c", says, " s; to try at once: mailoauth refresh c");
	assert_int_equal(stage.endpoint->requests, 2);
	check_ask("status ", "OK {\"version\":1,",
		  "\"endpoints_down\":[{\"url\":\"http://127.0.0.1:");
	check_ask("status account=c", "OK {\"version\":1,", "\"endpoints_down\":[{\"url\":");
	stage_answer_tokens(&stage);
	check_ask("refresh account=c", "OK ", "");
	assert_int_equal(stage.endpoint->requests, 3);
	check_ask("status ", "OK {\"version\":1,", "\"endpoints_down\":[],");
	end_well();
	assert_true(stage_log_has(&stage, " down: two accounts failed in succession"));
	assert_true(stage_log_has(&stage, " s: account=c had an answer; accounts that waited: "));
	free(says);
	free(conf);
	free(c);
	free(b);
	free(a);
}

static void a_dead_grant_says_what_to_type_and_stays(void **state)
{
	(void)state;
	start_with(-60);
	stage_answer(&stage, "400 Bad", "", "{\"error\":\"invalid_grant\"}");
	check_ask("token selector=relay",
		  "PERM consent account relay: ", "run: mailoauth authorize relay");
	check_ask("token selector=relay",
		  "PERM consent account relay: ", "run: mailoauth authorize relay");
	check_ask("login [smtp.example.test]:587", "PERM consent account relay: ", "run: ");
	assert_int_equal(stage.endpoint->requests, 1);
	check_refresh_token("relay", "rt-0");
	end_well();
}

/* The answer cannot be used, but the server has retired rt-0 all the same. */
static void a_refresh_token_in_a_bad_answer_is_kept(void **state)
{
	(void)state;
	start_with(-60);
	stage_answer(&stage, "200 OK", "",
		     "{\"access_token\":\"not a token\",\"token_type\":\"Bearer\","
		     "\"expires_in\":3600,\"refresh_token\":\"rt-%d\"}");
	check_ask("token selector=relay", "", "account relay: ");
	check_refresh_token("relay", "rt-1");
	stage_answer_tokens(&stage);
	check_ask("refresh account=relay", "OK ", "");
	assert_non_null(strstr(stage.endpoint->request, "refresh_token=rt-1"));
	end_well();
}

static void a_damaged_grant_is_left_alone(void **state)
{
	char *path = xasprintf("%s/store/relay.grant", stage.dir);
	char *conf = stage_account("relay", "");
	struct stat st;
	FILE *file;

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("{", file);
	(void)fclose(file);
	stage_start(&stage);
	check_ask("token selector=relay",
		  "PERM config account relay: ", "run: mailoauth authorize relay");
	check_ask("refresh account=relay", "PERM config account relay: ", "relay.grant");
	check_ask("status ", "OK ", "mend or restore its file");
	assert_int_equal(stage.endpoint->requests, 0);
	end_well();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1);
	free(path);
	free(conf);
}

/* rejected ------------------------------------------------------------------------------------ */

static void report_rejected(const char *token)
{
	char *request = xasprintf(
		"rejected account=relay service=smtp host=smtp.example.test fingerprint=%016llx "
		"said=no",
		(unsigned long long)token_fingerprint(span_from_str(token)));

	check_ask(request, "OK ", "");
	free(request);
}

static void a_rejected_token_is_replaced_once_a_minute(void **state)
{
	(void)state;
	start_with(3600);
	report_rejected("another token");
	check_ask("token selector=relay", "OK ", "token=at-0");
	report_rejected("at-0");
	check_ask("token selector=relay", "OK ", "token=at-1");
	report_rejected("at-1");
	check_ask("token selector=relay", "OK ", "token=at-1");
	assert_int_equal(stage.endpoint->requests, 1);
	end_well();
}

static void a_rejected_token_is_never_given_again(void **state)
{
	(void)state;
	start_with(3600);
	stage_answer(&stage, "503 Busy", "", "");
	report_rejected("at-0");
	for (int i = 0; i < 3; i++)
		check_ask("token selector=relay", "TEMP retry ", "");
	end_well();
}

static void an_accepted_token_is_shown_by_status(void **state)
{
	(void)state;
	start_with(3600);
	check_ask("status account=relay", "OK ", "\"accepted\":null");
	check_ask("accepted account=relay service=smtp host=smtp.example.test", "OK ", "");
	check_ask("status account=relay", "OK ", "\"host\":\"smtp.example.test\"}");
	check_ask("accepted account=nobody host=x", "PERM config ", "");
	check_ask("token selector=relay", "OK ", "token=at-0");
	assert_int_equal(stage.endpoint->requests, 0);
	end_well();
}

/* login, selection ---------------------------------------------------------------------------- */

static void start_with_two(const char *more_a, const char *more_b)
{
	char *a = stage_account("a", more_a);
	char *b = stage_account("b", more_b);
	char *conf = xasprintf("%s%s", a, b);

	stage_configure(&stage, conf);
	stage_grant(&stage, "a", 3600);
	stage_grant(&stage, "b", 3600);
	stage_start(&stage);
	free(a);
	free(b);
	free(conf);
}

static void login_finds_host_sender_or_nobody(void **state)
{
	(void)state;
	start_with_two("", "senders = @b.example\nsmtp_user = B\n");
	check_ask("login a@example.test", "OK a@example.test:Bearer at-0", "");
	check_ask("login Joe@B.example", "OK B:Bearer at-0", "");
	check_ask("login other@example.test", "NOTFOUND ", "");
	check_ask("login [mail.example.test]:587", "NOTFOUND ", "");
	check_ask("login imap.example.test", "NOTFOUND ", "");
	check_ask("login ", "NOTFOUND ", "");
	check_ask("login [smtp.example.test]:587", "PERM config ", "a, b");
	end_well();
}

static void login_takes_the_one_default(void **state)
{
	(void)state;
	start_with_two("", "default = yes\n");
	check_ask("login [smtp.example.test]:587", "OK b@example.test:Bearer ", "");
	end_well();
}

static void two_defaults_are_none(void **state)
{
	(void)state;
	start_with_two("default = yes\n", "default = yes\n");
	check_ask("login [smtp.example.test]:587", "PERM config ", "a, b");
	end_well();
}

static char *repeat(const char *before, char byte, int count, const char *after)
{
	struct buffer text = BUFFER_INIT(65536);
	char *copy;

	(void)buffer_append_str(&text, before);
	while (count-- > 0)
		(void)buffer_append_byte(&text, byte);
	(void)buffer_append_str(&text, after);
	copy = xspandup(buffer_span(&text));
	buffer_release(&text);
	return copy;
}

/* Too long a host is not no host: the token goes nowhere else. */
static void tokens_go_to_their_hosts_only(void **state)
{
	char *request;

	(void)state;
	start_with(3600);
	check_ask("token selector=relay service=smtp host=evil.example", "PERM config ",
		  "not for the server evil.example");
	check_ask("token selector=relay service=smtp host=imap.example.test", "PERM config ", "");
	check_ask("token selector=relay service=pop", "PERM config ", "not for pop");
	request = repeat("token selector=relay service=smtp host=", 'e', 1500, "");
	check_ask(request, "PERM config ", "not for the server");
	free(request);
	request = repeat("token selector=relay service=", 's', 40, "");
	check_ask(request, "PERM config ", "smtp, imap and pop");
	free(request);
	check_ask("token selector=relay min_valid=many", "PERM protocol ", "min_valid");
	end_well();
}

static void strangers_are_denied(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		skip();
		return;
	}
	start_with(3600);
	pid = fork();
	if (pid == 0) {
		char *token;
		char *ping;

		if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
			_exit(2);
		token = stage_ask(&stage, "token selector=relay");
		ping = stage_ask(&stage, "ping ");
		_exit(token != NULL && strncmp(token, "PERM denied ", 12) == 0 && ping != NULL &&
				      strncmp(ping, "PERM denied ", 12) == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(stage_log_has(&stage, "denied: "));
	end_well();
}

/* Reload -------------------------------------------------------------------------------------- */

static void hang_up(void)
{
	(void)kill(stage.daemon, SIGHUP);
	stage_await(&stage, "RELOADING=1");
	stage_await(&stage, "READY=1");
}

static void a_broken_file_changes_nothing(void **state)
{
	char *where;

	(void)state;
	start_with(3600);
	stage_configure(&stage, "[account relay]\nprovider = custom\nnonsense = 1\n");
	hang_up();
	where = xasprintf("%s:7: nonsense is not a key of [account]", stage.conf);
	assert_true(stage_log_has(&stage, where));
	check_ask("token selector=relay", "OK ", "at-0");
	check_ask("reload ", "PERM config ", "problem");
	end_well();
	free(where);
}

static void accounts_come_and_go(void **state)
{
	char *a = stage_account("a", "");

	(void)state;
	start_with_two("", "");
	check_ask("ping ", "OK ", "accounts=2");
	stage_configure(&stage, a);
	hang_up();
	check_ask("ping ", "OK ", "accounts=1");
	check_ask("token selector=a", "OK ", "at-0");
	check_ask("token selector=b", "PERM config ", "no account");
	end_well();
	free(a);
}

/* Account relay is refreshing, and fd waits for its token. */
static int start_refreshing(void)
{
	int fd;

	start_with(-60);
	stage.endpoint->held = true;
	fd = stage_connect(&stage);
	stage_send(fd, "token selector=relay");
	assert_int_equal(sem_wait(&stage.endpoint->arrived), 0);
	return fd;
}

static void an_account_that_goes_in_flight_keeps_its_grant(void **state)
{
	char *other = stage_account("other", "");
	int fd;

	(void)state;
	fd = start_refreshing();
	stage_configure(&stage, other);
	hang_up();
	check_reply(stage_receive(fd), "PERM config account relay: ", "no longer configured");
	(void)kill(stage.daemon, SIGTERM);
	stage_await(&stage, "STOPPING=1");
	(void)sem_post(&stage.endpoint->release);
	assert_int_equal(stage_wait(&stage), 0);
	check_refresh_token("relay", "rt-1");
	close(fd);
	free(other);
}

/* A grant whose account has gone must not come back when the last refresh of it ends: neither after
 * it was forgotten nor over one that was restored. */
static void what_is_in_flight_is_not_forgotten_under_it(void **state)
{
	char *other = stage_account("other", "");
	int fd;

	(void)state;
	fd = start_refreshing();
	stage_configure(&stage, other);
	hang_up();
	check_reply(stage_receive(fd), "PERM config account relay: ", "no longer configured");
	check_ask("forget account=relay", "TEMP retry account relay: ", "refreshed");
	check_ask("restore account=relay size=121 offset=0 force=yes data="
		  "{\"version\":1,\"account\":\"relay\",\"access_expires\":0,\"access_obtained\":0,"
		  "\"refresh_obtained\":0,\"authorized\":1,\"generation\":0}",
		  "TEMP retry account relay: ", "refreshed");
	(void)sem_post(&stage.endpoint->release);
	end_well();
	check_refresh_token("relay", "rt-1");
	stage_start(&stage);
	check_ask("forget account=relay", "OK ", "is not configured");
	check_ask("backup account=relay offset=0", "OK ", "");
	check_ask("status account=relay", "PERM config ", "");
	end_well();
	close(fd);
	free(other);
}

static void an_account_that_comes_back_in_flight_goes_on(void **state)
{
	char *other = stage_account("other", "");
	char *relay = stage_account("relay", "");
	int fd;
	int again;

	(void)state;
	fd = start_refreshing();
	stage_configure(&stage, other);
	hang_up();
	stage_configure(&stage, relay);
	hang_up();
	again = stage_connect(&stage);
	stage_send(again, "token selector=relay");
	check_ask("ping ", "OK ", "");
	(void)sem_post(&stage.endpoint->release);
	check_reply(stage_receive(again), "OK ", "token=at-1");
	assert_int_equal(stage.endpoint->requests, 1);
	end_well();
	close(fd);
	close(again);
	free(other);
	free(relay);
}

static void a_reload_in_flight_keeps_the_waiters(void **state)
{
	int fd;

	(void)state;
	fd = start_refreshing();
	hang_up();
	(void)sem_post(&stage.endpoint->release);
	check_reply(stage_receive(fd), "OK ", "token=at-1");
	end_well();
	close(fd);
}

/* The end ------------------------------------------------------------------------------------- */

static void the_end_waits_for_a_rotated_token(void **state)
{
	int fd;

	(void)state;
	fd = start_refreshing();
	(void)kill(stage.daemon, SIGTERM);
	stage_await(&stage, "STOPPING=1");
	(void)sem_post(&stage.endpoint->release);
	assert_int_equal(stage_wait(&stage), 0);
	check_reply(stage_receive(fd), "OK ", "token=at-1");
	check_refresh_token("relay", "rt-1");
	assert_int_equal(stage.endpoint->requests, 1);
	close(fd);
}

/* A client that has connected asks at once, but not at the same instant. */
static void the_end_waits_for_who_is_about_to_ask(void **state)
{
	static const char rest[] = "token selector=relay,";
	int whole, part;

	(void)state;
	start_with(3600);
	whole = stage_connect(&stage);
	part = stage_connect(&stage);
	stage_send_raw(part, "20:", 3);
	check_ask("ping ", "OK ", "accounts=1"); /* both have been accepted */
	(void)kill(stage.daemon, SIGTERM);
	stage_await(&stage, "STOPPING=1");
	stage_send(whole, "token selector=relay");
	check_reply(stage_receive(whole), "OK ", "token=at-0");
	stage_send_raw(part, rest, sizeof(rest) - 1);
	check_reply(stage_receive(part), "OK ", "token=at-0");
	close(whole);
	close(part);
	assert_int_equal(stage_wait(&stage), 0);
}

static void the_end_answers_who_has_asked(void **state)
{
	int fds[ASKERS];

	(void)state;
	start_with(3600);
	check_ask("ping ", "OK ", "accounts=1");
	(void)kill(stage.daemon, SIGSTOP);
	for (int i = 0; i < ASKERS; i++) {
		fds[i] = stage_connect(&stage);
		stage_send(fds[i], "token selector=relay");
	}
	(void)kill(stage.daemon, SIGTERM);
	(void)kill(stage.daemon, SIGCONT);
	for (int i = 0; i < ASKERS; i++) {
		check_reply(stage_receive(fds[i]), "OK ", " token=at-0");
		close(fds[i]);
	}
	assert_int_equal(stage_wait(&stage), 0);
}

static int status_of_second(const char *conf)
{
	int status = -1;
	pid_t second = fork();

	if (second == 0) {
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		execl(TEST_MAILOAUTHD, TEST_MAILOAUTHD, "-c", conf, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(second, &status, 0), second);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Started by hand beside the first, with its socket or another one: it ends before it asks anybody.
 */
static void a_second_daemon_changes_nothing(void **state)
{
	char *conf = xasprintf("%s/second.conf", stage.dir);
	FILE *file = fopen(conf, "we");

	(void)state;
	assert_non_null(file);
	(void)fprintf(file, "[daemon]\nsocket = %s/second\nstore = %s/store\nuser = root\n",
		      stage.dir, stage.dir);
	assert_int_equal(fclose(file), 0);
	start_with(-60);
	assert_int_equal(status_of_second(stage.conf), 78);
	assert_int_equal(status_of_second(conf), 75);
	assert_int_equal(stage.endpoint->requests, 0);
	check_ask("token selector=relay", "OK ", "token=at-1");
	check_refresh_token("relay", "rt-1");
	assert_int_equal(stage.endpoint->requests, 1);
	end_well();
	free(conf);
}

/* Without the secret there is nothing to ask, and the refresh token is not spent. */
static void a_command_that_fails_costs_no_grant(void **state)
{
	char *conf = stage_account("relay", "client_secret_command = /bin/false\n");

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", -60);
	stage_start(&stage);
	check_ask("token selector=relay", "", "account relay: ");
	check_ask("token selector=relay", "", "/bin/false");
	assert_int_equal(stage.endpoint->requests, 0);
	check_refresh_token("relay", "rt-0");
	free(conf);
	end_well();
}

/* The watchdog of systemd. It is fed while all goes well, until the end; and what its signal finds
 * stuck writes the rotated token before it ends. */
static void the_watchdog_is_fed_until_the_end(void **state)
{
	int fd;

	(void)state;
	stage.watchdog_us = "20000";
	fd = start_refreshing();
	stage_await(&stage, "WATCHDOG=1");
	stage_await(&stage, "WATCHDOG=1");
	(void)kill(stage.daemon, SIGTERM);
	stage_await(&stage, "STOPPING=1");
	stage_await(&stage, "WATCHDOG=1");
	(void)sem_post(&stage.endpoint->release);
	assert_int_equal(stage_wait(&stage), 0);
	close(fd);
}

static void the_watchdog_costs_no_grant(void **state)
{
	int fd;

	(void)state;
	stage.watchdog_us = "20000";
	fd = start_refreshing();
	(void)kill(stage.daemon, SIGSTOP);
	(void)sem_post(&stage.endpoint->release);
	(void)kill(stage.daemon, SIGTERM);
	(void)kill(stage.daemon, SIGCONT);
	assert_int_equal(stage_wait(&stage), 0);
	check_refresh_token("relay", "rt-1");
	close(fd);
}

static void a_client_that_goes_does_not_stop_a_refresh(void **state)
{
	int fd;

	(void)state;
	fd = start_refreshing();
	close(fd);
	check_ask("ping ", "OK ", "");
	(void)sem_post(&stage.endpoint->release);
	check_ask("token selector=relay", "OK ", "token=at-1");
	assert_int_equal(stage.endpoint->requests, 1);
	end_well();
}

/* The disk ------------------------------------------------------------------------------------ */

static void fill_disk(const char *dir)
{
	static const char block[4096];
	char *path = xasprintf("%s/ballast", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		continue;
	close(fd);
	free(path);
}

static void nothing_is_asked_for_that_cannot_be_stored(void **state)
{
	char *store = xasprintf("%s/store", stage.dir);

	(void)state;
	if (geteuid() != 0 || mount("tmpfs", store, "tmpfs", 0, "size=256k,mode=0700") != 0) {
		free(store);
		skip();
		return;
	}
	start_with(-60);
	fill_disk(store);
	check_ask("token selector=relay", "TEMP retry account relay: cannot write in ", "space");
	assert_int_equal(stage.endpoint->requests, 0);
	assert_int_equal(stage_stop(&stage), 0);
	check_refresh_token("relay", "rt-0");
	assert_int_equal(umount(store), 0);
	free(store);
}

/* Full only when the answer comes: the new grant waits in memory and is saved at the end. */
static void a_grant_that_could_not_be_saved_is_saved_at_the_end(void **state)
{
	char *target = xasprintf("%s/store/relay.grant", stage.dir);
	char *aside = xasprintf("%s/aside", stage.dir);
	int fd;

	(void)state;
	fd = start_refreshing();
	/* rename(2) cannot put a file where a directory is. */
	assert_int_equal(rename(target, aside), 0);
	assert_int_equal(mkdir(target, 0700), 0);
	(void)sem_post(&stage.endpoint->release);
	check_reply(stage_receive(fd), "TEMP retry account relay: cannot write", "");
	check_ask("token selector=relay", "TEMP retry ", "");
	assert_int_equal(stage.endpoint->requests, 1);
	assert_int_equal(rmdir(target), 0);
	end_well();
	check_refresh_token("relay", "rt-1");
	close(fd);
	free(target);
	free(aside);
}

/* Strange clients ----------------------------------------------------------------------------- */

static void rubbish_is_refused(void **state)
{
	static const char *const rubbish[] = {"x", "05:token,", "20000:", "-1:", ":", "3:abc;"};
	static const struct {
		const char *request, *start;
	} malformed[] = {
		{"token", "PERM protocol "},
		{"TOKEN selector=relay", "PERM protocol "},
		{"nonsense x=y", "PERM protocol "},
		{"token x", "PERM protocol "},
		{"token user=%zz", "PERM protocol "},
		{"token user=a user=b", "PERM protocol "},
		{"token selector=relay%00xyzzy-and-much-more", "PERM config "},
		{"refresh account=relay%00xyzzy-and-much-more", "PERM config "},
		{"rejected account=%00 fingerprint=0", "PERM config "},
		{"refresh account=", "PERM config "},
		{"authorize-begin account=relay port=70000", "PERM protocol "},
		{"authorize-finish flow=00 query=x", "PERM consent "},
		{"", "PERM protocol "},
	};

	(void)state;
	start_with(3600);
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		int fd = stage_connect(&stage);

		stage_send_raw(fd, rubbish[i], strlen(rubbish[i]));
		check_reply(stage_receive(fd), "PERM protocol ", "");
		assert_null(stage_receive(fd));
		close(fd);
	}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		check_ask(malformed[i].request, malformed[i].start, "");
	end_well();
}

static void the_longest_request_is_served(void **state)
{
	char *request = repeat("token selector=relay x=", 'x', HELPER_REQUEST_MAX - 23, "");
	int fd;

	(void)state;
	start_with(3600);
	check_ask(request, "OK ", "at-0");
	free(request);
	fd = stage_connect(&stage);
	request = repeat("16385:token selector=relay x=", 'x', HELPER_REQUEST_MAX, "");
	stage_send_raw(fd, request, strlen(request));
	check_reply(stage_receive(fd), "PERM protocol ", "16384");
	close(fd);
	free(request);
	end_well();
}

static void requests_may_come_in_any_pieces(void **state)
{
	static const char two[] = "20:token selector=relay,20:token selector=relay,";
	int fd;

	(void)state;
	start_with(3600);
	fd = stage_connect(&stage);
	for (size_t i = 0; i < sizeof(two) - 1; i++) {
		stage_send_raw(fd, two + i, 1);
		check_ask("ping ", "OK ", ""); /* the byte before it has been read */
	}
	check_reply(stage_receive(fd), "OK ", "at-0");
	check_reply(stage_receive(fd), "OK ", "at-0");
	close(fd);
	end_well();
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct buffer all = BUFFER_INIT(1 << 20);
	int fd;

	(void)state;
	start_with(-60);
	for (int i = 0; i < 1000; i++)
		(void)buffer_append_str(&all, i == 500 ? "5:ping ," : "20:token selector=relay,");
	fd = stage_connect(&stage);
	stage_send_raw(fd, all.data, all.len);
	assert_int_equal(shutdown(fd, SHUT_WR), 0); /* and half-closed: still answered */
	for (int i = 0; i < 1000; i++)
		check_reply(stage_receive(fd), "OK ", i == 500 ? "accounts=1" : "token=at-1");
	assert_null(stage_receive(fd));
	assert_int_equal(stage.endpoint->requests, 1);
	close(fd);
	buffer_release(&all);
	end_well();
}

static void idle_clients_delay_nobody(void **state)
{
	int fds[IDLERS];
	char byte;

	(void)state;
	start_with(3600);
	for (int i = 0; i < IDLERS; i++) {
		fds[i] = stage_connect(&stage);
		if (i % 2 == 0)
			stage_send_raw(fds[i], "20:tok", 6);
	}
	check_ask("token selector=relay", "OK ", "at-0");
	for (int i = 0; i < IDLERS; i++) {
		/* They are there still: the answer did not come because they were dropped. */
		assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
		close(fds[i]);
	}
	end_well();
}

/* A stranger who holds all connections that there can be loses the ones he does not use. */
static void the_longest_idle_makes_room(void **state)
{
	struct rlimit few = {CROWD / 2, CROWD / 2};
	int fds[CROWD];
	char byte, *reply;

	(void)state;
	start_with(3600);
	assert_int_equal(prlimit(stage.daemon, RLIMIT_NOFILE, &few, NULL), 0);
	for (int i = 0; i < CROWD; i++)
		fds[i] = stage_connect(&stage);
	check_ask("token selector=relay", "OK ", "at-0");
	assert_true(recv(fds[0], &byte, 1, 0) <= 0);
	stage_send(fds[CROWD - 1], "token selector=relay");
	reply = stage_receive(fds[CROWD - 1]);
	assert_non_null(reply);
	assert_non_null(strstr(reply, "at-0"));
	free(reply);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	end_well();
}

/* Authorization ------------------------------------------------------------------------------- */

/* The value after `"name":"`; to be freed. */
static char *json_value(const char *json, const char *name)
{
	char *mark = xasprintf("\"%s\":\"", name);
	const char *at = strstr(json, mark);

	assert_non_null(at);
	at += strlen(mark);
	free(mark);
	return xspandup((struct span){at, strcspn(at, "\"")});
}

/* The request that finishes the flow of an authorize-begin's answer (freed). */
static char *finish_request(char *begun)
{
	char *flow = json_value(begun, "flow");
	char *url = json_value(begun, "url");
	const char *state = strstr(url, "state=");
	char *request;

	assert_non_null(state);
	request = xasprintf("authorize-finish flow=%s query=code=c%%26%.*s", flow,
			    (int)strcspn(state, "&"), state);
	free(begun);
	free(flow);
	free(url);
	return request;
}

/* A flow that waits for a refresh to end is not the one that makes room for new ones. */
static void a_flow_that_somebody_waits_for_stays(void **state)
{
	char *request;
	int token_fd;
	int flow_fd;

	(void)state;
	token_fd = start_refreshing();
	request = finish_request(stage_ask(&stage, "authorize-begin account=relay port=4711"));
	flow_fd = stage_connect(&stage);
	stage_send(flow_fd, request);
	for (int i = 0; i < 70; i++)
		check_ask("authorize-begin account=relay port=0", "OK {", "\"user\":null");
	(void)sem_post(&stage.endpoint->release);
	(void)sem_post(&stage.endpoint->release);
	check_reply(stage_receive(token_fd), "OK ", "token=at-1");
	check_reply(stage_receive(flow_fd), "OK {", "\"refresh_token\":true");
	check_refresh_token("relay", "rt-2");
	end_well();
	close(token_fd);
	close(flow_fd);
	free(request);
}

/* The account goes while a flow waits for its refresh. */
static void a_flow_whose_account_goes_is_over(void **state)
{
	char *other = stage_account("other", "");
	char *request;
	int token_fd;
	int flow_fd;

	(void)state;
	token_fd = start_refreshing();
	request = finish_request(stage_ask(&stage, "authorize-begin account=relay port=4711"));
	flow_fd = stage_connect(&stage);
	stage_send(flow_fd, request);
	check_ask("ping ", "OK ", "");
	stage_configure(&stage, other);
	hang_up();
	check_reply(stage_receive(flow_fd), "PERM config account relay: ", "no longer configured");
	(void)sem_post(&stage.endpoint->release);
	end_well();
	check_refresh_token("relay", "rt-1");
	close(token_fd);
	close(flow_fd);
	free(request);
	free(other);
}

/* text (freed) with one word of it replaced. */
static char *with(char *text, const char *word, const char *other)
{
	const char *at = strstr(text, word);
	char *changed;

	assert_non_null(at);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, other, at + strlen(word));
	free(text);
	return changed;
}

/* The one that is chosen is sent, and with every refresh, until it is configured no more. */
static void a_redirect_is_chosen(void **state)
{
	static const char *const conf_keys =
		"redirect = http://localhost http://127.0.0.1/b https://web.example/c\n"
		"refresh_redirect_uri = yes\n";
	char *conf = stage_account("relay", conf_keys);
	char *without = with(stage_account("relay", conf_keys), " http://127.0.0.1/b", "");
	char *request;
	struct grant grant;

	(void)state;
	stage_configure(&stage, conf);
	stage_start(&stage);
	check_ask("authorize-begin account=relay port=9", "OK ",
		  "\"redirect\":\"http://localhost\",\"redirect_uri\":\"http://localhost:9\"");
	check_ask("authorize-begin account=relay port=9 redirect=https://web.example/c", "OK ",
		  "\"redirect_uri\":\"https://web.example/c\"");
	check_ask("authorize-begin account=relay port=9 redirect=http://127.0.0.1:9/b",
		  "PERM config ",
		  "its redirect is http://localhost http://127.0.0.1/b https://web.example/c, and "
		  "not http://127.0.0.1:9/b");
	check_ask("status account=relay", "OK ",
		  "\"redirect\":\"http://localhost\",\"redirects\":[\"http://localhost\","
		  "\"http://127.0.0.1/b\",\"https://web.example/c\"]");
	request = finish_request(stage_ask(
		&stage, "authorize-begin account=relay port=9 redirect=http://127.0.0.1/b"));
	check_ask(request, "OK ", "");
	assert_non_null(
		strstr(stage.endpoint->request, "redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fb"));
	stage_read_grant(&stage, "relay", &grant);
	assert_string_equal(grant.redirect, "http://127.0.0.1/b");
	grant_release(&grant);
	check_ask("refresh account=relay", "OK ", "");
	assert_non_null(strstr(stage.endpoint->request, "redirect_uri=http%3A%2F%2F127.0.0.1%2Fb"));
	stage_configure(&stage, without);
	check_ask("reload ", "OK ", "");
	check_ask("refresh account=relay", "OK ", "");
	assert_non_null(strstr(stage.endpoint->request, "redirect_uri=http%3A%2F%2Flocalhost"));
	free(request);
	free(conf);
	free(without);
	end_well();
}

/* A code is being redeemed when another client takes the account over: the tokens are the old
 * one's, and must not be sent to the new one's server. */
static void tokens_stay_with_the_client_that_got_them(void **state)
{
	char *moved = with(stage_account("relay", ""), "client_id = c1", "client_id = c2");
	struct grant grant;
	char *request;
	int fd;

	(void)state;
	start_with(3600);
	stage_answer_tokens(&stage);
	stage.endpoint->held = true;
	request = finish_request(stage_ask(&stage, "authorize-begin account=relay port=4711"));
	fd = stage_connect(&stage);
	stage_send(fd, request);
	(void)sem_wait(&stage.endpoint->arrived);
	stage_configure(&stage, moved);
	check_ask("reload ", "OK ", "");
	(void)sem_post(&stage.endpoint->release);
	check_reply(stage_receive(fd), "OK {", "\"refresh_token\":true");
	stage_read_grant(&stage, "relay", &grant);
	assert_string_equal(grant.client_id, "c1");
	grant_release(&grant);
	stage.endpoint->held = false;
	check_ask("refresh account=relay", "PERM consent ", "client_id was changed");
	end_well();
	close(fd);
	free(request);
	free(moved);
}

/* Begins and finishes an authorization; the name of its flow, which waits for a login (freed). */
static char *flow_that_waits(void)
{
	char *request =
		finish_request(stage_ask(&stage, "authorize-begin account=relay port=4711"));
	char *reply = stage_ask(&stage, request);
	char *flow = json_value(reply, "flow");

	assert_non_null(strstr(reply, "\"login\":true"));
	assert_null(strstr(reply, "at-"));
	check_ask(request, "PERM consent ", "used already");
	free(reply);
	free(request);
	return flow;
}

static void settle(const char *flow, const char *rest, const char *start, const char *part)
{
	char *request = xasprintf("authorize-settle flow=%s %s", flow, rest);

	check_ask(request, start, part);
	free(request);
}

/* Nobody says who signed in: nothing is stored before a login has told. */
static void a_login_tells_whose_tokens_they_are(void **state)
{
	char *conf =
		with(stage_account("relay", ""), "verify_identity = no", "verify_identity = yes");
	char *request;
	char *flow;

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	stage_start(&stage);
	stage_answer_tokens(&stage);
	flow = flow_that_waits();
	check_refresh_token("relay", "rt-0");
	check_ask("token selector=relay", "OK ", "token=at-0");
	request = xasprintf("authorize-token flow=%s", flow);
	check_ask(request, "OK account=relay ", "token=at-1");
	settle(flow, "verdict=maybe", "PERM protocol ", "verdict");
	settle(flow, "verdict=refused host=imap.example.test user=relay said=NO%20nonsense",
	       "PERM consent account relay: imap.example.test does not take ", "NO nonsense");
	check_ask(request, "PERM consent ", "waits for no login");
	settle(flow, "verdict=taken", "PERM consent ", "waits for no login");
	check_refresh_token("relay", "rt-0");
	free(flow);
	flow = flow_that_waits();
	settle(flow, "verdict=taken host=imap.example.test user=relay@example.test", "OK {",
	       "\"identity\":\"relay@example.test\"");
	check_refresh_token("relay", "rt-2");
	check_ask("token selector=relay", "OK ", "token=at-2");
	free(flow);
	flow = flow_that_waits();
	settle(flow, "verdict=untried", "OK {", "\"identity\":null");
	check_refresh_token("relay", "rt-3");
	end_well();
	free(flow);
	free(request);
	free(conf);
}

static void a_refused_code_says_what_to_type(void **state)
{
	char *request;

	(void)state;
	start_with(3600);
	stage_answer(&stage, "400 Bad", "", "{\"error\":\"invalid_grant\"}");
	request = finish_request(stage_ask(&stage, "authorize-begin account=relay port=4711"));
	check_ask(request, "PERM consent account relay: ", "mailoauth authorize relay");
	check_ask(request, "PERM consent ", "used already");
	check_refresh_token("relay", "rt-0");
	end_well();
	free(request);
}

static void a_passed_socket_is_used_instead(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char *conf = stage_account("relay", "");
	char own[sizeof(stage.socket)];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	stage_configure(&stage, conf);
	(void)snprintf(own, sizeof(own), "%s", stage.socket);
	(void)snprintf(stage.socket, sizeof(stage.socket), "%s/passed", stage.dir);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", stage.socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	stage.passed = fd;
	stage_grant(&stage, "relay", 3600);
	stage_start(&stage);
	assert_int_equal(access(own, F_OK), -1);
	check_ask("token selector=relay", "OK account=relay ", "token=at-0");
	end_well();
	close(fd);
	free(conf);
}

/* Sealing ------------------------------------------------------------------------------------- */

static char *write_key(const char *name, char digit)
{
	char *path = xasprintf("%s/%s", stage.dir, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (int i = 0; i < 64; i++)
		assert_int_equal(fputc(digit, file), digit);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}

static void configure_sealed(const char *keys)
{
	char *relay = stage_account("relay", "");
	char *inbox = stage_account("inbox", "");
	char *conf = xasprintf("seal_key_file = %s\n%s%s", keys, relay, inbox);

	stage_configure(&stage, conf);
	free(relay);
	free(inbox);
	free(conf);
}

static bool file_has(const char *name, const char *text)
{
	char *path = xasprintf("%s/store/%s.grant", stage.dir, name);
	FILE *file = fopen(path, "re");
	char bytes[8192];
	size_t n;

	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	free(path);
	return memmem(bytes, n, text, strlen(text)) != NULL;
}

/* A grant is sealed when it is next written; with the key gone its account says which one it needs
 * and the other goes on; with the key back so does it. */
static void a_grant_is_sealed_and_waits_for_its_key(void **state)
{
	char *first = write_key("first.key", 'a');
	char *second = write_key("second.key", 'b');
	char *both = xasprintf("%s %s", second, first);

	(void)state;
	configure_sealed(first);
	stage_grant(&stage, "relay", -60);
	stage_grant(&stage, "inbox", 3600);
	stage_answer_tokens(&stage);
	stage_start(&stage);
	check_ask("token selector=relay", "OK ", "token=at-1");
	assert_true(file_has("relay", "mailoauth-sealed 1 "));
	assert_false(file_has("relay", "rt-1"));
	assert_true(file_has("inbox", "rt-0"));
	end_well();
	configure_sealed(second);
	stage_start(&stage);
	check_ask("token selector=relay",
		  "PERM config account relay: ", "it is sealed with the key");
	check_ask("token selector=inbox", "OK ", "token=at-0");
	check_ask("status account=relay", "OK ", "\"state\":\"error\"");
	configure_sealed(both);
	check_ask("reload ", "OK ", "");
	stage_await(&stage, "READY=1");
	check_ask("token selector=relay", "OK ", "token=at-1");
	check_ask("refresh account=relay", "OK ", "relay");
	end_well();
	configure_sealed(second);
	stage_start(&stage);
	check_ask("token selector=relay", "OK ", "token=at-2");
	end_well();
	free(first);
	free(second);
	free(both);
}

/* Forgetting ---------------------------------------------------------------------------------- */

static void start_revocable(void)
{
	char *conf = stage_account("relay", "revoke_url = @URL@/revoke\nrevoke_hint = by hand\n");

	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	stage_start(&stage);
	free(conf);
}

static bool grant_exists(void)
{
	char *path = xasprintf("%s/store/relay.grant", stage.dir);
	bool exists = access(path, F_OK) == 0;

	free(path);
	return exists;
}

static void a_forgotten_grant_is_revoked(void **state)
{
	(void)state;
	start_revocable();
	stage_answer(&stage, "200 OK", "", "");
	check_ask("forget account=relay", "OK {", "\"revoked\":true,\"deleted\":true");
	assert_non_null(strstr(stage.endpoint->request, "POST /revoke "));
	assert_non_null(
		strstr(stage.endpoint->request, "token=rt-0&token_type_hint=refresh_token"));
	assert_non_null(strstr(stage.endpoint->request, "client_id=c1"));
	assert_false(grant_exists());
	check_ask("token selector=relay", "PERM consent ", "has not been authorized yet");
	check_ask("status ", "OK ", "never-authorized");
	check_ask("forget account=relay", "OK {", "\"revoked\":false,\"deleted\":false");
	check_ask("forget account=nobody", "PERM config ", "no account");
	check_ask("forget account=", "PERM protocol ", "");
	assert_int_equal(stage.endpoint->requests, 1);
	end_well();
}

/* The server will not, and the local copy goes all the same; the provider's own way is told. */
static void what_cannot_be_revoked_is_told(void **state)
{
	(void)state;
	start_revocable();
	stage_answer(&stage, "400 Bad", "", "{\"error\":\"unsupported_token_type\"}");
	check_ask("forget account=relay", "OK {\"revoked\":false", "unsupported_token_type");
	assert_false(grant_exists());
	end_well();
	start_revocable();
	stage_answer(&stage, "503 No", "", "");
	check_ask("forget account=relay", "OK {\"revoked\":false,\"deleted\":true", "by hand");
	assert_false(grant_exists());
	end_well();
}

/* The end waits for it, and a new token that is asked for meanwhile is not handed out. */
static void forgetting_is_finished_at_the_end(void **state)
{
	int fd;

	(void)state;
	start_revocable();
	stage_answer(&stage, "200 OK", "", "");
	stage.endpoint->held = true;
	fd = stage_connect(&stage);
	stage_send(fd, "forget account=relay");
	(void)sem_wait(&stage.endpoint->arrived);
	check_ask("forget account=relay", "TEMP retry ", "at this moment");
	close(fd);
	assert_int_equal(kill(stage.daemon, SIGTERM), 0);
	(void)sem_post(&stage.endpoint->release);
	assert_int_equal(stage_wait(&stage), 0);
	assert_false(grant_exists());
}

/* Metrics ------------------------------------------------------------------------------------- */

static char *get(const char *path, const char *request)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct buffer text = BUFFER_INIT(65536);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char block[4096];
	ssize_t n;
	char *copy;

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	stage_send_raw(fd, request, strlen(request));
	while ((n = recv(fd, block, sizeof(block), 0)) > 0)
		assert_true(buffer_append(&text, block, (size_t)n));
	close(fd);
	copy = xstrdup(buffer_cstr(&text));
	buffer_release(&text);
	return copy;
}

static void prometheus_reads_the_state(void **state)
{
	char *socket_path = xasprintf("%s/metrics", stage.dir);
	char *file_path = xasprintf("%s/m.prom", stage.dir);
	char *account = stage_account("relay", "client_secret_expires = 2099-12-31\n");
	char *endpoint = xasprintf(
		"\nmailoauth_endpoint_down{endpoint=\"http://127.0.0.1:%d\"} 0\n", stage.port);
	char *conf = xasprintf("metrics = unix:%s file:%s unix:%s/x\n%s", socket_path, file_path,
			       stage.conf, account);
	char *text;

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	stage_start(&stage);
	check_ask("token selector=relay", "OK ", "token=at-0");
	text = get(socket_path, "GET /metrics HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(text, " 200 OK"));
	assert_non_null(strstr(text, "version=0.0.4"));
	assert_non_null(
		strstr(text, "\nmailoauth_account_state{account=\"relay\",state=\"valid\"} 1\n"));
	assert_non_null(
		strstr(text, "\nmailoauth_account_state{account=\"relay\",state=\"error\"} 0\n"));
	assert_non_null(strstr(text, "\nmailoauth_token_requests_total{account=\"relay\"} 1\n"));
	assert_non_null(strstr(text, "what=\"client-secret\"} 4102444799\n"));
	assert_non_null(strstr(text, endpoint));
	assert_null(strstr(text, "at-0"));
	assert_null(strstr(text, "rt-0"));
	free(text);
	text = get(socket_path, "GET / HTTP/1.0\r\n\r\n");
	assert_non_null(strstr(text, " 404 "));
	free(text);
	text = get(socket_path, "POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
	assert_null(strstr(text, " 200 OK"));
	free(text);
	end_well();
	assert_int_equal(access(file_path, R_OK), 0);
	assert_true(stage_log_has(&stage, "not served"));
	free(socket_path);
	free(file_path);
	free(endpoint);
	free(account);
	free(conf);
}

/* Notices ------------------------------------------------------------------------------------- */

static char *write_hook(const char *fifo)
{
	char *path = xasprintf("%s/hook", stage.dir);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	(void)fprintf(file, "#!/bin/sh\necho \"$*\" > %s\n", fifo);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static void read_line(FILE *told, const char *start)
{
	char line[1024] = "";

	assert_non_null(fgets(line, sizeof(line), told));
	if (strncmp(line, start, strlen(start)) != 0)
		fail_msg("told: %s", line);
}

/* By a program that takes mail as sendmail(1) does, while another one is told by its arguments. */
static void somebody_gets_mail(void **state)
{
	char *fifo = xasprintf("%s/fifo", stage.dir);
	char *mailer = xasprintf("%s/mailer", stage.dir);
	char *relay = stage_account("relay", "client_secret_expires = 2020-01-31\n");
	char *conf = xasprintf("notify_mail = postmaster@example.test\n"
			       "notify_mail_by = %s -f x\nnotify_command = /nonexistent\n%s",
			       mailer, relay);
	FILE *file = fopen(mailer, "we");
	FILE *told;

	(void)state;
	(void)fprintf(file, "#!/bin/sh\n{ echo \"$*\"; cat; echo end; } > %s\n", fifo);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(mailer, 0755), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	told = fopen(fifo, "r+e");
	assert_non_null(told);
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	stage_start(&stage);
	read_line(told, "-f x -i postmaster@example.test\n");
	read_line(told, "From: mailoauthd <postmaster@example.test>\n");
	read_line(told, "To: postmaster@example.test\n");
	read_line(told, "Subject: mailoauth: relay: the client-secret has ended\n");
	read_line(told, "Date: ");
	for (int i = 0; i < 7; i++) {
		char line[1024] = "";

		assert_non_null(fgets(line, sizeof(line), told));
		assert_null(strstr(line, "rt-0"));
		assert_null(strchr(line, '\r'));
	}
	read_line(told, "What:  client-secret-1580515199-0\n");
	read_line(told, "To do: the client secret ended on 2020-01-31: make a new one");
	end_well();
	assert_true(stage_log_has(&stage, "nobody was told of relay client-secret-1580515199-0"));
	(void)fclose(told);
	free(fifo);
	free(mailer);
	free(relay);
	free(conf);
}

/* The second one is told when the first has been written down. */
static void somebody_is_told_once(void **state)
{
	char *fifo = xasprintf("%s/fifo", stage.dir);
	char *hook = write_hook(fifo);
	char *inbox = stage_account("inbox", "client_secret_expires = 2020-01-31\n");
	char *relay = stage_account("relay", "client_secret_expires = 2020-01-31\n");
	char *conf = xasprintf("notify_command = %s first\n%s%s", hook, inbox, relay);
	FILE *told;

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	told = fopen(fifo, "r+e"); /* open for writing too: no end of file between two hooks */
	assert_non_null(told);
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	stage_grant(&stage, "inbox", 3600);
	stage_start(&stage);
	read_line(told,
		  "first inbox client-secret-1580515199-0 the client secret ended on 2020-01-31");
	read_line(told,
		  "first relay client-secret-1580515199-0 the client secret ended on 2020-01-31");
	end_well();
	(void)fclose(told);
	{
		char *path = xasprintf("%s/store/told", stage.dir);
		FILE *file = fopen(path, "re");
		char line[128] = "";

		assert_non_null(file);
		assert_non_null(fgets(line, sizeof(line), file));
		assert_string_equal(line, "inbox client-secret-1580515199-0\n");
		(void)fclose(file);
		free(path);
	}
	free(fifo);
	free(hook);
	free(inbox);
	free(relay);
	free(conf);
}

/* A grant whose section is gone is shown, between the others, until it is forgotten. */
static void a_grant_without_a_section_is_shown(void **state)
{
	char *other = stage_account("other", "");
	char *zebra = stage_account("zebra", "");
	char *conf = xasprintf("%s%s", zebra, other);
	char *reply;

	(void)state;
	stage_configure(&stage, conf);
	stage_grant(&stage, "relay", 3600);
	stage_grant(&stage, "other", 3600);
	stage_start(&stage);
	check_ask("status account=relay", "OK {", "\"state\":\"unconfigured\"");
	check_ask("status account=relay", "OK {", "[account relay] into mailoauth.conf");
	check_ask("status account=nobody", "PERM config ", "no account");
	reply = stage_ask(&stage, "status ");
	assert_non_null(strstr(reply, "\"other\""));
	assert_true(strstr(reply, "\"other\"") < strstr(reply, "\"relay\""));
	assert_true(strstr(reply, "\"relay\"") < strstr(reply, "\"zebra\""));
	free(reply);
	check_ask("status after=other", "OK ", "\"accounts\":[{\"account\":\"relay\"");
	check_ask("status after=relay", "OK ", "\"accounts\":[{\"account\":\"zebra\"");
	check_ask("token selector=relay", "PERM config ", "");
	check_ask("forget account=relay", "OK ", "is not configured");
	check_ask("status account=relay", "PERM config ", "no account");
	stage_configure(&stage, zebra);
	check_ask("reload ", "OK ", "");
	check_ask("status account=other", "OK {", "\"state\":\"unconfigured\"");
	stage_configure(&stage, conf);
	check_ask("reload ", "OK ", "");
	check_ask("status account=other", "OK {", "\"state\":\"valid\"");
	end_well();
	free(conf);
	free(zebra);
	free(other);
}

/* A grant that another program had does not say whose client it is. The first refresh that works
 * does: from then on another client's server is not sent it. */
static void an_imported_grant_is_bound_by_its_first_refresh(void **state)
{
	char *conf = stage_account("relay", "");
	char *moved = with(stage_account("relay", ""), "client_id = c1", "client_id = c2");
	struct grant grant;

	(void)state;
	stage_configure(&stage, conf);
	stage_start(&stage);
	check_ask("restore from=import account=relay size=142 offset=0 data="
		  "{\"version\":1,\"account\":\"relay\",\"access_expires\":0,\"access_obtained\":0,"
		  "\"refresh_obtained\":0,\"authorized\":1,\"generation\":0,"
		  "\"refresh_token\":\"rt\"}",
		  "OK account=relay result=restored", "");
	stage_configure(&stage, moved);
	check_ask("reload ", "OK ", "");
	stage_answer(&stage, "400 Bad", "", "{\"error\":\"invalid_client\"}");
	check_ask("refresh account=relay", "PERM config ", "invalid_client");
	stage_configure(&stage, conf);
	check_ask("reload ", "OK ", "");
	stage_answer_tokens(&stage);
	check_ask("refresh account=relay", "OK {", "");
	stage_read_grant(&stage, "relay", &grant);
	assert_string_equal(grant.client_id, "c1");
	assert_non_null(strstr(grant.token_url, "/token"));
	grant_release(&grant);
	stage_configure(&stage, moved);
	check_ask("reload ", "OK ", "");
	check_ask("refresh account=relay", "PERM consent ", "client_id was changed");
	end_well();
	free(moved);
	free(conf);
}

/* Pages --------------------------------------------------------------------------------------- */

static void the_status_of_many_comes_in_pages(void **state)
{
	struct buffer conf = BUFFER_INIT(1 << 20);
	char *page;
	char *next;

	(void)state;
	for (int i = 0; i < 400; i++) {
		char name[16];
		char *one;

		(void)snprintf(name, sizeof(name), "a%03d", i);
		one = stage_account(name, "");
		assert_true(buffer_append_str(&conf, one));
		free(one);
	}
	stage_configure(&stage, buffer_cstr(&conf));
	stage_start(&stage);
	page = stage_ask(&stage, "status ");
	assert_true(strlen(page) <= HELPER_REPLY_MAX);
	assert_non_null(strstr(page, "\"account\":\"a000\""));
	assert_null(strstr(page, "\"account\":\"a399\""));
	next = json_value(page, "next");
	free(page);
	page = xasprintf("status after=%s", next);
	check_ask(page, "OK ", "\"accounts\":[{");
	free(page);
	check_ask("status after=a398", "OK ", "a399");
	check_ask("status after=a398", "OK ", "\"next\":null");
	check_ask("status after=zzz", "OK ", "\"accounts\":[]");
	end_well();
	free(next);
	buffer_release(&conf);
}

/* Backup and restore --------------------------------------------------------------------------- */

static char *field_of(const char *reply, const char *key)
{
	char *mark = xasprintf(" %s=", key);
	const char *at = strstr(reply, mark);

	assert_non_null(at);
	at += strlen(mark);
	free(mark);
	return xspandup((struct span){at, strcspn(at, " ")});
}

/* The one piece that a small grant is: what `backup` gives, to be given to `restore`. */
static char *take_backup(const char *name)
{
	char *ask = xasprintf("backup account=%s", name);
	char *reply = stage_ask(&stage, ask);
	char *size = field_of(reply, "size");
	char *data = field_of(reply, "data");
	char *request = xasprintf("restore account=%s size=%s offset=0 data=%s", name, size, data);

	free(ask);
	free(reply);
	free(size);
	free(data);
	return request;
}

static void a_backup_goes_back_where_nothing_newer_is(void **state)
{
	char *old;
	char *forced;

	(void)state;
	start_with(3600);
	stage_answer_tokens(&stage);
	check_ask("backup-list ", "OK relay", "");
	check_ask("backup-list after=relay", "OK ", "");
	old = take_backup("relay");
	forced = xasprintf("%s force=yes", old);
	check_ask(old, "OK account=relay result=unchanged", "");
	check_ask("refresh account=relay", "OK ", "");
	check_ask(old, "PERM config account relay: has a newer grant", "--force");
	check_refresh_token("relay", "rt-1");
	check_ask(forced, "OK account=relay result=restored", "");
	check_refresh_token("relay", "rt-0");
	check_ask("token selector=relay", "OK ", "token=at-0");
	/* What was replaced is kept until its successor has worked. */
	{
		struct grant grant;

		stage_read_grant(&stage, "relay", &grant);
		assert_string_equal(buffer_cstr(&grant.previous_refresh_token), "rt-1");
		grant_release(&grant);
	}
	end_well();
	free(old);
	free(forced);
}

static void a_backup_mends_what_is_damaged_or_gone(void **state)
{
	char *path = xasprintf("%s/store/relay.grant", stage.dir);
	char *request;
	FILE *file;

	(void)state;
	start_with(3600);
	request = take_backup("relay");
	end_well();
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("{", file);
	(void)fclose(file);
	stage_start(&stage);
	check_ask("token selector=relay", "PERM config ", "relay.grant");
	check_ask(request, "OK account=relay result=restored", "");
	check_ask("token selector=relay", "OK ", "token=at-0");
	end_well();
	assert_int_equal(unlink(path), 0);
	stage_start(&stage);
	check_ask(request, "OK account=relay result=restored", "");
	check_ask("token selector=relay", "OK ", "token=at-0");
	check_ask("restore account=other size=1 offset=0 data=x",
		  "PERM config account other: its grant in the backup: ", "not a grant");
	check_ask("restore account=relay size=9 offset=3 data=x", "PERM protocol ", "");
	check_ask("restore account=%2e%2e size=1 offset=0 data=x", "PERM config ", "");
	check_ask("backup account=../relay", "PERM config ", "");
	check_ask("backup account=nobody", "OK ", "");
	end_well();
	free(request);
	free(path);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(a_living_token_is_handed_out),
		ON_STAGE(fifty_askers_make_one_request),
		ON_STAGE(the_scope_is_sent_and_no_secret),
		ON_STAGE(a_refresh_carries_what_the_provider_wants),
		ON_STAGE(an_outage_is_bridged_while_the_token_lives),
		ON_STAGE(an_outage_without_a_token_is_temporary),
		ON_STAGE(an_outage_of_two_is_told_to_a_third),
		ON_STAGE(a_dead_grant_says_what_to_type_and_stays),
		ON_STAGE(a_refresh_token_in_a_bad_answer_is_kept),
		ON_STAGE(a_damaged_grant_is_left_alone),
		ON_STAGE(a_rejected_token_is_replaced_once_a_minute),
		ON_STAGE(a_rejected_token_is_never_given_again),
		ON_STAGE(an_accepted_token_is_shown_by_status),
		ON_STAGE(login_finds_host_sender_or_nobody),
		ON_STAGE(login_takes_the_one_default),
		ON_STAGE(two_defaults_are_none),
		ON_STAGE(tokens_go_to_their_hosts_only),
		ON_STAGE(strangers_are_denied),
		ON_STAGE(a_broken_file_changes_nothing),
		ON_STAGE(accounts_come_and_go),
		ON_STAGE(an_account_that_goes_in_flight_keeps_its_grant),
		ON_STAGE(what_is_in_flight_is_not_forgotten_under_it),
		ON_STAGE(an_account_that_comes_back_in_flight_goes_on),
		ON_STAGE(a_reload_in_flight_keeps_the_waiters),
		ON_STAGE(the_end_waits_for_a_rotated_token),
		ON_STAGE(the_end_waits_for_who_is_about_to_ask),
		ON_STAGE(the_end_answers_who_has_asked),
		ON_STAGE(a_second_daemon_changes_nothing),
		ON_STAGE(a_command_that_fails_costs_no_grant),
		ON_STAGE(the_watchdog_is_fed_until_the_end),
		ON_STAGE(the_watchdog_costs_no_grant),
		ON_STAGE(a_client_that_goes_does_not_stop_a_refresh),
		ON_STAGE(nothing_is_asked_for_that_cannot_be_stored),
		ON_STAGE(a_grant_that_could_not_be_saved_is_saved_at_the_end),
		ON_STAGE(rubbish_is_refused),
		ON_STAGE(the_longest_request_is_served),
		ON_STAGE(requests_may_come_in_any_pieces),
		ON_STAGE(pipelined_requests_are_answered_in_order),
		ON_STAGE(idle_clients_delay_nobody),
		ON_STAGE(the_longest_idle_makes_room),
		ON_STAGE(a_redirect_is_chosen),
		ON_STAGE(a_flow_that_somebody_waits_for_stays),
		ON_STAGE(a_flow_whose_account_goes_is_over),
		ON_STAGE(tokens_stay_with_the_client_that_got_them),
		ON_STAGE(a_login_tells_whose_tokens_they_are),
		ON_STAGE(a_refused_code_says_what_to_type),
		ON_STAGE(a_passed_socket_is_used_instead),
		ON_STAGE(a_grant_is_sealed_and_waits_for_its_key),
		ON_STAGE(a_forgotten_grant_is_revoked),
		ON_STAGE(what_cannot_be_revoked_is_told),
		ON_STAGE(forgetting_is_finished_at_the_end),
		ON_STAGE(prometheus_reads_the_state),
		ON_STAGE(somebody_is_told_once),
		ON_STAGE(somebody_gets_mail),
		ON_STAGE(a_grant_without_a_section_is_shown),
		ON_STAGE(an_imported_grant_is_bound_by_its_first_refresh),
		ON_STAGE(the_status_of_many_comes_in_pages),
		ON_STAGE(a_backup_goes_back_where_nothing_newer_is),
		ON_STAGE(a_backup_mends_what_is_damaged_or_gone),
	};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
