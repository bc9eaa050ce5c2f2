/* SPDX-License-Identifier: MIT */
/*
 * driver.c - runs a fuzz target where there is no libFuzzer: over its corpus and over mutations of
 * it.
 *
 * The mutations come from a fixed seed, so that a failure is the same on every machine; each input
 * lies at the end of an allocation of its size, so that a sanitizer sees a read past it. Speaks
 * TAP: one line a corpus file. A crash ends the program, which the harness counts as a failure; the
 * input is written to standard error first, in hexadecimal.
 *
 * Usage: TARGET [CORPUS-DIRECTORY]; without one, the directory named like the program.
 */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/banned.h"

#define INPUT_MAX 65536
/* Of all that is in the corpus; FUZZ_MUTATIONS in the environment: another number. */
#define MUTATIONS 100000
#define CORPUS_PATH 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* The input that runs, for the one who has to find out why it crashed. */
static const uint8_t *current;
static size_t current_size;

static long mutations = MUTATIONS; /* of one file, when the files are counted */

/* xorshift64*: reproducible, not secret. */
static size_t random_below(size_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (size_t)(random_state * 0x2545f4914f6cdd1du >> 33) % limit;
}

static void on_crash(int number)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < current_size; i++) {
		char pair[2] = {digits[current[i] >> 4], digits[current[i] & 15]};

		if (write(STDERR_FILENO, pair, 2) != 2)
			break;
	}
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size > 0 ? size : 1);

	if (exact == NULL)
		exit(99);
	memcpy(exact, bytes, size);
	current = exact;
	current_size = size;
	(void)LLVMFuzzerTestOneInput(exact, size);
	current_size = 0;
	free(exact);
}

/* One small change of the kind that finds off-by-ones. Returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size)
{
	static const uint8_t awkward[] = {0,   1,   ' ', '"',  '%', ',', '0',
					  '9', ':', '=', '\\', '{', 0xff};
	size_t at = size > 0 ? random_below(size) : 0;
	size_t n;

	switch (random_below(size > 0 ? 6 : 1)) {
	case 0: /* insert */
		if (size == INPUT_MAX)
			return size;
		memmove(bytes + at + 1, bytes + at, size - at);
		bytes[at] = awkward[random_below(sizeof(awkward))];
		return size + 1;
	case 1: /* replace */
		bytes[at] = awkward[random_below(sizeof(awkward))];
		return size;
	case 2: /* flip a bit */
		bytes[at] ^= (uint8_t)(1u << random_below(8));
		return size;
	case 3: /* remove */
		memmove(bytes + at, bytes + at + 1, size - at - 1);
		return size - 1;
	case 4: /* cut */
		return at;
	default: /* repeat a piece */
		n = random_below(size - at) + 1;
		if (size + n > INPUT_MAX)
			return size;
		memmove(bytes + at + n, bytes + at, size - at);
		return size + n;
	}
}

static void run_with_mutations(const uint8_t *seed, size_t seed_size)
{
	static uint8_t bytes[INPUT_MAX];

	run(seed, seed_size);
	for (long i = 0; i < mutations; i++) {
		size_t size = seed_size;
		size_t changes = 1 + random_below(6);

		memcpy(bytes, seed, seed_size);
		while (changes-- > 0)
			size = mutate(bytes, size);
		run(bytes, size);
	}
}

static int is_corpus_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_file(const char *dir, const char *name)
{
	static uint8_t seed[INPUT_MAX];
	char path[2 * CORPUS_PATH];
	FILE *file;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return -1;
	size = fread(seed, 1, sizeof(seed), file);
	(void)fclose(file);
	run_with_mutations(seed, size);
	return 0;
}

int main(int argc, char **argv)
{
	const char *program = strrchr(argv[0], '/');
	const char *base = getenv("FUZZ_CORPUS");
	const char *wanted = getenv("FUZZ_MUTATIONS");
	struct dirent **entries;
	char dir[CORPUS_PATH];
	int failed = 0;
	int count;

	if (wanted != NULL)
		mutations = strtol(wanted, NULL, 10);
	program = program != NULL ? program + 1 : argv[0];
	if (strncmp(program, "fuzz-", 5) == 0)
		program += 5;
	(void)snprintf(dir, sizeof(dir), "%s/%s", base != NULL ? base : "tests/fuzz/corpus",
		       program);
	count = scandir(argc > 1 ? argv[1] : dir, &entries, is_corpus_file, alphasort);
	if (count <= 0) {
		printf("Bail out! no corpus in %s\n", argc > 1 ? argv[1] : dir);
		return 1;
	}
	for (int i = 0; i < 3; i++)
		(void)signal((int[]){SIGSEGV, SIGABRT, SIGBUS}[i], on_crash);
	mutations = mutations / count + 1;
	for (int i = 0; i < count; i++) {
		if (run_file(argc > 1 ? argv[1] : dir, entries[i]->d_name) != 0) {
			printf("# %s cannot be read\n", entries[i]->d_name);
			failed = 1;
		}
		free(entries[i]);
	}
	printf("1..1\n%sok 1 - %d files, and %ld mutations of each\n", failed ? "not " : "", count,
	       mutations);
	free(entries);
	return failed;
}
