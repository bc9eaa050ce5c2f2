/* SPDX-License-Identifier: MIT */
/* imap-utf7.c - see imap-utf7.h. */
#include "fetch-agent/imap/imap-utf7.h"

#include <stdint.h>
#include <string.h>

#include "common/scanner.h"

#include "common/banned.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t c)
{
	return c >= ' ' && c < 0x7f;
}

/* One character; false when it is not UTF-8 of a Unicode character beside NUL. */
static bool take_utf8(struct scanner *scan, uint32_t *out)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	unsigned char lead = (unsigned char)*scan->cur;
	size_t more = 0;
	uint32_t c;

	while (more < 4 && (lead & forms[more].mask) != forms[more].lead)
		more++;
	if (more == 4 || scanner_left(scan) <= more)
		return false;
	c = lead & (unsigned char)~forms[more].mask;
	for (size_t i = 1; i <= more; i++) {
		unsigned char next = (unsigned char)scan->cur[i];

		if ((next & 0xc0) != 0x80)
			return false;
		c = c << 6 | (next & 0x3f);
	}
	if (c < forms[more].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	scan->cur += more + 1;
	*out = c;
	return true;
}

static void append_utf8(struct buffer *out, uint32_t c)
{
	if (c < 0x80) {
		(void)buffer_append_byte(out, (char)c);
		return;
	}
	if (c < 0x800) {
		(void)buffer_append_byte(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			(void)buffer_append_byte(out, (char)(0xe0 | c >> 12));
		} else {
			(void)buffer_append_byte(out, (char)(0xf0 | c >> 18));
			(void)buffer_append_byte(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		(void)buffer_append_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	(void)buffer_append_byte(out, (char)(0x80 | (c & 0x3f)));
}

/* Sixteen bits at a time become sixes. */
struct shift {
	uint32_t bits;
	unsigned count;
};

static void put_unit(struct buffer *out, struct shift *shift, uint32_t unit)
{
	shift->bits = shift->bits << 16 | unit;
	shift->count += 16;
	while (shift->count >= 6) {
		shift->count -= 6;
		(void)buffer_append_byte(out, alphabet[shift->bits >> shift->count & 0x3f]);
	}
	shift->bits &= 0x3f;
}

static void put_character(struct buffer *out, struct shift *shift, uint32_t c)
{
	if (c >= 0x10000) {
		put_unit(out, shift, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	put_unit(out, shift, c);
}

static void end_shift(struct buffer *out, const struct shift *shift)
{
	if (shift->count > 0)
		(void)buffer_append_byte(out, alphabet[shift->bits << (6 - shift->count) & 0x3f]);
	(void)buffer_append_byte(out, '-');
}

static bool encode_shifted(struct buffer *out, struct scanner *scan)
{
	struct shift shift = {0, 0};
	uint32_t c = 0;

	(void)buffer_append_byte(out, '&');
	while (!scanner_at_end(scan) && !is_direct((unsigned char)*scan->cur)) {
		if (!take_utf8(scan, &c))
			return false;
		put_character(out, &shift, c);
	}
	end_shift(out, &shift);
	return true;
}

static bool cut_back(struct buffer *out, size_t len)
{
	out->len = len;
	if (out->data != NULL)
		out->data[len] = '\0';
	return false;
}

bool imap_utf7_encode(struct buffer *out, struct span utf8)
{
	struct scanner scan = {utf8.ptr, utf8.len > 0 ? utf8.ptr + utf8.len : utf8.ptr};
	size_t start = out->len;

	while (!scanner_at_end(&scan)) {
		char c = *scan.cur;

		if (!is_direct((unsigned char)c)) {
			if (!encode_shifted(out, &scan))
				return cut_back(out, start);
			continue;
		}
		(void)buffer_append_byte(out, c);
		if (c == '&')
			(void)buffer_append_byte(out, '-');
		scan.cur++;
	}
	return buffer_ok(out);
}

/* One unit of 16 bits from a shift; false at its end. */
static bool take_unit(struct scanner *scan, struct shift *shift, uint32_t *unit_out)
{
	while (shift->count < 16) {
		const char *hit;

		if (scanner_at_end(scan) || *scan->cur == '\0')
			return false;
		hit = strchr(alphabet, *scan->cur);
		if (hit == NULL)
			return false;
		shift->bits = shift->bits << 6 | (uint32_t)(hit - alphabet);
		shift->count += 6;
		scan->cur++;
	}
	shift->count -= 16;
	*unit_out = shift->bits >> shift->count & 0xffff;
	shift->bits &= 0xffff;
	return true;
}

static bool take_shifted(struct scanner *scan, struct shift *shift, uint32_t *out)
{
	uint32_t low = 0;

	if (!take_unit(scan, shift, out))
		return false;
	if (*out < 0xd800 || *out > 0xdfff)
		return *out != 0 && !is_direct(*out);
	if (*out > 0xdbff || !take_unit(scan, shift, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* Behind "&". The end: fewer than six spare bits, all zero, then "-". */
static bool decode_shifted(struct buffer *out, struct scanner *scan)
{
	struct shift shift = {0, 0};
	uint32_t c = 0;
	bool any = false;

	while (!scanner_at_end(scan) && *scan->cur != '-') {
		if (!take_shifted(scan, &shift, &c))
			return false;
		append_utf8(out, c);
		any = true;
	}
	return any && shift.count < 6 && (shift.bits & ((1u << shift.count) - 1)) == 0 &&
	       scan_byte(scan, '-');
}

bool imap_utf7_decode(struct buffer *out, struct span utf7)
{
	struct scanner scan = {utf7.ptr, utf7.len > 0 ? utf7.ptr + utf7.len : utf7.ptr};
	const char *shift_end = NULL;
	size_t start = out->len;

	while (!scanner_at_end(&scan)) {
		char c = *scan.cur++;

		if (!is_direct((unsigned char)c))
			return cut_back(out, start);
		if (c != '&' || scan_byte(&scan, '-')) {
			(void)buffer_append_byte(out, c);
			continue;
		}
		if (scan.cur - 1 == shift_end || !decode_shifted(out, &scan))
			return cut_back(out, start);
		shift_end = scan.cur;
	}
	return buffer_ok(out);
}
