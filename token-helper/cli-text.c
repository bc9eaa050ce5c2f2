/* SPDX-License-Identifier: MIT */
/* cli-text.c - see cli-text.h. */
#include "token-helper/cli-text.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"

#include "common/banned.h"

#define TEXT_MAX 65536

static bool is_control(unsigned char byte)
{
	return byte < 0x20 || byte == 0x7f;
}

/* Length of the well-formed UTF-8 character at p, 0 when it is none. Overlong forms of controls are
 * none. */
static size_t utf8_length(const unsigned char *p)
{
	size_t len = p[0] < 0x80		   ? 1
		     : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		     : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		     : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						   : 0;

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90))
		return 0;
	return len;
}

void text_append_clean(struct buffer *out, const char *str)
{
	const unsigned char *p = (const unsigned char *)str;

	while (*p != '\0') {
		size_t len = utf8_length(p);

		/* U+0080 to U+009F are C2 80 to C2 9F: CSI among them. */
		if (len == 0 || is_control(*p) || (p[0] == 0xc2 && p[1] < 0xa0)) {
			(void)buffer_append_byte(out, '?');
			p += len == 0 ? 1 : len;
			continue;
		}
		(void)buffer_append(out, p, len);
		p += len;
	}
}

void text_print(FILE *out, const char *str)
{
	struct buffer clean = BUFFER_INIT(TEXT_MAX);

	text_append_clean(&clean, str);
	(void)fwrite(buffer_cstr(&clean), 1, clean.len, out);
	buffer_release(&clean);
}

size_t text_columns(const char *str)
{
	size_t columns = 0;

	for (; *str != '\0'; str++)
		columns += ((unsigned char)*str & 0xc0) != 0x80;
	return columns;
}

const char *text_duration(int64_t seconds, char *text, size_t size)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};

	if (seconds < 0)
		seconds = 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds >= 2 * units[i].seconds) {
			(void)snprintf(text, size, "%" PRId64 " %s", seconds / units[i].seconds,
				       units[i].unit);
			return text;
		}
	}
	(void)snprintf(text, size, "%" PRId64 " s", seconds);
	return text;
}

const char *text_when(int64_t at_s, char *text, size_t size)
{
	char *t;

	(void)clock_text(at_s, text, size);
	t = strchr(text, 'T');
	if (t != NULL)
		*t = ' ';
	return text;
}
