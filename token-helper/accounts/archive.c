/* SPDX-License-Identifier: MIT */
/* archive.c - see archive.h. */
#include "token-helper/accounts/archive.h"

#include "common/clock.h"
#include "common/log.h"

#include "common/banned.h"

const char *const archive_source_names[] = {
	[ARCHIVE_BACKUP] = "backup", [ARCHIVE_IMPORT] = "import"};

enum outcome archive_names(const struct accounts *accounts, const char *after, size_t max,
			   struct buffer *names_out, struct err *err)
{
	return store_names(accounts_store(accounts), after, max, names_out, err);
}

enum outcome archive_read(const struct accounts *accounts, const char *name,
			  struct buffer *bytes_out, bool *sealed_out, struct err *err)
{
	enum outcome outcome = store_read_bytes(accounts_store(accounts), name, bytes_out, err);

	*sealed_out = outcome == OUTCOME_OK && seal_is_sealed(buffer_span(bytes_out));
	return outcome;
}

static bool same_token(const struct buffer *a, const struct buffer *b)
{
	return equal_constant_time(buffer_span(a), buffer_span(b));
}

static int64_t age_mark_s(const struct grant *grant)
{
	return grant->access_obtained_s > grant->authorized_s ? grant->access_obtained_s
							      : grant->authorized_s;
}

static enum outcome refuse_older(const char *name, const struct grant *present,
				 const struct grant *old, enum archive_source source,
				 struct err *err)
{
	char now[CLOCK_TEXT_MAX];
	char then[CLOCK_TEXT_MAX];

	if (source == ARCHIVE_IMPORT)
		return err_set(err, OUTCOME_CONFIG,
			       "account %s: has a grant already, of %s, which stays; the other "
			       "program's is of %s; to have that one all the same say --force",
			       name, clock_text(age_mark_s(present), now, sizeof(now)),
			       clock_text(age_mark_s(old), then, sizeof(then)));
	return err_set(err, OUTCOME_CONFIG,
		       "account %s: has a newer grant, of %s; the backup's is of %s and would "
		       "probably be refused by now; to put it back all the same run: mailoauth "
		       "restore FILE --account %s --force",
		       name, clock_text(age_mark_s(present), now, sizeof(now)),
		       clock_text(age_mark_s(old), then, sizeof(then)), name);
}

/* What there is now: in memory it may be newer than on disk. A file that cannot be read is none: it
 * is kept aside when it is replaced. */
static enum outcome read_present(struct accounts *accounts, const struct account *account,
				 const char *name, struct grant *present, struct err *err)
{
	enum outcome outcome;

	if (account != NULL) {
		grant_copy(present, account_grant(account));
		return OUTCOME_OK;
	}
	outcome = store_load(accounts_store(accounts), name, present, err);
	return outcome == OUTCOME_CONFIG ? OUTCOME_OK : outcome;
}

static enum outcome write(struct accounts *accounts, struct account *account, const char *name,
			  struct grant *grant, struct err *err)
{
	struct store_slot *slot;
	enum outcome outcome = store_reserve(accounts_store(accounts), name, &slot, err);

	if (outcome == OUTCOME_OK)
		outcome = store_commit(slot, grant, err);
	if (outcome == OUTCOME_OK && account != NULL) {
		account_hold(account);
		account_release(account, grant);
	} else if (outcome == OUTCOME_OK) {
		accounts_look_for_orphans(accounts);
	}
	return outcome;
}

static enum outcome replace(struct accounts *accounts, struct account *account, const char *name,
			    const struct grant *present, struct grant *grant,
			    enum archive_source source, struct err *err)
{
	enum outcome outcome;

	if (present->refresh_token.len > 0 &&
	    !same_token(&present->refresh_token, &grant->refresh_token)) {
		buffer_clear(&grant->previous_refresh_token);
		(void)buffer_append_span(&grant->previous_refresh_token,
					 buffer_span(&present->refresh_token));
	}
	grant->refused_s = 0; /* it is to be tried */
	if (present->generation >= grant->generation)
		grant->generation = present->generation + 1;
	outcome = write(accounts, account, name, grant, err);
	if (outcome == OUTCOME_OK)
		log_warning("account=%s restore=ok: a grant from %s is in its place", name,
			    source == ARCHIVE_IMPORT ? "another program" : "a backup");
	return outcome;
}

enum outcome archive_restore(struct accounts *accounts, const char *name, struct span bytes,
			     enum archive_source source, bool force,
			     enum archive_result *result_out, struct err *err)
{
	struct account *account = accounts_find(accounts, span_from_str(name));
	enum outcome outcome;
	struct grant grant;
	struct grant present;

	grant_init(&grant);
	grant_init(&present);
	outcome = store_decode(accounts_store(accounts), name, bytes, &grant, err);
	if (outcome != OUTCOME_OK)
		err_prefix(err, "account %s: its grant in the backup: ", name);
	else if (accounts_is_leaving(accounts, name) ||
		 (account != NULL && account_is_refreshing(account)))
		outcome = err_set(
			err, OUTCOME_RETRY,
			"account %s: is being refreshed at this moment; once more, please", name);
	else
		outcome = read_present(accounts, account, name, &present, err);
	if (outcome == OUTCOME_OK && !grant_is_empty(&present) &&
	    same_token(&present.refresh_token, &grant.refresh_token) &&
	    present.generation >= grant.generation)
		*result_out = ARCHIVE_UNCHANGED;
	else if (outcome == OUTCOME_OK && !force && !grant_is_empty(&present) &&
		 present.generation >= grant.generation)
		outcome = refuse_older(name, &present, &grant, source, err);
	else if (outcome == OUTCOME_OK) {
		outcome = replace(accounts, account, name, &present, &grant, source, err);
		*result_out = ARCHIVE_RESTORED;
	}
	grant_release(&grant);
	grant_release(&present);
	return outcome;
}
