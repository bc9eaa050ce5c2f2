/* SPDX-License-Identifier: MIT */
/*
 * diagnosis-smtp.c - what a server says that mail is sent through: to AUTH, to the sender, to the
 * recipients and to the message.
 */
#include "common/diagnosis-tables.h"

#include "common/banned.h"

#define EXCHANGE	"Microsoft's documentation of OAuth for IMAP, POP and SMTP, June 2026"
#define EXCHANGE_LIMITS "Microsoft's notes on SMTP submission limits, 2026"
#define HVE		"reports of users and of a digest of Microsoft's errors, 2026"
#define GMAIL		"Google's documentation of XOAUTH2, 2026"
#define RFC4954		"RFC 4954"
#define BY_USERS	"reports of users, not documented by the provider"
#define BY_MEASURE	"measured against Exchange Online by users, September 2026"

/* clang-format off */
static const struct diagnosis rows[] = {
	/* Exchange Online: AUTH */
	{
		.id = "smtp-auth-disabled-tenant",
		.where = DIAGNOSIS_SMTP,
		.pattern = "SmtpClientAuthentication is disabled for the Tenant",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "SMTP AUTH is switched off for the whole organization",
		.remedy = "an Exchange administrator switches it on for the mailbox",
		.causes = "tenants made after January 2020 have it off\n"
			  "user is a shared mailbox: those have no SMTP AUTH; log in as the delegate instead",
		.steps = "Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false (the mailbox's setting wins)\n"
			 "or: admin center, Active users, Mail, Manage email apps, Authenticated SMTP\n"
			 "it takes minutes to an hour to act; check: Get-CASMailbox MAILBOX | fl SmtpClientAuthenticationDisabled",
		.source = "Microsoft's documentation of authenticated submission; " BY_MEASURE,
		.example = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
	},
	{
		.id = "smtp-auth-disabled-mailbox",
		.where = DIAGNOSIS_SMTP,
		.pattern = "SmtpClientAuthentication is disabled for the Mailbox",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "SMTP AUTH is switched off for this mailbox",
		.remedy = "an Exchange administrator switches it on",
		.steps = "Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false\n"
			 "it takes minutes to an hour to act; check: Get-CASMailbox MAILBOX | fl SmtpClientAuthenticationDisabled",
		.source = "Microsoft's documentation of authenticated submission",
		.example = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
	},
	{
		.id = "smtp-basic-disabled",
		.where = DIAGNOSIS_SMTP,
		.pattern = "basic authentication is disabled|Basic authentication is not supported|550 5.7.30",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the program sent a password (LOGIN, PLAIN), and the server takes none",
		.remedy = "let it use XOAUTH2 only",
		.causes = "no mechanism filter, and LOGIN or PLAIN was chosen instead of XOAUTH2\n"
			  "the program cannot do OAuth",
		.steps = "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload",
		.source = "reports of users; Microsoft's announcement MC786329, January 2026",
		.example = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.\n"
			   "550 5.7.30 Basic authentication is not supported for Client Submission.",
	},
	{
		.id = "smtp-security-defaults",
		.where = DIAGNOSIS_SMTP,
		.pattern = "security defaults policy",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "the organization's security defaults forbid password logins",
		.remedy = "let the program use XOAUTH2 only",
		.steps = "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload\n"
			 "if it was XOAUTH2: an Entra administrator looks at Properties, Security defaults",
		.source = BY_USERS,
		.example = "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
	},
	{
		.id = "smtp-conditional-access",
		.where = DIAGNOSIS_SMTP,
		.pattern = "did not meet the criteria to be authenticated",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "a policy of the organization forbids this login",
		.remedy = "an Entra administrator looks at the sign-in log",
		.causes = "Conditional Access or an Exchange authentication policy blocks SMTP AUTH for this user or place",
		.steps = "entra.microsoft.com, Sign-in logs, the failed login, Conditional Access: it names the policy\n"
			 "exempt the account, or the address of this machine",
		.source = BY_USERS,
		.example = "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
	},
	{
		.id = "smtp-auth-credentials",
		.where = DIAGNOSIS_SMTP,
		.pattern = "the user credentials were incorrect|535 5.7.139",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses this user's token or password",
		.causes = "a password was sent: no mechanism filter\n"
			  "user is not who signed in\n"
			  "the token has expired, or has not the scope https://outlook.office.com/SMTP.Send",
		.steps = "postconf smtp_sasl_mechanism_filter (it should say xoauth2)\n"
			 "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT",
		.source = BY_USERS,
		.example = "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
	},
	{
		.id = "smtp-auth-refused",
		.where = DIAGNOSIS_SMTP,
		.pattern = "535 5.7.3|5.7.3 Authentication unsuccessful",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "Exchange refuses the token for this user",
		.causes = "the identity: user is not the account that signed in; a shared mailbox logs in as its delegate\n"
			  "the scope: not https://outlook.office.com/SMTP.Send, but a bare one, one of graph.microsoft.com, or IMAP's only\n"
			  "SMTP AUTH is off for the mailbox, or app-only without mailbox permission\n"
			  "the token has expired",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "sign in as that user: mailoauth authorize ACCOUNT\n"
			 "Get-CASMailbox MAILBOX | fl SmtpClientAuthenticationDisabled",
		.source = EXCHANGE "; " BY_MEASURE,
		.example = "535 5.7.3 Authentication unsuccessful\n"
			   "535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com 2026-11-23T09:12:44.120Z 08DE1A2B3C4D5E6F]",
	},
	{
		.id = "smtp-not-authenticated",
		.where = DIAGNOSIS_SMTP,
		.pattern = "530 5.7.57|Client not authenticated to send mail|Client was not authenticated",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "mail was sent without a login",
		.remedy = "make the program log in",
		.causes = "SASL is not switched on, or not for this server\n"
			  "the name in smtp_sasl_password_maps is not written as in relayhost\n"
			  "the login failed before, and the program went on",
		.steps = "postconf smtp_sasl_auth_enable smtp_sasl_password_maps relayhost\n"
			 "the key must be the nexthop to the letter: [smtp.office365.com]:587",
		.source = BY_USERS,
		.example = "530 5.7.57 Client not authenticated to send mail. [AM0PR02CA0101.eurprd02.prod.outlook.com]",
	},
	/* Exchange Online: High Volume Email, which says what it does not like */
	{
		.id = "smtp-hve-token-short",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Token will expire soon|501 5.5.127|535 5.7.142",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_RETRY,
		.meaning = "High Volume Email wants a token with ten minutes or more left",
		.remedy = "set min_valid = 20m",
		.steps = "min_valid = 20m in the [account] of mailoauth.conf (provider microsoft-hve has it), then: systemctl reload mailoauthd",
		.source = HVE,
		.example = "535 5.7.142 Token will expire soon\n501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon",
	},
	{
		.id = "smtp-hve-expired",
		.where = DIAGNOSIS_SMTP,
		.pattern = "535 5.7.143",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the token is over",
		.causes = "this machine's clock is wrong\nthe token came from a cache or a file",
		.steps = "timedatectl; mailoauth status ACCOUNT; mailoauth refresh ACCOUNT",
		.source = HVE,
		.example = "535 5.7.143 Expired token",
	},
	{
		.id = "smtp-hve-permission",
		.where = DIAGNOSIS_SMTP,
		.pattern = "535 5.7.144|Invalid API permissions",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "the application has not the permission that High Volume Email wants",
		.remedy = "give it Mail.Send of Office 365 Exchange Online, with admin consent",
		.steps = "entra.microsoft.com, App registrations, API permissions: APIs my organization uses, Office 365 Exchange Online, Mail.Send\n"
			 "then: Grant admin consent",
		.source = HVE,
		.example = "535 5.7.144 Authentication failed - Invalid API permissions",
	},
	{
		.id = "smtp-hve-not-listed",
		.where = DIAGNOSIS_SMTP,
		.pattern = "550 5.7.240|not allowed for use with this High Volume Email",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "the application may not use this High Volume Email account",
		.remedy = "an Exchange administrator adds it",
		.steps = "Add-HVEAppAccess -Identity HVE-ACCOUNT -AppIds APPID (five minutes to act)\n"
			 "sources differ on the id: if the app id does not do, try the enterprise application's object id",
		.source = HVE,
		.example = "550 5.7.240 The application is not allowed for use with this High Volume Email account",
	},
	{
		.id = "smtp-hve-blob",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Invalid XOAUTH2|501 5.5.121|501 5.5.122|501 5.5.123|501 5.5.124|501 5.5.125|501 5.5.126",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "High Volume Email cannot read the login",
		.remedy = "set user to the HVE account's address",
		.causes = "user is not the address of the HVE account\nanother plugin than ours made the login",
		.steps = "compare user with the HVE account: mailoauth status ACCOUNT\nsudo mailoauth doctor: which plugin is taken?",
		.source = HVE,
		.example = "501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid",
	},
	/* Exchange Online: the sender */
	{
		.id = "smtp-send-as-denied",
		.where = DIAGNOSIS_SMTP,
		.pattern = "SendAsDenied|5.2.252|5.2.251",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "who logged in may not send with this sender address",
		.remedy = "send as the account's own address, or give it Send As",
		.causes = "the envelope's or the From's address is another than the mailbox that logged in\n"
			  "the right to it (Send As) is missing, or was given minutes ago",
		.steps = "Add-RecipientPermission SENDER -Trustee LOGGED-IN -AccessRights SendAs\n"
			 "or rewrite the sender: smtp_generic_maps = hash:/etc/postfix/generic\n"
			 "or an account for each sender: smtp_sender_dependent_authentication = yes\n"
			 "more: mailoauth explain send-as",
		.source = EXCHANGE "; reports of users",
		.example = "554 5.2.252 SendAsDenied; user@mydomain.com not allowed to send as otherUser@mydomain.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied\n"
			   "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
	},
	{
		.id = "smtp-sender-permission",
		.where = DIAGNOSIS_SMTP,
		.pattern = "5.7.60|does not have permissions to send as this sender",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "who logged in may not send with this sender address",
		.remedy = "send as the account's own address, or give it Send As",
		.causes = "the envelope sender is another than the mailbox that logged in, and Send As is missing",
		.steps = "Add-RecipientPermission SENDER -Trustee LOGGED-IN -AccessRights SendAs\n"
			 "or rewrite the sender: smtp_generic_maps = hash:/etc/postfix/generic\n"
			 "more: mailoauth explain send-as",
		.example = "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
	},
	{
		.id = "smtp-mailbox-logon",
		.where = DIAGNOSIS_SMTP,
		.pattern = "MapiExceptionLogonFailed|mailbox logon failure",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "the application may not open the mailbox it sends from: a 4xx that never heals",
		.remedy = "give its service principal Full Access to the mailbox",
		.causes = "app-only: no mailbox permission for this mailbox\n"
			  "app-only: New-ServicePrincipal with the registration's object id, not the enterprise application's",
		.steps = "Add-MailboxPermission MAILBOX -User SERVICE-PRINCIPAL -AccessRights FullAccess\n"
			 "more: mailoauth explain app-only",
		.source = "reports of users (email-oauth2-proxy 271), not documented by Microsoft",
		.example = "430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed",
	},
	/* Exchange Online: limits */
	{
		.id = "smtp-connections",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Concurrent connections limit exceeded|sender thread limit exceeded|aka.ms/concurrent_sending",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "more connections at once than the mailbox may have (three)",
		.remedy = "smtp_destination_concurrency_limit = 2",
		.steps = "postconf -e 'smtp_destination_concurrency_limit = 2' && postfix reload\n"
			 "better on a transport of its own for this server",
		.source = EXCHANGE_LIMITS,
		.example = "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.\n"
			   "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
	},
	{
		.id = "smtp-daily-quota",
		.where = DIAGNOSIS_SMTP,
		.pattern = "SubmissionQuotaExceeded|550 5.1.90",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 3600,
		.meaning = "the mailbox has sent to as many recipients as it may in a day (10,000)",
		.remedy = "wait a day, or send such amounts by another service",
		.steps = "wait until 24 hours are over; the message must be sent again\n"
			 "for more: High Volume Email (inside the organization) or Azure Communication Services",
		.source = EXCHANGE_LIMITS,
		.example = "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException\n"
			   "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
	},
	{
		.id = "smtp-sent-items-full",
		.where = DIAGNOSIS_SMTP,
		.pattern = "554 5.2.2|mailbox full*QuotaExceeded",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the mailbox that sends is full: what it sends is kept in Sent Items",
		.remedy = "empty it, or give it a retention policy",
		.steps = "Set-MailboxMessageConfiguration or a retention policy for Sent Items; until then: empty it",
		.source = EXCHANGE_LIMITS,
		.example = "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
	},
	{
		.id = "smtp-busy",
		.where = DIAGNOSIS_SMTP,
		.pattern = "4.7.500|Server busy|4.3.2 Service not active|421 4.3.2",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "the server is busy, or slows this client down",
		.steps = "nothing: it is tried again\nif it stays: fewer connections, and smtp_destination_rate_delay = 2s",
		.example = "451 4.7.500 Server busy. Please try again later from [192.0.2.7].\n421 4.3.2 Service not active",
	},
	{
		.id = "smtp-tenant-blocked",
		.where = DIAGNOSIS_SMTP,
		.pattern = "5.7.501|5.7.705|5.7.708",
		.class = DIAGNOSIS_SWITCHED_OFF, .outcome = OUTCOME_CONFIG,
		.meaning = "Microsoft has stopped the mailbox or the whole organization from sending: spam, or too much",
		.remedy = "an administrator has it released",
		.steps = "security.microsoft.com, Email & collaboration, Review, Restricted entities\n"
			 "find what has sent so much, and stop that first",
		.example = "550 5.7.501 Access denied, spam abuse detected\n550 5.7.705 Access denied, tenant has exceeded threshold\n550 5.7.708 Access denied, traffic not accepted from this IP",
	},
	{
		.id = "smtp-proxying",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Temporary server error. Please try again later. PRX",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "Exchange could not read the login, or could not pass it on",
		.causes = "passing trouble at Exchange\n"
			  "a login with an error in it: another plugin than ours, or a token with a line end in it",
		.steps = "wait for the next attempt\n"
			 "if it stays: sudo mailoauth doctor (which plugin is taken?), and the password map must not hold a token",
		.source = "reports of users (MailKit 566, sasl-xoauth2 69), not documented by Microsoft",
		.example = "451 4.7.0 Temporary server error. Please try again later. PRX4 [AM6PR0202CA0047.eurprd02.prod.outlook.com]",
	},
	/* Gmail */
	{
		.id = "smtp-gmail-password",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Application-specific password required|InvalidSecondFactor",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the program sent a password, and Google wants another kind of login",
		.remedy = "let it use XOAUTH2 only",
		.steps = "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload\n"
			 "and an account for it: mailoauth authorize ACCOUNT",
		.source = BY_USERS,
		.example = "534-5.7.9 Application-specific password required. For more information, go to 534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor",
	},
	{
		.id = "smtp-web-login",
		.where = DIAGNOSIS_SMTP,
		.pattern = "534*via your web browser|5.7.14",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "the provider wants to see a person first",
		.remedy = "sign in with a web browser",
		.causes = "Google finds the login suspicious: a new machine, a new country, too many attempts",
		.steps = "sign in as the mailbox's owner with a web browser and confirm what Google asks, then: postqueue -f",
		.source = BY_USERS,
		.example = "534-5.7.14 <https://accounts.google.com/signin/continue> Please log in via your web browser and then try again.",
	},
	{
		.id = "smtp-gmail-refused",
		.where = DIAGNOSIS_SMTP,
		.pattern = "535*username and password not accepted|535*support.google.com",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses the token (or a password, if one was sent)",
		.causes = "the token has expired or was revoked\n"
			  "user is not the primary address of who signed in: Gmail takes no alias\n"
			  "the scope is not https://mail.google.com/: gmail.send is for the web API only\n"
			  "a password was sent: no mechanism filter",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "try a fresh token: mailoauth refresh ACCOUNT; if that is refused too: mailoauth authorize ACCOUNT\n"
			 "postconf smtp_sasl_mechanism_filter (it should say xoauth2)",
		.source = GMAIL,
		.example = "535-5.7.8 Username and Password not accepted. For more information, go to 535 5.7.8  https://support.google.com/mail/?p=BadCredentials",
	},
	{
		.id = "smtp-token-not-accepted",
		.where = DIAGNOSIS_SMTP,
		.pattern = "535-5.7.8|535 5.7.8",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refuses the token (or a password, if one was sent)",
		.causes = "user is not who signed in: a server of your own compares it with a claim of the token (Dovecot: username_attribute)\n"
			  "the token has expired or was revoked, or has not the scope that the server wants\n"
			  "a password was sent: no mechanism filter",
		.steps = "compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT\n"
			 "try a fresh token: mailoauth refresh ACCOUNT; if that is refused too: mailoauth authorize ACCOUNT\n"
			 "postconf smtp_sasl_mechanism_filter (it should say xoauth2)",
		.source = "RFC 4954 6",
		.example = "535 5.7.8 Error: authentication failed:",
	},
	{
		.id = "smtp-many-logins",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Too many login attempts|Too many bad auth attempts|#AUTH005",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 900,
		.meaning = "too many logins in a short time",
		.remedy = "keep connections open between messages",
		.causes = "each message logs in anew\na refused token is tried again and again",
		.steps = "postconf -e 'smtp_connection_cache_destinations = smtp.gmail.com' && postfix reload\n"
			 "is an account in trouble? mailoauth status",
		.source = BY_USERS,
		.example = "454 4.7.0 Too many login attempts, please try again later.\n535 5.7.0 (#AUTH005) Too many bad auth attempts.",
	},
	{
		.id = "smtp-gmail-relay-later",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Try again later, closing connection|Peak SMTP relay limit",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 300,
		.meaning = "Google's relay does not take more from this machine now",
		.remedy = "give it a proper name (smtp_helo_name), and send more slowly",
		.causes = "the machine says EHLO localhost, or another name that is none\ntoo much at once",
		.steps = "postconf -e 'smtp_helo_name = mail.example.com' && postfix reload\n"
			 "smtp_destination_rate_delay = 1s",
		.source = "Google's help on the SMTP relay, 2026",
		.example = "421-4.7.0 Try again later, closing connection. (EHLO)\n450-4.2.1 Peak SMTP relay limit exceeded.",
	},
	{
		.id = "smtp-gmail-daily",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Daily user sending limit|Daily user sending quota|Daily SMTP relay limit|5.4.5",
		.class = DIAGNOSIS_LIMIT, .outcome = OUTCOME_RETRY, .wait_s = 3600,
		.meaning = "what may be sent in a day is used up (Gmail 500, Workspace 2,000)",
		.steps = "wait until 24 hours are over; the message must be sent again",
		.source = "Google's help on sending limits, 2026",
		.example = "550-5.4.5 Daily user sending limit exceeded.\n550-5.7.1 Daily SMTP relay limit exceeded for customer.",
	},
	{
		.id = "smtp-gmail-relay-denied",
		.where = DIAGNOSIS_SMTP,
		.pattern = "Invalid credentials for relay",
		.class = DIAGNOSIS_RIGHTS, .outcome = OUTCOME_CONFIG,
		.meaning = "Google's relay does not know this machine or this sender's domain",
		.remedy = "a Workspace administrator allows it",
		.steps = "admin.google.com, Apps, Gmail, Routing, SMTP relay service: this address, or \"Require SMTP authentication\"\n"
			 "the sender's domain must be one of the Workspace's",
		.example = "550-5.7.1 Invalid credentials for relay [192.0.2.7].",
	},
	/* Lines that are too long */
	{
		.id = "smtp-line-too-long",
		.where = DIAGNOSIS_SMTP,
		.pattern = "command line too long|Line too long|500 5.5.6",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_PROTOCOL,
		.meaning = "the token does not fit on the line of AUTH",
		.remedy = "use Postfix 3.4 or newer",
		.causes = "the program puts the token on the line of AUTH: RFC 4954 forbids that beyond 512 bytes\n"
			  "the token is longer than what the server takes at all (Dovecot: 8192 bytes)",
		.steps = "postconf mail_version (3.4 and newer send it on a line of its own)\n"
			 "a token of more than 8 KB: ask for fewer scopes, or sign in as a user with fewer groups",
		.source = RFC4954 "; Postfix 3.4; reports of users (angus-mail 201, PHPMailer 3169)",
		.example = "555-5.5.2 Syntax error, command line too long\n500 5.5.2 Line too long\n500 5.5.6 Authentication exchange line is too long",
	},
	/* Any server */
	{
		.id = "smtp-auth-temporary",
		.where = DIAGNOSIS_SMTP,
		.pattern = "454 4.7.0|454*temporary authentication failure",
		.class = DIAGNOSIS_PASSING, .outcome = OUTCOME_RETRY, .wait_s = 60,
		.meaning = "the server cannot check logins now; the token is not to blame",
		.steps = "nothing: it is tried again\n"
			 "if the server is yours: can it reach its authorization server (Dovecot: introspection)?",
		.source = RFC4954,
		.example = "454 4.7.0 Temporary authentication failure",
	},
	{
		.id = "smtp-encryption-first",
		.where = DIAGNOSIS_SMTP,
		.pattern = "538 5.7.11|Must issue a STARTTLS command first|530 5.7.0 Must issue|Encryption required",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server wants encryption first",
		.remedy = "smtp_tls_security_level = encrypt",
		.steps = "postconf -e 'smtp_tls_security_level = encrypt' && postfix reload\n"
			 "port 465 wants TLS from the start: smtp_tls_wrappermode = yes",
		.source = RFC4954,
		.example = "530 5.7.0 Must issue a STARTTLS command first.\n538 5.7.11 Encryption required for requested authentication mechanism",
	},
	{
		.id = "smtp-mechanism-unknown",
		.where = DIAGNOSIS_SMTP,
		.pattern = "504 5.7.4|Unrecognized authentication type",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server does not offer this mechanism",
		.remedy = "encrypt first; then see what it offers",
		.causes = "AUTH was sent before STARTTLS\n"
			  "SMTP AUTH is off for the organization\n"
			  "the server knows OAUTHBEARER only, or no OAuth at all",
		.steps = "postconf -e 'smtp_tls_security_level = encrypt' && postfix reload\n"
			 "openssl s_client -starttls smtp -crlf -connect HOST:587, then type EHLO me: the line with AUTH",
		.example = "504 5.7.4 Unrecognized authentication type",
	},
	{
		.id = "smtp-helo",
		.where = DIAGNOSIS_SMTP,
		.pattern = "501 5.5.4",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server does not like the name that this machine gives in EHLO",
		.remedy = "set smtp_helo_name",
		.steps = "postconf -e 'smtp_helo_name = mail.example.com' && postfix reload",
		.example = "501 5.5.4 Invalid domain name [AM0PR02CA0101.eurprd02.prod.outlook.com]",
	},
	{
		.id = "smtp-blob",
		.where = DIAGNOSIS_SMTP,
		.pattern = "501 5.5.2|501*cannot decode|501*invalid base64",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_PROTOCOL,
		.meaning = "the server cannot decode the login",
		.causes = "the program cut the token, or broke the line\nanother plugin than ours made the login",
		.steps = "sudo mailoauth doctor: which plugin is taken?",
		.source = RFC4954,
		.example = "501 5.5.2 Cannot decode response",
	},
};
/* clang-format on */

const struct diagnosis_table diagnosis_smtp = DIAGNOSIS_TABLE(rows);
