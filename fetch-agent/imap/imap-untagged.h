/* SPDX-License-Identifier: MIT */
/*
 * imap-untagged.h - one collected response, tagged or not, to its typed form.
 *
 * Inside of imap/ only. FETCH is imap-fetch.h's: here only its number is read.
 */
#ifndef FETCH_AGENT_IMAP_IMAP_UNTAGGED_H
#define FETCH_AGENT_IMAP_IMAP_UNTAGGED_H

#include <stdbool.h>

#include "fetch-agent/imap/imap-lexer.h"
#include "fetch-agent/imap/imap-parser.h"

/* Where names without their backslashes, and in UTF-8, are kept while a response is in use. */
struct imap_names {
	struct buffer name;
	struct buffer utf8;
	bool is_utf8; /* names come in UTF-8 already */
};

struct imap_parsing {
	struct imap_lexer lex;
	struct imap_names *names;
	struct imap_response *response;
};

/*
 * What kind of response starts here: fills kind, tag, name, raw, and for numbered ones number.
 * True means: its literals are literals. False for text (tagged, OK, BYE, "+", ...), where {5}
 * is a word like others, and, with lex.why set, for what is no response at all.
 */
bool imap_response_classify(struct imap_parsing *parsing);

/* The rest of it. lex.cur is where imap_response_classify() left it. */
bool imap_response_parse(struct imap_parsing *parsing);

#endif
