/* SPDX-License-Identifier: MIT */
/* account.c - see account.h. */
#include "token-helper/accounts/account.h"

#include <event2/event.h>
#include <event2/util.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/helper-protocol.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "token-helper/accounts/account-state.h"
#include "token-helper/accounts/commit-queue.h"
#include "token-helper/accounts/discovery.h"
#include "token-helper/accounts/forget.h"
#include "token-helper/accounts/refresh-policy.h"
#include "token-helper/oauth/id-token.h"
#include "token-helper/oauth/token-request.h"

#include "common/banned.h"

#define TIMER_AT_MOST_S	  3600
#define CONFIG_AGAIN_S	  3600
#define CONFIG_JITTER_S	  600
#define TOKEN_LAST_GASP_S 30 /* a token with less left is not handed out, whatever happens */

static void refresh_start(struct account *account);

static uint32_t random_bits(void)
{
	uint32_t bits;

	evutil_secure_rng_get_bytes(&bits, sizeof(bits));
	return bits;
}

static struct refresh_times times_of(const struct account *account)
{
	return (struct refresh_times){
		.obtained_s = account->grant.access_obtained_s,
		.expires_s = account->grant.access_expires_s,
		.last_asked_s = account->last_asked_s,
	};
}

/* How long no refresh may be made yet; 0: it may. A wait that no failure of ours can have caused is
 * from before the clock was set back. */
static int64_t waiting_s(const struct account *account)
{
	int64_t wait_s = account->not_before_s - clock_now_s();

	return wait_s > 0 && wait_s <= REFRESH_WAIT_MAX_S ? wait_s : 0;
}

static bool has_person(const struct account *account)
{
	return grant_kind_has_person(account->config->client.grant);
}

/* What people read ---------------------------------------------------------------------------- */

/* Every failure names the account and ends in what to do. */
static enum outcome explain(const struct account *account, enum outcome what, const char *why,
			    struct err *err)
{
	const char *name = account->config->name;
	int64_t wait = waiting_s(account);

	switch (what) {
	case OUTCOME_CONSENT:
		return err_set(err, what, "account %s: %s; run: mailoauth authorize %s", name, why,
			       name);
	case OUTCOME_CONFIG:
		if (!has_person(account))
			return err_set(err, what,
				       "account %s: %s; correct that, then run: mailoauth "
				       "authorize %s",
				       name, why, name);
		return err_set(err, what,
			       "account %s: %s; correct it in mailoauth.conf and reload mailoauthd",
			       name, why);
	case OUTCOME_RETRY:
		if (wait > 0)
			return err_set(err, what, "account %s: %s; next attempt in %" PRId64 " s",
				       name, why, wait);
		break;
	default:
		break;
	}
	return err_set(err, what, "account %s: %s", name, why);
}

static const char *text_of(const char *text)
{
	return text != NULL ? text : "";
}

static enum outcome explain_trouble(const struct account *account, struct err *err)
{
	return explain(account, account->trouble, text_of(account->attempt.text), err);
}

static void log_credential(const struct account *account, const struct token_answer *answer)
{
	if (answer->credential_changed)
		log_warning("account=%s credential=%s: the server takes this one and refuses the "
			    "other",
			    account->config->name, answer->credential);
}

/* The line that every request to a token endpoint leaves. */
static void log_answer(const struct account *account, enum log_level level, const char *what,
		       const char *grant, const struct token_answer *answer, const char *tail)
{
	char host[256];

	http_url_host(account->config->client.token_url, host, sizeof(host));
	log_line(level,
		 "account=%s %s=%s grant=%s endpoint=%s http=%d error=%s correlation=%s "
		 "duration=%" PRId64 "ms%s",
		 account->config->name, what, outcome_name(answer->outcome), grant, host,
		 answer->status, answer->error[0] != '\0' ? answer->error : "-",
		 answer->correlation[0] != '\0' ? answer->correlation : "-", answer->duration_ms,
		 tail);
}

static void note_clock(struct account *account, const struct token_answer *answer)
{
	if (answer->is_dated)
		account->clock = (struct account_clock){.at_s = clock_now_s(),
							.ahead_s = answer->clock_ahead_s};
}

void account_log_answer(struct account *account, enum grant_kind grant,
			const struct token_answer *answer)
{
	note_clock(account, answer);
	log_answer(account, LOG_LEVEL_INFO, "request", grant_kind_name(grant), answer, "");
	log_credential(account, answer);
}

static void log_attempt(const struct account *account, const struct token_answer *answer,
			bool rotated)
{
	const char *grant = grant_kind_has_person(account->flight_grant)
				    ? "refresh_token"
				    : grant_kind_name(account->flight_grant);
	char tail[ERR_TEXT_MAX + 8];
	char until[CLOCK_TEXT_MAX];

	log_credential(account, answer);
	if (answer->outcome == OUTCOME_OK)
		(void)snprintf(tail, sizeof(tail), " rotated=%s valid_until=%s",
			       rotated ? "yes" : "no",
			       clock_text(account->flight_started_s + answer->set.expires_in_s,
					  until, sizeof(until)));
	else
		(void)snprintf(tail, sizeof(tail), ": %s", answer->err.text);
	log_answer(account,
		   answer->outcome == OUTCOME_OK ? LOG_LEVEL_INFO : log_level_of(answer->outcome),
		   "refresh", grant, answer, tail);
}

/* Waiters ------------------------------------------------------------------------------------- */

static struct account_waiter *waiter_add(struct account *account, bool fresh,
					 account_token_fn *done, void *context)
{
	struct account_waiter *waiter = xcalloc(1, sizeof(*waiter));

	waiter->list = &account->waiters;
	waiter->fresh = fresh;
	waiter->done = done;
	waiter->context = context;
	TAILQ_INSERT_TAIL(&account->waiters, waiter, link);
	return waiter;
}

void account_cancel(struct account_waiter *waiter)
{
	if (waiter == NULL)
		return;
	TAILQ_REMOVE(waiter->list, waiter, link);
	free(waiter);
}

/* Answers all who wait now: with the token (NULL: there is none), but those who want the refresh
 * itself with what became of it. A callback may ask again: it then waits in the other list. */
static void answer_all(struct account *account, enum outcome outcome,
		       const struct account_token *token, const struct err *err)
{
	struct account_waiter *waiter;

	TAILQ_CONCAT(&account->answering, &account->waiters, link);
	TAILQ_FOREACH(waiter, &account->answering, link)
	waiter->list = &account->answering;
	while ((waiter = TAILQ_FIRST(&account->answering)) != NULL) {
		account_token_fn *done = waiter->done;
		void *context = waiter->context;
		bool serve = token != NULL && (outcome == OUTCOME_OK || !waiter->fresh);

		account_cancel(waiter);
		done(context, serve ? OUTCOME_OK : outcome, serve ? token : NULL, err);
	}
}

/* The token ----------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Was the token got in the way that is configured? One by a person's consent is kept while the
 * account asks by itself, and the other way round, but not handed out. */
static bool token_is_of_kind(const struct account *account)
{
	const struct oauth_client *client = &account->config->client;
	const struct grant *grant = &account->grant;

	if (has_person(account))
		return grant->kind == NULL || strcmp(grant->kind, "authorization_code") == 0 ||
		       strcmp(grant->kind, "device_code") == 0;
	return same_text(grant->kind, grant_kind_name(client->grant)) &&
	       same_text(grant->client_id, client->client_id) &&
	       same_text(grant->token_url, client->token_url) &&
	       same_text(grant->identity, client->subject);
}

static bool token_lives(const struct account *account, int64_t needed_s)
{
	return account->grant.access_token.len > 0 && token_is_of_kind(account) &&
	       !account->unsaved && !account->rejected &&
	       account->grant.access_expires_s - clock_now_s() >= needed_s;
}

static struct account_token token_of(const struct account *account)
{
	return (struct account_token){
		.token = buffer_span(&account->grant.access_token),
		.expires_s = account->grant.access_expires_s,
	};
}

int64_t account_expires_s(const struct account *account)
{
	return account->grant.access_token.len > 0 && token_is_of_kind(account)
		       ? account->grant.access_expires_s
		       : 0;
}

/* After a refresh, good or bad: a living token for all, or the reason why there is none. */
static void settle(struct account *account)
{
	struct account_token token = token_of(account);
	struct err err = ERR_INIT;
	enum outcome outcome = account->trouble;
	bool lives = token_lives(account, TOKEN_LAST_GASP_S) ||
		     (outcome == OUTCOME_OK && token_lives(account, 1));

	if (outcome != OUTCOME_OK)
		outcome = explain_trouble(account, &err);
	else if (!lives)
		outcome = explain(account, OUTCOME_RETRY,
				  "the server's new token has expired already", &err);
	answer_all(account, outcome, lives ? &token : NULL, &err);
}

/* Planning ------------------------------------------------------------------------------------ */

/* Timers count monotonic time; a suspended machine must not sleep past the due time for long. */
static void arm_timer(struct account *account)
{
	int64_t wait_s = account->next_s - clock_now_s();
	struct timeval wait = {.tv_sec = 0};

	if (wait_s > TIMER_AT_MOST_S)
		wait_s = TIMER_AT_MOST_S;
	wait.tv_sec = wait_s > 0 ? (time_t)wait_s : 0;
	(void)event_add(account->timer, &wait);
}

static void plan_nothing(struct account *account)
{
	refresh_plan_remove(account->world.plan, account->next_s);
	account->next_s = 0;
	(void)event_del(account->timer);
}

void account_reschedule(struct account *account)
{
	int64_t now_s = clock_now_s();
	struct refresh_times times = times_of(account);

	plan_nothing(account);
	if ((has_person(account) && account->grant.refresh_token.len == 0) ||
	    account_is_refreshing(account))
		return;
	if (!token_is_of_kind(account))
		times.obtained_s = 0;
	if (account->trouble != OUTCOME_OK && waiting_s(account) > 0) {
		account->next_s = now_s + waiting_s(account);
		refresh_plan_add(account->world.plan, account->next_s);
	} else {
		if (account->trouble != OUTCOME_OK)
			times.obtained_s = 0; /* it is due */
		account->next_s = refresh_plan_s(account->world.plan, &times, now_s, random_bits());
	}
	arm_timer(account);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct account *account = context;

	(void)fd;
	(void)what;
	/* Being held keeps it from asking for another grant, not from saving the one it has. */
	if (clock_now_s() >= account->next_s && !account_is_refreshing(account) &&
	    (account->holds == 0 || account->unsaved))
		refresh_start(account);
	else if (account->next_s - clock_now_s() > REFRESH_IDLE_EVERY_S)
		account_reschedule(account); /* the clock was set back since that was planned */
	else if (account->next_s != 0)
		arm_timer(account);
}

static void note_attempt(struct account *account, enum outcome outcome, const char *error,
			 const char *text)
{
	struct account_attempt *attempt = &account->attempt;

	free(attempt->text);
	*attempt = (struct account_attempt){.at_s = clock_now_s(), .outcome = outcome};
	(void)snprintf(attempt->error, sizeof(attempt->error), "%s", error);
	attempt->text = text != NULL ? xstrdup(text) : NULL;
}

static int64_t life_left_s(const struct account *account)
{
	bool usable =
		account->grant.access_token.len > 0 && !account->unsaved && !account->rejected;

	return usable ? account->grant.access_expires_s - clock_now_s() - TOKEN_LAST_GASP_S : 0;
}

static void note_trouble(struct account *account, enum outcome outcome, const char *error,
			 const struct err *err, int64_t retry_after_s)
{
	int64_t wait_s;

	account->trouble = outcome;
	account->failures++;
	if (outcome == OUTCOME_CONSENT)
		wait_s = refresh_sparse_s(account->failures, random_bits());
	else if (outcome == OUTCOME_CONFIG)
		wait_s = CONFIG_AGAIN_S + random_bits() % CONFIG_JITTER_S;
	else
		wait_s = refresh_backoff_s(account->failures, life_left_s(account), retry_after_s,
					   random_bits());
	account->not_before_s = clock_now_s() + wait_s;
	note_attempt(account, outcome, error, err->text);
}

static void note_success(struct account *account)
{
	account->trouble = OUTCOME_OK;
	account->failures = 0;
	account->not_before_s = 0;
	account->previous_tried = false;
	if (account->rejected)
		account->forced_s = clock_now_s();
	account->rejected = false;
	note_attempt(account, OUTCOME_OK, "", NULL);
}

/* A refusal outlives a restart: a daemon that is started again and again does not ask each time. */
static void recall_refusal(struct account *account)
{
	const struct grant *grant = &account->grant;
	struct err err = ERR_INIT;

	if (grant->refused_s == 0 || !has_person(account))
		return;
	(void)err_set(&err, OUTCOME_CONSENT, "%s", text_of(grant->refused));
	account->failures = (unsigned)(grant->refused_count - 1);
	note_trouble(account, OUTCOME_CONSENT, "", &err, -1);
	account->not_before_s += grant->refused_s - clock_now_s();
	account->attempt.at_s = grant->refused_s;
}

/* Landing ------------------------------------------------------------------------------------- */

/* Takes the answer. */
static struct landing *landing_new(struct token_answer *answer)
{
	struct landing *landing = xcalloc(1, sizeof(*landing));

	landing->answer = *answer;
	token_set_init(&answer->set);
	landing->credential = xstrdup(answer->credential);
	landing->answer.credential = landing->credential;
	landing->outcome = answer->outcome;
	landing->err = answer->err;
	return landing;
}

static void landing_free(struct landing *landing)
{
	if (landing == NULL)
		return;
	token_answer_release(&landing->answer);
	free(landing->credential);
	free(landing);
}

/* Refreshing ---------------------------------------------------------------------------------- */

/* The refresh token that was used stays as the previous one until its successor has worked. */
static void grant_rotate(struct grant *grant, struct token_set *set, int64_t asked_s)
{
	struct buffer *now = &grant->refresh_token;

	if (set->refresh_token.len > 0 &&
	    !equal_constant_time(buffer_span(now), buffer_span(&set->refresh_token))) {
		buffer_move(&grant->previous_refresh_token, now);
		buffer_move(now, &set->refresh_token);
		grant->refresh_obtained_s = asked_s;
	} else {
		buffer_release(&grant->previous_refresh_token);
	}
}

static void grant_forgive(struct grant *grant)
{
	grant->refused_s = 0;
	grant->refused_count = 0;
	free(grant->refused);
	grant->refused = NULL;
}

/* The server wants a person: that is kept with the grant, and no token of it goes. */
static void grant_refuse(struct grant *grant, const char *text)
{
	grant->refused_s = clock_now_s();
	grant->refused_count++;
	free(grant->refused);
	grant->refused = xstrdup(text);
	grant->generation++;
}

/* What the grant becomes with the server's answer. */
static void grant_advance(struct grant *grant, struct token_set *set, int64_t asked_s)
{
	grant_forgive(grant);
	grant_rotate(grant, set, asked_s);
	buffer_move(&grant->access_token, &set->access_token);
	grant->access_obtained_s = asked_s;
	grant->access_expires_s = asked_s + set->expires_in_s;
	if (set->scope != NULL) {
		free(grant->scope);
		grant->scope = set->scope;
		set->scope = NULL;
	}
	grant->generation++;
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

/*
 * A token that nobody had to consent to. A refresh token that is there stays, for the day when the
 * account is a person's again; one that another client or server gave must not be sent to this one.
 */
static void grant_take_direct(struct grant *grant, const struct oauth_client *client,
			      struct token_set *set, int64_t asked_s)
{
	if (grant->refresh_token.len > 0 && (!same_text(grant->client_id, client->client_id) ||
					     !same_text(grant->token_url, client->token_url)))
		buffer_move(&grant->previous_refresh_token, &grant->refresh_token);
	buffer_move(&grant->access_token, &set->access_token);
	grant->access_obtained_s = asked_s;
	grant->access_expires_s = asked_s + set->expires_in_s;
	set_text(&grant->kind, grant_kind_name(client->grant));
	set_text(&grant->client_id, client->client_id);
	set_text(&grant->token_url, client->token_url);
	set_text(&grant->identity, client->subject);
	set_text(&grant->scope, set->scope);
	grant->generation++;
}

/* What becomes of a grant that could not be saved before. Until it is saved nothing of it is handed
 * out. */
static void on_saved(void *context, enum outcome outcome, const struct err *err)
{
	struct account *account = context;

	account->commit = NULL;
	account->unsaved = outcome != OUTCOME_OK;
	if (outcome == OUTCOME_OK) {
		log_info("account=%s store=ok: the grant that could not be saved is saved now",
			 account->config->name);
		note_success(account);
	} else {
		note_trouble(account, OUTCOME_RETRY, "", err, -1);
	}
	account_reschedule(account);
	settle(account);
}

static void save_again(struct account *account)
{
	struct store_slot *slot;
	struct err err;
	enum outcome outcome =
		store_reserve(account->world.store, account->config->name, &slot, &err);

	if (outcome == OUTCOME_OK)
		account->commit = commit_queue_add(account->world.commits, slot, &account->grant,
						   on_saved, account);
	else
		on_saved(account, outcome, &err);
}

/* The last chance of a grant that is nowhere but in memory. */
static void save_at_the_end(struct account *account)
{
	struct store_slot *slot;
	struct err err;
	enum outcome outcome;

	if (account->commit != NULL && commit_now(account->commit, &err) == OUTCOME_OK)
		account->unsaved = false;
	account->commit = NULL;
	if (!account->unsaved)
		return;
	outcome = store_reserve(account->world.store, account->config->name, &slot, &err);
	if (outcome == OUTCOME_OK)
		outcome = store_commit(slot, &account->grant, &err);
	if (outcome != OUTCOME_OK)
		log_error("account=%s: its new grant could not be saved and is lost: %s; run: "
			  "mailoauth authorize %s",
			  account->config->name, err.text, account->config->name);
}

/*
 * The id_token of a refresh, where there is one, must still speak of the person who consented. One
 * that cannot be read (our clock is wrong, say) is no reason to throw away what came with it: the
 * refresh token that was sent is spent.
 */
static enum outcome check_same_person(const struct account *account, const struct token_set *set,
				      struct err *err)
{
	struct identity identity = {0};
	enum outcome outcome;

	if (set->id_token.len == 0 || account->grant.subject == NULL ||
	    !grant_kind_has_person(account->flight_grant))
		return OUTCOME_OK;
	outcome = id_token_read(buffer_span(&set->id_token), &account->config->client,
				(struct span){"", 0}, clock_now_s(), &identity, err);
	if (outcome == OUTCOME_OK && strcmp(identity.subject, account->grant.subject) != 0)
		outcome = err_set(err, OUTCOME_CONSENT,
				  "the server refreshed the token of another person (%s)",
				  identity.name != NULL ? identity.name : "unnamed");
	else if (outcome != OUTCOME_OK) {
		log_warning("account=%s: the id_token of the refresh is not looked at: %s",
			    account->config->name, err->text);
		outcome = OUTCOME_OK;
	}
	identity_release(&identity);
	return outcome;
}

/* An imported grant may not say whose it is: it is his who gave tokens for it, and goes nowhere
 * else from then on. */
static void grant_bind(struct account *account)
{
	struct grant *grant = &account->grant;

	if (grant->client_id == NULL)
		grant->client_id = xstrdup(account->flight_client_id);
	if (grant->token_url == NULL)
		grant->token_url = xstrdup(account->flight_token_url);
}

/* The one that the grant came by, while it is still configured; else, and where nobody noted it,
 * the first. */
static const char *refresh_redirect(const struct account *account)
{
	const struct words *redirects = &account->config->client.redirects;
	const char *used = account->grant.redirect;

	return used != NULL && words_contain(redirects, used) ? used : redirects->word[0];
}

static void send_refresh(struct account *account, const struct buffer *refresh_token);

/* A server that refuses the present refresh token may still take the one before: its successor may
 * never have become valid there. Once: after that only a person helps. */
static bool try_previous(struct account *account, const struct token_answer *answer)
{
	if (answer->outcome != OUTCOME_CONSENT || answer->error[0] == '\0' ||
	    answer->set.refresh_token.len > 0 || account->previous_tried ||
	    account->grant.previous_refresh_token.len == 0)
		return false;
	account->previous_tried = true;
	account->flight_previous = true;
	log_attempt(account, answer, false);
	log_warning("account=%s: the refresh token before it is tried once", account->config->name);
	send_refresh(account, &account->grant.previous_refresh_token);
	return true;
}

/* The one that works is the present one now. */
static void promote_previous(struct account *account)
{
	struct buffer refused = BUFFER_INIT_SECRET(GRANT_TOKEN_MAX);

	buffer_move(&refused, &account->grant.refresh_token);
	buffer_move(&account->grant.refresh_token, &account->grant.previous_refresh_token);
	buffer_release(&refused);
}

/* Takes what is new of the answer into the grant. False: nothing is. */
static bool keep_answer(struct account *account)
{
	struct landing *landing = account->landing;
	struct token_answer *answer = &landing->answer;
	struct grant *grant = &account->grant;
	bool consented = grant_kind_has_person(account->flight_grant);

	if (landing->outcome == OUTCOME_OK && consented) {
		grant_advance(grant, &answer->set, account->flight_started_s);
		grant_bind(account);
	} else if (landing->outcome == OUTCOME_OK) {
		grant_take_direct(grant, &account->config->client, &answer->set,
				  account->flight_started_s);
	} else if (answer->outcome == OUTCOME_OK || !consented) {
		return false;
	} else if (answer->set.refresh_token.len > 0) {
		grant_rotate(grant, &answer->set, account->flight_started_s);
		grant->generation++;
	} else if (answer->outcome == OUTCOME_CONSENT && answer->error[0] != '\0') {
		grant_refuse(grant, answer->err.text);
		return true; /* no token of it is new */
	} else {
		return false;
	}
	account->unsaved = true;
	return true;
}

static void land(struct account *account)
{
	struct landing *landing = account->landing;
	struct token_answer *answer = &landing->answer;

	account->landing = NULL;
	/* Where nobody consents nobody can consent again. */
	if (landing->outcome == OUTCOME_CONSENT && !grant_kind_has_person(account->flight_grant))
		landing->outcome = OUTCOME_CONFIG;
	log_attempt(account, answer, landing->rotated); /* after saving: a log may block */
	if (landing->outcome == OUTCOME_OK)
		note_success(account);
	else
		note_trouble(account, landing->outcome, answer->error, &landing->err,
			     answer->retry_after_s);
	landing_free(landing);
	account_reschedule(account);
	settle(account);
}

static void on_kept(void *context, enum outcome outcome, const struct err *err)
{
	struct account *account = context;
	struct landing *landing = account->landing;

	account->commit = NULL;
	/* Of a refusal that is not saved only a restart's first attempt is lost. */
	if (account->unsaved && outcome != OUTCOME_OK) {
		log_error("account=%s store=%s: %s; the new grant is kept in memory and "
			  "saved as soon as that works",
			  account->config->name, outcome_name(outcome), err->text);
		if (landing->outcome == OUTCOME_OK) {
			landing->outcome = outcome;
			landing->err = *err;
		}
	}
	account->unsaved = account->unsaved && outcome != OUTCOME_OK;
	land(account);
}

static void on_refreshed(void *context, struct token_answer *answer)
{
	struct account *account = context;
	struct store_slot *slot = account->slot;
	struct landing *landing;
	/* A reload may have changed what the account asks for meanwhile: the answer is the
	 * flight's. */
	bool consented = grant_kind_has_person(account->flight_grant);
	bool previous = account->flight_previous;

	account->flight = NULL;
	account->flight_previous = false;
	note_clock(account, answer);
	if (consented && !previous && try_previous(account, answer))
		return;
	account->slot = NULL;
	account->landing = landing = landing_new(answer);
	landing->rotated = consented && landing->answer.set.refresh_token.len > 0;
	if (landing->outcome == OUTCOME_OK)
		landing->outcome = check_same_person(account, &landing->answer.set, &landing->err);
	if (landing->outcome == OUTCOME_OK && previous)
		promote_previous(account);
	if (keep_answer(account)) {
		account->commit = commit_queue_add(account->world.commits, slot, &account->grant,
						   on_kept, account);
	} else {
		store_abort(slot);
		land(account);
	}
}

/* Learning ------------------------------------------------------------------------------------ */

static enum outcome not_learned(struct account *account, struct err *err)
{
	discovery_hurry(account->discovery);
	if (account->unlearned != NULL)
		return err_set(err, account->learning, "%s", account->unlearned->text);
	return err_set(err, OUTCOME_RETRY,
		       "the metadata of %s has not come yet; run the same command again",
		       account->config->client.issuer);
}

enum outcome account_knows(struct account *account, const char *url, struct err *err)
{
	enum outcome outcome;

	if (url != NULL || account->discovery == NULL || account->learned)
		return OUTCOME_OK;
	outcome = not_learned(account, err);
	err_prefix(err, "account %s: ", account->config->name);
	return outcome;
}

static void on_learned(void *context, enum outcome outcome, struct metadata *metadata,
		       const struct err *err)
{
	struct account *account = context;
	struct account_config *config = account->config;
	bool knew = config->client.token_url != NULL;
	char host[256];

	free(account->unlearned);
	account->unlearned = NULL;
	account->learning = outcome;
	if (outcome == OUTCOME_OK) {
		http_url_host(metadata->token_url, host, sizeof(host));
		discovery_take(&config->client, config->learns, metadata);
		account->learned = true;
		log_info("account=%s discovery=ok issuer=%s endpoint=%s", config->name,
			 config->client.issuer, host);
		if (!knew) {
			account->not_before_s = 0;
			account_reschedule(account);
		}
		return;
	}
	account->unlearned = xcalloc(1, sizeof(*account->unlearned));
	*account->unlearned = *err;
	log_line(knew ? LOG_LEVEL_WARNING : log_level_of(outcome), "account=%s discovery=%s: %s%s",
		 config->name, outcome_name(outcome), err->text,
		 knew ? "; what is known stays in use" : "");
}

/* What is not configured: as it was last known, until it is learned anew. */
static void recall_token_url(struct account *account)
{
	struct metadata known = {.token_url = xstrdup(account->grant.token_url)};

	if (account->config->client.token_url == NULL)
		discovery_take(&account->config->client, account->config->learns, &known);
	metadata_release(&known);
}

static void learn(struct account *account)
{
	discovery_free(account->discovery);
	account->discovery = NULL;
	free(account->unlearned);
	account->unlearned = NULL;
	if (account->config->learns == 0)
		return;
	recall_token_url(account);
	account->discovery =
		discovery_new(&account->world, &account->config->client, on_learned, account);
}

/* What the old configuration's client had learned of the same issuer. False: nothing of use. */
static bool keep_learned(const struct account_config *old, struct account_config *config)
{
	const struct oauth_client *from = &old->client;
	struct metadata known = {0};

	if (old->learns == 0 || config->learns == 0 ||
	    strcmp(from->issuer, config->client.issuer) != 0)
		return false;
	known.authorize_url = xstrdup(from->authorize_url);
	known.token_url = xstrdup(from->token_url);
	known.device_url = xstrdup(from->device_url);
	known.revoke_url = xstrdup(from->revoke_url);
	known.userinfo_url = xstrdup(from->userinfo_url);
	discovery_take(&config->client, config->learns, &known);
	metadata_release(&known);
	return true;
}

/* The issuer of the grant may move its own endpoint, when it is he who says so. */
static bool may_move(const struct account *account)
{
	const struct grant *grant = &account->grant;

	return account->config->learns != 0 && grant->issuer != NULL &&
	       strcmp(grant->issuer, account->config->client.issuer) == 0;
}

/* A grant goes only where it came from: to the same token endpoint, for the same client. */
static enum outcome check_grant_fits(struct account *account, struct err *err)
{
	const struct grant *grant = &account->grant;
	const struct oauth_client *client = &account->config->client;

	if (client->token_url == NULL)
		return not_learned(account, err);
	if (!has_person(account))
		return OUTCOME_OK;
	if (grant->client_id != NULL && strcmp(grant->client_id, client->client_id) != 0)
		return err_set(err, OUTCOME_CONSENT,
			       "client_id was changed since it was authorized");
	if (grant->token_url != NULL && strcmp(grant->token_url, client->token_url) != 0 &&
	    !may_move(account))
		return err_set(err, OUTCOME_CONSENT,
			       "the token endpoint was changed since it was authorized");
	return OUTCOME_OK;
}

static void send_refresh(struct account *account, const struct buffer *refresh_token)
{
	const struct oauth_client *client = &account->config->client;

	set_text(&account->flight_client_id,
		 account->grant.client_id == NULL ? client->client_id : NULL);
	set_text(&account->flight_token_url,
		 account->grant.token_url == NULL ? client->token_url : NULL);
	account->flight_started_s = clock_now_s();
	account->flight_grant = GRANT_AUTHORIZATION_CODE;
	account->flight = token_request_refresh(account->world.http, &account->config->client,
						buffer_span(refresh_token),
						refresh_redirect(account), on_refreshed, account);
}

static void send_direct(struct account *account)
{
	account->flight_started_s = clock_now_s();
	account->flight_grant = account->config->client.grant;
	account->flight = token_request_direct(account->world.http, &account->config->client,
					       on_refreshed, account);
}

static void refresh_start(struct account *account)
{
	struct err err;
	enum outcome outcome;

	if (account->unsaved) {
		save_again(account);
		return;
	}
	outcome = check_grant_fits(account, &err);
	if (outcome == OUTCOME_OK)
		outcome = store_reserve(account->world.store, account->config->name, &account->slot,
					&err);
	if (outcome != OUTCOME_OK) {
		log_line(log_level_of(outcome), "account=%s refresh=%s: not asked for: %s",
			 account->config->name, outcome_name(outcome), err.text);
		note_trouble(account, outcome, "", &err, -1);
		account_reschedule(account);
		settle(account);
		return;
	}
	if (has_person(account))
		send_refresh(account, &account->grant.refresh_token);
	else
		send_direct(account);
	account_reschedule(account);
}

/* Asking -------------------------------------------------------------------------------------- */

static void load_grant(struct account *account)
{
	struct err err;
	enum outcome outcome =
		store_load(account->world.store, account->config->name, &account->grant, &err);

	account->damaged = outcome != OUTCOME_OK;
	if (outcome == OUTCOME_OK) {
		account->trouble = OUTCOME_OK;
		recall_refusal(account);
		return;
	}
	log_error("account=%s store=%s: %s", account->config->name, outcome_name(outcome),
		  err.text);
	note_trouble(account, outcome, "", &err, -1);
}

/* May a refresh be made now? Else err has the answer for the asker. */
static enum outcome may_refresh(const struct account *account, struct err *err)
{
	if (account->damaged && account->trouble == OUTCOME_CONFIG)
		return err_set(
			err, OUTCOME_CONFIG,
			"account %s: %s; mend or restore that file and reload mailoauthd, or "
			"run: mailoauth authorize %s",
			account->config->name, text_of(account->attempt.text),
			account->config->name);
	if (account->damaged)
		return explain_trouble(account, err);
	if (has_person(account) && account->grant.refresh_token.len == 0 &&
	    account->grant.authorized_s == 0)
		return explain(account, OUTCOME_CONSENT, "has not been authorized yet", err);
	if (has_person(account) && account->grant.refresh_token.len == 0)
		return explain(account, OUTCOME_CONSENT,
			       "its token has expired, and the server gave no refresh token", err);
	if (account->trouble != OUTCOME_OK && waiting_s(account) > 0)
		return explain_trouble(account, err);
	return OUTCOME_OK;
}

/* Starts a refresh for those who wait, or answers them. */
static void start_or_answer(struct account *account)
{
	struct account_token token = token_of(account);
	enum outcome outcome;
	struct err err;

	/* What could not be read for a passing reason may be readable now. */
	if (account->damaged && account->trouble == OUTCOME_RETRY && waiting_s(account) == 0)
		load_grant(account);
	outcome = may_refresh(account, &err);
	if (outcome == OUTCOME_OK)
		refresh_start(account);
	else
		answer_all(account, outcome,
			   token_lives(account, TOKEN_LAST_GASP_S) ? &token : NULL, &err);
}

static struct account_waiter *join_or_start(struct account *account, bool fresh,
					    account_token_fn *done, void *context)
{
	struct account_waiter *waiter = waiter_add(account, fresh, done, context);

	if (account_is_refreshing(account) || account->holds > 0)
		return waiter;
	start_or_answer(account);
	/* It may have been answered already: then it is in no list any more. */
	return account_is_refreshing(account) ? waiter : NULL;
}

struct account_waiter *account_get_token(struct account *account, int64_t min_valid_s,
					 account_token_fn *done, void *context)
{
	struct refresh_times times = times_of(account);
	int64_t needed_s = min_valid_s > account->config->min_valid_s
				   ? min_valid_s
				   : account->config->min_valid_s;
	bool was_idle = account->last_asked_s == 0;
	struct account_token token;

	account->requests++;
	account->last_asked_s = clock_now_s();
	if (!token_lives(account, refresh_needed_s(&times, needed_s)))
		return join_or_start(account, false, done, context);
	if (was_idle)
		account_reschedule(account);
	token = token_of(account);
	done(context, OUTCOME_OK, &token, NULL);
	return NULL;
}

struct account_waiter *account_refresh(struct account *account, account_token_fn *done,
				       void *context)
{
	account->not_before_s = 0; /* a person asks: no back-off */
	return join_or_start(account, true, done, context);
}

static void rejection_release(struct account_rejection *rejection)
{
	free(rejection->where);
	free(rejection->said);
}

/* A server's words without what could forge a line. Gives. */
static char *clean_text(const char *text)
{
	struct err line;

	(void)err_set(&line, OUTCOME_OK, "%s", text);
	return xstrdup(line.text);
}

void account_report_rejected(struct account *account, uint64_t fingerprint, const char *where,
			     const char *said)
{
	bool current = account->grant.access_token.len > 0 &&
		       token_fingerprint(buffer_span(&account->grant.access_token)) == fingerprint;

	log_warning("account=%s rejected by=%s token=%s said=%s", account->config->name, where,
		    current ? "present" : "earlier", said);
	rejection_release(&account->rejection);
	account->rejection = (struct account_rejection){
		.at_s = clock_now_s(), .where = xstrdup(where), .said = clean_text(said)};
	/* A rejected token is replaced once; if its successor is refused too within the minute,
	 * asking again would only hammer. */
	if (current && (clock_now_s() - account->forced_s >= REFRESH_FORCED_S ||
			clock_now_s() < account->forced_s))
		account->rejected = true;
}

void account_report_accepted(struct account *account, const char *where)
{
	log_debug("account=%s accepted by=%s", account->config->name, where);
	free(account->acceptance.where);
	account->acceptance =
		(struct account_acceptance){.at_s = clock_now_s(), .where = clean_text(where)};
}

/* A new authorization ------------------------------------------------------------------------- */

bool account_is_refreshing(const struct account *account)
{
	return account->flight != NULL || account->commit != NULL;
}

void account_hold(struct account *account)
{
	account->holds++;
}

void account_release(struct account *account, struct grant *grant)
{
	if (account->holds > 0)
		account->holds--;
	if (grant != NULL) {
		grant_release(&account->grant);
		account->grant = *grant;
		grant_init(grant);
		account->damaged = false;
		account->unsaved = false;
		note_success(account);
		account_reschedule(account);
	}
	if (account->holds > 0 || account_is_refreshing(account) || TAILQ_EMPTY(&account->waiters))
		return;
	if (grant != NULL)
		settle(account);
	else
		start_or_answer(account);
}

void account_clear(struct account *account)
{
	grant_release(&account->grant);
	account->damaged = false;
	account->unsaved = false;
	note_success(account);
	account->attempt.at_s = 0;
	account_reschedule(account);
}

const struct grant *account_grant(const struct account *account)
{
	return &account->grant;
}

/* Life ---------------------------------------------------------------------------------------- */

struct account *account_new(const struct account_world *world, struct account_config *config)
{
	struct account *account = xcalloc(1, sizeof(*account));

	account->world = *world;
	account->config = config;
	grant_init(&account->grant);
	TAILQ_INIT(&account->waiters);
	TAILQ_INIT(&account->answering);
	account->timer = evtimer_new(world->base, on_timer, account);
	if (account->timer == NULL)
		fatal("out of memory");
	load_grant(account);
	learn(account);
	account_reschedule(account);
	return account;
}

static void dismiss_waiters(struct account *account)
{
	struct err err;

	(void)err_set(&err, OUTCOME_CONFIG,
		      "account %s: is no longer configured: put it back into mailoauth.conf and "
		      "reload mailoauthd, or change who asks for it",
		      account->config->name);
	answer_all(account, OUTCOME_CONFIG, NULL, &err);
}

void account_retire(struct account *account)
{
	account_hold(account);
	account->last_asked_s = 0;
	dismiss_waiters(account);
}

void account_revive(struct account *account)
{
	account_release(account, NULL);
}

bool account_is_needed(const struct account *account)
{
	return account_is_refreshing(account) || account->forget != NULL || account->unsaved;
}

void account_free(struct account *account)
{
	if (account == NULL)
		return;
	token_request_cancel(account->flight);
	forget_abandon(account->forget);
	store_abort(account->slot);
	account->flight = NULL;
	save_at_the_end(account);
	landing_free(account->landing);
	discovery_free(account->discovery);
	free(account->unlearned);
	dismiss_waiters(account);
	plan_nothing(account);
	event_free(account->timer);
	free(account->flight_client_id);
	free(account->flight_token_url);
	free(account->attempt.text);
	rejection_release(&account->rejection);
	free(account->acceptance.where);
	grant_release(&account->grant);
	account_config_free(account->config);
	free(account);
}

/* A request that nobody consented to is made anew, as the new configuration says: nothing is lost
 * with it. True: there was one. */
static bool abandon_direct(struct account *account)
{
	if (account->flight == NULL || grant_kind_has_person(account->flight_grant))
		return false;
	token_request_cancel(account->flight);
	store_abort(account->slot);
	account->flight = NULL;
	account->slot = NULL;
	return true;
}

void account_reconfigure(struct account *account, struct account_config *config)
{
	bool asks;

	discovery_free(account->discovery);
	account->discovery = NULL;
	account->learned = keep_learned(account->config, config) && account->learned;
	asks = abandon_direct(account);
	account_config_free(account->config);
	account->config = config;
	if (account->damaged)
		load_grant(account);
	learn(account);
	account->not_before_s = 0;
	account_reschedule(account);
	if (asks && account->holds == 0 && !TAILQ_EMPTY(&account->waiters))
		start_or_answer(account);
}

const struct account_config *account_config(const struct account *account)
{
	return account->config;
}
