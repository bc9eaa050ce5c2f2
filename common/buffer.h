/* SPDX-License-Identifier: MIT */
/*
 * buffer.h - bytes with a ceiling.
 *
 * Guest half: libc only, never aborts. A buffer cannot be made without its ceiling. An append that
 * would pass it, or that runs out of memory, fails the buffer for good ("sticky"): build the whole,
 * ask buffer_ok() once. A secret buffer wipes every byte it ever held: on growth, clear, release.
 * The bytes are always followed by a NUL that is not counted, but they are bytes: they may
 * contain NULs, and what came from a peer is read with data and len.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data;  /* NULL until the first byte; use buffer_cstr() for a string that is never NULL
		      */
	size_t len;  /* bytes used */
	size_t size; /* bytes allocated */
	size_t max;  /* ceiling of len */
	bool secret;
	bool failed;
};

/* Bytes that somebody else owns: borrowed, not NUL-terminated. */
struct span {
	const char *ptr;
	size_t len;
};

#define BUFFER_INIT(ceiling)                                                                       \
	{                                                                                          \
		.max = (ceiling)                                                                   \
	}
#define BUFFER_INIT_SECRET(ceiling)                                                                \
	{                                                                                          \
		.max = (ceiling), .secret = true                                                   \
	}

void buffer_init(struct buffer *buf, size_t max);
void buffer_init_secret(struct buffer *buf, size_t max);

/* Frees the bytes (wiped if secret); the buffer is empty, keeps its ceiling and may be used again.
 */
void buffer_release(struct buffer *buf);

/* Empties (wiped if secret), keeps the allocation, forgets a failure. */
void buffer_clear(struct buffer *buf);

/* All false once failed; the content is then unchanged since the failure. */
bool buffer_append(struct buffer *buf, const void *bytes, size_t len);
bool buffer_append_str(struct buffer *buf, const char *str);
bool buffer_append_span(struct buffer *buf, struct span span);
bool buffer_append_byte(struct buffer *buf, char byte);
bool buffer_printf(struct buffer *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Replaces the content by a copy of bytes. */
bool buffer_set(struct buffer *buf, const void *bytes, size_t len);

/* Drops the first n bytes (n <= len), moving the rest down; wipes what was left behind if secret.
 */
void buffer_consume(struct buffer *buf, size_t n);

/* dst takes src's bytes, secrecy and ceiling; what dst had is released; src is left empty. */
void buffer_move(struct buffer *dst, struct buffer *src);

bool buffer_ok(const struct buffer *buf);
const char *buffer_cstr(const struct buffer *buf); /* borrows; "" when empty */
struct span buffer_span(const struct buffer *buf); /* borrows */

struct span span_from_str(const char *str); /* borrows; NULL gives an empty span */
bool span_equals(struct span span, const char *str);
bool span_equals_nocase(struct span span, const char *str); /* ASCII */
bool span_same(struct span a, struct span b);

/* Overwrites memory that held a secret; the compiler cannot remove it. ptr may be NULL with len 0.
 */
void wipe(void *ptr, size_t len);

/* Equal length and content, in time that depends on the lengths only. */
bool equal_constant_time(struct span a, struct span b);

#endif
