/* SPDX-License-Identifier: MIT */
/* utf8.c - see utf8.h. */
#include "common/utf8.h"

#include "common/banned.h"

static size_t length_by_first(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc0 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_char(struct span text, uint32_t *code_out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = text.len > 0 ? length_by_first((unsigned char)text.ptr[0]) : 0;
	uint32_t code;

	if (len == 0 || len > text.len)
		return 0;
	code = (unsigned char)text.ptr[0] & (len == 1 ? 0x7fu : 0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)text.ptr[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	*code_out = code;
	return len;
}

bool utf8_is_steering(uint32_t code)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} steering[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x061c, 0x061c},
		{0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
	};

	for (size_t i = 0; i < sizeof(steering) / sizeof(steering[0]); i++) {
		if (code >= steering[i].first && code <= steering[i].last)
			return true;
	}
	return false;
}
