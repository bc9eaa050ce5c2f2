/* SPDX-License-Identifier: MIT */
/*
 * cli-status.c - the verb status: a table of all accounts, the details of one, or the daemon's
 * JSON.
 */
#include "token-helper/cli-status.h"

#include <inttypes.h>
#include <json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "token-helper/cli-check.h"
#include "token-helper/cli-text.h"
#include "token-helper/cli-verbs.h"
#include "token-helper/json/json-reader.h"

#include "common/banned.h"

#define STATUS_VERSION	  1
#define STATUS_TIMEOUT_MS 10000
#define CELL_MAX	  1024
#define COLUMN_GAP	  2

/* One account -----------------------------------------------------------------------------------
 */

static void put(struct buffer *cell, const char *text)
{
	text_append_clean(cell, text != NULL ? text : "-");
}

static void put_text(struct buffer *cell, struct json_object *account, const char *key)
{
	put(cell, cli_json_string(account, key));
}

static int64_t number(struct json_object *object, const char *key)
{
	int64_t value = 0;

	(void)json_get_int(object, key, &value);
	return value;
}

static void put_when(struct buffer *cell, int64_t at_s)
{
	char text[CLOCK_TEXT_MAX];

	(void)buffer_append_str(cell, text_when(at_s, text, sizeof(text)));
}

/* "9 d", how long ago or how long until; "-" for a time that is not known. */
static void put_distance(struct buffer *cell, int64_t from_s, int64_t to_s)
{
	char text[TEXT_SPAN_MAX];

	if (from_s == 0 || to_s == 0)
		(void)buffer_append_byte(cell, '-');
	else
		(void)buffer_append_str(cell, text_duration(to_s - from_s, text, sizeof(text)));
}

static void put_account(struct buffer *cell, struct json_object *account, int64_t now)
{
	(void)now;
	put_text(cell, account, "account");
}

static void put_state(struct buffer *cell, struct json_object *account, int64_t now)
{
	(void)now;
	put_text(cell, account, "state");
}

static void put_user(struct buffer *cell, struct json_object *account, int64_t now)
{
	(void)now;
	put_text(cell, account, "user");
}

static void put_identity(struct buffer *cell, struct json_object *account, int64_t now)
{
	(void)now;
	if (cli_json_string(account, "identity") == NULL && number(account, "authorized") != 0)
		(void)buffer_append_str(cell, "not verified");
	else
		put_text(cell, account, "identity");
}

static void put_access(struct buffer *cell, struct json_object *account, int64_t now)
{
	(void)now;
	put_when(cell, number(account, "access_expires"));
}

static void put_refresh_token(struct buffer *cell, struct json_object *account, int64_t now)
{
	if (!cli_json_is_true(account, "refresh_token"))
		(void)buffer_append_str(cell, "none");
	else
		put_distance(cell, number(account, "refresh_obtained"), now);
}

/* "ok 12 min ago", "invalid_grant 3 h ago", "-". */
static void put_last_refresh(struct buffer *cell, struct json_object *account, int64_t now)
{
	struct json_object *last = json_member_object(account, "last_refresh");
	const char *error = last != NULL ? cli_json_string(last, "error") : NULL;

	if (last == NULL || number(last, "at") == 0) {
		(void)buffer_append_byte(cell, '-');
		return;
	}
	put(cell, error != NULL ? error : cli_json_string(last, "outcome"));
	(void)buffer_append_byte(cell, ' ');
	put_distance(cell, number(last, "at"), now);
	(void)buffer_append_str(cell, " ago");
}

static void put_todo(struct buffer *cell, struct json_object *account, int64_t now)
{
	(void)now;
	put_text(cell, account, "todo");
}

static const struct column {
	const char *title;
	const char *detail; /* the same where there is room */
	void (*put)(struct buffer *cell, struct json_object *account, int64_t now);
} columns[] = {
	{"ACCOUNT", "account", put_account},
	{"STATE", "state", put_state},
	{"USER", "user", put_user},
	{"SIGNED IN AS", "signed in as", put_identity},
	{"ACCESS TOKEN UNTIL", "access token until", put_access},
	{"REFRESH TOKEN AGE", "refresh token age", put_refresh_token},
	{"LAST REFRESH", "last refresh", put_last_refresh},
	{"WHAT TO DO", "what to do", put_todo},
};

enum { COLUMN_STATE = 1, COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* Colours ------------------------------------------------------------------------------------- */

#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define RED    "\033[31m"
#define PLAIN  "\033[0m"

static const char *colour_of(const char *state)
{
	static const char *const colours[][2] = {
		{"valid", GREEN},
		{"expiring", GREEN},
		{"expired-refreshable", YELLOW},
		{"never-authorized", YELLOW},
		{"blocked", YELLOW},
		{"reauth-required", RED},
		{"error", RED},
	};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		if (strcmp(colours[i][0], state) == 0)
			return colours[i][1];
	}
	return PLAIN;
}

static void put_coloured(struct buffer *out, const char *state, bool colour)
{
	if (colour)
		(void)buffer_append_str(out, colour_of(state));
	(void)buffer_append_str(out, state);
	if (colour)
		(void)buffer_append_str(out, PLAIN);
}

/* The table ------------------------------------------------------------------------------------ */

static struct json_object *accounts_of(struct json_object *status)
{
	return number(status, "version") == STATUS_VERSION ? json_member_array(status, "accounts")
							   : NULL;
}

/* Gives the cell's text. */
static char *cell_text(const struct column *column, struct json_object *account, int64_t now)
{
	struct buffer cell = BUFFER_INIT(CELL_MAX);
	char *text;

	column->put(&cell, account, now);
	text = xstrdup(buffer_ok(&cell) ? buffer_cstr(&cell) : "...");
	buffer_release(&cell);
	return text;
}

static void put_padded(struct buffer *out, const char *text, size_t columns_used, size_t width)
{
	(void)buffer_append_str(out, text);
	for (; columns_used < width; columns_used++)
		(void)buffer_append_byte(out, ' ');
}

static void put_line(struct buffer *out, char *const cells[COLUMNS], const size_t width[COLUMNS],
		     bool colour)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t used = text_columns(cells[i]);

		if (i == COLUMN_STATE) {
			put_coloured(out, cells[i], colour);
			put_padded(out, "", used, width[i] + COLUMN_GAP);
		} else {
			put_padded(out, cells[i], used,
				   i + 1 < COLUMNS ? width[i] + COLUMN_GAP : 0);
		}
	}
	(void)buffer_append_byte(out, '\n');
}

static void put_title(struct buffer *out, const size_t width[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++)
		put_padded(out, columns[i].title, strlen(columns[i].title),
			   i + 1 < COLUMNS ? width[i] + COLUMN_GAP : 0);
	(void)buffer_append_byte(out, '\n');
}

struct row {
	char *cell[COLUMNS];
};

static struct row *rows_read(struct json_object *accounts, int64_t now, size_t width[COLUMNS])
{
	size_t count = json_object_array_length(accounts);
	struct row *rows = xcalloc(count + 1, sizeof(*rows));

	for (size_t i = 0; i < COLUMNS; i++)
		width[i] = strlen(columns[i].title);
	for (size_t r = 0; r < count; r++) {
		struct json_object *account = json_object_array_get_idx(accounts, r);

		for (size_t i = 0; i < COLUMNS; i++) {
			size_t used;

			rows[r].cell[i] = cell_text(&columns[i], account, now);
			used = text_columns(rows[r].cell[i]);
			if (used > width[i])
				width[i] = used;
		}
	}
	return rows;
}

static void rows_free(struct row *rows, size_t count)
{
	for (size_t r = 0; r < count; r++) {
		for (size_t i = 0; i < COLUMNS; i++)
			free(rows[r].cell[i]);
	}
	free(rows);
}

/* Under the table: the token endpoints that are down ---------------------------------------------
 */

static void put_next_attempt(struct buffer *out, int64_t next_s, int64_t now)
{
	if (next_s <= now) {
		(void)buffer_append_str(out, "now");
		return;
	}
	(void)buffer_append_str(out, "in ");
	put_distance(out, now, next_s);
}

static void put_down(struct buffer *out, struct json_object *down, int64_t now)
{
	const char *proxy = cli_json_string(down, "proxy");

	put_text(out, down, "url");
	if (proxy != NULL) {
		(void)buffer_append_str(out, " by the proxy ");
		put(out, proxy);
	}
	(void)buffer_append_str(out, " is down since ");
	put_when(out, number(down, "down_since"));
	(void)buffer_append_str(out, " (");
	put_distance(out, number(down, "down_since"), now);
	(void)buffer_printf(out, "); accounts that wait: %" PRId64 " of %" PRId64 "; next attempt ",
			    number(down, "waiting"), number(down, "accounts"));
	put_next_attempt(out, number(down, "next_attempt"), now);
	(void)buffer_append_str(out, "; it said, to ");
	put_text(out, down, "account");
	(void)buffer_append_str(out, ": ");
	put_text(out, down, "text");
	(void)buffer_append_byte(out, '\n');
}

static void put_all_down(struct buffer *out, struct json_object *status)
{
	struct json_object *list = json_member_array(status, "endpoints_down");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		if (i == 0)
			(void)buffer_append_byte(out, '\n');
		put_down(out, json_object_array_get_idx(list, i), number(status, "now"));
	}
}

bool status_append_table(struct buffer *out, struct json_object *status, bool colour)
{
	struct json_object *accounts = accounts_of(status);
	size_t width[COLUMNS];
	struct row *rows;
	size_t count;

	if (accounts == NULL)
		return false;
	count = json_object_array_length(accounts);
	if (count == 0)
		return buffer_append_str(out,
					 "no account is configured; to write one see: mailoauth "
					 "guide; to take one over from another program: mailoauth "
					 "import FILE --append\n");
	rows = rows_read(accounts, number(status, "now"), width);
	put_title(out, width);
	for (size_t r = 0; r < count; r++)
		put_line(out, rows[r].cell, width, colour);
	rows_free(rows, count);
	put_all_down(out, status);
	return true;
}

/* The details -----------------------------------------------------------------------------------
 */

static void put_fact(struct buffer *out, const char *name, const char *value)
{
	put_padded(out, name, strlen(name), 20);
	put(out, value);
	(void)buffer_append_byte(out, '\n');
}

static void put_time(struct buffer *out, const char *name, int64_t at_s)
{
	char text[CLOCK_TEXT_MAX];

	put_fact(out, name, text_when(at_s, text, sizeof(text)));
}

/* What a mail server said when it refused a token that looked good. */
static void put_rejected(struct buffer *out, struct json_object *account)
{
	struct json_object *rejected = json_member_object(account, "rejected");

	if (rejected == NULL)
		return;
	put_time(out, "token refused at", number(rejected, "at"));
	put_fact(out, "  by", cli_json_string(rejected, "host"));
	put_fact(out, "  who said", cli_json_string(rejected, "said"));
}

static void put_accepted(struct buffer *out, struct json_object *account)
{
	struct json_object *accepted = json_member_object(account, "accepted");

	if (accepted == NULL)
		return;
	put_time(out, "token taken at", number(accepted, "at"));
	put_fact(out, "  by", cli_json_string(accepted, "host"));
}

/* The token endpoint, while it is down for all accounts. */
static void put_endpoint(struct buffer *out, struct json_object *account)
{
	struct json_object *down = json_member_object(account, "endpoint_down");
	char waiting[24];

	if (down == NULL)
		return;
	put_fact(out, "endpoint down", cli_json_string(down, "url"));
	if (cli_json_string(down, "proxy") != NULL)
		put_fact(out, "  by the proxy", cli_json_string(down, "proxy"));
	put_time(out, "  since", number(down, "down_since"));
	put_time(out, "  next attempt", number(down, "next_attempt"));
	(void)snprintf(waiting, sizeof(waiting), "%" PRId64, number(down, "waiting"));
	put_fact(out, "  accounts waiting", waiting);
	put_fact(out, "  last tried by", cli_json_string(down, "account"));
	put_fact(out, "  it said", cli_json_string(down, "text"));
}

/* What ends by itself, and when. */
static void put_deadlines(struct buffer *out, struct json_object *account)
{
	struct json_object *list = json_member_array(account, "deadlines");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		struct json_object *deadline = json_object_array_get_idx(list, i);
		const char *what = cli_json_string(deadline, "what");

		put_time(out, what != NULL ? what : "deadline", number(deadline, "at"));
	}
}

/* What the table has no room for. */
static void put_rest(struct buffer *out, struct json_object *account)
{
	struct json_object *last = json_member_object(account, "last_refresh");
	char requests[24];

	if (last != NULL && cli_json_string(last, "text") != NULL)
		put_fact(out, "  it said", cli_json_string(last, "text"));
	put_endpoint(out, account);
	put_fact(out, "provider", cli_json_string(account, "provider"));
	put_fact(out, "scopes", cli_json_string(account, "scope"));
	put_time(out, "authorized", number(account, "authorized"));
	put_time(out, "access token from", number(account, "access_obtained"));
	put_time(out, "next refresh", number(account, "next_refresh"));
	put_accepted(out, account);
	put_rejected(out, account);
	(void)snprintf(requests, sizeof(requests), "%" PRId64, number(account, "requests"));
	put_fact(out, "tokens asked for", requests);
	put_deadlines(out, account);
}

static void put_details(struct buffer *out, struct json_object *account, int64_t now, bool colour)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		char *text = cell_text(&columns[i], account, now);

		put_padded(out, columns[i].detail, strlen(columns[i].detail), 20);
		put_coloured(out, text, colour && i == COLUMN_STATE);
		(void)buffer_append_byte(out, '\n');
		free(text);
	}
	put_rest(out, account);
}

bool status_append_details(struct buffer *out, struct json_object *status, bool colour)
{
	struct json_object *accounts = accounts_of(status);

	if (accounts == NULL)
		return false;
	for (size_t i = 0; i < json_object_array_length(accounts); i++) {
		if (i > 0)
			(void)buffer_append_byte(out, '\n');
		put_details(out, json_object_array_get_idx(accounts, i), number(status, "now"),
			    colour);
	}
	return true;
}

/* The verb --------------------------------------------------------------------------------------
 */

static enum cli_exit print_text(const struct buffer *text)
{
	if (!buffer_ok(text))
		return cli_report(CLI_PROTOCOL, "mailoauthd's status is too long to be shown; run: "
						"mailoauth status --json");
	(void)fwrite(buffer_cstr(text), 1, text->len, stdout);
	return CLI_OK;
}

static enum cli_exit print_for_people(const struct cli *cli, struct json_object *status)
{
	struct buffer text = BUFFER_INIT(STATUS_TEXT_MAX);
	bool colour = text_wants_colour();
	bool ok = cli->account != NULL ? status_append_details(&text, status, colour)
				       : status_append_table(&text, status, colour);
	enum cli_exit exit =
		ok ? print_text(&text)
		   : cli_report(CLI_PROTOCOL, "mailoauthd's status is of another version");

	buffer_release(&text);
	return exit;
}

static enum cli_exit print_status(const struct cli *cli, struct json_object *status)
{
	if (cli->json)
		(void)puts(json_object_to_json_string_ext(
			status, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		return print_for_people(cli, status);
	return CLI_OK;
}

/* Asking -------------------------------------------------------------------------------------- */

static enum cli_exit ask_page(const struct cli *cli, const char *after, struct json_object **page,
			      struct err *err)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	const char *why = "";
	struct span data;
	enum cli_exit exit;

	cli_request(&request, "status");
	if (cli->account != NULL)
		cli_field_str(&request, "account", cli->account);
	if (after != NULL)
		cli_field_str(&request, "after", after);
	exit = cli_call(cli, &request, STATUS_TIMEOUT_MS, &reply, &data, err);
	if (exit == CLI_OK) {
		*page = json_read(data, HELPER_REPLY_MAX, &why);
		if (*page == NULL || accounts_of(*page) == NULL) {
			(void)err_set(
				err, OUTCOME_PROTOCOL,
				"mailoauthd's status cannot be read: it is of another version");
			exit = CLI_PROTOCOL;
		}
	}
	buffer_release(&reply);
	buffer_release(&request);
	return exit;
}

static void join(struct json_object *whole, struct json_object *page)
{
	struct json_object *from = accounts_of(page);
	struct json_object *to = accounts_of(whole);

	for (size_t i = 0; i < json_object_array_length(from); i++)
		json_object_array_add(to, json_object_get(json_object_array_get_idx(from, i)));
}

enum cli_exit status_ask(const struct cli *cli, struct json_object **status_out, struct err *err)
{
	struct json_object *whole = NULL;
	enum cli_exit exit = CLI_OK;
	char *after = NULL;

	do {
		struct json_object *page = NULL;

		exit = ask_page(cli, after, &page, err);
		free(after);
		after = exit == CLI_OK ? xstrdup(cli_json_string(page, "next")) : NULL;
		if (exit == CLI_OK && whole != NULL)
			join(whole, page);
		else if (exit == CLI_OK)
			whole = json_object_get(page);
		json_object_put(page);
	} while (after != NULL);
	if (exit != CLI_OK) {
		json_object_put(whole);
		return exit;
	}
	json_object_object_del(whole, "next");
	*status_out = whole;
	return CLI_OK;
}

void status_append_redirects(struct json_object *account, struct words *words)
{
	struct json_object *list = json_member_array(account, "redirects");

	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		const char *one = json_object_get_string(json_object_array_get_idx(list, i));

		if (one != NULL && !words_contain(words, one))
			words_split(one, words);
	}
}

enum cli_exit cli_status(const struct cli *cli)
{
	struct json_object *status = NULL;
	struct err err = ERR_INIT;
	enum cli_exit exit = status_ask(cli, &status, &err);

	if (cli->check)
		return cli_check(exit == CLI_OK ? status : NULL, err.text);
	if (exit == CLI_OK)
		exit = print_status(cli, status);
	else
		(void)cli_report(exit, err.text);
	json_object_put(status);
	return exit;
}
