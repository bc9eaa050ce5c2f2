/* SPDX-License-Identifier: MIT */
/* nearest.h - which of the names that are known somebody meant who mistyped one. Host half. */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include "common/words.h"

/* The one of words that is nearest to name: at most two letters are wrong, missing, too many or
 * changed about, one in a short name. NULL: none. Borrows from words. */
const char *nearest_word(const struct words *words, const char *name);

#endif
