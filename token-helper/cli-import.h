/* SPDX-License-Identifier: MIT */
/*
 * cli-import.h - the parts of `mailoauth import`: reading files (cli-import-files.c), writing a
 * section (cli-import-section.c), adding it to mailoauth.conf (cli-import-append.c).
 */
#ifndef TOKEN_HELPER_CLI_IMPORT_H
#define TOKEN_HELPER_CLI_IMPORT_H

#include "token-helper/cli-call.h"
#include "token-helper/import/token-import.h"

/* Reads cli->file (a file, a directory, "-"), and cli->with, into list, asking for passwords where
 * they are needed, and completes the list. What could not be read is noted. CLI_DATA, reported:
 * nothing could. */
enum cli_exit import_files_read(const struct cli *cli, struct import_list *list);

/* When the account's file was last written; now, when that is not known. */
int64_t import_file_time_s(const struct import_account *account);

/* A section that is to be. */
struct import_section {
	struct buffer text; /* "[account NAME]\n..." */
	char *secret_file;  /* where its client secret is to be; NULL: it has none */
	struct buffer
		lacking; /* what only a person can fill in: "issuer, smtp_host"; empty: nothing */
	char *provider;	 /* "custom" when the endpoint is of no preset */
};

void import_section_make(const struct cli *cli, struct import_list *list,
			 const struct import_account *account, struct import_section *section);
void import_section_release(struct import_section *section);

/*
 * Writes the client secrets (mode 0600, the daemon's user's) and puts text at the end of the
 * configuration file: a copy of the old one is kept, *copy_out (the caller frees) is its name. All
 * or nothing: a configuration that would not load is reported with its problems and not made.
 */
struct import_secret {
	const char *file;
	struct span secret;
};
enum cli_exit import_append(const struct cli *cli, struct span text,
			    const struct import_secret *secrets, size_t count, char **copy_out);

#endif
