/* SPDX-License-Identifier: MIT */
/* fetchmail-keywords.c - see fetchmail-keywords.h. */
#include "fetch-agent/import/fetchmail-keywords.h"

#include "common/banned.h"

static const char not_needed[] = "not needed: this is how mailoauth-fetch always does it, or "
				 "decides by itself";
static const char bytes_stay[] = "messages are delivered as the server has them: let the "
				 "destination change them";
static const char by_pin[] = "not carried over: it is a fingerprint of the certificate, ours is of "
			     "its key; add tls_pin = sha256:HEX, with HEX from: openssl s_client "
			     "-connect HOST:993 </dev/null | openssl x509 -pubkey -noout | openssl "
			     "pkey -pubin -outform DER | sha256sum";
static const char verified[] = "not carried over: certificates are always verified; for one that "
			       "nobody signed set ca_file, or tls_pin and tls_pin_only = yes";
static const char no_command[] = "not carried over: no command is run around a connection; let the "
				 "unit or the cron job that starts mailoauth-fetch do it";
static const char only_pop3[] = "not carried over: it is for POP3";
static const char only_pop3_ids[] =
	"not carried over: it holds the names that a POP3 server gives to messages, and they have "
	"others by IMAP, but for those of Dovecot, which --take-state takes over; what fetchmail "
	"left at such a server is fetched again: since, or "
	"take = unseen, limits that: mailoauth.conf(5)";

static const struct fetchmail_keyword keywords[] = {
	{"via", SHAPE_ONE, SLOT_VIA, NULL, NULL},
	{"proto", SHAPE_ONE, SLOT_PROTOCOL, NULL, NULL},
	{"protocol", SHAPE_ONE, SLOT_PROTOCOL, NULL, NULL},
	{"port", SHAPE_ONE, SLOT_PORT, NULL, NULL},
	{"service", SHAPE_ONE, SLOT_PORT, NULL, NULL},
	{"auth", SHAPE_ONE, SLOT_AUTH, NULL, NULL},
	{"authenticate", SHAPE_ONE, SLOT_AUTH, NULL, NULL},
	{"timeout", SHAPE_ONE, SLOT_TIMEOUT, NULL, NULL},
	{"envelope", SHAPE_ENVELOPE, SLOT_ENVELOPE, NULL, NULL},
	{"qvirtual", SHAPE_ONE, SLOT_QVIRTUAL, NULL, NULL},
	{"local", SHAPE_LIST, SLOT_LOCALDOMAINS, NULL, NULL},
	{"localdomains", SHAPE_LIST, SLOT_LOCALDOMAINS, NULL, NULL},
	{"interval", SHAPE_ONE, SLOT_INTERVAL, NULL, NULL},
	{"aka", SHAPE_LIST, SLOT_NONE,
	 "not carried over: addresses are taken from recipient_header alone; list the domains that "
	 "are yours in recipient_domains",
	 NULL},
	{"interface", SHAPE_ONE, SLOT_NONE,
	 "not carried over: start mailoauth-fetch when the interface is up", NULL},
	{"monitor", SHAPE_ONE, SLOT_NONE,
	 "not carried over: start mailoauth-fetch when the interface is up", NULL},
	{"plugin", SHAPE_ONE, SLOT_NONE,
	 "not carried over: mailoauth-fetch connects itself; point host and port at a tunnel",
	 NULL},
	{"plugout", SHAPE_ONE, SLOT_NONE,
	 "not carried over: mailoauth-fetch connects to the destination itself", NULL},
	{"dns", SHAPE_FLAG, SLOT_NONE, NULL, NULL},
	{"checkalias", SHAPE_FLAG, SLOT_NONE, "not carried over: hosts are not compared by address",
	 NULL},
	{"uidl", SHAPE_FLAG, SLOT_NONE, only_pop3, NULL},
	{"fastuidl", SHAPE_ONE, SLOT_NONE, only_pop3, NULL},
	{"tracepolls", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: the Received field names the section with received = yes", NULL},
	{"principal", SHAPE_ONE, SLOT_NONE, "not carried over: there is no Kerberos", NULL},
	{"esmtpname", SHAPE_ONE, SLOT_NONE,
	 "not carried over: there is no login at the destination; let it take mail from this host",
	 NULL},
	{"esmtppassword", SHAPE_ONE, SLOT_NONE,
	 "not carried over: there is no login at the destination", NULL},
	{"bad-header", SHAPE_ONE, SLOT_NONE,
	 "not needed: a message with a bad header is delivered like any other", NULL},
	{"badheader", SHAPE_ONE, SLOT_NONE,
	 "not needed: a message with a bad header is delivered like any other", NULL},
	{"retrieve-error", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"pass", SHAPE_ONE, SLOT_PASSWORD, NULL, NULL},
	{"password", SHAPE_ONE, SLOT_PASSWORD, NULL, NULL},
	{"folder", SHAPE_LIST, SLOT_FOLDER, NULL, NULL},
	{"smtphost", SHAPE_LIST, SLOT_SMTPHOST, NULL, NULL},
	{"smtp", SHAPE_LIST, SLOT_SMTPHOST, NULL, NULL},
	{"lmtp", SHAPE_FLAG, SLOT_LMTP, NULL, NULL},
	{"fetchdomains", SHAPE_LIST, SLOT_NONE, "not carried over: it is for ETRN and ODMR", NULL},
	{"smtpaddress", SHAPE_ONE, SLOT_SMTPADDRESS, NULL, NULL},
	{"smtpname", SHAPE_ONE, SLOT_SMTPNAME, NULL, NULL},
	{"antispam", SHAPE_LIST, SLOT_NONE,
	 "not carried over: what the destination refuses for good goes as on_refused says", NULL},
	{"spamresponse", SHAPE_LIST, SLOT_NONE,
	 "not carried over: what the destination refuses for good goes as on_refused says", NULL},
	{"mda", SHAPE_ONE, SLOT_MDA, NULL, NULL},
	{"bsmtp", SHAPE_ONE, SLOT_BSMTP, NULL, NULL},
	{"preconnect", SHAPE_ONE, SLOT_NONE, no_command, NULL},
	{"postconnect", SHAPE_ONE, SLOT_NONE, no_command, NULL},
	{"limit", SHAPE_ONE, SLOT_LIMIT, NULL, NULL},
	{"warnings", SHAPE_ONE, SLOT_NONE,
	 "not carried over: no mail is sent about messages over max_size; the log says it", NULL},
	{"batchlimit", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"fetchlimit", SHAPE_ONE, SLOT_FETCHLIMIT, NULL, NULL},
	{"fetchsizelimit", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"expunge", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"properties", SHAPE_ONE, SLOT_NONE, "not carried over: it is for scripts", NULL},
	{"ssl", SHAPE_FLAG, SLOT_SSL, NULL, NULL},
	{"sslproto", SHAPE_ONE, SLOT_SSLPROTO, NULL, NULL},
	{"sslcertck", SHAPE_FLAG, SLOT_NONE, NULL, verified},
	{"sslcertfile", SHAPE_ONE, SLOT_CERTFILE, NULL, NULL},
	{"sslcertpath", SHAPE_ONE, SLOT_NONE,
	 "not carried over: put the certificates of that directory into one file, and name it with "
	 "ca_file",
	 NULL},
	{"sslfingerprint", SHAPE_ONE, SLOT_NONE, by_pin, NULL},
	{"sslcommonname", SHAPE_ONE, SLOT_NONE,
	 "not carried over: set host to the name that the certificate has", NULL},
	{"sslcert", SHAPE_ONE, SLOT_NONE, "not carried over: there are no client certificates",
	 NULL},
	{"sslkey", SHAPE_ONE, SLOT_NONE, "not carried over: there are no client certificates",
	 NULL},
	{"keep", SHAPE_FLAG, SLOT_KEEP, NULL, NULL},
	{"flush", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: what was read elsewhere is never deleted unfetched; take = new fetches "
	 "it, and after = delete deletes it then",
	 NULL},
	{"limitflush", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: messages over max_size stay at the server", NULL},
	{"fetchall", SHAPE_FLAG, SLOT_FETCHALL, NULL, NULL},
	{"rewrite", SHAPE_FLAG, SLOT_NONE, bytes_stay, NULL},
	{"stripcr", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
	{"forcecr", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
	{"pass8bits", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
	{"dropstatus", SHAPE_FLAG, SLOT_NONE, bytes_stay, NULL},
	{"dropdelivered", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: Delivered-To stays, it is how mail loops are found", NULL},
	{"mimedecode", SHAPE_FLAG, SLOT_NONE, bytes_stay, NULL},
	{"idle", SHAPE_FLAG, SLOT_IDLE, NULL, NULL},
};

/* After `set`. */
static const struct fetchmail_keyword globals[] = {
	{"daemon", SHAPE_ONE, SLOT_INTERVAL, NULL, NULL},
	{"invisible", SHAPE_FLAG, SLOT_INVISIBLE, NULL, NULL},
	{"postmaster", SHAPE_ONE, SLOT_NONE,
	 "not carried over: mail without a known recipient stays at the server, with a line in the "
	 "log",
	 NULL},
	{"bouncemail", SHAPE_FLAG, SLOT_NONE,
	 "not carried over: refused messages are kept, and nothing is sent to senders that may be "
	 "forged; set on_refused = bounce if you want it",
	 NULL},
	{"spambounce", SHAPE_FLAG, SLOT_NONE, "not carried over: see on_refused", NULL},
	{"softbounce", SHAPE_FLAG, SLOT_NONE, NULL,
	 "not carried over: what is refused for good is kept, unless on_refused says otherwise"},
	{"logfile", SHAPE_ONE, SLOT_NONE, "say 2>>FILE, or --log syslog", NULL},
	{"syslog", SHAPE_FLAG, SLOT_NONE, "say --log syslog on the command line", NULL},
	{"pidfile", SHAPE_ONE, SLOT_NONE, not_needed, NULL},
	{"idfile", SHAPE_ONE, SLOT_IDFILE, only_pop3_ids, NULL},
	{"properties", SHAPE_ONE, SLOT_NONE, "not carried over: it is for scripts", NULL},
	{"showdots", SHAPE_FLAG, SLOT_NONE, not_needed, NULL},
};

static const struct fetchmail_keyword *find_keyword(const struct fetchmail_keyword *table,
						    size_t count, struct span word)
{
	for (size_t i = 0; i < count; i++) {
		if (span_equals(word, table[i].name))
			return &table[i];
	}
	return NULL;
}

const struct fetchmail_keyword *fetchmail_keyword_find(struct span word)
{
	return find_keyword(keywords, sizeof(keywords) / sizeof(keywords[0]), word);
}

const struct fetchmail_keyword *fetchmail_global_find(struct span word)
{
	return find_keyword(globals, sizeof(globals) / sizeof(globals[0]), word);
}
