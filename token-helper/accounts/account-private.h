/* SPDX-License-Identifier: MIT */
/*
 * account-private.h - what the files of an account have from each other; account-state.h is what
 * all of them change.
 *
 * Times are wall clock. OUTCOME_OK or why not, in err, where an outcome is returned.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_ACCOUNT_PRIVATE_H
#define TOKEN_HELPER_ACCOUNTS_ACCOUNT_PRIVATE_H

#include "token-helper/accounts/account-state.h"
#include "token-helper/accounts/refresh-policy.h"

#define TOKEN_LAST_GASP_S 30 /* a token with less left is not handed out, whatever happens */

/* account.c */
bool account_has_person(const struct account *account); /* somebody consents, as is configured */
void account_load_grant(struct account *account);

/* account-ask.c: who waits. All are answered now: with a living token, or the reason why there is
 * none. */
void account_settle(struct account *account);

/* Begins a refresh for those who wait, or answers them: the back-off is not over, a person has to
 * act. */
void account_start_or_answer(struct account *account);

/* How long whoever asks has to wait for the next attempt, by what happened to this account; 0: not
 * at all. Not longer than account_waiting_s(). */
int64_t account_waiting_if_asked_s(const struct account *account);

/* An administrator wants a refresh itself: he always gets one. */
bool account_is_insisted_on(const struct account *account);

/* Tells them that it is configured no more. */
void account_dismiss_waiters(struct account *account);

/* Was the token got in the way that is configured? */
bool account_token_fits(const struct account *account);
struct refresh_times account_times(const struct account *account);

/* account-schedule.c: never NULL; runs when account_reschedule() has planned something. */
struct event *account_timer_new(struct account *account);
void account_plan_nothing(struct account *account);

/* How long no refresh may be made yet; 0: it may. */
int64_t account_waiting_s(const struct account *account);

/* What became of the last attempt, and from when on there may be another. error: OAuth's, or "". */
void account_note_trouble(struct account *account, enum outcome outcome, const char *error,
			  const struct err *err, int64_t retry_after_s);
void account_note_success(struct account *account);

/* A refusal outlives a restart: a daemon that is started again and again does not ask each time. */
void account_recall_refusal(struct account *account);

/* Its next refresh comes then, or when its timer is set anew. */
void account_plan_at(struct account *account, int64_t at_s);
uint32_t account_random_bits(void);

/* account-endpoint.c: the configuration's token_url is another, or known now. */
void account_find_endpoint(struct account *account);

/* A request leaves for the endpoint; it is answered, or (NULL) given up. */
void account_asks(struct account *account);
void account_answered(struct account *account, const struct token_answer *answer);

/* An answer to somebody else's request with the same configuration. */
void account_hears(struct account *account, const struct token_answer *answer);

/* The endpoint is down; and this account is not to ask it now, unless an administrator wants it. */
bool account_endpoint_is_down(const struct account *account);
bool account_endpoint_forbids(const struct account *account);
int64_t account_probe_s(const struct account *account); /* when somebody may; it is down */
enum outcome account_explain_endpoint(const struct account *account, struct err *err);

/* When the next who waits there tries; now or before: at once, or somebody does. */
int64_t account_endpoint_next_s(const struct endpoint *endpoint);

/* It is up again, and as many as may ask already. */
bool account_endpoint_is_crowded(const struct account *account);

/* Its refresh is due, and waits until the endpoint is up or this account's turn to try. */
void account_join_queue(struct account *account);
void account_leave_queue(struct account *account); /* also when it is in none */

/* beginnings.c: nothing is in flight. It starts now, or waits until it may. */
void account_begin(struct account *account);
bool account_waits_to_begin(const struct account *account);

/* It waits, and somebody for it. */
void account_begin_sooner(struct account *account);
void account_leave_beginnings(struct account *account); /* also when it does not wait */

/* account-schedule.c: that is over. Begins what is still wanted, and may be. */
void account_has_turn(struct account *account);

/* account-refresh.c: nothing is in flight. Whoever waits is answered, now or later. */
void account_start_refresh(struct account *account);

/* A request that nobody consented to is given up, to be made anew: nothing is lost with it. True:
 * there was one. */
bool account_abandon_direct(struct account *account);
void account_landing_free(struct landing *landing); /* NULL is fine */

/* account-save.c: the grant is nowhere but in memory, and nothing is in flight. */
void account_save_again(struct account *account);
void account_save_at_the_end(struct account *account);

/* account-learn.c: begins anew. */
void account_learn(struct account *account);

/* What came of the last time; it is tried again, if that is not just now. Never OUTCOME_OK. */
enum outcome account_not_learned(struct account *account, struct err *err);

/* What the old configuration's client had learned of the same issuer. False: nothing of use. */
bool account_keep_learned(const struct account_config *old, struct account_config *config);

/* account-report.c: every failure names the account and ends in what to do. Gives what. */
enum outcome account_explain(const struct account *account, enum outcome what, const char *why,
			     struct err *err);
enum outcome account_explain_trouble(const struct account *account, struct err *err);
const char *account_trouble_text(const struct account *account); /* "": there is none */
void account_log_attempt(const struct account *account, const struct token_answer *answer,
			 bool rotated);
void account_note_clock(struct account *account, const struct token_answer *answer);

/* account-verdict.c */
void account_rejection_release(struct account_rejection *rejection);

/* account-grant.c: what the grant becomes with a refresh's answer. What is taken of set is moved
 * out of it. */
void grant_advance(struct grant *grant, struct token_set *set, int64_t asked_s);

/* The refresh token that was used stays as the previous one until its successor has worked. */
void grant_rotate(struct grant *grant, struct token_set *set, int64_t asked_s);

/* The server wants a person: that is kept with the grant, and no token of it goes. */
void grant_refuse(struct grant *grant, const char *text);

/* With a token that nobody had to consent to. */
void grant_take_direct(struct grant *grant, const struct oauth_client *client,
		       struct token_set *set, int64_t asked_s);

/* It is of the client and the server that gave tokens for it, if it has not said so. */
void grant_bind(struct grant *grant, const char *client_id, const char *token_url);
bool same_text(const char *a, const char *b); /* NULL is another than any */

#endif
