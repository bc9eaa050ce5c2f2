/* SPDX-License-Identifier: MIT */
/*
 * fuzz-explain.c - what somebody can paste: any bytes, in any pieces.
 *
 * Beside not crashing: pieces make no difference, nothing that is kept steers a terminal, and a
 * secret that stands in the text in a form that is known does not come out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tests/fuzz/require.h"
#include "token-helper/explain/reading.h"
#include "token-helper/explain/redact.h"
#include "token-helper/explain/status-class.h"

#include "common/banned.h"

#define TOKEN "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const char *text, size_t max)
{
	struct span rest = {text, strlen(text)};
	uint32_t code;

	require(rest.len <= max);
	while (rest.len > 0) {
		size_t len = utf8_char(rest, &code);

		require(len > 0 && !utf8_is_steering(code));
		rest = (struct span){rest.ptr + len, rest.len - len};
	}
}

static void check_names(const struct names *names)
{
	static const char shell[] = " \t\n\"'`$\\;&|<>(){}[]*?!#~%^=/:,";

	require(names->account[strcspn(names->account, shell)] == '\0');
	require(names->host[strcspn(names->host, shell)] == '\0');
	require(names->user[strcspn(names->user, shell)] == '\0');
	require(names->sender[strcspn(names->sender, shell)] == '\0');
}

static void read_in_pieces(struct reading *reading, const uint8_t *data, size_t size, size_t piece)
{
	reading_init(reading);
	for (size_t at = 0; at < size; at += piece)
		reading_feed(reading, (struct span){(const char *)data + at,
						    size - at < piece ? size - at : piece});
	reading_finish(reading);
}

static void check_same(const struct reading *a, const struct reading *b)
{
	require(a->count == b->count && a->lines == b->lines && a->passed == b->passed);
	for (size_t i = 0; i < a->count; i++) {
		require(a->findings[i].row == b->findings[i].row);
		require(a->findings[i].count == b->findings[i].count);
		require(strcmp(a->findings[i].line, b->findings[i].line) == 0);
		check_shown(a->findings[i].line, READING_SHOWN_MAX);
		check_shown(a->findings[i].challenge.status, ENCODED_WORDS_MAX);
		check_shown(a->findings[i].challenge.configuration, ENCODED_WORDS_MAX);
		check_names(&a->findings[i].names);
	}
}

/* A token between blanks never comes out, whatever stands around it. */
static void check_redacted(const uint8_t *data, size_t size)
{
	struct buffer line = BUFFER_INIT(1 << 20), out = BUFFER_INIT(1 << 22);

	(void)buffer_append(&line, data, size / 2);
	(void)buffer_append_str(&line, " " TOKEN " ");
	(void)buffer_append(&line, data + size / 2, size - size / 2);
	redact_append(&out, buffer_span(&line));
	require(strstr(buffer_cstr(&out), &TOKEN[5]) == NULL);
	buffer_release(&line);
	buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading whole, pieces;
	struct buffer classes = BUFFER_INIT(16384);

	read_in_pieces(&whole, data, size, size > 0 ? size : 1);
	read_in_pieces(&pieces, data, size, 7);
	check_same(&whole, &pieces);
	check_redacted(data, size);
	status_class_append(&classes, (struct span){(const char *)data, size});
	require(buffer_ok(&classes));
	buffer_release(&classes);
	reading_release(&whole);
	reading_release(&pieces);
	return 0;
}
