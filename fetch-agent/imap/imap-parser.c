/* SPDX-License-Identifier: MIT */
/*
 * imap-parser.c - where a response ends, what of it is kept, what passes through.
 *
 * Lines and literals are put together here; what they mean is the business of imap-untagged.c and
 * imap-fetch.c. A literal can be told from a word in braces only by knowing the kind of response,
 * and a body only by its item, so each announced literal asks them.
 */
#include "fetch-agent/imap/imap-parser.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "fetch-agent/imap/imap-fetch.h"
#include "fetch-agent/imap/imap-lexer.h"
#include "fetch-agent/imap/imap-untagged.h"

#include "common/banned.h"

#define CONTEXT_MAX 40	 /* bytes of a malformed response that are shown */
#define IDLE_MAX    4096 /* a buffer that grew larger goes back: thousands of connections idle */

const struct imap_limits imap_limits_default = {
	.response_bytes = 64 << 10,
	.literal_bytes = 16 << 10,
	.literals = 64,
	.depth = 16,
	.items = 4096,
};

struct imap_parser {
	struct imap_limits limits;
	struct imap_body_sink sink;
	enum { READ_LINE, READ_LITERAL, READ_BODY } reading;
	uint64_t left;		/* of the literal or body being read */
	struct buffer response; /* lines and collected literals; of bodies only the {n} */
	size_t line_start;	/* in response */
	size_t literals;
	size_t bodies;	   /* of this response, given to the sink */
	bool delivered;	   /* response is the caller's until the next feed */
	size_t piece_from; /* with piece_to: what to cut out of a response delivered in pieces */
	size_t piece_to;
	struct imap_names names;
	uint64_t offset;	  /* bytes consumed since the beginning */
	uint64_t response_offset; /* where response began */
	const char *why;	  /* malformed */
	const char *near;	  /* in response */
};

static void ignore_begin(void *ctx, const struct imap_body *body)
{
	(void)ctx;
	(void)body;
}

static void ignore_chunk(void *ctx, struct span bytes)
{
	(void)ctx;
	(void)bytes;
}

static void ignore_end(void *ctx)
{
	(void)ctx;
}

struct imap_parser *imap_parser_new(const struct imap_limits *limits,
				    const struct imap_body_sink *sink)
{
	static const struct imap_body_sink ignore = {ignore_begin, ignore_chunk, ignore_end, NULL};
	struct imap_parser *parser = xcalloc(1, sizeof(*parser));

	parser->limits = limits != NULL ? *limits : imap_limits_default;
	parser->sink = sink != NULL ? *sink : ignore;
	buffer_init(&parser->response, parser->limits.response_bytes);
	buffer_init(&parser->names.name, parser->limits.response_bytes);
	buffer_init(&parser->names.utf8, parser->limits.response_bytes);
	return parser;
}

void imap_parser_free(struct imap_parser *parser)
{
	if (parser == NULL)
		return;
	buffer_release(&parser->response);
	buffer_release(&parser->names.name);
	buffer_release(&parser->names.utf8);
	free(parser);
}

void imap_parser_set_utf8(struct imap_parser *parser, bool utf8)
{
	parser->names.is_utf8 = utf8;
}

bool imap_parser_is_idle(const struct imap_parser *parser)
{
	return parser->delivered ? parser->piece_to == 0 : parser->response.len == 0;
}

static enum imap_parse malformed(struct imap_parser *parser, const char *why, const char *near)
{
	parser->why = why;
	parser->near = near;
	return IMAP_PARSE_MALFORMED;
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

static enum imap_parse describe(const struct imap_parser *parser, struct err *err)
{
	const char *end = parser->response.data + parser->response.len;
	const char *p = parser->near;
	char context[CONTEXT_MAX + 1] = "";

	if (p == NULL || p == end ||
	    is_line_end(*p)) /* something is missing here: show the whole */
		p = parser->response.data;
	for (size_t i = 0; p + i < end && !is_line_end(p[i]) && i < CONTEXT_MAX; i++)
		context[i] = p[i] >= ' ' && p[i] < 0x7f ? p[i] : '?';
	(void)err_set(err, OUTCOME_PROTOCOL,
		      "malformed IMAP response at byte %" PRIu64 ": %s, near \"%s\"",
		      parser->response_offset, parser->why, context);
	return IMAP_PARSE_MALFORMED;
}

static void clear_buffer(struct buffer *buf)
{
	if (buf->size > IDLE_MAX)
		buffer_release(buf);
	else
		buffer_clear(buf);
}

static void forget_response(struct imap_parser *parser)
{
	clear_buffer(&parser->response);
	clear_buffer(&parser->names.name);
	clear_buffer(&parser->names.utf8);
	parser->line_start = 0;
	parser->literals = 0;
	parser->bodies = 0;
}

/* What the caller has seen goes; of a long search result its head and its unread tail stay. */
static void finish_delivery(struct imap_parser *parser)
{
	struct buffer *response = &parser->response;

	if (!parser->delivered)
		return;
	parser->delivered = false;
	if (parser->piece_to == 0) {
		forget_response(parser);
		return;
	}
	memmove(response->data + parser->piece_from, response->data + parser->piece_to,
		response->len - parser->piece_to);
	response->len -= parser->piece_to - parser->piece_from;
	parser->piece_to = 0;
}

static struct imap_parsing parsing_over(struct imap_parser *parser, size_t len,
					struct imap_response *response)
{
	struct span bytes = {parser->response.data, len};

	return (struct imap_parsing){
		.lex = lex_over(bytes, &parser->limits),
		.names = &parser->names,
		.response = response,
	};
}

static enum fetch_step walk_fetch(struct imap_parser *parser, const struct imap_parsing *parsing,
				  struct fetch_walk *walk)
{
	enum fetch_step step;

	*walk = (struct fetch_walk){
		.lex = parsing->lex,
		.sink = &parser->sink,
		.passed = parser->bodies,
		.fetch = {.seq = parsing->response->number},
	};
	step = fetch_walk_run(walk);
	parser->bodies = walk->passed;
	return step;
}

static enum imap_parse complete(struct imap_parser *parser, struct imap_parsing *parsing)
{
	struct fetch_walk walk;

	if (parsing->response->kind == IMAP_FETCH) {
		if (walk_fetch(parser, parsing, &walk) != FETCH_DONE)
			return malformed(parser, walk.lex.why, walk.lex.cur);
		parsing->response->fetch = walk.fetch;
	} else if (!imap_response_parse(parsing)) {
		return malformed(parser, parsing->lex.why, parsing->lex.cur);
	}
	parser->delivered = true;
	return IMAP_PARSE_RESPONSE;
}

static enum imap_parse literal_read(struct imap_parser *parser)
{
	if (parser->reading == READ_BODY)
		parser->sink.end(parser->sink.ctx);
	parser->reading = READ_LINE;
	parser->line_start = parser->response.len;
	return IMAP_PARSE_MORE;
}

static enum imap_parse begin_collecting(struct imap_parser *parser, uint64_t size)
{
	if (size > parser->limits.literal_bytes)
		return malformed(parser, "a literal is too long", NULL);
	if (size > parser->limits.response_bytes - parser->response.len)
		return malformed(parser, "the response is too long", NULL);
	parser->reading = READ_LITERAL;
	parser->left = size;
	return size > 0 ? IMAP_PARSE_MORE : literal_read(parser);
}

static enum imap_parse begin_body(struct imap_parser *parser, const struct imap_body *body)
{
	parser->bodies++;
	parser->sink.begin(parser->sink.ctx, body);
	parser->reading = READ_BODY;
	parser->left = body->size;
	return body->size > 0 ? IMAP_PARSE_MORE : literal_read(parser);
}

static enum imap_parse begin_literal(struct imap_parser *parser, struct imap_parsing *parsing,
				     uint64_t size)
{
	struct fetch_walk walk;

	if (++parser->literals > parser->limits.literals)
		return malformed(parser, "too many literals in one response", NULL);
	if (parsing->response->kind != IMAP_FETCH)
		return begin_collecting(parser, size);
	parsing->lex.end = parser->response.data + parser->response.len;
	parsing->lex.is_prefix = true;
	switch (walk_fetch(parser, parsing, &walk)) {
	case FETCH_BODY:
		return begin_body(parser, &walk.body);
	case FETCH_LITERAL:
		return begin_collecting(parser, size);
	default:
		return malformed(parser,
				 walk.lex.why != NULL ? walk.lex.why : "a literal is misplaced",
				 walk.lex.cur);
	}
}

/* The response up to here, without the end of its last line. */
static size_t length_of_content(const struct buffer *response)
{
	size_t len = response->len - 1;

	return len > 0 && response->data[len - 1] == '\r' ? len - 1 : len;
}

static enum imap_parse end_line(struct imap_parser *parser, struct imap_response *response)
{
	size_t len = length_of_content(&parser->response);
	struct imap_parsing parsing = parsing_over(parser, len, response);
	struct span line = {parser->response.data + parser->line_start, 0};
	uint64_t size = 0;

	if (len == 0) { /* an empty line between responses harms nobody */
		forget_response(parser);
		return IMAP_PARSE_MORE;
	}
	if (len > parser->line_start)
		line.len = len - parser->line_start;
	if (imap_response_classify(&parsing) && imap_line_announces_literal(line, &size))
		return begin_literal(parser, &parsing, size);
	if (parsing.lex.why != NULL)
		return malformed(parser, parsing.lex.why, NULL);
	return complete(parser, &parsing);
}

/* The last c in [from, to); NULL when there is none. */
static const char *last_of(const char *from, const char *to, char c)
{
	while (to > from) {
		if (*--to == c)
			return to;
	}
	return NULL;
}

struct piece {
	const char *from; /* the numbers */
	const char *end;  /* of those that are delivered now */
	const char *next; /* the others */
};

/* "* SEARCH 1 2 3": behind the name, parted at a space. */
static bool part_numbers(struct span name, const char *end, struct piece *piece)
{
	const char *from = name.ptr + name.len;
	const char *list = memchr(from, '(', (size_t)(end - from));
	const char *cut = last_of(from, list != NULL ? list : end, ' ');

	if (cut == NULL || cut == from)
		return false;
	*piece = (struct piece){from, cut, cut};
	return true;
}

/* "* VANISHED (EARLIER) 1:3,5", "* ESEARCH UID ALL 1:3,5": the last word, parted at a comma. */
static bool part_set(struct span name, const char *end, struct piece *piece)
{
	const char *space = last_of(name.ptr, end, ' ');
	const char *cut = space != NULL ? last_of(space, end, ',') : NULL;

	if (cut == NULL || cut == space + 1)
		return false;
	*piece = (struct piece){space + 1, cut, cut + 1};
	return true;
}

static bool find_piece(const struct imap_response *response, const char *end, struct piece *piece)
{
	switch (response->kind) {
	case IMAP_SEARCH:
		return part_numbers(response->name, end, piece);
	case IMAP_ESEARCH:
	case IMAP_VANISHED:
		return part_set(response->name, end, piece);
	default:
		return false;
	}
}

/* The buffer is full and the line goes on. */
static enum imap_parse overflow(struct imap_parser *parser, struct imap_response *response)
{
	const char *data = parser->response.data;
	struct imap_parsing parsing = parsing_over(parser, parser->response.len, response);
	enum imap_parse result;
	struct piece piece;

	if (!imap_response_classify(&parsing) || parser->literals > 0 ||
	    !find_piece(response, data + parser->response.len, &piece))
		return malformed(parser, "the response is too long", NULL);
	parsing = parsing_over(parser, (size_t)(piece.end - data), response);
	(void)imap_response_classify(&parsing);
	result = complete(parser, &parsing);
	parser->piece_from = (size_t)(piece.from - data);
	parser->piece_to = (size_t)(piece.next - data);
	if (response->kind == IMAP_VANISHED)
		response->vanished.more = true;
	else
		response->search.more = true;
	return result;
}

static enum imap_parse read_line(struct imap_parser *parser, struct span bytes, size_t *used,
				 struct imap_response *response)
{
	size_t room = parser->limits.response_bytes - parser->response.len;
	size_t len = bytes.len < room ? bytes.len : room;
	const char *hit = memchr(bytes.ptr, '\n', len);

	if (hit != NULL)
		len = (size_t)(hit - bytes.ptr) + 1;
	if (parser->response.len == 0)
		parser->response_offset = parser->offset;
	if (!buffer_append(&parser->response, bytes.ptr, len))
		return malformed(parser, "out of memory", NULL);
	*used = len;
	if (hit != NULL)
		return end_line(parser, response);
	if (parser->response.len == parser->limits.response_bytes)
		return overflow(parser, response);
	return IMAP_PARSE_MORE;
}

static enum imap_parse read_literal(struct imap_parser *parser, struct span bytes, size_t *used)
{
	if (bytes.len > parser->left)
		bytes.len = (size_t)parser->left;
	if (parser->reading == READ_BODY)
		parser->sink.chunk(parser->sink.ctx, bytes);
	else if (!buffer_append_span(&parser->response, bytes))
		return malformed(parser, "out of memory", NULL);
	*used = bytes.len;
	parser->left -= bytes.len;
	return parser->left > 0 ? IMAP_PARSE_MORE : literal_read(parser);
}

enum imap_parse imap_parser_feed(struct imap_parser *parser, struct span bytes,
				 size_t *consumed_out, struct imap_response *response_out,
				 struct err *err)
{
	enum imap_parse result = parser->why != NULL ? IMAP_PARSE_MALFORMED : IMAP_PARSE_MORE;
	struct imap_response response;
	size_t start = bytes.len;

	if (result == IMAP_PARSE_MORE)
		finish_delivery(parser);
	while (result == IMAP_PARSE_MORE && bytes.len > 0) {
		size_t used = 0;

		if (parser->reading == READ_LINE)
			result = read_line(parser, bytes, &used, &response);
		else
			result = read_literal(parser, bytes, &used);
		bytes.ptr += used;
		bytes.len -= used;
		parser->offset += used;
	}
	*consumed_out = start - bytes.len;
	if (result == IMAP_PARSE_RESPONSE)
		*response_out = response;
	return result == IMAP_PARSE_MALFORMED ? describe(parser, err) : result;
}
