/* SPDX-License-Identifier: MIT */
/*
 * fuzz-import.c - configurations of other programs, and the files in which they keep what they
 * fetched. The first comment says whose it is.
 */
#include <stdint.h>
#include <string.h>

#include "fetch-agent/import/import-plan.h"
#include "tests/fuzz/require.h"

#include "common/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct import_program *program_of(struct span text)
{
	static const struct import_program *const programs[] = {&import_getmail, &import_mbsync,
								&import_fdm};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		size_t len = strlen(programs[i]->name);

		if (text.len > len + 2 && memcmp(text.ptr + 2, programs[i]->name, len) == 0)
			return programs[i];
	}
	return &import_fetchmail;
}

/* Lines of sections, and nothing that ends one early. */
static void check_sections(const struct buffer *out)
{
	require(memchr(buffer_cstr(out), '\0', out->len) == NULL);
	require(memchr(buffer_cstr(out), '\r', out->len) == NULL);
	for (const char *line = buffer_cstr(out); *line != '\0'; line += strcspn(line, "\n") + 1)
		require(line[0] == '[' || line[0] == ';' || line[0] == ' ' || line[0] == '\n' ||
			(line[0] >= 'a' && line[0] <= 'z'));
}

static void check_recall(const struct import_program *program, struct span text)
{
	struct import_recall recall = {.who = "u@h"};

	if (program->recall != NULL && program->recall(text, &recall))
		require(recall.uidvalidity != 0 || recall.fetched.count == 0);
	uid_list_release(&recall.fetched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};
	const struct import_program *program = program_of(text);
	struct buffer out = BUFFER_INIT(1048576);
	struct import_plan plan;

	import_plan_init(&plan, "rc", "/home/u");
	program->read(text, &plan);
	if (plan.problems.count == 0) {
		import_name_sources(&plan);
		import_print(&plan, &out);
		check_sections(&out);
	}
	check_recall(&import_getmail, text);
	check_recall(&import_mbsync, text);
	check_recall(&import_fetchmail, text);
	import_plan_release(&plan);
	buffer_release(&out);
	return 0;
}
