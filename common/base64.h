/* SPDX-License-Identifier: MIT */
/* base64.h - RFC 4648 4, as SASL profiles carry it: no line breaks, padded. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/buffer.h"

/* Appends; false when out is full or, for decoding, when text is not base64. */
bool base64_encode(struct buffer *out, struct span bytes);
bool base64_decode(struct buffer *out, struct span text);

#endif
