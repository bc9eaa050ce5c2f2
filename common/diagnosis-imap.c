/* SPDX-License-Identifier: MIT */
/*
 * diagnosis-imap.c - what IMAP and POP servers say, and what a server of any protocol says in the
 * challenge that comes with a refused token.
 */
#include "common/diagnosis-tables.h"

#include "common/banned.h"

#define EXCHANGE   "Microsoft's documentation of OAuth for IMAP, POP and SMTP, June 2026"
#define GMAIL	   "Google's documentation of XOAUTH2, 2026"
#define RFC5530	   "RFC 5530"
#define BY_MAILKIT "reports of users (MailKit 1494, 1948), not documented by Microsoft"
#define BY_USERS   "reports of users, not documented by the provider"

/* clang-format off */
static const struct diagnosis rows[] = {
	/* Exchange Online */
	{
		.id = "imap-throttled",
		.where = DIAGNOSIS_IMAP,
		.pattern = "suggested backoff time|request is throttled",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "the server limits how much this account may ask for",
		.steps = "wait as long as the server says: mailoauth-fetch does\n"
			 "if it happens often: fewer programs on this mailbox, or a longer interval",
		.source = BY_USERS,
		.example = "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
	},
	{
		.id = "imap-not-connected",
		.where = DIAGNOSIS_IMAP,
		.pattern = "authenticated but not connected",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_RETRY, .wait_s = 30,
		.meaning = "the login is good, but the mailbox behind it does not open",
		.remedy = "if it stays: is user the mailbox's own address, and may the account open it (Full Access, IMAP enabled)?",
		.causes = "the token belongs to one account and user names the mailbox of another, that it may not open\n"
			  "user is no mailbox's primary address, or the mailbox has no licence\n"
			  "IMAP is switched off for the mailbox\n"
			  "more than about 20 connections, or passing trouble at Exchange: then it heals",
		.steps = "compare \"signed in as\" with user: mailoauth status ACCOUNT\n"
			 "for a shared mailbox: Add-MailboxPermission MAILBOX -User USER -AccessRights FullAccess\n"
			 "Get-CASMailbox MAILBOX | fl ImapEnabled",
		.source = BY_MAILKIT,
		.example = "IMAP Protocol error: 2 BAD user is authenticated but not connected.",
	},
	{
		.id = "imap-basic-blocked",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "BasicAuthBlocked",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server takes no passwords",
		.remedy = "use an account with OAuth",
		.causes = "the program logs in with a password: Microsoft has switched that off",
		.steps = "give the program XOAUTH2 and a token: mailoauth authorize ACCOUNT",
		.source = BY_USERS,
		.example = "NO AUTHENTICATE failed. AuthFailed:LogonDenied-BasicAuthBlocked-<UserType:OutlookCom>",
	},
	{
		.id = "imap-no-primary-address",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "NoPrimarySmtpAddress",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the mailbox is not known by this name",
		.remedy = "set user to the mailbox's own address",
		.causes = "a shared mailbox is named as user\\shared or by an alias: that form works no longer\n"
			  "the object has no SMTP address at all",
		.steps = "set user to the mailbox's primary address; authorize_as to who signs in",
		.source = BY_USERS,
		.example = "NO AUTHENTICATE failed. Error=\"AuthFailed:NoPrimarySmtpAddress\"",
	},
	{
		.id = "imap-logon-denied",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "LogonDenied",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "the token is good, but may not open this mailbox",
		.remedy = "give the account Full Access to it",
		.causes = "app-only: Exchange does not know the application, or by the wrong object id (it wants the enterprise application's)\n"
			  "the application or the person has no Full Access to this mailbox\n"
			  "the right was given minutes ago: it takes up to hours to act",
		.steps = "New-ServicePrincipal -AppId APPID -ObjectId ENTERPRISE-OBJECT-ID\n"
			 "Add-MailboxPermission MAILBOX -User SERVICE-PRINCIPAL -AccessRights FullAccess\n"
			 "more: mailoauth explain app-only",
		.source = EXCHANGE "; the words by reports of users",
		.example = "NO AUTHENTICATE failed. Error=\"AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed\"",
	},
	/* Gmail */
	{
		.id = "imap-download-quota",
		.where = DIAGNOSIS_IMAP,
		.pattern = "exceeded command or bandwidth limits",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 3600,
		.meaning = "what may be fetched in a day is used up (Gmail: 2,500 MB)",
		.source = BY_USERS,
		.example = "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.",
	},
	{
		.id = "imap-gmail-connections",
		.where = DIAGNOSIS_IMAP,
		.pattern = "too many simultaneous connections",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 120,
		.meaning = "the account has as many connections as the server allows",
		.remedy = "lower connections, or end other programs that watch it",
		.causes = "Gmail allows 15 connections to an account, phones and desktops included",
		.steps = "lower connections of the [fetch] section, or end other programs that watch the mailbox",
		.source = BY_USERS,
		.example = "NO [ALERT] Too many simultaneous connections. (Failure)",
	},
	{
		.id = "imap-switched-off",
		.where = DIAGNOSIS_IMAP,
		.pattern = "imap access is disabled|not enabled for imap",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "IMAP is switched off for this account",
		.remedy = "switch it on in the account's or the domain's settings",
		.steps = "Gmail: Settings, Forwarding and POP/IMAP, Enable IMAP\n"
			 "Workspace: admin.google.com, Apps, Gmail, End User Access\n"
			 "Exchange: Set-CASMailbox MAILBOX -ImapEnabled $true",
		.example = "NO [ALERT] IMAP access is disabled for your domain. Please contact your domain administrator.\n"
			   "NO [ALERT] Your account is not enabled for IMAP use.",
	},
	{
		.id = "imap-web-login",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "via your web browser|[WEBALERT",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the provider wants to see a person first",
		.remedy = "sign in with a web browser, then send SIGUSR1",
		.causes = "Google finds the login suspicious: a new machine, a new country, too many attempts",
		.steps = "sign in as the mailbox's owner with a web browser and confirm what Google asks\n"
			 "then: systemctl kill -s USR1 --kill-who=main mailoauth-fetch",
		.source = BY_USERS,
		.example = "NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)\n"
			   "NO [WEBALERT https://accounts.google.com/] Web login required.",
	},
	{
		.id = "imap-session-expired",
		.where = DIAGNOSIS_IMAP,
		.pattern = "session expired",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "the connection lived as long as its token",
		.source = BY_USERS,
		.example = "* BYE Session expired, please login again.",
	},
	/* Dovecot, Cyrus, Courier */
	{
		.id = "imap-user-connections",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "maximum number of connections",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 120,
		.meaning = "the account has as many connections as the server allows",
		.remedy = "lower connections, or raise the server's limit (Dovecot: mail_max_userip_connections)",
		.example = "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
	},
	{
		.id = "imap-connections",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "too many*connections",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 120,
		.meaning = "the server has as many connections as it allows",
		.remedy = "lower connections, or end other programs that watch it",
		.example = "* BYE Too many open connections",
	},
	{
		.id = "imap-shutdown",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "shutting down",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "the server restarts",
		.example = "* BYE Server shutting down.",
	},
	{
		.id = "imap-idle-ended",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "autologout|inactivity",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "the server ends idle connections early",
		.remedy = "lower idle_for",
		.example = "* BYE Autologout; idle for too long\n* BYE Disconnected for inactivity.",
	},
	/* Response codes of RFC 5530 and later, whoever says them */
	{
		.id = "imap-unavailable",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[UNAVAILABLE]",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "something behind the server is down; the token is not to blame",
		.source = RFC5530,
		.example = "NO [UNAVAILABLE] Temporary authentication failure.",
	},
	{
		.id = "imap-quota",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[OVERQUOTA]",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 3600,
		.meaning = "a quota of the account is used up",
		.source = RFC5530,
		.example = "NO [OVERQUOTA] Not now",
	},
	{
		.id = "imap-code-throttled",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[THROTTLED]",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "the server limits how much this account may ask for",
		.source = BY_USERS,
		.example = "NO [THROTTLED] Slow down",
	},
	{
		.id = "imap-limit",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[LIMIT]",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "a limit of the server is reached",
		.source = RFC5530,
		.example = "NO [LIMIT] Too much at once",
	},
	{
		.id = "imap-in-use",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[INUSE]",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY, .wait_s = 30,
		.meaning = "another program has the mailbox locked",
		.source = RFC5530,
		.example = "NO [INUSE] Mailbox in use",
	},
	{
		.id = "imap-server-bug",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[SERVERBUG]",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_RETRY, .wait_s = 300,
		.meaning = "the server found a bug of its own",
		.steps = "tell the server's administrator the time and these words",
		.source = RFC5530,
		.example = "NO [SERVERBUG] Internal error occurred. Refer to server log for more information.",
	},
	{
		.id = "imap-not-authorized",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[AUTHORIZATIONFAILED]",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "the login is good, but may not open this user's mailbox",
		.remedy = "correct user, or give the account the right",
		.steps = "set user to a mailbox that the signed-in account may open, or have it given the right",
		.source = RFC5530,
		.example = "NO [AUTHORIZATIONFAILED] No such authorization-ID",
	},
	{
		.id = "imap-contact-admin",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[CONTACTADMIN]",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "the server's administrator must act",
		.steps = "ask the server's administrator why this account is refused",
		.source = RFC5530,
		.example = "NO [CONTACTADMIN] Account is locked",
	},
	{
		.id = "imap-encryption-first",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[PRIVACYREQUIRED]|LOGINDISABLED",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server wants encryption first",
		.remedy = "set tls",
		.steps = "mailoauth-fetch: tls = implicit with port 993, or tls = starttls\n"
			 "other programs: port 993 with TLS from the start, or STARTTLS on 143",
		.source = RFC5530,
		.example = "NO [PRIVACYREQUIRED] Connection is not encrypted\nBAD LOGINDISABLED",
	},
	{
		.id = "imap-expired",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[EXPIRED]",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the token is over",
		.steps = "a fresh one is got by itself; if it stays: mailoauth status ACCOUNT",
		.source = RFC5530,
		.example = "NO [EXPIRED] The credential has expired",
	},
	/* Refused logins */
	{
		.id = "imap-credentials",
		.where = DIAGNOSIS_IMAP,
		.pattern = "Invalid credentials (Failure)",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses what this user logs in with",
		.causes = "the token has expired or was revoked\n"
			  "user is not the primary address of who signed in: Gmail takes no alias\n"
			  "the token has not the mail scope (Gmail: https://mail.google.com/)",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "try a fresh token: mailoauth refresh ACCOUNT; if that is refused too: mailoauth authorize ACCOUNT",
		.source = GMAIL,
		.example = "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
	},
	{
		.id = "imap-token-not-accepted",
		.where = DIAGNOSIS_IMAP,
		.pattern = "[AUTHENTICATIONFAILED]",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses what this user logs in with",
		.causes = "user is not who signed in: a server of your own compares it with a claim of the token (Dovecot: username_attribute)\n"
			  "the token has expired or was revoked, or is of another authorization server than the one that the server asks\n"
			  "the token has not the scope or the audience that the server wants",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "try a fresh token: mailoauth refresh ACCOUNT; if that is refused too: mailoauth authorize ACCOUNT\n"
			 "a server of your own says why in its log (Dovecot: auth_debug = yes)",
		.source = "RFC 5530 3",
		.example = "NO [AUTHENTICATIONFAILED] Authentication failed.",
	},
	{
		.id = "imap-login-refused",
		.where = DIAGNOSIS_IMAP,
		.pattern = "NO LOGIN failed",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the program sent a password (LOGIN), and the server takes none",
		.remedy = "use XOAUTH2",
		.causes = "the program's authentication is still set to password: Exchange Online has had that off since 2023\n"
			  "the program knows OAuth but fell back to LOGIN when its token was refused",
		.steps = "set the program to XOAUTH2, and forbid it to fall back to LOGIN and PLAIN\n"
			 "mbsync: AuthMechs XOAUTH2; mailoauth-fetch: account = NAME instead of a password",
		.source = EXCHANGE,
		.example = "IMAP Protocol error: 1 NO LOGIN failed.",
	},
	{
		.id = "imap-authenticate-refused",
		.where = DIAGNOSIS_IMAP,
		.pattern = "AUTHENTICATE failed",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses the token",
		.causes = "the scope: a bare IMAP.AccessAsUser.All or one of graph.microsoft.com gives a token that Exchange does not take\n"
			  "the identity: who signed in is not user, and has no Full Access to that mailbox\n"
			  "the token has expired, or IMAP is switched off for the mailbox\n"
			  "app-only: no mailbox permission, or New-ServicePrincipal with the wrong object id",
		.steps = "look at the scopes (https://outlook.office.com/...), and compare user with \"signed in as\": mailoauth status ACCOUNT\n"
			 "Get-CASMailbox MAILBOX | fl ImapEnabled\n"
			 "more: mailoauth explain scopes, mailoauth explain shared-mailboxes",
		.source = EXCHANGE,
		.example = "1 NO AUTHENTICATE failed\na1 NO AUTHENTICATE failed.",
	},
	{
		.id = "imap-long-token",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP,
		.pattern = "Protocol error. 10|Protocol error. 11|Protocol error. 12|Protocol error. 13|Protocol error. 14|tcpproxy",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "Exchange's front end could not read the login: probably a token of more than 4096 bytes",
		.remedy = "use an account with fewer directory roles and groups",
		.causes = "the token is too long: the person has many roles or groups, or the scope asks for too much\n"
			  "the program sent something that is no IMAP or POP",
		.steps = "ask for the mail scopes only; sign in as a plain user with few groups and roles; or go app-only",
		.source = BY_MAILKIT,
		.example = "-ERR Command is not valid in this state. Protocol error. 14",
	},
	{
		.id = "imap-command-error",
		.where = DIAGNOSIS_IMAP,
		.pattern = "BAD Command Error|BYE Connection is closed",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_PROTOCOL,
		.meaning = "the server did not understand the program",
		.causes = "the program sent an empty line after NO, as XOAUTH2 wants it elsewhere: Exchange sends no challenge to be answered\n"
			  "the program sent a command with an error in it",
		.steps = "look for the refusal before it: that is the cause; then update the program",
		.source = "reports of users (CiviCRM 3601), not documented by Microsoft",
		.example = "* BAD Command Error. 12\n* BYE Connection is closed. 13",
	},
	/* POP */
	{
		.id = "pop-refused",
		.where = DIAGNOSIS_POP,
		.pattern = "unknown user name or bad password",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses the token",
		.causes = "the scope: not https://outlook.office.com/POP.AccessAsUser.All, but a bare one or one of graph.microsoft.com\n"
			  "the identity: who signed in is not user\n"
			  "the token has expired, or POP is switched off for the mailbox",
		.steps = "compare the scopes, user and \"signed in as\": mailoauth status ACCOUNT\n"
			 "Get-CASMailbox MAILBOX | fl PopEnabled",
		.source = EXCHANGE,
		.example = "-ERR Authentication failure: unknown user name or bad password.",
	},
	{
		.id = "pop-temporary",
		.where = DIAGNOSIS_POP,
		.pattern = "[SYS/TEMP]",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY,
		.meaning = "something behind the server is down; the token is not to blame",
		.source = "RFC 3206",
		.example = "-ERR [SYS/TEMP] Server is busy",
	},
	{
		.id = "pop-permanent",
		.where = DIAGNOSIS_POP,
		.pattern = "[SYS/PERM]",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "the server's administrator must act",
		.steps = "ask the server's administrator why this account is refused",
		.source = "RFC 3206",
		.example = "-ERR [SYS/PERM] POP access is not allowed",
	},
	{
		.id = "pop-in-use",
		.where = DIAGNOSIS_POP,
		.pattern = "[IN-USE]",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY, .wait_s = 30,
		.meaning = "another program has the mailbox locked",
		.source = "RFC 2449",
		.example = "-ERR [IN-USE] Do you have another POP session running?",
	},
	{
		.id = "pop-login-delay",
		.where = DIAGNOSIS_POP,
		.pattern = "[LOGIN-DELAY]",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 300,
		.meaning = "the mailbox is asked too often",
		.source = "RFC 2449",
		.example = "-ERR [LOGIN-DELAY] minimum time between mail checks violation",
	},
	{
		.id = "pop-credentials",
		.where = DIAGNOSIS_POP,
		.pattern = "[AUTH]",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses what this user logs in with",
		.causes = "the token has expired or was revoked\n"
			  "user is not who signed in, or the token has not the mail scope",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "try a fresh token: mailoauth refresh ACCOUNT; if that is refused too: mailoauth authorize ACCOUNT",
		.source = "RFC 3206",
		.example = "-ERR [AUTH] Username and password not accepted.",
	},
	/* Challenges, decoded: Google's, and those of RFC 7628 */
	{
		.id = "challenge-scope",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP | DIAGNOSIS_SMTP,
		.pattern = "insufficient_scope|\"status\":\"403\"",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the token has not the scope that the server wants",
		.remedy = "ask for the scope that the challenge names",
		.steps = "compare the scopes with the challenge's: mailoauth status ACCOUNT\n"
			 "mend scope in mailoauth.conf, then: mailoauth authorize ACCOUNT",
		.source = "RFC 7628 3.2.2, RFC 6750 3.1",
		.example = "{\"status\":\"insufficient_scope\",\"scope\":\"mail\"}\n"
			   "{\"status\":\"403\",\"schemes\":\"bearer\",\"scope\":\"mail\"}",
	},
	{
		.id = "challenge-token",
		.where = DIAGNOSIS_IMAP | DIAGNOSIS_POP | DIAGNOSIS_SMTP,
		.pattern = "\"status\":\"invalid_token\"|\"status\":\"401\"|\"status\":\"400\"|\"status\":401|\"status\":400|\"status\":\"invalid_request\"",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses the token",
		.causes = "the token has expired or was revoked\n"
			  "user is not who signed in (Gmail: not the primary address)\n"
			  "the token has not the scope that the challenge names: that is the one it wants, not the one it got",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "try a fresh token: mailoauth refresh ACCOUNT; if that is refused too: mailoauth authorize ACCOUNT",
		.source = GMAIL "; RFC 7628 3.2.2",
		.example = "+ {\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\"https://mail.google.com/\"}\n"
			   "{\"status\":\"invalid_token\",\"scope\":\"mail\"}",
	},
};
/* clang-format on */

const struct diagnosis_table diagnosis_imap = DIAGNOSIS_TABLE(rows);
