/* SPDX-License-Identifier: MIT */
/*
 * cli.c - mailoauth(1): the verb table, help, main.
 *
 * A client of mailoauthd. It never opens the store, so that there is one authority over every
 * token; only `config check` and `providers` read anything but the socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/helper-socket.h"
#include "common/log.h"
#include "token-helper/cli-complete.h"
#include "token-helper/cli-options.h"
#include "token-helper/cli-verbs.h"

#include "common/banned.h"

static enum cli_exit complete(const struct cli *cli);

static const struct cli_verb verbs[] = {
	{"authorize", cli_authorize, OPERAND_REQUIRED, "pntPRwqrUsHLd",
	 "authorize ACCOUNT [--flow code|device] [--port N] [--no-browser] [--timeout SECONDS]\n"
	 "                 [--redirect URI] [--paste | --request | --response]\n"
	 "                 [--replace-identity]\n"
	 "                 [--service smtp|imap|pop] [--host HOST[:PORT]] [--tls "
	 "implicit|starttls]\n"
	 "                 [--unverified]",
	 "have a person sign in, once", "mailoauth authorize relay"},
	{"token", cli_token, OPERAND_REQUIRED, "sm",
	 "token ACCOUNT [--service smtp|imap|pop] [--min-valid SECONDS]",
	 "print an access token, and nothing else", "mailoauth token relay --service imap"},
	{"refresh", cli_refresh, OPERAND_REQUIRED, "j", "refresh ACCOUNT [--json]",
	 "have the daemon get a new access token now", "mailoauth refresh relay"},
	{"status", cli_status, OPERAND_OPTIONAL, "jk", "status [ACCOUNT] [--json | --check]",
	 "show all accounts, or all about one", "mailoauth status relay"},
	{"test", cli_test, OPERAND_SERVICE, "jtTHMLx",
	 "test ACCOUNT [smtp|imap|pop] [--send-to ADDRESS] [--host HOST[:PORT]]\n"
	 "            [--tls implicit|starttls] [--mechanism xoauth2|oauthbearer]\n"
	 "            [--timeout SECONDS] [--json] [--trace]",
	 "log in at the mail servers and say what they say",
	 "mailoauth test relay smtp --send-to postmaster@contoso.example"},
	{"explain", cli_explain, OPERAND_WORDS, "j",
	 "explain [TEXT … | TOPIC | topics] [--json]   (text that begins with -: after --)",
	 "say what an error or a mail log means, and what to do",
	 "journalctl -u 'postfix@*' --since today | mailoauth explain"},
	{"providers", cli_providers, OPERAND_OPTIONAL, "j",
	 "providers [PROVIDER] [--json] [-c FILE]",
	 "list the providers that are known, or show one", "mailoauth providers fastmail"},
	{"forget", cli_forget, OPERAND_REQUIRED, "y", "forget ACCOUNT [--yes]",
	 "end an account's grant, at the provider too", "mailoauth forget relay"},
	{"backup", cli_backup, OPERAND_FILE, "", "backup FILE",
	 "write all grants to a file while the daemon runs",
	 "mailoauth backup /root/mailoauth.backup"},
	{"restore", cli_restore, OPERAND_FILE, "af", "restore FILE [--account ACCOUNT] [--force]",
	 "put grants of a backup back", "mailoauth restore /root/mailoauth.backup --account relay"},
	{"import", cli_import, OPERAND_FILE, "DAaWFufj",
	 "import FILE|DIR|- [--dry-run | --append] [--account NAME] [--user ADDRESS]\n"
	 "                 [--with FILE] [--password-file FILE] [--force] [--json]",
	 "take accounts and grants over from other programs",
	 "mailoauth import /etc/tokens/relay@contoso.example --dry-run"},
	{"guide", cli_guide, OPERAND_OPTIONAL, "aG",
	 "guide [PROVIDER|PROGRAM] [--account ACCOUNT] [--app-only]",
	 "say what to register, and what to write where", "mailoauth guide microsoft"},
	{"config check", cli_config_check, OPERAND_NONE, "", "config check [-c FILE]",
	 "say all that is wrong with the configuration",
	 "mailoauth -c /etc/mailoauth/mailoauth.conf config check"},
	{"doctor", cli_doctor, OPERAND_OPTIONAL, "jCE",
	 "doctor [ACCOUNT] [--sender ADDRESS] [--postfix-config DIR] [--json]",
	 "say what is wrong on this machine, and the command that mends it", "mailoauth doctor"},
	{"postfix enable", cli_postfix_enable, OPERAND_REQUIRED, "CEDIyp",
	 "postfix enable ACCOUNT [--sender ADDRESS]… [--port N] [--limits] [--dry-run] [--yes]\n"
	 "                 [--postfix-config DIR]",
	 "have Postfix relay through an account", "mailoauth postfix enable relay --dry-run"},
	{"postfix disable", cli_postfix_disable, OPERAND_NONE, "CDy",
	 "postfix disable [--dry-run] [--yes] [--postfix-config DIR]", "undo that",
	 "mailoauth postfix disable"},
	{"support-bundle", cli_support_bundle, OPERAND_OPTIONAL, "y",
	 "support-bundle [FILE] [--yes]", "show what one needs to ask for help, without secrets",
	 "mailoauth support-bundle"},
	{"complete", complete, OPERAND_OPTIONAL, "", "complete [WORD]", NULL, NULL},
	{0},
};

static enum cli_exit complete(const struct cli *cli)
{
	return cli_complete(cli, verbs);
}

static void print_overview(void)
{
	(void)puts("mailoauth: OAuth 2.0 for the mail programs on this machine\n\n"
		   "usage: mailoauth [-S SOCKET] [-c FILE] VERB …\n");
	for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
		if (v->help != NULL)
			(void)printf("  %-17s%s\n", v->name, v->help);
	}
	(void)puts("  help [VERB]      say more about one\n\n"
		   "  -S, --socket PATH   mailoauthd's socket (or $MAILOAUTH_SOCKET, or\n"
		   "                      what the configuration says)\n"
		   "                      [" HELPER_SOCKET_SYSTEM "]\n"
		   "  -c, --config FILE   what config check reads, and where the socket is\n"
		   "                      looked up; presets beside it count first\n"
		   "                      [" MAILOAUTH_CONF "]\n"
		   "  -h, --help          this\n"
		   "  -V, --version       the version\n\n"
		   "exit status:");
	for (size_t i = 0; i < cli_exits_count; i++)
		(void)printf("  %2d  %s\n", (int)cli_exits[i].exit, cli_exits[i].meaning);
	(void)puts("\nBegin with: mailoauth status");
}

static void print_help(const struct cli_verb *verb)
{
	if (verb == NULL || verb->help == NULL) {
		print_overview();
		return;
	}
	(void)printf(
		"mailoauth %s: %s\n\nusage: mailoauth %s\n\nexample: %s\n\nMore: man 1 mailoauth\n",
		verb->name, verb->help, verb->usage, verb->example);
}

static enum cli_exit run(const struct cli_line *line)
{
	if (line->want == WANT_VERSION)
		(void)puts("mailoauth " PACKAGE_VERSION);
	else if (line->want == WANT_HELP)
		print_help(line->verb);
	else
		return line->verb->run(&line->cli);
	return CLI_OK;
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};
	struct cli_line line;
	struct err err = ERR_INIT;
	char *socket = NULL;
	enum cli_exit exit;

	/* Tokens and what people type pass through here. */
	(void)setrlimit(RLIMIT_CORE, &no_core);
	log_init("mailoauth", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	exit = cli_options_read(argc, argv, verbs, &line, &err);
	if (exit != CLI_OK)
		return (int)cli_report(exit, err.text);
	if (line.cli.socket == NULL)
		line.cli.socket = socket = helper_socket_find(line.cli.config);
	exit = run(&line);
	free(socket);
	if ((fflush(stdout) != 0 || ferror(stdout)) && exit == CLI_OK)
		exit = cli_report(CLI_OUTPUT, "standard output cannot be written");
	return (int)exit;
}
