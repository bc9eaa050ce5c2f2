/* SPDX-License-Identifier: MIT */
/*
 * test-client.c - the built plugin, loaded by the real libsasl2, against a scripted mailoauthd.
 *
 * Each test is one mail program's way of using Cyrus SASL. libsasl2 is started and ended for each,
 * so that the plugin reads the socket's name anew and its mech_free runs.
 */
#include <sasl/sasl.h>
#include <sasl/saslplug.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buffer.h"
#include "tests/common/scripted-peer.h"

#include "common/banned.h"

#define SOON_MS		10000
#define GOOD		"OK account=relay user=relay@contoso.example expires=1795453870 token=EwBAAl3BAAUF"
#define REFUSAL		"{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"
#define XOAUTH2_MESSAGE "user=relay@contoso.example\001auth=Bearer EwBAAl3BAAUF\001\001"
#define OAUTHBEARER_MESSAGE                                                                        \
	"n,a=relay@contoso.example,\001host=smtp.office365.com\001auth=Bearer "                    \
	"EwBAAl3BAAUF\001\001"

static char plugin_dir[] = "/tmp/mailoauth-sasl-XXXXXX";

/* A mail program. */
struct client {
	const char *user;     /* NULL: has no user callback, libsasl's $USER speaks */
	const char *password; /* NULL: has no password callback */
	bool prompts;	      /* wants to be prompted */
	bool unterminated;    /* NeoMutt: the secret has no NUL, prompt results count it */
	int password_calls;
	char log[4096]; /* what went to SASL_CB_LOG */
	sasl_secret_t *secret;
	sasl_callback_t callbacks[4];
	sasl_conn_t *conn;
	sasl_interact_t *prompt_list;
};

/* The test that runs: its peer and its program. */
static struct scripted_peer peer;
static struct client client;

static int on_log(void *context, int level, const char *message)
{
	struct client *self = context;
	size_t used = strlen(self->log);

	(void)level;
	(void)snprintf(self->log + used, sizeof(self->log) - used, "%s\n", message);
	return SASL_OK;
}

static int on_user(void *context, int id, const char **result, unsigned *len)
{
	const struct client *self = context;

	assert_int_equal(id, SASL_CB_AUTHNAME);
	*result = self->user;
	if (len != NULL)
		*len = (unsigned)strlen(self->user);
	return SASL_OK;
}

static int on_password(sasl_conn_t *conn, void *context, int id, sasl_secret_t **secret)
{
	struct client *self = context;
	size_t len = strlen(self->password);

	(void)conn;
	assert_int_equal(id, SASL_CB_PASS);
	self->password_calls++;
	free(self->secret);
	self->secret = malloc(sizeof(sasl_secret_t) + len + 8);
	self->secret->len = len;
	memcpy(self->secret->data, self->password, len);
	memset(self->secret->data + len, self->unterminated ? 'Z' : '\0', 8);
	*secret = self->secret;
	return SASL_OK;
}

typedef int any_fn(void);

static void callbacks_fill(struct client *self)
{
	sasl_callback_t *next = self->callbacks;

	if (self->user != NULL)
		*next++ = (sasl_callback_t){
			SASL_CB_AUTHNAME, self->prompts ? NULL : (any_fn *)(void (*)(void))on_user,
			self};
	if (self->password != NULL)
		*next++ = (sasl_callback_t){
			SASL_CB_PASS, self->prompts ? NULL : (any_fn *)(void (*)(void))on_password,
			self};
	*next++ = (sasl_callback_t){SASL_CB_LOG, (any_fn *)(void (*)(void))on_log, self};
	*next = (sasl_callback_t){SASL_CB_LIST_END, NULL, NULL};
}

static void begin(const struct peer_act *acts, size_t count, struct client program)
{
	peer_start(&peer, acts, count);
	assert_int_equal(setenv("MAILOAUTH_SOCKET", peer.process.path, 1), 0);
	client = program;
	callbacks_fill(&client);
	assert_int_equal(sasl_client_init(NULL), SASL_OK);
	assert_int_equal(sasl_client_new("smtp", "smtp.office365.com", NULL, NULL, client.callbacks,
					 0, &client.conn),
			 SASL_OK);
}

static void end(void)
{
	sasl_dispose(&client.conn);
	sasl_client_done();
	free(client.secret);
	peer_stop(&peer);
}

/* begin() with a daemon that has one thing to say. */
static void begin_with(const char *reply, struct client program)
{
	char *framed = peer_netstring(reply);
	struct peer_act acts[] = {{PEER_SAY, framed, 0}, {PEER_SAY, "3:OK ,", 0}};

	begin(acts, 2, program);
	free(framed);
}

static int start(const char *mechanism, const char **out, unsigned *len)
{
	const char *chosen = NULL;
	int rc = sasl_client_start(client.conn, mechanism, NULL, out, len, &chosen);

	if (rc == SASL_CONTINUE)
		assert_string_equal(chosen, mechanism);
	return rc;
}

static void assert_starts(const char *mechanism, const char *message)
{
	const char *out = NULL;
	unsigned len = 0;

	assert_int_equal(start(mechanism, &out, &len), SASL_CONTINUE);
	assert_int_equal(len, strlen(message));
	assert_memory_equal(out, message, len);
}

static void assert_asked(const char *request)
{
	char *asked = peer_request(&peer, SOON_MS);

	assert_non_null(asked);
	assert_string_equal(asked, request);
	free(asked);
}

static void assert_asked_for(const char *mechanism, const char *user, const char *selector)
{
	char request[512];

	(void)snprintf(request, sizeof(request),
		       "token service=smtp host=smtp.office365.com mech=%s user=%s selector=%s "
		       "min_valid=0",
		       mechanism, user, selector);
	assert_asked(request);
}

static const struct client postfix = {.user = "relay@contoso.example", .password = "relay"};

/* Success ------------------------------------------------------------------------------------- */

static void xoauth2_as_postfix(void **state)
{
	(void)state;
	begin_with(GOOD, postfix);
	assert_starts("XOAUTH2", XOAUTH2_MESSAGE);
	assert_asked_for("XOAUTH2", "relay@contoso.example", "relay");
	assert_int_equal(client.password_calls, 1);
	assert_string_equal(client.log, "");
	end();
}

static void oauthbearer_as_postfix(void **state)
{
	(void)state;
	begin_with(GOOD, postfix);
	assert_starts("OAUTHBEARER", OAUTHBEARER_MESSAGE);
	assert_asked_for("OAUTHBEARER", "relay@contoso.example", "relay");
	end();
}

/* mbsync ends a success with step(NULL, 0): nothing is reported, nothing is said. */
static void success_then_empty_step(void **state)
{
	static const char *const mechanisms[] = {"XOAUTH2", "OAUTHBEARER"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *out = NULL;
		unsigned len = 7;
		const char *user = NULL;

		begin_with(GOOD, postfix);
		assert_int_equal(start(mechanisms[i], &out, &len), SASL_CONTINUE);
		assert_int_equal(sasl_client_step(client.conn, NULL, 0, NULL, &out, &len), SASL_OK);
		assert_int_equal(len, 0);
		assert_string_equal(client.log, "");
		assert_int_equal(
			sasl_getprop(client.conn, SASL_USERNAME, (const void **)(uintptr_t)&user),
			SASL_OK);
		assert_string_equal(user, "relay@contoso.example");
		free(peer_request(&peer, SOON_MS));
		assert_null(peer_request(&peer, 50));
		end();
	}
}

/* Without an initial response the first step gets an empty challenge. */
static void first_step_after_an_empty_challenge(void **state)
{
	const char *out = NULL;
	const char *chosen = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, postfix);
	assert_int_equal(sasl_client_start(client.conn, "XOAUTH2", NULL, NULL, NULL, &chosen),
			 SASL_CONTINUE);
	assert_int_equal(sasl_client_step(client.conn, "", 0, NULL, &out, &len), SASL_CONTINUE);
	assert_int_equal(len, strlen(XOAUTH2_MESSAGE));
	assert_memory_equal(out, XOAUTH2_MESSAGE, len);
	end();
}

static void port_comes_from_the_address(void **state)
{
	static const char message[] =
		"n,a=relay@contoso.example,\001host=imap.example\001port=993\001"
		"auth=Bearer EwBAAl3BAAUF\001\001";
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, postfix);
	sasl_dispose(&client.conn);
	assert_int_equal(sasl_client_new("imap", "imap.example", "127.0.0.1;40000", "127.0.0.1;993",
					 client.callbacks, 0, &client.conn),
			 SASL_OK);
	assert_int_equal(start("OAUTHBEARER", &out, &len), SASL_CONTINUE);
	assert_int_equal(len, strlen(message));
	assert_memory_equal(out, message, len);
	assert_asked("token service=imap host=imap.example mech=OAUTHBEARER "
		     "user=relay@contoso.example selector=relay min_valid=0");
	end();
}

/* Selectors ----------------------------------------------------------------------------------- */

static void selectors(void **state)
{
	static const struct {
		struct client program;
		const char *user;
		const char *selector;
	} table[] = {
		{{.user = "a@x", .password = ""}, "a@x", ""},
		{{.user = "a@x"}, "a@x", ""},
		{{.user = "a@x", .password = "etc/tokens/a@x"}, "a@x", "etc/tokens/a@x"},
		{{.user = "a@x", .password = "two words%"}, "a@x", "two%20words%25"},
		{{.user = "a@x", .password = "relay", .unterminated = true}, "a@x", "relay"},
		{{.password = "relay"}, "dollar-user", "relay"},
		{{.user = "a@x", .password = "bearer x"}, "a@x", "bearer%20x"},
	};

	(void)state;
	assert_int_equal(setenv("USER", "dollar-user", 1), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		begin_with(GOOD, table[i].program);
		assert_starts("XOAUTH2", XOAUTH2_MESSAGE);
		assert_asked_for("XOAUTH2", table[i].user, table[i].selector);
		end();
	}
}

static void literal_token(void **state)
{
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, (struct client){.user = "a@x", .password = "Bearer abc.def=="});
	assert_starts("XOAUTH2", "user=a@x\001auth=Bearer abc.def==\001\001");
	assert_int_equal(sasl_client_step(client.conn, REFUSAL, strlen(REFUSAL), NULL, &out, &len),
			 SASL_OK);
	assert_asked("rejected user=a@x service=smtp host=smtp.office365.com mech=XOAUTH2 "
		     "fingerprint=5a0b0544fa11f5ec said=" REFUSAL);
	assert_null(strstr(client.log, "abc.def"));
	end();
	begin_with(GOOD, (struct client){.user = "a@x", .password = "Bearer a\001b"});
	assert_int_equal(start("XOAUTH2", &out, &len), SASL_CONFIGERR);
	assert_non_null(strstr(client.log, "is not a token"));
	assert_null(peer_request(&peer, 50));
	end();
}

/* Prompts ------------------------------------------------------------------------------------- */

/* Answers as the program would; returns how many things were asked. */
static int answer(const struct client *self, sasl_interact_t *list)
{
	int count = 0;

	for (; list->id != SASL_CB_LIST_END; list++, count++) {
		assert_true(list->id == SASL_CB_AUTHNAME || list->id == SASL_CB_PASS);
		assert_non_null(list->prompt);
		list->result = list->id == SASL_CB_PASS ? self->password : self->user;
		list->len = (unsigned)strlen(list->result) + (self->unterminated ? 1 : 0);
	}
	return count;
}

static void prompted(struct client program, int questions)
{
	sasl_interact_t *list = NULL;
	const char *chosen = NULL;
	const char *out = NULL;
	unsigned len = 0;

	begin_with(GOOD, program);
	assert_int_equal(sasl_client_start(client.conn, "XOAUTH2", &list, &out, &len, &chosen),
			 SASL_INTERACT);
	assert_int_equal(answer(&client, list), questions);
	assert_int_equal(sasl_client_start(client.conn, "XOAUTH2", &list, &out, &len, &chosen),
			 SASL_CONTINUE);
	assert_null(list);
	assert_int_equal(len, strlen(XOAUTH2_MESSAGE));
	assert_asked_for("XOAUTH2", program.user, program.password != NULL ? program.password : "");
	end();
}

static void programs_that_prompt(void **state)
{
	(void)state;
	prompted((struct client){.user = "a@x", .password = "relay", .prompts = true}, 2);
	prompted((struct client){.user = "a@x", .password = "", .prompts = true}, 2);
	prompted((struct client){.user = "a@x", .prompts = true}, 1);
	prompted(
		(struct client){
			.user = "a@x", .password = "relay", .prompts = true, .unterminated = true},
		2);
}

/* A program that does not answer what it was asked must get an error, not the question again. */
static void prompts_left_unanswered(void **state)
{
	sasl_interact_t *list = NULL;
	const char *chosen = NULL;
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, (struct client){.user = "a@x", .password = "p", .prompts = true});
	assert_int_equal(sasl_client_start(client.conn, "XOAUTH2", &list, &out, &len, &chosen),
			 SASL_INTERACT);
	assert_int_equal(sasl_client_start(client.conn, "XOAUTH2", &list, &out, &len, &chosen),
			 SASL_BADPARAM);
	assert_null(list); /* a program that gives up does not free it */
	end();
	/* prompt_need may be NULL. */
	begin_with(GOOD, (struct client){.user = "a@x", .password = "p", .prompts = true});
	assert_int_equal(start("XOAUTH2", &out, &len), SASL_BADPARAM);
	assert_non_null(strstr(client.log, "no user name"));
	end();
}

/* Failures ------------------------------------------------------------------------------------ */

static void daemon_says_no(void **state)
{
	static const struct {
		const char *reply;
		int code;
		const char *text;
	} table[] = {
		{"TEMP retry account relay: the token endpoint is down", SASL_UNAVAIL,
		 "mailoauth: relay@contoso.example: account relay: the token endpoint is down"},
		{"TEMP something", SASL_UNAVAIL, "mailoauth: relay@contoso.example: something"},
		{"PERM consent account relay: revoked (AADSTS50173): run: mailoauth authorize "
		 "relay",
		 SASL_EXPIRED, "revoked (AADSTS50173): run: mailoauth authorize relay"},
		{"PERM config no account x", SASL_CONFIGERR, ": no account x"},
		{"PERM denied account relay: not for you", SASL_NOAUTHZ, "not for you"},
		{"PERM protocol unknown verb", SASL_FAIL, "unknown verb"},
		{"NOTFOUND ", SASL_CONFIGERR, "no such account"},
		{"PERM config %n%s%s%s%o", SASL_CONFIGERR, ": %n%s%s%s%o"},
		{"PERM config a\nb\033[2J", SASL_CONFIGERR, ": a?b?[2J"},
		{"nonsense", SASL_FAIL, "not in its protocol"},
		{"OK ", SASL_FAIL, "no usable \"user\""},
		{"OK account=relay user=u", SASL_FAIL, "no usable \"token\""},
		{"OK user=u token=t", SASL_FAIL, "no usable \"account\""},
		{"OK account=relay user=u token=a%20b", SASL_CONFIGERR, "characters that no token"},
		{"OK account=relay user=a%01b token=t", SASL_CONFIGERR, "the user name is empty"},
		{"OK account=relay user= token=t", SASL_CONFIGERR, "the user name is empty"},
		{"OK account=relay user=%zz token=t", SASL_FAIL, "no usable \"user\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *out = NULL;
		unsigned len = 0;
		int code;

		begin_with(table[i].reply, postfix);
		code = start("XOAUTH2", &out, &len);
		if (code != table[i].code || strstr(client.log, table[i].text) == NULL)
			fail_msg("%s: code %d, log %s", table[i].reply, code, client.log);
		/* Programs print sasl_errdetail(): it must be our line, not a stale one. */
		assert_non_null(strstr(sasl_errdetail(client.conn), table[i].text));
		end();
	}
}

static void daemon_is_absent(void **state)
{
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, postfix);
	assert_int_equal(unlink(peer.process.path), 0);
	assert_int_equal(start("XOAUTH2", &out, &len), SASL_UNAVAIL);
	assert_non_null(strstr(
		client.log,
		"mailoauth: relay@contoso.example: mailoauthd is not running: there is no "));
	assert_non_null(strstr(client.log, peer.process.path));
	end();
}

static double seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The one slow test: what the plugin waits for at most, for a token and for its report to be taken.
 */
static void daemon_hangs(void **state)
{
	static const struct peer_act mute = {PEER_SAY, NULL, 0};
	char *framed = peer_netstring(GOOD);
	const struct peer_act then_mute[] = {{PEER_SAY, framed, 0}, mute};
	const char *out = NULL;
	unsigned len = 0;
	double from;

	(void)state;
	begin(&mute, 1, postfix);
	from = seconds();
	assert_int_equal(start("XOAUTH2", &out, &len), SASL_UNAVAIL);
	assert_true(seconds() - from > 11 && seconds() - from < 14);
	assert_non_null(strstr(client.log, "did not answer in time"));
	end();
	begin(then_mute, 2, postfix);
	assert_starts("XOAUTH2", XOAUTH2_MESSAGE);
	from = seconds();
	assert_int_equal(sasl_client_step(client.conn, REFUSAL, strlen(REFUSAL), NULL, &out, &len),
			 SASL_OK);
	assert_true(seconds() - from > 1.5 && seconds() - from < 4);
	end();
	free(framed);
}

/* Refusals ------------------------------------------------------------------------------------ */

struct refusal {
	const char *bytes;
	size_t len;
	bool reported;
	const char *said;   /* in the report; NULL: no words */
	const char *logged; /* NULL: nothing */
};

static void refuse(const char *mechanism, const char *answer_to_error,
		   const struct refusal *refusal)
{
	const char *out = NULL;
	unsigned len = 99;
	char report[1024];

	begin_with(GOOD, postfix);
	assert_int_equal(start(mechanism, &out, &len), SASL_CONTINUE);
	free(peer_request(&peer, SOON_MS));
	assert_int_equal(sasl_client_step(client.conn, refusal->bytes, (unsigned)refusal->len, NULL,
					  &out, &len),
			 SASL_OK);
	if (refusal->reported) {
		assert_int_equal(len, strlen(answer_to_error));
		assert_memory_equal(out, answer_to_error, len);
		(void)snprintf(report, sizeof(report),
			       "rejected account=relay service=smtp host=smtp.office365.com "
			       "mech=%s fingerprint=92c8d2b369dca9c9%s%s",
			       mechanism, refusal->said != NULL ? " said=" : "",
			       refusal->said != NULL ? refusal->said : "");
		assert_asked(report);
		assert_non_null(strstr(client.log, refusal->logged));
	} else {
		assert_int_equal(len, 0);
		assert_null(peer_request(&peer, 50));
		assert_string_equal(client.log, "");
	}
	assert_null(strstr(client.log, "EwBAAl3BAAUF"));
	end();
}

static void every_challenge(void **state)
{
	static const char own[] = "AUTHENTICATE XOAUTH2 dXNlcj1yZWxheUBjb250b3NvLmV4YW1wbGUB";
	static const char line[] = "account=relay: smtp.office365.com refused the access token for "
				   "relay@contoso.example";
	char *long_one = malloc(65536);
	const struct refusal table[] = {
		{NULL, 0, false, NULL, NULL},
		{"", 0, false, NULL, NULL},
		{own, strlen(own), false, NULL, NULL},
		{REFUSAL, strlen(REFUSAL), true, REFUSAL, "(status 401, scope mail)"},
		{REFUSAL "garbage", strlen(REFUSAL) + 7, true, NULL, line},
		{"{}", 2, true, "{}", "(status not given)"},
		{"XEwBAAl3BAAUF", 13, true, NULL, line},
		{"\0\0\0", 3, true, NULL, line},
		{long_one, 65536, true, NULL, "run: mailoauth status relay"},
	};

	(void)state;
	memset(long_one, '{', 65536);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		refuse("XOAUTH2", "", &table[i]);
		refuse("OAUTHBEARER", "\001", &table[i]);
	}
	free(long_one);
}

static void refusal_while_the_daemon_is_gone(void **state)
{
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, postfix);
	assert_starts("XOAUTH2", XOAUTH2_MESSAGE);
	assert_int_equal(unlink(peer.process.path), 0);
	assert_int_equal(sasl_client_step(client.conn, REFUSAL, strlen(REFUSAL), NULL, &out, &len),
			 SASL_OK);
	assert_int_equal(len, 0);
	assert_non_null(strstr(client.log, "status 401"));
	end();
}

/* Policy and life cycle ----------------------------------------------------------------------- */

static void encryption_demanded(void **state)
{
	sasl_security_properties_t demand = {.min_ssf = 56, .max_ssf = 256, .maxbufsize = 8192};
	sasl_ssf_t tls = 256;
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, postfix);
	assert_int_equal(sasl_setprop(client.conn, SASL_SEC_PROPS, &demand), SASL_OK);
	assert_int_not_equal(start("XOAUTH2", &out, &len), SASL_CONTINUE);
	assert_null(peer_request(&peer, 50));
	assert_int_equal(sasl_setprop(client.conn, SASL_SSF_EXTERNAL, &tls), SASL_OK);
	assert_starts("XOAUTH2", XOAUTH2_MESSAGE);
	end();
}

static void plaintext_forbidden(void **state)
{
	sasl_security_properties_t demand = {.max_ssf = 0, .security_flags = SASL_SEC_NOPLAINTEXT};
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	begin_with(GOOD, postfix);
	assert_int_equal(sasl_setprop(client.conn, SASL_SEC_PROPS, &demand), SASL_OK);
	assert_int_not_equal(start("XOAUTH2", &out, &len), SASL_CONTINUE);
	end();
}

static void two_connections_at_once(void **state)
{
	static const char second[] = "user=b@y\001auth=Bearer tok2\001\001";
	char *one = peer_netstring(GOOD);
	char *two = peer_netstring("OK account=b user=b@y expires=0 token=tok2");
	const struct peer_act acts[] = {{PEER_SAY, one, 0}, {PEER_SAY, two, 0}};
	sasl_conn_t *other = NULL;
	const char *out[2] = {NULL, NULL};
	const char *chosen = NULL;
	unsigned len[2] = {0, 0};

	(void)state;
	begin(acts, 2, postfix);
	assert_int_equal(
		sasl_client_new("smtp", "smtp.example", NULL, NULL, client.callbacks, 0, &other),
		SASL_OK);
	assert_int_equal(start("XOAUTH2", &out[0], &len[0]), SASL_CONTINUE);
	assert_int_equal(sasl_client_start(other, "XOAUTH2", NULL, &out[1], &len[1], &chosen),
			 SASL_CONTINUE);
	assert_int_equal(len[0], strlen(XOAUTH2_MESSAGE));
	assert_memory_equal(out[0], XOAUTH2_MESSAGE, len[0]);
	assert_int_equal(len[1], strlen(second));
	assert_memory_equal(out[1], second, len[1]);
	sasl_dispose(&other);
	assert_memory_equal(out[0], XOAUTH2_MESSAGE, len[0]);
	end();
	free(one);
	free(two);
}

static void longest_token(void **state)
{
	struct buffer reply = BUFFER_INIT(16384);
	const char *out = NULL;
	unsigned len = 0;

	(void)state;
	(void)buffer_append_str(&reply, "OK account=relay user=u expires=0 token=");
	for (int i = 0; i < 9000; i++)
		(void)buffer_append_byte(&reply, 'x');
	begin_with(reply.data, postfix);
	assert_int_equal(start("XOAUTH2", &out, &len), SASL_CONTINUE);
	assert_int_equal(len, 9000 + strlen("user=u\001auth=Bearer \001\001"));
	end();
	(void)buffer_append_byte(&reply, 'x');
	begin_with(reply.data, postfix);
	assert_int_equal(start("XOAUTH2", &out, &len), SASL_FAIL);
	end();
	buffer_release(&reply);
}

/* A .la beside the .so would be preferred by libsasl2, so the plugin is seen alone. */
static int prepare(void **state)
{
	char link[128];

	(void)state;
	if (mkdtemp(plugin_dir) == NULL)
		return -1;
	(void)snprintf(link, sizeof(link), "%s/libmailoauth.so", plugin_dir);
	if (access(PLUGIN_SO, R_OK) < 0 || symlink(PLUGIN_SO, link) < 0)
		return -1;
	return setenv("SASL_PATH", plugin_dir, 1);
}

static int clean_up(void **state)
{
	char link[128];

	(void)state;
	(void)snprintf(link, sizeof(link), "%s/libmailoauth.so", plugin_dir);
	(void)unlink(link);
	return rmdir(plugin_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xoauth2_as_postfix),
		cmocka_unit_test(oauthbearer_as_postfix),
		cmocka_unit_test(success_then_empty_step),
		cmocka_unit_test(first_step_after_an_empty_challenge),
		cmocka_unit_test(port_comes_from_the_address),
		cmocka_unit_test(selectors),
		cmocka_unit_test(literal_token),
		cmocka_unit_test(programs_that_prompt),
		cmocka_unit_test(prompts_left_unanswered),
		cmocka_unit_test(daemon_says_no),
		cmocka_unit_test(daemon_is_absent),
		cmocka_unit_test(daemon_hangs),
		cmocka_unit_test(every_challenge),
		cmocka_unit_test(refusal_while_the_daemon_is_gone),
		cmocka_unit_test(encryption_demanded),
		cmocka_unit_test(plaintext_forbidden),
		cmocka_unit_test(two_connections_at_once),
		cmocka_unit_test(longest_token),
	};

	return cmocka_run_group_tests_name("sasl-client", tests, prepare, clean_up);
}
