/* SPDX-License-Identifier: MIT */
/* secret-file.h - a file that holds one secret. Host half. */
#ifndef COMMON_SECRET_FILE_H
#define COMMON_SECRET_FILE_H

#include "common/buffer.h"
#include "common/outcome.h"

/*
 * Reads it (a trailing newline is dropped) into secret, whose ceiling applies. Refused, with the
 * chmod to type, when others than its owner and group can read it. OUTCOME_CONFIG, err names the
 * path.
 */
enum outcome secret_file_read(const char *path, struct buffer *secret, struct err *err);

#endif
