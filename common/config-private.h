/* SPDX-License-Identifier: MIT */
/*
 * config-private.h - between config.c, which reads lines, config-value.c, which knows the types of
 * values, and config-seen.c, which remembers where they stood.
 */
#ifndef COMMON_CONFIG_PRIVATE_H
#define COMMON_CONFIG_PRIVATE_H

#include "common/config.h"

/* Sets what key is in section. NULL, or what is wrong with the value: "is ...". */
const char *config_value_set(const struct config_key *key, const char *value, void *section);

/* What would be right, to be put behind that; may be nothing. */
void config_value_hint(const struct config_key *key, struct buffer *hint);

/* An indented line goes on with what key has. False: it takes one value. */
bool config_value_continue(const struct config_key *key, const char *value, void *section);

/* key NULL: the section's head. The keys of one section are added together, behind its head. */
void config_seen_add(struct config_seen *seen, const void *target, const struct config_key *key,
		     int line);

#endif
