/* SPDX-License-Identifier: MIT */
/*
 * diagnosis-tables.h - the parts of the table of diagnosis.h, by who speaks. For diagnosis.c alone.
 *
 * Within a part what is special stands before what is general; test-diagnosis holds every row to
 * be found by its own example.
 */
#ifndef COMMON_DIAGNOSIS_TABLES_H
#define COMMON_DIAGNOSIS_TABLES_H

#include "common/diagnosis.h"

struct diagnosis_table {
	const struct diagnosis *rows;
	size_t count;
};

#define DIAGNOSIS_TABLE(rows)                                                                      \
	{                                                                                          \
		rows, sizeof(rows) / sizeof((rows)[0])                                             \
	}

extern const struct diagnosis_table diagnosis_oauth;
extern const struct diagnosis_table diagnosis_smtp;
extern const struct diagnosis_table diagnosis_imap;
extern const struct diagnosis_table diagnosis_delivery;
extern const struct diagnosis_table diagnosis_machine;

#endif
