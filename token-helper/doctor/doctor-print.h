/* SPDX-License-Identifier: MIT */
/* doctor-print.h - what was found, for people and for programs. */
#ifndef TOKEN_HELPER_DOCTOR_DOCTOR_PRINT_H
#define TOKEN_HELPER_DOCTOR_DOCTOR_PRINT_H

struct doctor;

/* One line a finding, with why and the command under what is not fine; a summary. Colours on a
 * terminal only. */
void doctor_print(const struct doctor *doctor);

/* {"version":1,"errors":…,"warnings":…,"findings":[{"check","severity","seen","why","mend"}]} */
void doctor_print_json(const struct doctor *doctor);

#endif
