/* SPDX-License-Identifier: MIT */
/*
 * imap-examples.h - what servers send, and what the parser has to make of it.
 *
 * Lines that Dovecot, Exchange, Gmail, Courier and Cyrus are known to send, examples of the RFCs,
 * and what should be refused. The right side is imap-trace.h's: one line a body or response.
 */
#ifndef TESTS_FETCH_AGENT_IMAP_EXAMPLES_H
#define TESTS_FETCH_AGENT_IMAP_EXAMPLES_H

#include <stdbool.h>

#include "common/buffer.h"

struct example {
	const char *name;
	bool valid;
	struct span bytes;
	struct span trace;
};

#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* clang-format off */
static const struct example examples[] = {
	{"Dovecot greets", true,
	 BYTES("* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ "
	 "AUTH=PLAIN AUTH=XOAUTH2] Dovecot ready.\r\n"),
	 BYTES("condition OK [CAPABILITY] args<IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE "
	 "IDLE LITERAL+ AUTH=PLAIN AUTH=XOAUTH2> text<Dovecot ready.>\n")},
	{"Exchange greets", true,
	 BYTES("* OK The Microsoft Exchange IMAP4 service is ready. [TABPADEANgBQAFIA]\r\n"),
	 BYTES("condition OK text<The Microsoft Exchange IMAP4 service is ready. "
	 "[TABPADEANgBQAFIA]>\n")},
	{"Gmail greets", true,
	 BYTES("* OK Gimap ready for requests from 192.0.2.1 a640c23a62f3a\r\n"),
	 BYTES("condition OK text<Gimap ready for requests from 192.0.2.1 a640c23a62f3a>\n")},
	{"Courier greets", true,
	 BYTES("* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE] Courier-IMAP ready. "
	 "See COPYING for distribution information.\r\n"),
	 BYTES("condition OK [CAPABILITY] args<IMAP4rev1 UIDPLUS CHILDREN NAMESPACE> "
	 "text<Courier-IMAP ready. See COPYING for distribution information.>\n")},
	{"PREAUTH", true,
	 BYTES("* PREAUTH IMAP4rev1 server logged in as smith\r\n"),
	 BYTES("condition PREAUTH text<IMAP4rev1 server logged in as smith>\n")},
	{"refused at once", true,
	 BYTES("* BYE [UNAVAILABLE] Too many connections\r\n"),
	 BYTES("condition BYE [UNAVAILABLE] text<Too many connections>\n")},
	{"a condition without text", true,
	 BYTES("* OK\r\n"),
	 BYTES("condition OK text<>\n")},
	{"lower case, no text", true,
	 BYTES("* ok\r\n"
	 "* bye\r\n"),
	 BYTES("condition OK text<>\n"
	 "condition BYE text<>\n")},
	{"login succeeds with capabilities", true,
	 BYTES("a1 OK [CAPABILITY IMAP4rev1 IDLE MOVE] Logged in\r\n"),
	 BYTES("tagged tag<a1> OK [CAPABILITY] args<IMAP4rev1 IDLE MOVE> text<Logged in>\n")},
	{"Exchange refuses", true,
	 BYTES("A01 NO AUTHENTICATE failed.\r\n"),
	 BYTES("tagged tag<A01> NO text<AUTHENTICATE failed.>\n")},
	{"Exchange tells why", true,
	 BYTES("a1 NO AUTHENTICATE failed. "
	 "Error=\"AuthFailed:LogonDenied-BasicAuthBlocked-<UserType:OutlookCom>\"\r\n"),
	 BYTES("tagged tag<a1> NO text<AUTHENTICATE failed. "
	 "Error=\"AuthFailed:LogonDenied-BasicAuthBlocked-<UserType:OutlookCom>\">\n")},
	{"Exchange is not connected", true,
	 BYTES("a3 BAD User is authenticated but not connected.\r\n"
	 "* BYE Connection closed. 14\r\n"),
	 BYTES("tagged tag<a3> BAD text<User is authenticated but not connected.>\n"
	 "condition BYE text<Connection closed. 14>\n")},
	{"Exchange throttles", true,
	 BYTES("a7 BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n"),
	 BYTES("tagged tag<a7> BAD text<Request is throttled. Suggested Backoff Time: 299961 "
	 "milliseconds>\n")},
	{"Exchange meets an empty line", true,
	 BYTES("* BAD Command Error. 12\r\n"
	 "* BYE Connection is closed. 13\r\n"),
	 BYTES("condition BAD text<Command Error. 12>\n"
	 "condition BYE text<Connection is closed. 13>\n")},
	{"Gmail refuses", true,
	 BYTES("a1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"),
	 BYTES("tagged tag<a1> NO [AUTHENTICATIONFAILED] text<Invalid credentials (Failure)>\n")},
	{"Gmail has had enough", true,
	 BYTES("a1 NO [ALERT] Too many simultaneous connections. (Failure)\r\n"
	 "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n"),
	 BYTES("tagged tag<a1> NO [ALERT] text<Too many simultaneous connections. (Failure)>\n"
	 "condition BYE [OVERQUOTA] text<Account exceeded command or bandwidth "
	 "limits.>\n")},
	{"Gmail wants a browser", true,
	 BYTES("* NO [WEBALERT https://accounts.example/signin?a=b&c=[d] Web login "
	 "required.\r\n"),
	 BYTES("condition NO [WEBALERT] args<https://accounts.example/signin?a=b&c=[d> "
	 "text<Web login required.>\n")},
	{"codes of RFC 5530", true,
	 BYTES("a NO [EXPIRED] x\r\n"
	 "a NO [privacyrequired] x\r\n"
	 "a NO [AUTHORIZATIONFAILED] x\r\n"
	 "a NO [LIMIT] x\r\n"
	 "a NO [InUse] x\r\n"
	 "a NO [SERVERBUG] x\r\n"
	 "a NO [CONTACTADMIN] x\r\n"
	 "a NO [NONEXISTENT] x\r\n"),
	 BYTES("tagged tag<a> NO [EXPIRED] text<x>\n"
	 "tagged tag<a> NO [PRIVACYREQUIRED] text<x>\n"
	 "tagged tag<a> NO [AUTHORIZATIONFAILED] text<x>\n"
	 "tagged tag<a> NO [LIMIT] text<x>\n"
	 "tagged tag<a> NO [INUSE] text<x>\n"
	 "tagged tag<a> NO [SERVERBUG] text<x>\n"
	 "tagged tag<a> NO [CONTACTADMIN] text<x>\n"
	 "tagged tag<a> NO [NONEXISTENT] text<x>\n")},
	{"a code nobody knows", true,
	 BYTES("a NO [XTHING one two] three\r\n"),
	 BYTES("tagged tag<a> NO other-code<XTHING> args<one two> text<three>\n")},
	{"brackets that are no code", true,
	 BYTES("a NO [] empty\r\n"
	 "a NO [open\r\n"
	 "a NO text [ALERT] later\r\n"),
	 BYTES("tagged tag<a> NO text<[] empty>\n"
	 "tagged tag<a> NO text<[open>\n"
	 "tagged tag<a> NO text<text [ALERT] later>\n")},
	{"a code without a space behind it", true,
	 BYTES("a OK [READ-ONLY]done\r\n"),
	 BYTES("tagged tag<a> OK [READ-ONLY] text<done>\n")},
	{"COPYUID", true,
	 BYTES("a9 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n"),
	 BYTES("tagged tag<a9> OK [COPYUID] args<38505 304,319:320 3956:3958> text<Done>\n")},
	{"text that looks like a literal", true,
	 BYTES("* OK wait {5}\r\n"
	 "a1 NO bad {12}\r\n"),
	 BYTES("condition OK text<wait {5}>\n"
	 "tagged tag<a1> NO text<bad {12}>\n")},
	{"a tag of odd characters", true,
	 BYTES(".17#x  OK   spaces\r\n"),
	 BYTES("tagged tag<.17#x> OK text<spaces>\n")},
	{"a code with a bracket in quotes", true,
	 BYTES("a NO [BADCHARSET (\"x]y\" UTF-8)] no\r\n"),
	 BYTES("tagged tag<a> NO [BADCHARSET] args<(\"x]y\" UTF-8)> text<no>\n")},
	{"a flag with a bracket", true,
	 BYTES("* OK [PERMANENTFLAGS (a] \\Seen)] Limited\r\n"),
	 BYTES("condition OK [PERMANENTFLAGS] args<a] \\Seen> text<Limited>\n")},
	{"Dovecot selects", true,
	 BYTES("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)\r\n"
	 "* OK [PERMANENTFLAGS (\\Answered \\Seen \\*)] Flags permitted.\r\n"
	 "* 3 EXISTS\r\n"
	 "* 0 RECENT\r\n"
	 "* OK [UNSEEN 2] First unseen.\r\n"
	 "* OK [UIDVALIDITY 1721034567] UIDs valid\r\n"
	 "* OK [UIDNEXT 4] Predicted next UID\r\n"
	 "* OK [HIGHESTMODSEQ 9223372036854775807] Highest\r\n"
	 "a2 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).\r\n"),
	 BYTES("flags 0x1f raw<\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded>\n"
	 "condition OK [PERMANENTFLAGS] args<\\Answered \\Seen \\*> text<Flags "
	 "permitted.>\n"
	 "exists 3\n"
	 "recent 0\n"
	 "condition OK [UNSEEN] args<2> number=2 text<First unseen.>\n"
	 "condition OK [UIDVALIDITY] args<1721034567> number=1721034567 text<UIDs "
	 "valid>\n"
	 "condition OK [UIDNEXT] args<4> number=4 text<Predicted next UID>\n"
	 "condition OK [HIGHESTMODSEQ] args<9223372036854775807> "
	 "number=9223372036854775807 text<Highest>\n"
	 "tagged tag<a2> OK [READ-WRITE] text<Select completed (0.001 + 0.000 secs).>\n")},
	{"Exchange selects", true,
	 BYTES("* 12 EXISTS\r\n"
	 "* 1 RECENT\r\n"
	 "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)\r\n"
	 "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft "
	 "$MDNSent)] Permanent flags\r\n"
	 "* OK [UNSEEN 5] Is the first unseen message\r\n"
	 "* OK [UIDVALIDITY 14] UIDVALIDITY value\r\n"
	 "* OK [UIDNEXT 1004] The next unique identifier value\r\n"
	 "a3 OK [READ-WRITE] SELECT completed.\r\n"),
	 BYTES("exists 12\n"
	 "recent 1\n"
	 "flags 0x1f raw<\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent>\n"
	 "condition OK [PERMANENTFLAGS] args<\\Seen \\Answered \\Flagged \\Deleted "
	 "\\Draft $MDNSent> text<Permanent flags>\n"
	 "condition OK [UNSEEN] args<5> number=5 text<Is the first unseen message>\n"
	 "condition OK [UIDVALIDITY] args<14> number=14 text<UIDVALIDITY value>\n"
	 "condition OK [UIDNEXT] args<1004> number=1004 text<The next unique identifier "
	 "value>\n"
	 "tagged tag<a3> OK [READ-WRITE] text<SELECT completed.>\n")},
	{"numbers that make no sense", true,
	 BYTES("* OK [UIDVALIDITY abc] x\r\n"
	 "* OK [UIDNEXT 99999999999999999999] x\r\n"),
	 BYTES("condition OK [UIDVALIDITY] args<abc> text<x>\n"
	 "condition OK [UIDNEXT] args<99999999999999999999> text<x>\n")},
	{"spaces in FLAGS", true,
	 BYTES("* FLAGS ( \\Seen  \\Draft )\r\n"),
	 BYTES("flags 0x11 raw<\\Seen  \\Draft >\n")},
	{"EXISTS with a space behind it", true,
	 BYTES("* 23 EXISTS \r\n"
	 "* 22 expunge\r\n"),
	 BYTES("exists 23\n"
	 "expunge 22\n")},
	{"CLOSED and NOMODSEQ", true,
	 BYTES("* OK [CLOSED] Previous mailbox closed.\r\n"
	 "* OK [NOMODSEQ] Sorry\r\n"),
	 BYTES("condition OK [CLOSED] text<Previous mailbox closed.>\n"
	 "condition OK [NOMODSEQ] text<Sorry>\n")},
	{"Exchange can", true,
	 BYTES("* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID "
	 "UNSELECT CHILDREN IDLE NAMESPACE LITERAL+\r\n"),
	 BYTES("capability raw<IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID "
	 "UNSELECT CHILDREN IDLE NAMESPACE LITERAL+>\n")},
	{"two spaces in CAPABILITY", true,
	 BYTES("* CAPABILITY  IMAP4rev1   IDLE \r\n"),
	 BYTES("capability raw<IMAP4rev1   IDLE>\n")},
	{"ENABLED", true,
	 BYTES("* ENABLED CONDSTORE QRESYNC\r\n"
	 "* ENABLED\r\n"),
	 BYTES("enabled raw<CONDSTORE QRESYNC>\n"
	 "enabled raw<>\n")},
	{"ID", true,
	 BYTES("* ID (\"name\" \"Gmail\" \"vendor\" NIL)\r\n"
	 "* ID NIL\r\n"),
	 BYTES("id raw<(\"name\" \"Gmail\" \"vendor\" NIL)>\n"
	 "id raw<NIL>\n")},
	{"NAMESPACE and QUOTA", true,
	 BYTES("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"
	 "* QUOTA \"\" (STORAGE 10 512)\r\n"),
	 BYTES("other name<NAMESPACE> raw<((\"\" \"/\")) NIL NIL>\n"
	 "other name<QUOTA> raw<\"\" (STORAGE 10 512)>\n")},
	{"an unknown answer with literals", true,
	 BYTES("* METADATA \"\" (/shared/comment {12}\r\n"
	 "* 1 EXISTS\r\n"
	 " /x {0}\r\n"
	 ")\r\n"
	 "* 7 EXISTS\r\n"),
	 BYTES("other name<METADATA> raw<\"\" (/shared/comment {12}|0d|0a* 1 EXISTS|0d|0a /x "
	 "{0}|0d|0a)>\n"
	 "exists 7\n")},
	{"an unknown numbered answer", true,
	 BYTES("* 4 COPY\r\n"),
	 BYTES("other name<COPY> raw<>\n")},
	{"plus", true,
	 BYTES("+ \r\n"
	 "+\r\n"
	 "+ idling\r\n"),
	 BYTES("continue raw<>\n"
	 "continue raw<>\n"
	 "continue raw<idling>\n")},
	{"an error challenge", true,
	 BYTES("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"),
	 BYTES("continue raw<eyJzdGF0dXMiOiI0MDAifQ==>\n")},
	{"Gmail lists", true,
	 BYTES("* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
	 "* LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"\r\n"
	 "* LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/All Mail\"\r\n"
	 "* LIST (\\HasNoChildren \\Important) \"/\" \"[Gmail]/Important\"\r\n"
	 "* LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Gesendet\"\r\n"
	 "* LIST (\\HasNoChildren \\Junk) \"/\" \"[Gmail]/Spam\"\r\n"),
	 BYTES("list 0x10 delimiter</> name<INBOX> utf8<INBOX>\n"
	 "list 0x9 delimiter</> name<[Gmail]> utf8<[Gmail]>\n"
	 "list 0x210 delimiter</> name<[Gmail]/All Mail> utf8<[Gmail]/All Mail>\n"
	 "list 0x2010 delimiter</> name<[Gmail]/Important> utf8<[Gmail]/Important>\n"
	 "list 0x10010 delimiter</> name<[Gmail]/Gesendet> utf8<[Gmail]/Gesendet>\n"
	 "list 0x8010 delimiter</> name<[Gmail]/Spam> utf8<[Gmail]/Spam>\n")},
	{"an umlaut", true,
	 BYTES("* LIST () \".\" Entw&APw-rfe\r\n"),
	 BYTES("list 0 delimiter<.> name<Entw&APw-rfe> utf8<Entw|c3|bcrfe>\n")},
	{"characters beyond 16 bits", true,
	 BYTES("* LIST () \"/\" \"&2D3eAA- &U,BTFw-\"\r\n"),
	 BYTES("list 0 delimiter</> name<&2D3eAA- &U,BTFw-> utf8<|f0|9f|98|80 "
	 "|e5|8f|b0|e5|8c|97>\n")},
	{"an ampersand that is one", true,
	 BYTES("* LIST () \"/\" \"R&D\"\r\n"
	 "* LIST () \"/\" \"R&-D\"\r\n"),
	 BYTES("list 0 delimiter</> name<R&D> utf8<R&D>\n"
	 "list 0 delimiter</> name<R&-D> utf8<R&D>\n")},
	{"8-bit names", true,
	 BYTES("* LIST () \"/\" \"Entw\303\274rfe\"\r\n"),
	 BYTES("list 0 delimiter</> name<Entw|c3|bcrfe> utf8<Entw|c3|bcrfe>\n")},
	{"a name as a literal", true,
	 BYTES("* LIST (\\HasNoChildren) \"/\" {7}\r\n"
	 "a \"b\" c\r\n"),
	 BYTES("list 0x10 delimiter</> name<a \"b\" c> utf8<a \"b\" c>\n")},
	{"an empty name as a literal", true,
	 BYTES("* LIST (\\Noselect) \"/\" {0}\r\n"
	 "\r\n"),
	 BYTES("list 0x1 delimiter</> name<> utf8<>\n")},
	{"a backslash delimits", true,
	 BYTES("* LIST (\\NoInferiors) \"\\\\\" \"a\\\\b\\\"c\"\r\n"),
	 BYTES("list 0x4 delimiter<\\> name<a\\b\"c> utf8<a\\b\"c>\n")},
	{"a flat namespace", true,
	 BYTES("* LIST (\\Marked) NIL INBOX\r\n"
	 "* LIST () \"\" inbox\r\n"),
	 BYTES("list 0x20 delimiter<> name<INBOX> utf8<INBOX>\n"
	 "list 0 delimiter<> name<inbox> utf8<inbox>\n")},
	{"a name that should be quoted", true,
	 BYTES("* LIST () \"/\" Sent Items\r\n"),
	 BYTES("list 0 delimiter</> name<Sent Items> utf8<Sent Items>\n")},
	{"LIST-EXTENDED", true,
	 BYTES("* LIST (\\NonExistent \\Subscribed \\Remote) \"/\" \"Foo/Bar\" (\"CHILDINFO\" "
	 "(\"SUBSCRIBED\"))\r\n"
	 "* LIST () \"/\" bare (\"OLDNAME\" (\"x\"))\r\n"),
	 BYTES("list 0x183 delimiter</> name<Foo/Bar> utf8<Foo/Bar>\n"
	 "list 0 delimiter</> name<bare> utf8<bare>\n")},
	{"LSUB", true,
	 BYTES("* LSUB (\\Noselect) \"/\" Lists\r\n"),
	 BYTES("list lsub 0x1 delimiter</> name<Lists> utf8<Lists>\n")},
	{"XLIST", true,
	 BYTES("* XLIST (\\HasNoChildren \\Inbox) \"/\" \"Posteingang\"\r\n"
	 "* XLIST (\\HasNoChildren \\Spam) \"/\" \"Junk\"\r\n"
	 "* XLIST (\\Starred \\AllMail) \"/\" x\r\n"),
	 BYTES("list 0x4010 delimiter</> name<Posteingang> utf8<Posteingang>\n"
	 "list 0x8010 delimiter</> name<Junk> utf8<Junk>\n"
	 "list 0x1200 delimiter</> name<x> utf8<x>\n")},
	{"LIST in lower case", true,
	 BYTES("* list (\\hasnochildren \\sent) \"/\" sent\r\n"),
	 BYTES("list 0x10010 delimiter</> name<sent> utf8<sent>\n")},
	{"STATUS", true,
	 BYTES("* STATUS \"blurdybloop\" (MESSAGES 231 UIDNEXT 44292)\r\n"),
	 BYTES("mailbox name<blurdybloop> utf8<blurdybloop> messages=231 uidnext=44292\n")},
	{"all of STATUS", true,
	 BYTES("* STATUS INBOX (MESSAGES 17 RECENT 1 UIDNEXT 18 UIDVALIDITY 4294967295 UNSEEN "
	 "3 HIGHESTMODSEQ 7011231777 SIZE 9223372036854775807 DELETED 2 MAILBOXID "
	 "(F2212ea8) XNEW \"y\")\r\n"),
	 BYTES("mailbox name<INBOX> utf8<INBOX> messages=17 recent=1 uidnext=18 "
	 "uidvalidity=4294967295 unseen=3 highestmodseq=7011231777 "
	 "size=9223372036854775807 deleted=2\n")},
	{"Exchange and its spaces", true,
	 BYTES("* STATUS INBOX (MESSAGES 0 ) \r\n"
	 "* STATUS \"Sent Items\"  ( UNSEEN 1 )\r\n"),
	 BYTES("mailbox name<INBOX> utf8<INBOX> messages=0\n"
	 "mailbox name<Sent Items> utf8<Sent Items> unseen=1\n")},
	{"STATUS of a name that should be quoted", true,
	 BYTES("* STATUS Sent Items (MESSAGES 1 MAILBOXID (a))\r\n"),
	 BYTES("mailbox name<Sent Items> utf8<Sent Items> messages=1\n")},
	{"STATUS with an umlaut", true,
	 BYTES("* STATUS \"Entw&APw-rfe\" (UIDNEXT 9)\r\n"),
	 BYTES("mailbox name<Entw&APw-rfe> utf8<Entw|c3|bcrfe> uidnext=9\n")},
	{"SEARCH", true,
	 BYTES("* SEARCH 2 84 882\r\n"),
	 BYTES("search set<2,84,882,>\n")},
	{"SEARCH finds nothing", true,
	 BYTES("* SEARCH\r\n"
	 "* SEARCH \r\n"),
	 BYTES("search set<>\n"
	 "search set<>\n")},
	{"SEARCH with MODSEQ", true,
	 BYTES("* SEARCH 2 5 6 7 (MODSEQ 917162500)\r\n"
	 "* SEARCH (MODSEQ 1)\r\n"),
	 BYTES("search set<2,5,6,7,> modseq=917162500\n"
	 "search set<> modseq=1\n")},
	{"SORT", true,
	 BYTES("* SORT 5 3 4\r\n"),
	 BYTES("search set<5,3,4,>\n")},
	{"the largest number", true,
	 BYTES("* SEARCH 4294967295\r\n"),
	 BYTES("search set<4294967295,>\n")},
	{"ESEARCH", true,
	 BYTES("* ESEARCH (TAG \"A282\") UID MIN 2 COUNT 3 MAX 9 ALL 2,10:11\r\n"),
	 BYTES("esearch uid tag<A282> set<2,10-11,> all min=2 max=9 count=3\n")},
	{"ESEARCH finds nothing", true,
	 BYTES("* ESEARCH (TAG \"a1\") UID\r\n"
	 "* ESEARCH (TAG \"a1\") COUNT 0\r\n"
	 "* ESEARCH\r\n"),
	 BYTES("esearch uid tag<a1> set<>\n"
	 "esearch tag<a1> set<> count=0\n"
	 "esearch set<>\n")},
	{"ESEARCH with MODSEQ and news", true,
	 BYTES("* ESEARCH (TAG \"a\") ALL 1:3 MODSEQ 1236 PARTIAL (1:5 1:3) XX 9\r\n"),
	 BYTES("esearch tag<a> set<1-3,> all modseq=1236\n")},
	{"a range the wrong way round", true,
	 BYTES("* ESEARCH UID ALL 9:7\r\n"),
	 BYTES("esearch uid set<7-9,> all\n")},
	{"ESEARCH with a bare tag", true,
	 BYTES("* ESEARCH (TAG a1) UID ALL 5\r\n"),
	 BYTES("esearch uid tag<a1> set<5,> all\n")},
	{"VANISHED", true,
	 BYTES("* VANISHED 405,407\r\n"
	 "* VANISHED (EARLIER) 300:310,405\r\n"),
	 BYTES("vanished uids<405,407,>\n"
	 "vanished earlier uids<300-310,405,>\n")},
	{"FLAGS only", true,
	 BYTES("* 12 FETCH (FLAGS (\\Seen) UID 4827313)\r\n"),
	 BYTES("fetch seq=12 uid=4827313 flags=0x1 words<\\Seen>\n")},
	{"no flags", true,
	 BYTES("* 12 FETCH (FLAGS ())\r\n"),
	 BYTES("fetch seq=12 flags=0 words<>\n")},
	{"Dovecot fetches", true,
	 BYTES("* 1 FETCH (UID 101 RFC822.SIZE 14 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" "
	 "FLAGS (\\Seen \\Recent) BODY[] {14}\r\n"
	 "Subject: x\r\n"
	 "\r\n"
	 ")\r\n"),
	 BYTES("body seq=1 uid=101 section<> size=14 bytes<Subject: x|0d|0a|0d|0a>\n"
	 "fetch seq=1 uid=101 flags=0x21 words<\\Seen \\Recent> size=14 date=837596665 "
	 "bodies=1\n")},
	{"the UID comes last", true,
	 BYTES("* 1 FETCH (BODY[] {5}\r\n"
	 "hello UID 77 FLAGS (\\Seen))\r\n"),
	 BYTES("body seq=1 uid=0 section<> size=5 bytes<hello>\n"
	 "fetch seq=1 uid=77 flags=0x1 words<\\Seen> bodies=1\n")},
	{"Exchange fetches", true,
	 BYTES("* 2 FETCH (BODY[] {3}\r\n"
	 "abc UID 9 RFC822.SIZE 4096)\r\n"
	 "a5 OK FETCH completed.\r\n"),
	 BYTES("body seq=2 uid=0 section<> size=3 bytes<abc>\n"
	 "fetch seq=2 uid=9 size=4096 bodies=1\n"
	 "tagged tag<a5> OK text<FETCH completed.>\n")},
	{"Gmail fetches", true,
	 BYTES("* 5 FETCH (X-GM-THRID 1266894439832287888 X-GM-MSGID 18446744073709551615 "
	 "X-GM-LABELS (\"\\\\Inbox\" \"a b\") UID 7 MODSEQ (12121231000))\r\n"),
	 BYTES("fetch seq=5 uid=7 modseq=12121231000 gm=18446744073709551615\n")},
	{"a partial body", true,
	 BYTES("* 3 FETCH (UID 4 BODY[]<1024> {2}\r\n"
	 "xy)\r\n"),
	 BYTES("body seq=3 uid=4 section<> origin=1024 size=2 bytes<xy>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"an empty body", true,
	 BYTES("* 3 FETCH (UID 4 BODY[] {0}\r\n"
	 ")\r\n"
	 "* 3 FETCH (UID 4 BODY[] \"\")\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=0 bytes<>\n"
	 "fetch seq=3 uid=4 bodies=1\n"
	 "body seq=3 uid=4 section<> size=0 bytes<>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"a body in quotes", true,
	 BYTES("* 3 FETCH (UID 4 BODY[TEXT] \"say \\\"hi\\\" \\\\o\")\r\n"),
	 BYTES("body seq=3 uid=4 section<TEXT> size=11 bytes<say \"hi\" \\o>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"a body that is NIL", true,
	 BYTES("* 3 FETCH (UID 4 BODY[] NIL)\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=0 nil bytes<>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"a binary literal", true,
	 BYTES("* 3 FETCH (BINARY[1] ~{4}\r\n"
	 "a\000\r\n"
	 " UID 8 BINARY.SIZE[1] 4)\r\n"),
	 BYTES("body seq=3 uid=0 section<1> size=4 bytes<a|00|0d|0a>\n"
	 "fetch seq=3 uid=8 bodies=1\n")},
	{"RFC822 and its parts", true,
	 BYTES("* 3 FETCH (RFC822.HEADER {2}\r\n"
	 "\r\n"
	 " RFC822.TEXT {1}\r\n"
	 "x RFC822 {3}\r\n"
	 "\r\n"
	 "x)\r\n"),
	 BYTES("body seq=3 uid=0 section<HEADER> size=2 bytes<|0d|0a>\n"
	 "body seq=3 uid=0 section<TEXT> size=1 bytes<x>\n"
	 "body seq=3 uid=0 section<> size=3 bytes<|0d|0ax>\n"
	 "fetch seq=3 bodies=3\n")},
	{"two bodies in one", true,
	 BYTES("* 3 FETCH (BODY[HEADER] {4}\r\n"
	 "A: b UID 5 BODY[TEXT] {2}\r\n"
	 ")\n"
	 ")\r\n"),
	 BYTES("body seq=3 uid=0 section<HEADER> size=4 bytes<A: b>\n"
	 "body seq=3 uid=5 section<TEXT> size=2 bytes<)|0a>\n"
	 "fetch seq=3 uid=5 bodies=2\n")},
	{"a body that plays server", true,
	 BYTES("* 3 FETCH (UID 1 BODY[] {25}\r\n"
	 "* 99 EXISTS\r\n"
	 "a1 OK done\r\n"
	 ")\r\n"
	 "* 4 EXISTS\r\n"),
	 BYTES("body seq=3 uid=1 section<> size=25 bytes<* 99 EXISTS|0d|0aa1 OK done|0d|0a>\n"
	 "fetch seq=3 uid=1 bodies=1\n"
	 "exists 4\n")},
	{"a body in quotes before one that is a literal", true,
	 BYTES("* 3 FETCH (BODY[HEADER] \"x\" BODY[1] NIL BODY[TEXT] {1}\r\n"
	 "y UID 2)\r\n"),
	 BYTES("body seq=3 uid=0 section<HEADER> size=1 bytes<x>\n"
	 "body seq=3 uid=0 section<1> size=0 nil bytes<>\n"
	 "body seq=3 uid=0 section<TEXT> size=1 bytes<y>\n"
	 "fetch seq=3 uid=2 bodies=3\n")},
	{"header fields as a section", true,
	 BYTES("* 3 FETCH (UID 1 BODY[HEADER.FIELDS (\"Message-ID\" Date)] {2}\r\n"
	 "\r\n"
	 ")\r\n"),
	 BYTES("body seq=3 uid=1 section<HEADER.FIELDS (\"Message-ID\" Date)> size=2 "
	 "bytes<|0d|0a>\n"
	 "fetch seq=3 uid=1 bodies=1\n")},
	{"a header field as a literal", true,
	 BYTES("* 3 FETCH (BODY[HEADER.FIELDS ({4}\r\n"
	 "D]te)] {2}\r\n"
	 "\r\n"
	 " UID 1)\r\n"),
	 BYTES("body seq=3 uid=0 section<HEADER.FIELDS ({4}|0d|0aD]te)> size=2 bytes<|0d|0a>\n"
	 "fetch seq=3 uid=1 bodies=1\n")},
	{"ENVELOPE with a literal that is no body", true,
	 BYTES("* 3 FETCH (ENVELOPE (NIL {7}\r\n"
	 "BODY[] (((NIL NIL \"a\" \"b\"))) {0}\r\n"
	 ") UID 6)\r\n"),
	 BYTES("fetch seq=3 uid=6\n")},
	{"BODYSTRUCTURE", true,
	 BYTES("* 3 FETCH (BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\") NIL NIL "
	 "\"7BIT\" 3028 92) BODYSTRUCTURE (\"a\" (1 2 (3))) UID 2)\r\n"),
	 BYTES("fetch seq=3 uid=2\n")},
	{"spaces where they are not needed", true,
	 BYTES("*  3  FETCH  ( UID  4   FLAGS ( \\Seen )  BODY[]   {1}\r\n"
	 "x  ) \r\n"),
	 BYTES("body seq=3 uid=4 section<> size=1 bytes<x>\n"
	 "fetch seq=3 uid=4 flags=0x1 words<\\Seen > bodies=1\n")},
	{"no space where one is needed", true,
	 BYTES("* 3 FETCH (UID 4 BODY[]{1}\r\n"
	 "x)\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=1 bytes<x>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"fetch in lower case", true,
	 BYTES("* 3 fetch (uid 4 body[] {1}\r\n"
	 "x rfc822.size 1)\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=1 bytes<x>\n"
	 "fetch seq=3 uid=4 size=1 bodies=1\n")},
	{"a date of one digit", true,
	 BYTES("* 3 FETCH (INTERNALDATE \" 1-Jan-1970 00:00:01 +0000\")\r\n"
	 "* 3 FETCH (INTERNALDATE \"1-Feb-2024 00:00:00 +0100\")\r\n"),
	 BYTES("fetch seq=3 date=1\n"
	 "fetch seq=3 date=1706742000\n")},
	{"a date that is none", true,
	 BYTES("* 3 FETCH (UID 4 INTERNALDATE \"yesterday\")\r\n"
	 "* 3 FETCH (INTERNALDATE NIL UID 4)\r\n"),
	 BYTES("fetch seq=3 uid=4\n"
	 "fetch seq=3 uid=4\n")},
	{"RFC 8474", true,
	 BYTES("* 3 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9) UID 3)\r\n"),
	 BYTES("fetch seq=3 uid=3 emailid<M6d99ac3275bb4e>\n")},
	{"the literal says it does not wait", true,
	 BYTES("* 3 FETCH (UID 4 BODY[] {1+}\r\n"
	 "x)\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=1 bytes<x>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"PEEK is repeated", true,
	 BYTES("* 3 FETCH (UID 4 BODY.PEEK[] {1}\r\n"
	 "x)\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=1 bytes<x>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"a UID of zero is none", true,
	 BYTES("* 3 FETCH (UID 0)\r\n"),
	 BYTES("fetch seq=3\n")},
	{"leading zeros", true,
	 BYTES("* 003 FETCH (UID 0004 BODY[] {001}\r\n"
	 "x)\r\n"),
	 BYTES("body seq=3 uid=4 section<> size=1 bytes<x>\n"
	 "fetch seq=3 uid=4 bodies=1\n")},
	{"bare line feeds", true,
	 BYTES("* 3 FETCH (UID 4 BODY[] {2}\n"
	 "x\n"
	 ")\n"
	 "a1 OK done\n"),
	 BYTES("body seq=3 uid=4 section<> size=2 bytes<x|0a>\n"
	 "fetch seq=3 uid=4 bodies=1\n"
	 "tagged tag<a1> OK text<done>\n")},
	{"empty lines between responses", true,
	 BYTES("\r\n"
	 "* 3 EXISTS\r\n"
	 "\r\n"
	 "\n"
	 "a1 OK x\r\n"),
	 BYTES("exists 3\n"
	 "tagged tag<a1> OK text<x>\n")},
	{"8-bit in text", true,
	 BYTES("* OK gr\303\274n\r\n"),
	 BYTES("condition OK text<gr|c3|bcn>\n")},
	{"SMTP", false,
	 BYTES("220 mail.example ESMTP ready\r\n"),
	 BYTES("malformed IMAP response at byte 0: neither \"* \", \"+ \" nor a tag with OK, "
	 "NO or BAD, near \"220 mail.example ESMTP ready\"\n")},
	{"POP3", false,
	 BYTES("+OK POP3 ready\r\n"),
	 BYTES("malformed IMAP response at byte 0: no IMAP server, near \"+OK POP3 ready\"\n")},
	{"HTTP", false,
	 BYTES("HTTP/1.1 400 Bad Request\r\n"),
	 BYTES("malformed IMAP response at byte 0: neither \"* \", \"+ \" nor a tag with OK, "
	 "NO or BAD, near \"HTTP/1.1 400 Bad Request\"\n")},
	{"a star alone", false,
	 BYTES("*\r\n"),
	 BYTES("malformed IMAP response at byte 0: no space after *, near \"*\"\n")},
	{"a UID that is no number", false,
	 BYTES("* 3 FETCH (UID x)\r\n"),
	 BYTES("malformed IMAP response at byte 0: a number is missing or too large, near "
	 "\"x)\"\n")},
	{"a UID that is too large", false,
	 BYTES("* 3 FETCH (UID 4294967296)\r\n"),
	 BYTES("malformed IMAP response at byte 0: a number is missing or too large, near "
	 "\"4294967296)\"\n")},
	{"FETCH does not end", false,
	 BYTES("* 3 FETCH (UID 4\r\n"),
	 BYTES("malformed IMAP response at byte 0: the list of FETCH does not end, near \"* 3 "
	 "FETCH (UID 4\"\n")},
	{"FETCH ends twice", false,
	 BYTES("* 3 FETCH (UID 4))\r\n"),
	 BYTES("malformed IMAP response at byte 0: something follows the list of FETCH, near "
	 "\")\"\n")},
	{"a body that is a list", false,
	 BYTES("* 3 FETCH (BODY[] (x))\r\n"),
	 BYTES("malformed IMAP response at byte 0: a word is missing, near \"(x))\"\n")},
	{"a body that is a word", false,
	 BYTES("* 3 FETCH (BODY[] x)\r\n"),
	 BYTES("malformed IMAP response at byte 0: a body is no string, near \")\"\n")},
	{"a literal larger than can be", false,
	 BYTES("* 3 FETCH (BODY[] {99999999999999999999}\r\n"),
	 BYTES("malformed IMAP response at byte 0: a number is missing or too large, near "
	 "\"99999999999999999999}\"\n")},
	{"a quoted string does not end", false,
	 BYTES("* LIST () \"/\" \"abc\r\n"),
	 BYTES("malformed IMAP response at byte 0: a quoted string does not end, near \"* "
	 "LIST () \"/\" \"abc\"\n")},
	{"a quoted string runs past its line", false,
	 BYTES("* LIST () \"/\" \"a {3}\r\n"
	 "abc\"\r\n"),
	 BYTES("malformed IMAP response at byte 0: a quoted string runs past its line, near "
	 "\"* LIST () \"/\" \"a {3}\"\n")},
	{"a search result that is no number", false,
	 BYTES("* SEARCH 1 x\r\n"),
	 BYTES("malformed IMAP response at byte 0: a search result is no number, near \"x\"\n")},
	{"a search result of zero", false,
	 BYTES("* SEARCH 0\r\n"),
	 BYTES("malformed IMAP response at byte 0: a search result is no number, near \"* "
	 "SEARCH 0\"\n")},
	{"a set with a star", false,
	 BYTES("* ESEARCH UID ALL 1:*\r\n"),
	 BYTES("malformed IMAP response at byte 0: a set of numbers is wrong, near \"1:*\"\n")},
	{"EXISTS beyond 32 bits", false,
	 BYTES("* 4294967296 EXISTS\r\n"),
	 BYTES("malformed IMAP response at byte 0: a number is missing or too large, near \"* "
	 "4294967296 EXISTS\"\n")},
	{"a literal behind the list", false,
	 BYTES("* 3 FETCH (UID 4) {3}\r\n"),
	 BYTES("malformed IMAP response at byte 0: something follows the list of FETCH, near "
	 "\"{3}\"\n")},
	{"what is wrong comes after empty lines", false,
	 BYTES("\r\n"
	 "* 3 EXISTS\r\n"
	 "\r\n"
	 "* 3 FETCH (UID x)\r\n"),
	 BYTES("exists 3\n"
	 "malformed IMAP response at byte 16: a number is missing or too large, near "
	 "\"x)\"\n")},
	{"control characters", false,
	 BYTES("* 3 FETCH (UID\0014)\r\n"),
	 BYTES("malformed IMAP response at byte 0: a number is missing or too large, near "
	 "\"?4)\"\n")},
};
/* clang-format on */

#endif
