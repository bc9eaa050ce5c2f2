/* SPDX-License-Identifier: MIT */
/* cli-text.c - see cli-text.h. */
#include "token-helper/cli-text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"

#include "common/banned.h"

#define TEXT_MAX 65536

void text_append_clean(struct buffer *out, const char *str)
{
	struct span rest = span_from_str(str);
	uint32_t code;

	while (rest.len > 0) {
		size_t len = utf8_char(rest, &code);

		if (len == 0 || utf8_is_steering(code))
			(void)buffer_append_byte(out, '?');
		else
			(void)buffer_append(out, rest.ptr, len);
		len = len == 0 ? 1 : len;
		rest = (struct span){rest.ptr + len, rest.len - len};
	}
}

void text_print(FILE *out, const char *str)
{
	struct buffer clean = BUFFER_INIT(TEXT_MAX);

	text_append_clean(&clean, str);
	(void)fwrite(buffer_cstr(&clean), 1, clean.len, out);
	buffer_release(&clean);
}

bool text_wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0') &&
	       term != NULL && strcmp(term, "dumb") != 0;
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
