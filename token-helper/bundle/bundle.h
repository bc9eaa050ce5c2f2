/* SPDX-License-Identifier: MIT */
/* bundle.h - what one needs to help: versions, configuration, status, Postfix, the last of the
 * logs; scrubbed (scrub.h). */
#ifndef TOKEN_HELPER_BUNDLE_BUNDLE_H
#define TOKEN_HELPER_BUNDLE_BUNDLE_H

#include "common/buffer.h"
#include "token-helper/cli-call.h"

#define BUNDLE_MAX 1048576

/* Appends all of it. What cannot be had is said in its place. */
void bundle_append(const struct cli *cli, struct buffer *out);

#endif
