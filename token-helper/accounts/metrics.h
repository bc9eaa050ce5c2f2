/* SPDX-License-Identifier: MIT */
/* metrics.h - the state of all accounts as Prometheus reads it (text format 0.0.4). Never a token.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_METRICS_H
#define TOKEN_HELPER_ACCOUNTS_METRICS_H

#include "token-helper/accounts/accounts.h"

#define METRICS_TEXT_MAX 33554432

/* False past the ceiling. */
bool metrics_append(const struct accounts *accounts, struct buffer *text);

#endif
