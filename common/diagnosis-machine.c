/* SPDX-License-Identifier: MIT */
/*
 * diagnosis-machine.c - what goes wrong on this machine, in the words of Postfix, Cyrus SASL, our
 * plugin and programs, TLS libraries and resolvers. A server's words stand inside of these, so that
 * they are looked at first.
 */
#include "common/diagnosis-tables.h"

#include "common/banned.h"

#define POSTFIX	 "Postfix's source, 3.7 to 3.12"
#define CYRUS	 "Cyrus SASL's source, 2.1.28, and Postfix 3.7, tried"
#define BY_USERS "reports of users of other XOAUTH2 plugins"

/* clang-format off */
static const struct diagnosis rows[] = {
	/* What explain finds encoded in a text; it says so in these words */
	{
		.id = "text-has-token",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "a login of XOAUTH2, with its token|a login of OAUTHBEARER, with its token|an access token as it is",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "this text has an access token in it: who reads it can use the mailbox for an hour or more",
		.remedy = "end the grant, authorize again, and do not pass the text on",
		.causes = "it is what the client sends, not what the server answered\n"
			  "postfix -v, debug_peer_list and notify_classes = protocol write it into logs and mails",
		.steps = "end the grant and sign in again: mailoauth forget ACCOUNT; mailoauth authorize ACCOUNT\n"
			 "delete the text wherever it was sent, pasted or logged\n"
			 "postconf debug_peer_list notify_classes; grep -n 'smtp.*-v' /etc/postfix/master.cf",
		.source = "Postfix's source; the form is that of XOAUTH2 and of RFC 7628 3.1",
		.example = "a login of XOAUTH2, with its token; \na login of OAUTHBEARER, with its token; \nan access token as it is; ",
	},
	{
		.id = "text-has-password",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "a login of PLAIN, with its password",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "this text has a password in it: the client logs in by PLAIN",
		.remedy = "change the password, and let the program use XOAUTH2 only",
		.steps = "change the password\n"
			 "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload",
		.source = "RFC 4616",
		.example = "a login of PLAIN, with its password; ",
	},
	{
		.id = "text-has-login-prompt",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "the prompt of LOGIN",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server asks for a user name and a password: the client chose LOGIN, not XOAUTH2",
		.remedy = "let the program use XOAUTH2 only",
		.causes = "no mechanism filter, and LOGIN was chosen instead of XOAUTH2",
		.steps = "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload",
		.example = "the prompt of LOGIN; ",
	},
	/* Postfix and Cyrus SASL */
	{
		.id = "postfix-auth-cached",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "SASL [CACHED] authentication failed",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Postfix did not even try: it remembers an old refusal (for 90 days)",
		.remedy = "unset smtp_sasl_auth_cache_name",
		.causes = "smtp_sasl_auth_cache_name is set, and with OAuth the \"password\" it compares never changes",
		.steps = "postconf -X smtp_sasl_auth_cache_name && postfix reload\n"
			 "delete the cache: rm /var/lib/postfix/sasl_auth_cache.db (the name it had)\n"
			 "postqueue -f",
		.source = POSTFIX,
		.example = "SASL [CACHED] authentication failed; server smtp.office365.com[52.97.1.2] said: 599 old news",
	},
	{
		.id = "sasl-no-worthy-mechanism",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "No worthy mechs found",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Cyrus SASL has no mechanism that the server offers and the options allow",
		.remedy = "is the plugin installed, and do the options allow it?",
		.causes = "the plugin is not installed, or not where libsasl2 looks\n"
			  "smtp_sasl_tls_security_options forbids it: it must be noanonymous, without noplaintext\n"
			  "the session is not encrypted: then smtp_sasl_security_options counts, with noplaintext\n"
			  "smtp_sasl_mechanism_filter names another mechanism",
		.steps = "sudo mailoauth doctor: is our plugin found, and the one that is taken?\n"
			 "postconf -e 'smtp_sasl_tls_security_options = noanonymous' 'smtp_tls_security_level = encrypt'\n"
			 "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload",
		.source = CYRUS,
		.example = "warning: SASL authentication failure: No worthy mechs found",
	},
	{
		.id = "postfix-no-mechanism",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "no mechanism available|no SASL mechanism|SASL(-4)",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server offers no mechanism that Postfix may use here",
		.remedy = "encrypt first, and look at the mechanism filter and at the plugin",
		.causes = "no plugin for XOAUTH2 is found\n"
			  "the session is not encrypted: Exchange offers AUTH after STARTTLS only\n"
			  "smtp_sasl_mechanism_filter does not name xoauth2, or noplaintext forbids it",
		.steps = "postconf -e 'smtp_tls_security_level = encrypt' 'smtp_sasl_tls_security_options = noanonymous'\n"
			 "sudo mailoauth doctor: is our plugin found, and the one that is taken?\n"
			 "postconf -e 'smtp_sasl_mechanism_filter = xoauth2' && postfix reload",
		.source = POSTFIX,
		.example = "SASL authentication failed; cannot authenticate to server smtp.office365.com[52.97.1.2]: no mechanism available",
	},
	{
		.id = "postfix-first-challenge",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "non-empty initial*challenge",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_PROTOCOL,
		.meaning = "the server speaks first where the mechanism has the client speak first",
		.steps = "tell the server's administrator: after AUTH XOAUTH2 it must answer 334 and nothing else",
		.source = POSTFIX,
		.example = "SASL authentication failed; non-empty initial XOAUTH2 challenge from server mail.example.net[192.0.2.9]: abc",
	},
	{
		.id = "postfix-no-credentials",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "no auth info found",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Postfix finds no user for this server",
		.remedy = "write the server in the password map as in relayhost",
		.causes = "the key in smtp_sasl_password_maps is not the nexthop to the letter\nthe map was not made again with postmap",
		.steps = "postconf relayhost smtp_sasl_password_maps\n"
			 "the key is relayhost with its brackets and port: [smtp.office365.com]:587\n"
			 "postmap /etc/postfix/sasl_passwd",
		.source = POSTFIX,
		.example = "smtp_sasl_passwd_lookup: no auth info found (sender=`alice@example.com', host=`smtp.office365.com')",
	},
	{
		.id = "postfix-authentication-required",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "authentication is required*but no*found|SASL authentication is required",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "Postfix is to log in and does not know as whom",
		.remedy = "write the server in the password map as in relayhost",
		.steps = "postconf relayhost smtp_sasl_password_maps smtp_sasl_auth_enforce\n"
			 "the key is relayhost with its brackets and port: [smtp.office365.com]:587",
		.source = POSTFIX,
		.example = "SASL authentication is required, but no credentials were found for smtp.office365.com[52.97.1.2]",
	},
	{
		.id = "postfix-plugin-died",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "private/smtp socket: malformed response|killed by signal 11",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_PROTOCOL,
		.meaning = "the process smtp(8) died in the middle of its work: usually a plugin did it",
		.remedy = "which plugins does it load?",
		.causes = "another plugin for XOAUTH2 is installed beside ours\na plugin was built for another libsasl2",
		.steps = "sudo mailoauth doctor: every plugin that claims XOAUTH2\n"
			 "remove the others, then: postfix reload; if ours alone is left: report it, with the lines before",
		.source = BY_USERS,
		.example = "warning: private/smtp socket: malformed response\nwarning: process /usr/lib/postfix/sbin/smtp pid 4711 killed by signal 11",
	},
	{
		.id = "plugin-generic-callback",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "Unable to find a callback",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_CONFIG,
		.meaning = "an XOAUTH2 plugin failed and did not say why",
		.remedy = "use our plugin alone: it says why",
		.causes = "another plugin for XOAUTH2 is the one that was loaded",
		.steps = "sudo mailoauth doctor: every plugin that claims XOAUTH2; remove the others",
		.source = BY_USERS,
		.example = "SASL authentication failure: Unable to find a callback: 32775",
	},
	{
		.id = "plugin-peer-generic",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "bad protocol / cancel|transient failure (e.g., weak key)|cannot authenticate to server*generic failure",
		.class = DIAGNOSIS_FAULT, .outcome = OUTCOME_RETRY,
		.meaning = "an XOAUTH2 plugin failed and did not say why",
		.remedy = "the line before it, of smtp's SASL authentication failure, says more with our plugin",
		.causes = "with sasl-xoauth2: its token is refused, or cannot be refreshed from within Postfix's jail\n"
			  "with ours: see the line before it",
		.steps = "sudo mailoauth doctor: which plugin is taken?\nmailoauth status",
		.source = BY_USERS,
		.example = "SASL authentication failed; cannot authenticate to server smtp.gmail.com[142.250.1.108]: bad protocol / cancel",
	},
	/* Our plugin and mailoauthd */
	{
		.id = "daemon-not-running",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "mailoauthd is not running|mailoauthd does not answer|mailoauthd hung up|no socket of mailoauthd",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_RETRY,
		.meaning = "mailoauthd is not running, or not where it is looked for",
		.remedy = "start it",
		.causes = "mailoauthd was never started, or ended at a wrong line of its configuration\n"
			  "Postfix's jail: the socket in private/ of the queue directory is missing (mailoauthd-postfix.socket)",
		.steps = "systemctl enable --now mailoauthd.socket mailoauthd-postfix.socket mailoauthd\n"
			 "journalctl -u mailoauthd -n 20; mailoauth config check",
		.source = "mailoauth",
		.example = "warning: SASL authentication failure: mailoauth: mailoauthd is not running: there is no /run/mailoauth/socket",
	},
	{
		.id = "daemon-slow",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "mailoauthd did not answer in time",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "mailoauthd waits for the provider, or the machine is very busy",
		.steps = "mailoauth status; journalctl -u mailoauthd -n 20",
		.source = "mailoauth",
		.example = "mailoauth: mailoauthd did not answer in time on /run/mailoauth/socket: look at journalctl -u mailoauthd",
	},
	{
		.id = "daemon-socket-denied",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "may not open mailoauthd's socket",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_DENIED,
		.meaning = "the file system does not let this user to mailoauthd's socket",
		.remedy = "put the user into the socket's group",
		.causes = "the user is not in the socket's group\nSELinux or AppArmor forbids it",
		.steps = "ls -l /run/mailoauth/socket; id USER\nausearch -m avc -ts recent; journalctl -k -g apparmor",
		.source = "mailoauth",
		.example = "this user may not open mailoauthd's socket /run/mailoauth/socket (Permission denied): check its owner",
	},
	{
		.id = "daemon-not-allowed",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "may not use it: add the user to allow",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_DENIED,
		.meaning = "the account does not list this user under allow",
		.remedy = "add the user to allow",
		.steps = "allow = postfix USER in the [account], then: systemctl reload mailoauthd",
		.source = "mailoauth",
		.example = "account relay: uid 33 may not use it: add the user to allow in its section of mailoauth.conf",
	},
	{
		.id = "daemon-no-account",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "mailoauthd has no such account|there is no account|no account for",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "mailoauthd has no account for this user and server",
		.remedy = "does user in mailoauth.conf stand as the mail program gives it?",
		.causes = "the user in the password map is not user of any [account]\n"
			  "use does not name the service, or hosts not the server",
		.steps = "mailoauth status: compare USER with the password map\nmailoauth config check",
		.source = "mailoauth",
		.example = "warning: SASL authentication failure: mailoauth: mailoauthd has no such account",
	},
	{
		.id = "daemon-never-authorized",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "has not been authorized yet",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "nobody has signed in for this account yet",
		.remedy = "authorize it",
		.steps = "mailoauth authorize ACCOUNT",
		.source = "mailoauth",
		.example = "account relay: has not been authorized yet; run: mailoauth authorize relay",
	},
	{
		.id = "daemon-other-person",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "signed in, but the account is for|but the account was authorized by another person",
		.class = DIAGNOSIS_SIGN_IN, .outcome = OUTCOME_CONSENT,
		.meaning = "another person signed in than the account is for; nothing was stored",
		.remedy = "sign out or use a private window, and authorize again",
		.causes = "the browser was signed in as somebody else\n"
			  "a shared mailbox: user is the mailbox, and authorize_as is to be who signs in",
		.steps = "open the URL in a private window: mailoauth authorize ACCOUNT --no-browser\n"
			 "a shared mailbox: mailoauth explain shared-mailboxes",
		.source = "mailoauth",
		.example = "relay: bob@example.com signed in, but the account is for alice@example.com; nothing was stored",
	},
	{
		.id = "plugin-token-refused",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "refused the access token for",
		.class = DIAGNOSIS_TOKEN, .outcome = OUTCOME_CONSENT,
		.meaning = "the server refused the token that our plugin gave it",
		.causes = "user is not who signed in\n"
			  "the token has not the scope that the server wants; it is named in brackets\n"
			  "the token was revoked",
		.steps = "wait for the next attempt: mailoauthd gets a fresh token\n"
			 "if that is refused too, compare user, \"signed in as\" and the scopes: mailoauth status ACCOUNT",
		.source = "mailoauth",
		.example = "warning: SASL authentication failure: mailoauth: account=relay: smtp.gmail.com refused the access token for a@example.com (status 400, scope https://mail.google.com/): mailoauthd gets a new one",
	},
	{
		.id = "plugin-no-encryption",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "demands encryption that",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the mail program wants encryption of SASL, which these mechanisms have not",
		.remedy = "use TLS, and do not ask SASL for encryption",
		.steps = "take the minimum of the security layer (min_ssf) out of the program's configuration, and use TLS",
		.source = "mailoauth",
		.example = "mailoauth: the mail program demands encryption that XOAUTH2 does not bring: use TLS",
	},
	{
		.id = "agent-no-mechanism",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "the server offers neither XOAUTH2|the server offers none of",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_PROTOCOL,
		.meaning = "the server has none of the mechanisms that would do",
		.remedy = "is it the right server, and is OAuth switched on there?",
		.causes = "host is not the provider's IMAP server\n"
			  "the server wants TLS first, or knows one of XOAUTH2 and OAUTHBEARER only (mechanism = auto finds it)",
		.steps = "mailoauth providers NAME: the hosts\nmechanism = auto in the [fetch] section",
		.source = "mailoauth",
		.example = "outlook.example.net: the server offers neither XOAUTH2 nor OAUTHBEARER, or not the configured one; it offers: PLAIN",
	},
	/* TLS */
	{
		.id = "tls-certificates-missing",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "error setting certificate verify locations|error setting certificate file|Problem with the SSL CA cert|cannot read certificates",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the authorities' certificates cannot be read",
		.remedy = "install ca-certificates, or mend ca_file",
		.causes = "another XOAUTH2 plugin speaks HTTPS from within Postfix's jail, where /etc/ssl is missing: ours does not\n"
			  "ca-certificates is not installed, or ca_file names a file that is not there",
		.steps = "sudo mailoauth doctor: which plugin is taken?\napt-get install ca-certificates",
		.source = BY_USERS,
		.example = "error setting certificate verify locations:  CAfile: /etc/ssl/certs/ca-certificates.crt CApath: none",
	},
	{
		.id = "tls-not-yet-valid",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "certificate is not yet valid",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "this machine's clock is behind",
		.remedy = "set the clock",
		.steps = "timedatectl set-ntp true; timedatectl",
		.example = "SSL certificate problem: certificate is not yet valid",
	},
	{
		.id = "tls-expired",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "certificate has expired",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_RETRY,
		.meaning = "the server's certificate is over, or this machine's clock is ahead",
		.remedy = "look at the clock first",
		.steps = "timedatectl\nif it is right: the server's administrator renews the certificate",
		.example = "SSL certificate problem: certificate has expired",
	},
	{
		.id = "tls-wrong-name",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "no alternative certificate subject name matches|does not match target host name|hostname mismatch|subject name*does not match",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "the server's certificate is for another name",
		.remedy = "write the server's name as the provider gives it",
		.causes = "host is an alias or an address\nsomething in between answers in the server's place",
		.steps = "mailoauth providers NAME: the hosts\nopenssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -subject -ext subjectAltName",
		.example = "SSL: no alternative certificate subject name matches target host name 'mail.example.net'",
	},
	{
		.id = "tls-unverified",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "certificate verify failed|unable to get local issuer certificate|self-signed certificate|self signed certificate|certificate not trusted|Server certificate not verified|untrusted issuer",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_CONFIG,
		.meaning = "the server's certificate is of an authority that this machine does not know",
		.remedy = "install ca-certificates; never switch the check off",
		.causes = "a firewall or proxy opens the connection and answers with a certificate of its own\n"
			  "the authorities' certificates are missing or old\n"
			  "the server is your own, with an authority of your own: ca_file",
		.steps = "openssl s_client -connect HOST:PORT </dev/null | grep -A2 'Certificate chain': who has issued it?\n"
			 "apt-get install --reinstall ca-certificates\n"
			 "a proxy of your organization: add its authority, or exempt this host from it",
		.example = "SSL certificate problem: unable to get local issuer certificate\ncertificate verification failed for smtp.office365.com[52.97.1.2]:587: untrusted issuer /CN=Proxy",
	},
	{
		.id = "tls-not-offered",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "TLS is required, but was not offered|offers no STARTTLS",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_CONFIG,
		.meaning = "the server, or something in between, offers no encryption: nothing was sent",
		.remedy = "is it the right port, and does a firewall change SMTP?",
		.causes = "a firewall that \"inspects\" SMTP takes STARTTLS out\nthe wrong port, or not the provider's server",
		.steps = "openssl s_client -starttls smtp -connect HOST:587\nport 587 instead of 25; have the firewall's SMTP inspection switched off",
		.source = POSTFIX,
		.example = "TLS is required, but was not offered by host smtp.office365.com[52.97.1.2]",
	},
	{
		.id = "tls-handshake",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "wrong version number|unsupported protocol|Cannot start TLS|handshake failure|SSL_connect error|packet length too long",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "the TLS handshake failed",
		.remedy = "is TLS spoken on this port from the start, or after STARTTLS?",
		.causes = "TLS from the start on a port that wants STARTTLS, or the other way round\n"
			  "a TLS version that is too old: Exchange wants 1.2 or newer",
		.steps = "587 and 143: STARTTLS; 465, 993, 995: TLS from the start (smtp_tls_wrappermode = yes)\n"
			 "postconf smtp_tls_mandatory_protocols",
		.example = "SSL routines::wrong version number",
	},
	/* Names and ways */
	{
		.id = "net-name",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "Host or domain name not found|Could not resolve host|Name or service not known|Temporary failure in name resolution|look-up failed|Name service error|nodename nor servname",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "the server's name cannot be looked up",
		.remedy = "is it spelt right, and does DNS work?",
		.causes = "a typing error in the name\nthe resolver does not answer\nPostfix's jail has an old resolv.conf",
		.steps = "getent hosts HOST\ndiff /etc/resolv.conf /var/spool/postfix/etc/resolv.conf; postfix reload copies it on Debian",
		.example = "Host or domain name not found. Name service error for name=smtp.ofice365.com type=A: Host not found\nCould not resolve host: login.microsoftonline.com",
	},
	{
		.id = "net-refused",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "Connection refused",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "nothing listens at that address and port, or a firewall says no",
		.remedy = "is it the right port?",
		.steps = "nc -vz HOST PORT\nsmtp.office365.com has 587, not 465",
		.example = "connect to smtp.office365.com[52.97.1.2]:465: Connection refused",
	},
	{
		.id = "net-timeout",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "Connection timed out|Operation timed out|timed out after|no connection before the deadline|Network is unreachable|No route to host",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "no answer from there",
		.remedy = "does a firewall forbid it?",
		.causes = "a firewall drops it: port 25 is closed in most clouds\nIPv6 is configured and does not work\nthe server is down",
		.steps = "nc -vz HOST PORT; nc -4vz HOST PORT\nport 587 instead of 25; inet_protocols = ipv4 in main.cf\n"
			 "behind a proxy: set proxy in mailoauth.conf",
		.example = "connect to smtp.gmail.com[2a00:1450::6c]:587: Connection timed out\nconnect to smtp.gmail.com[2a00:1450::6c]:587: Network is unreachable",
	},
	{
		.id = "net-lost",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "lost connection with|Connection reset by peer|server closed the connection",
		.class = DIAGNOSIS_NETWORK, .outcome = OUTCOME_RETRY,
		.meaning = "the other side ended the connection",
		.steps = "nothing: it is tried again\nif it stays at the same place: the server's limits, or a firewall",
		.example = "lost connection with smtp.office365.com[52.97.1.2] while performing the EHLO handshake",
	},
	{
		.id = "clock-wrong",
		.where = DIAGNOSIS_MACHINE,
		.pattern = "clock skew|not yet valid|issued in the future|used before it is valid",
		.class = DIAGNOSIS_CONFIGURATION, .outcome = OUTCOME_CONFIG,
		.meaning = "this machine's clock and the server's differ",
		.remedy = "set the clock",
		.steps = "timedatectl set-ntp true; timedatectl",
		.example = "the token is not yet valid\nclock skew detected",
	},
};
/* clang-format on */

const struct diagnosis_table diagnosis_machine = DIAGNOSIS_TABLE(rows);
