/* SPDX-License-Identifier: MIT */
/* buffer.c - see buffer.h. */
#include "common/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUFFER_FIRST_BYTES 64

void wipe(void *ptr, size_t len)
{
	if (len > 0)
		explicit_bzero(ptr, len);
}

void buffer_init(struct buffer *buf, size_t max)
{
	*buf = (struct buffer)BUFFER_INIT(max);
}

void buffer_init_secret(struct buffer *buf, size_t max)
{
	*buf = (struct buffer)BUFFER_INIT_SECRET(max);
}

void buffer_release(struct buffer *buf)
{
	if (buf->secret)
		wipe(buf->data, buf->size);
	free(buf->data);
	*buf = (struct buffer){.max = buf->max, .secret = buf->secret};
}

void buffer_clear(struct buffer *buf)
{
	if (buf->secret)
		wipe(buf->data, buf->len);
	buf->len = 0;
	buf->failed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/* Not realloc: it could leave a copy of a secret behind in freed memory. */
static bool buffer_grow(struct buffer *buf, size_t need)
{
	size_t size = buf->size < BUFFER_FIRST_BYTES ? BUFFER_FIRST_BYTES : buf->size;
	char *data;

	/* By doubling, never to just what is needed: bytes appended one by one must not be copied
	 * one by one. */
	while (size < need)
		size = size > SIZE_MAX / 2 ? need : size * 2;
	if (size - 1 > buf->max)
		size = buf->max + 1;
	data = malloc(size);
	if (data == NULL)
		return false;
	if (buf->len > 0)
		memcpy(data, buf->data, buf->len);
	if (buf->secret)
		wipe(buf->data, buf->size);
	free(buf->data);
	buf->data = data;
	buf->size = size;
	return true;
}

/* Room for len more bytes and the NUL, or a failed buffer. */
static bool buffer_reserve(struct buffer *buf, size_t len)
{
	if (buf->failed)
		return false;
	if (len > buf->max || buf->len > buf->max - len) {
		buf->failed = true;
		return false;
	}
	if (buf->len + len + 1 > buf->size && !buffer_grow(buf, buf->len + len + 1)) {
		buf->failed = true;
		return false;
	}
	return true;
}

bool buffer_append(struct buffer *buf, const void *bytes, size_t len)
{
	if (!buffer_reserve(buf, len))
		return false;
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return true;
}

bool buffer_append_str(struct buffer *buf, const char *str)
{
	return buffer_append(buf, str, strlen(str));
}

bool buffer_append_span(struct buffer *buf, struct span span)
{
	return buffer_append(buf, span.ptr, span.len);
}

bool buffer_append_byte(struct buffer *buf, char byte)
{
	return buffer_append(buf, &byte, 1);
}

bool buffer_printf(struct buffer *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !buffer_reserve(buf, (size_t)n)) {
		buf->failed = true;
		return false;
	}
	va_start(ap, fmt);
	(void)vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)n;
	return true;
}

bool buffer_set(struct buffer *buf, const void *bytes, size_t len)
{
	buffer_clear(buf);
	return buffer_append(buf, bytes, len);
}

void buffer_consume(struct buffer *buf, size_t n)
{
	size_t rest;

	if (n == 0 || n > buf->len)
		return;
	rest = buf->len - n;
	memmove(buf->data, buf->data + n, rest);
	if (buf->secret)
		wipe(buf->data + rest, n);
	buf->len = rest;
	buf->data[rest] = '\0';
}

void buffer_move(struct buffer *dst, struct buffer *src)
{
	if (dst == src)
		return;
	buffer_release(dst);
	*dst = *src;
	*src = (struct buffer){.max = dst->max, .secret = dst->secret};
}

bool buffer_ok(const struct buffer *buf)
{
	return !buf->failed;
}

const char *buffer_cstr(const struct buffer *buf)
{
	return buf->data != NULL ? buf->data : "";
}

struct span buffer_span(const struct buffer *buf)
{
	return (struct span){buffer_cstr(buf), buf->len};
}

struct span span_from_str(const char *str)
{
	return str != NULL ? (struct span){str, strlen(str)} : (struct span){"", 0};
}

bool span_equals(struct span span, const char *str)
{
	return span.len == strlen(str) && memcmp(span.ptr, str, span.len) == 0;
}

bool span_equals_nocase(struct span span, const char *str)
{
	return span.len == strlen(str) && strncasecmp(span.ptr, str, span.len) == 0;
}

bool span_same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool equal_constant_time(struct span a, struct span b)
{
	unsigned char diff = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		diff |= (unsigned char)((unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i]);
	return diff == 0;
}
