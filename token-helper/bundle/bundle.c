/* SPDX-License-Identifier: MIT */
/* bundle.c - see bundle.h. The table of parts stands at the end. */
#include "token-helper/bundle/bundle.h"

#include <event2/event.h>
#include <fcntl.h>
#include <json.h>
#include <openssl/crypto.h>
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/deadline.h"
#include "common/scanner.h"
#include "token-helper/bundle/scrub.h"
#include "token-helper/cli-status.h"
#include "token-helper/postfix/program.h"

#include "common/banned.h"

#define PART_MAX	   262144
#define LOG_TAIL	   262144 /* bytes of a log that are looked at */
#define LOG_LINES	   120	  /* that are shown of each */
#define PROGRAM_TIMEOUT_MS 10000
#define PING_TIMEOUT_MS	   5000
#define COUNT(a)	   (sizeof(a) / sizeof((a)[0]))

struct bundle {
	const struct cli *cli;
	struct scrub *scrub;
};

/* Programs and files ----------------------------------------------------------------------------
 */

/* What it prints, appended; why it does not, in its place. */
static bool run(const char *const *words, struct buffer *out)
{
	struct buffer printed = BUFFER_INIT(PART_MAX);
	struct buffer complaint = BUFFER_INIT(1024);
	struct program_result result = {.out = &printed, .complaint = &complaint};
	const char *argv[12] = {0};
	char path[PROGRAM_PATH_MAX];
	struct err err = ERR_INIT;
	bool fine = false;

	argv[0] = program_find(words[0], path);
	for (size_t i = 1; i < COUNT(argv) - 1 && words[i - 1] != NULL; i++)
		argv[i] = words[i];
	if (argv[0] == NULL)
		(void)buffer_printf(out, "(%s is not installed)\n", words[0]);
	else if (program_run(argv, deadline_in_ms(PROGRAM_TIMEOUT_MS), &result, &err) != OUTCOME_OK)
		(void)buffer_printf(out, "(%s: %s)\n", words[0], err.text);
	else if (result.status != 0)
		(void)buffer_printf(out, "(%s ends with status %d: %s)\n", words[0], result.status,
				    buffer_cstr(&complaint));
	else if (printed.len == 0)
		(void)buffer_printf(out, "(%s prints nothing)\n", words[0]);
	else
		fine = buffer_append_span(out, buffer_span(&printed));
	buffer_release(&complaint);
	buffer_release(&printed);
	return fine;
}

static bool read_tail(const char *path, size_t max, struct buffer *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char chunk[8192];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	if (st.st_size > (off_t)max)
		(void)lseek(fd, st.st_size - (off_t)max, SEEK_SET);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && buffer_append(out, chunk, (size_t)n))
		continue;
	(void)close(fd);
	return n >= 0;
}

static bool has_one_of(struct span line, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (memmem(line.ptr, line.len, words[i], strlen(words[i])) != NULL)
			return true;
	}
	return false;
}

/* The last lines that have one of the words. */
static void append_matching(struct span text, const char *const *words, size_t count,
			    struct buffer *out)
{
	struct scanner counting = scanner_over(text), scan = counting;
	size_t matching = 0;
	struct span line;

	while (scan_line(&counting, &line))
		matching += has_one_of(line, words, count);
	while (scan_line(&scan, &line)) {
		if (!has_one_of(line, words, count) || matching-- > LOG_LINES)
			continue;
		(void)buffer_append_span(out, line);
		(void)buffer_append_byte(out, '\n');
	}
}

/* Parts -----------------------------------------------------------------------------------------
 */

static void put_daemon(const struct bundle *bundle, struct buffer *out)
{
	struct buffer request = BUFFER_INIT(HELPER_REQUEST_MAX);
	struct buffer reply = BUFFER_INIT(HELPER_REPLY_MAX);
	struct buffer version = BUFFER_INIT(64);
	struct err err = ERR_INIT;
	struct span data;

	cli_request(&request, "ping");
	if (cli_call(bundle->cli, &request, PING_TIMEOUT_MS, &reply, &data, &err) != CLI_OK)
		(void)buffer_printf(out, "mailoauthd  (%s)\n", err.text);
	else if (fields_get(data, "version", &version))
		(void)buffer_printf(out, "mailoauthd  %s, running\n", buffer_cstr(&version));
	buffer_release(&request);
	buffer_release(&reply);
	buffer_release(&version);
}

static void put_system(struct buffer *out)
{
	struct buffer release = BUFFER_INIT(8192);
	struct utsname name;
	struct scanner scan;
	struct span line;

	if (uname(&name) == 0)
		(void)buffer_printf(out, "kernel      %s %s %s\n", name.sysname, name.release,
				    name.machine);
	(void)read_tail("/etc/os-release", 8000, &release);
	scan = scanner_over(buffer_span(&release));
	while (scan_line(&scan, &line)) {
		if (line.len > 12 && memcmp(line.ptr, "PRETTY_NAME=", 12) == 0)
			(void)buffer_printf(out, "system      %.*s\n", (int)line.len - 12,
					    line.ptr + 12);
	}
	buffer_release(&release);
}

static void put_versions(struct bundle *bundle, struct buffer *out)
{
	static const char *const mail_version[] = {"postconf", "-h", "mail_version", NULL};
	const char *implementation = NULL;
	const char *sasl = NULL;

	sasl_version_info(&implementation, &sasl, NULL, NULL, NULL, NULL);
	(void)buffer_printf(out, "mailoauth   %s\n", PACKAGE_VERSION);
	put_daemon(bundle, out);
	put_system(out);
	(void)buffer_append_str(out, "Postfix     ");
	(void)run(mail_version, out);
	(void)buffer_printf(out, "libraries   %s, json-c %s, libevent %s, %s %s\n",
			    OpenSSL_version(OPENSSL_VERSION), json_c_version(), event_get_version(),
			    implementation != NULL ? implementation : "SASL",
			    sasl != NULL ? sasl : "");
}

static void put_configuration(struct bundle *bundle, struct buffer *out)
{
	if (!read_tail(bundle->cli->config, PART_MAX / 2, out))
		(void)buffer_printf(out, "(%s cannot be read by this user)\n", bundle->cli->config);
}

static void put_status(struct bundle *bundle, struct buffer *out)
{
	struct json_object *status = NULL;
	struct cli asking = *bundle->cli;
	struct err err = ERR_INIT;

	asking.account = NULL; /* the operand is the file */
	if (status_ask(&asking, &status, &err) == CLI_OK)
		(void)buffer_printf(
			out, "%s\n",
			json_object_to_json_string_ext(
				status, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		(void)buffer_printf(out, "(%s)\n", err.text);
	json_object_put(status);
}

/* Parameters that have to do with relaying. */
static void put_postfix(struct bundle *bundle, struct buffer *out)
{
	static const char *const postconf[] = {"postconf", "-n", NULL};
	static const char *const words[] = {
		"smtp_",	   "relayhost",	 "sender_dependent", "default_transport",
		"relay_transport", "myhostname", "mydomain",	     "inet_protocols",
		"transport_maps"};
	struct buffer all = BUFFER_INIT(PART_MAX);

	(void)bundle;
	if (run(postconf, &all))
		append_matching(buffer_span(&all), words, COUNT(words), out);
	else
		(void)buffer_append_span(out, buffer_span(&all));
	buffer_release(&all);
}

static void put_log(struct bundle *bundle, struct buffer *out)
{
	static const char *const journal[] = {
		"journalctl", "--no-pager",	 "-q", "-n", "120", "-u", "mailoauthd",
		"-u",	      "mailoauth-fetch", NULL};

	(void)bundle;
	(void)run(journal, out);
}

static void put_mail_log(struct bundle *bundle, struct buffer *out)
{
	static const char *const files[] = {"/var/log/mail.log", "/var/log/maillog"};
	static const char *const journal[] = {"journalctl", "--no-pager", "-q",		  "-n",
					      "2000",	    "-t",	  "postfix/smtp", NULL};
	static const char *const words[] = {"mailoauth",     "SASL",	    "sasl",
					    "XOAUTH2",	     "OAUTHBEARER", "status=deferred",
					    "status=bounced"};
	struct buffer all = BUFFER_INIT(LOG_TAIL + 8192);
	bool got = false;

	(void)bundle;
	for (size_t i = 0; i < COUNT(files) && !got; i++)
		got = read_tail(files[i], LOG_TAIL, &all);
	if (got || run(journal, &all))
		append_matching(buffer_span(&all), words, COUNT(words), out);
	else
		(void)buffer_append_str(out, "(no mail log can be read by this user)\n");
	buffer_release(&all);
}

static const struct {
	const char *title;
	void (*put)(struct bundle *bundle, struct buffer *out);
} parts[] = {
	{"versions", put_versions},
	{"mailoauth.conf", put_configuration},
	{"status", put_status},
	{"postconf -n, what has to do with relaying", put_postfix},
	{"log of mailoauthd and mailoauth-fetch", put_log},
	{"mail log, what has to do with authentication", put_mail_log},
};

/* A name of this machine's: its domain, and the short form that stands in logs. */
static void know_name(struct bundle *bundle, struct span name)
{
	const char *dot = name.len > 0 ? memchr(name.ptr, '.', name.len) : NULL;

	scrub_know_domain(bundle->scrub, name);
	if (dot != NULL)
		scrub_know_domain(bundle->scrub,
				  (struct span){dot + 1, name.len - (size_t)(dot - name.ptr) - 1});
	scrub_know_host(bundle->scrub,
			(struct span){name.ptr, dot != NULL ? (size_t)(dot - name.ptr) : name.len});
}

/* "[host]:port" */
static struct span host_of(struct span nexthop)
{
	size_t len = 0;

	if (nexthop.len > 0 && nexthop.ptr[0] == '[')
		nexthop = (struct span){nexthop.ptr + 1, nexthop.len - 1};
	while (len < nexthop.len && nexthop.ptr[len] != ']' && nexthop.ptr[len] != ':')
		len++;
	return (struct span){nexthop.ptr, len};
}

/* What this machine and Postfix call themselves, and whom Postfix relays to. */
static void know_this_host(struct bundle *bundle)
{
	static const char *const postconf[] = {"postconf", "-xh",	"myhostname",
					       "mydomain", "relayhost", NULL};
	struct buffer names = BUFFER_INIT(PART_MAX);
	char name[256] = "";
	struct scanner scan;
	struct span line;

	if (gethostname(name, sizeof(name) - 1) == 0)
		know_name(bundle, span_from_str(name));
	if (run(postconf, &names)) {
		scan = scanner_over(buffer_span(&names));
		if (scan_line(&scan, &line))
			know_name(bundle, line);
		if (scan_line(&scan, &line))
			scrub_know_domain(bundle->scrub, line);
		if (scan_line(&scan, &line))
			scrub_know_domain(bundle->scrub, host_of(line));
	}
	buffer_release(&names);
}

/* All is collected before any of it is scrubbed: a domain may be seen alone first. */
void bundle_append(const struct cli *cli, struct buffer *out)
{
	struct bundle bundle = {.cli = cli, .scrub = scrub_new()};
	struct buffer raw[COUNT(parts)];

	know_this_host(&bundle);
	for (size_t i = 0; i < COUNT(parts); i++) {
		buffer_init_secret(&raw[i], PART_MAX);
		parts[i].put(&bundle, &raw[i]);
		scrub_learn(bundle.scrub, buffer_span(&raw[i]));
	}
	for (size_t i = 0; i < COUNT(parts); i++) {
		(void)buffer_printf(out, "%s== %s\n", i > 0 ? "\n" : "", parts[i].title);
		scrub_append(bundle.scrub, buffer_span(&raw[i]), out);
		buffer_release(&raw[i]);
	}
	scrub_free(bundle.scrub);
}
