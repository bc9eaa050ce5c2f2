/* SPDX-License-Identifier: MIT */
/* helper-protocol.c - see helper-protocol.h. */
#include "common/helper-protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/scanner.h"

#include "common/banned.h"

#define FIELD_KEY_MAX	32
#define FIELDS_MAX	32
#define FAILURE_MAX	1000 /* bytes of a failure's line for people */
#define FNV64_OFFSET	0xcbf29ce484222325u
#define FNV64_PRIME	0x100000001b3u
#define NETSTRING_FRAME 24 /* room for the digits of any length, ':' and ',' */

/* Netstrings ---------------------------------------------------------------------------------- */

enum parse netstring_parse(struct span bytes, size_t max_payload, struct span *payload_out,
			   size_t *consumed_out)
{
	struct scanner scan = scanner_over(bytes);
	struct span payload;
	uint64_t len;

	if (scanner_at_end(&scan))
		return PARSE_MORE;
	if (!scan_u64(&scan, max_payload, &len))
		return PARSE_BAD;
	if (scanner_at_end(&scan))
		return PARSE_MORE;
	if (!scan_byte(&scan, ':'))
		return PARSE_BAD;
	if (!scan_take(&scan, (size_t)len, &payload) || scanner_at_end(&scan))
		return PARSE_MORE;
	if (!scan_byte(&scan, ','))
		return PARSE_BAD;
	*payload_out = payload;
	*consumed_out = bytes.len - scanner_left(&scan);
	return PARSE_DONE;
}

bool netstring_append(struct buffer *out, struct span payload)
{
	char head[NETSTRING_FRAME];
	int n = snprintf(head, sizeof(head), "%zu:", payload.len);

	(void)buffer_append(out, head, (size_t)n);
	(void)buffer_append_span(out, payload);
	(void)buffer_append_byte(out, ',');
	return buffer_ok(out);
}

/* Fields -------------------------------------------------------------------------------------- */

static bool byte_is_plain(char byte)
{
	return byte > 0x20 && byte < 0x7f && byte != '%';
}

static bool byte_is_key(char byte)
{
	return (byte >= 'a' && byte <= 'z') || byte == '_';
}

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

/* How many bytes from `at` on are written as they are. */
static size_t plain_run(struct span value, size_t at)
{
	size_t end = at;

	while (end < value.len && byte_is_plain(value.ptr[end]))
		end++;
	return end - at;
}

bool fields_append(struct buffer *out, const char *key, struct span value)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = 0;

	if (out->len > 0)
		(void)buffer_append_byte(out, ' ');
	(void)buffer_append_str(out, key);
	(void)buffer_append_byte(out, '=');
	while (at < value.len) {
		size_t run = plain_run(value, at);
		unsigned char byte;

		(void)buffer_append(out, value.ptr + at, run);
		at += run;
		if (at == value.len)
			break;
		byte = (unsigned char)value.ptr[at++];
		(void)buffer_append(out, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
	}
	return buffer_ok(out);
}

bool fields_append_str(struct buffer *out, const char *key, const char *value)
{
	return fields_append(out, key, span_from_str(value));
}

bool fields_append_int(struct buffer *out, const char *key, int64_t value)
{
	char text[NETSTRING_FRAME];
	int n = snprintf(text, sizeof(text), "%" PRId64, value);

	return fields_append(out, key, (struct span){text, (size_t)n});
}

/* Only plain bytes and complete escapes; *decoded_out is the length that decoding gives. */
static bool value_is_valid(struct span value, size_t *decoded_out)
{
	size_t decoded = 0;

	for (size_t at = 0; at < value.len; decoded++) {
		if (byte_is_plain(value.ptr[at])) {
			at++;
			continue;
		}
		if (value.ptr[at] != '%' || value.len - at < 3 ||
		    hex_digit(value.ptr[at + 1]) < 0 || hex_digit(value.ptr[at + 2]) < 0)
			return false;
		at += 3;
	}
	*decoded_out = decoded;
	return true;
}

/* Takes one "key=value" and the space after it, if any. False at the end, or when there is no '='.
 */
static bool field_next(struct scanner *scan, struct span *key, struct span *value)
{
	struct scanner probe = *scan;
	struct span field;
	const char *equals;

	if (scanner_at_end(&probe))
		return false;
	if (!scan_until(&probe, ' ', scanner_left(&probe), &field))
		(void)scan_take(&probe, scanner_left(&probe), &field);
	equals = field.len > 0 ? memchr(field.ptr, '=', field.len) : NULL;
	if (equals == NULL)
		return false;
	*key = (struct span){field.ptr, (size_t)(equals - field.ptr)};
	*value = (struct span){equals + 1, field.len - key->len - 1};
	*scan = probe;
	return true;
}

/* The raw value of the first `name`. */
static bool field_find(struct span fields, const char *name, struct span *value_out)
{
	struct scanner scan = scanner_over(fields);
	struct span key;
	struct span value;

	while (field_next(&scan, &key, &value)) {
		if (span_equals(key, name)) {
			*value_out = value;
			return true;
		}
	}
	return false;
}

/* value has passed value_is_valid(). */
static bool value_decode(struct span value, struct buffer *out)
{
	size_t at = 0;

	buffer_clear(out);
	while (at < value.len) {
		size_t run = plain_run(value, at);

		(void)buffer_append(out, value.ptr + at, run);
		at += run;
		if (at == value.len)
			break;
		(void)buffer_append_byte(out, (char)(hex_digit(value.ptr[at + 1]) << 4 |
						     hex_digit(value.ptr[at + 2])));
		at += 3;
	}
	return buffer_ok(out);
}

bool fields_get(struct span fields, const char *key, struct buffer *value_out)
{
	struct span value;
	size_t decoded;

	if (!field_find(fields, key, &value) || !value_is_valid(value, &decoded))
		return false;
	if (decoded > value_out->max)
		return false;
	return value_decode(value, value_out);
}

bool fields_get_u64(struct span fields, const char *key, uint64_t max, uint64_t *out)
{
	struct span value;
	struct scanner scan;
	uint64_t number;

	if (!field_find(fields, key, &value))
		return false;
	scan = scanner_over(value);
	if (!scan_u64(&scan, max, &number) || !scanner_at_end(&scan))
		return false;
	*out = number;
	return true;
}

static bool key_is_valid(struct span key)
{
	if (key.len == 0 || key.len > FIELD_KEY_MAX)
		return false;
	for (size_t i = 0; i < key.len; i++) {
		if (!byte_is_key(key.ptr[i]))
			return false;
	}
	return true;
}

static bool key_is_among(struct span key, const struct span *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (keys[i].len == key.len && memcmp(keys[i].ptr, key.ptr, key.len) == 0)
			return true;
	}
	return false;
}

bool fields_valid(struct span fields)
{
	struct scanner scan = scanner_over(fields);
	struct span keys[FIELDS_MAX];
	size_t count = 0;
	struct span key;
	struct span value;
	size_t decoded;

	if (fields.len > 0 && fields.ptr[fields.len - 1] == ' ')
		return false;
	while (field_next(&scan, &key, &value)) {
		if (count == FIELDS_MAX || !key_is_valid(key) || key_is_among(key, keys, count) ||
		    !value_is_valid(value, &decoded))
			return false;
		keys[count++] = key;
	}
	return scanner_at_end(&scan);
}

/* Requests ------------------------------------------------------------------------------------ */

bool helper_request_parse(struct span payload, struct helper_request *out)
{
	struct scanner scan = scanner_over(payload);
	struct helper_request request;

	if (!scan_until(&scan, ' ', HELPER_VERB_MAX, &request.verb) || request.verb.len == 0)
		return false;
	for (size_t i = 0; i < request.verb.len; i++) {
		char byte = request.verb.ptr[i];

		if (byte != '-' && (byte < 'a' || byte > 'z'))
			return false;
	}
	(void)scan_take(&scan, scanner_left(&scan), &request.key);
	*out = request;
	return true;
}

/* Replies ------------------------------------------------------------------------------------- */

static const struct {
	const char *word; /* with the space that must follow */
	enum helper_status status;
	enum outcome otherwise; /* when the reason does not start with an outcome */
} statuses[] = {
	{"OK ", HELPER_OK, OUTCOME_OK},		{"NOTFOUND ", HELPER_NOTFOUND, OUTCOME_CONFIG},
	{"TEMP ", HELPER_TEMP, OUTCOME_RETRY},	{"TIMEOUT ", HELPER_TEMP, OUTCOME_RETRY},
	{"PERM ", HELPER_PERM, OUTCOME_CONFIG},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

static bool outcome_is_temporary(enum outcome what)
{
	return what == OUTCOME_RETRY || what == OUTCOME_NOMEM;
}

/* An outcome's word at the start of the reason counts only where PROTOCOL.md has it. */
static void reason_split(struct helper_reply *reply)
{
	struct scanner scan = scanner_over(reply->text);
	enum outcome what;
	struct span word;

	if (!scan_until(&scan, ' ', HELPER_VERB_MAX, &word))
		(void)scan_take(&scan, scanner_left(&scan), &word);
	if (!outcome_from_name(word.ptr, word.len, &what) || what == OUTCOME_OK ||
	    outcome_is_temporary(what) != (reply->status == HELPER_TEMP))
		return;
	reply->outcome = what;
	(void)scan_take(&scan, scanner_left(&scan), &reply->text);
}

bool helper_reply_parse(struct span payload, struct helper_reply *out)
{
	struct scanner scan = scanner_over(payload);
	struct helper_reply reply;

	for (size_t i = 0; i < STATUS_COUNT; i++) {
		if (!scan_literal(&scan, statuses[i].word))
			continue;
		reply.status = statuses[i].status;
		reply.outcome = statuses[i].otherwise;
		(void)scan_take(&scan, scanner_left(&scan), &reply.text);
		if (reply.status == HELPER_TEMP || reply.status == HELPER_PERM)
			reason_split(&reply);
		*out = reply;
		return true;
	}
	return false;
}

/* The line's bytes that may be sent: at most FAILURE_MAX, not ending inside a UTF-8 character. */
static size_t failure_text_len(const char *text)
{
	size_t len = strnlen(text, FAILURE_MAX + 1);

	if (len <= FAILURE_MAX)
		return len;
	len = FAILURE_MAX;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

bool helper_reply_append_failure(struct buffer *out, enum outcome what, const char *text)
{
	size_t len = failure_text_len(text);

	if (outcome_is_temporary(what))
		(void)buffer_append_str(out, "TEMP retry ");
	else
		(void)buffer_printf(out, "PERM %s ",
				    outcome_name(what == OUTCOME_OK ? OUTCOME_PROTOCOL : what));
	for (size_t i = 0; i < len; i++) {
		bool control = (unsigned char)text[i] < 0x20 || text[i] == 0x7f;

		(void)buffer_append_byte(out, control ? '?' : text[i]);
	}
	return buffer_ok(out);
}

/* Fingerprints -------------------------------------------------------------------------------- */

uint64_t token_fingerprint(struct span token)
{
	uint64_t hash = FNV64_OFFSET;

	for (size_t i = 0; i < token.len; i++)
		hash = (hash ^ (unsigned char)token.ptr[i]) * FNV64_PRIME;
	return hash;
}

static bool byte_is_b64token(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9') ||
	       (byte != '\0' && byte != '=' && strchr("-._~+/", byte) != NULL);
}

bool token_is_valid(struct span token)
{
	size_t at = 0;

	if (token.len > HELPER_TOKEN_MAX)
		return false;
	while (at < token.len && byte_is_b64token(token.ptr[at]))
		at++;
	if (at == 0)
		return false;
	while (at < token.len && token.ptr[at] == '=')
		at++;
	return at == token.len;
}
