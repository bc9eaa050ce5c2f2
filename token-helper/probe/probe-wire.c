/* SPDX-License-Identifier: MIT */
/* probe-wire.c - see probe-wire.h. */
#include "token-helper/probe/probe-wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "token-helper/probe/probe-resolve.h"
#include "token-helper/probe/probe-tls.h"

#include "common/banned.h"

#define READ_BYTES   4096
#define NUMERIC_MAX  NI_MAXHOST
#define COMMAND_MAX  2048
#define MESSAGE_SIZE 65536

void wire_init(struct wire *wire, int64_t timeout_s, const struct probe_watch *watch)
{
	bool shorter = timeout_s > 0 && timeout_s < WIRE_WHOLE_MS / 1000;

	*wire = (struct wire){
		.fd = -1,
		.in = BUFFER_INIT(WIRE_LINE_MAX + READ_BYTES),
		.shown = BUFFER_INIT(2 * WIRE_LINE_MAX),
		.watch = watch,
		.whole = deadline_in_ms(shorter ? timeout_s * 1000 : WIRE_WHOLE_MS),
	};
	wire_step(wire);
}

void wire_release(struct wire *wire)
{
	SSL_free(wire->ssl);
	SSL_CTX_free(wire->context);
	if (wire->fd >= 0)
		(void)close(wire->fd);
	buffer_release(&wire->in);
	buffer_release(&wire->shown);
	wire->fd = -1;
	wire->ssl = NULL;
	wire->context = NULL;
}

void wire_step(struct wire *wire)
{
	wire->step = deadline_in_ms(WIRE_STEP_MS);
	if (wire->whole.at_ms < wire->step.at_ms)
		wire->step = wire->whole;
	wire->step_s = (deadline_remaining_ms(wire->step) + 999) / 1000;
}

/* What is shown ------------------------------------------------------------------------------- */

void wire_append_shown(const struct wire *wire, struct buffer *out, struct span text)
{
	while (text.len > 0) {
		size_t skip = 0;

		for (int i = 0; i < WIRE_HIDDEN && skip == 0; i++) {
			const struct span *hidden = &wire->hidden[i];

			if (hidden->len > 0 && text.len >= hidden->len &&
			    memcmp(text.ptr, hidden->ptr, hidden->len) == 0)
				skip = hidden->len;
		}
		if (skip > 0)
			(void)buffer_printf(out, "[secret, %zu bytes]", skip);
		else
			(void)buffer_append_byte(out, *text.ptr);
		skip = skip > 0 ? skip : 1;
		text = (struct span){text.ptr + skip, text.len - skip};
	}
}

static void watch_line(const struct wire *wire, bool from_client, struct span line)
{
	if (wire->watch->line != NULL)
		wire->watch->line(wire->watch->arg, wire->stage, from_client, line);
}

/* Addresses ----------------------------------------------------------------------------------- */

static void append_address(struct buffer *out, const struct addrinfo *at)
{
	char host[NUMERIC_MAX] = "?";

	(void)getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	(void)buffer_append_str(out, host);
}

enum outcome wire_resolve(struct wire *wire, const char *host, uint16_t port,
			  struct addrinfo **found_out, struct buffer *text, struct err *err)
{
	enum outcome what = resolve(host, port, wire->step, found_out, err);

	if (what != OUTCOME_OK)
		return what;
	for (const struct addrinfo *at = *found_out; at != NULL; at = at->ai_next) {
		if (at != *found_out)
			(void)buffer_append_str(text, ", ");
		append_address(text, at);
	}
	return OUTCOME_OK;
}

/* Waits until fd is ready; an errno, or 0. */
static int wait_for(int fd, short events, struct deadline deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&poll_fd, 1, deadline_remaining_ms(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	return n == 0 ? ETIMEDOUT : 0;
}

static int connect_fd(int fd, const struct addrinfo *at, struct deadline deadline)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	error = wait_for(fd, POLLOUT, deadline);
	if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	return error;
}

enum outcome wire_connect(struct wire *wire, const struct addrinfo *at, struct buffer *text,
			  struct err *err)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? errno : connect_fd(fd, at, wire->step);

	append_address(text, at);
	if (error == 0) {
		wire->fd = fd;
		return OUTCOME_OK;
	}
	if (fd >= 0)
		(void)close(fd);
	return err_set(err, OUTCOME_RETRY, "%s: %s", buffer_cstr(text), strerror(error));
}

void wire_literal(const struct wire *wire, struct buffer *out)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	char host[NUMERIC_MAX];

	if (getsockname(wire->fd, (struct sockaddr *)&local, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&local, len, host, sizeof(host), NULL, 0,
			NI_NUMERICHOST) != 0) {
		(void)buffer_append_str(out, "[127.0.0.1]");
		return;
	}
	/* No scope: "fe80::1%eth0" means nothing to the other side. */
	host[strcspn(host, "%")] = '\0';
	(void)buffer_printf(out, local.ss_family == AF_INET6 ? "[IPv6:%s]" : "[%s]", host);
}

/* Bytes --------------------------------------------------------------------------------------- */

static enum outcome too_late(const struct wire *wire, struct err *err)
{
	return err_set(err, OUTCOME_RETRY, "no answer within %d s", wire->step_s);
}

/* After SSL_*() returned rc: waits for what it wants. 0: again; else it is over, and err says why.
 */
static enum outcome ssl_wait(struct wire *wire, int rc, struct err *err)
{
	int number = errno;
	int why = SSL_get_error(wire->ssl, rc);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		number = wait_for(wire->fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
				  wire->step);
	else
		return probe_tls_failure(wire->ssl, why, number, err);
	if (number == ETIMEDOUT)
		return too_late(wire, err);
	return number == 0 ? OUTCOME_OK : err_set(err, OUTCOME_RETRY, "%s", strerror(number));
}

static enum outcome plain_wait(struct wire *wire, short events, struct err *err)
{
	int number = errno == EAGAIN ? wait_for(wire->fd, events, wire->step) : errno;

	if (number == ETIMEDOUT)
		return too_late(wire, err);
	return number == 0 || number == EINTR ? OUTCOME_OK
					      : err_set(err, OUTCOME_RETRY, "%s", strerror(number));
}

static enum outcome read_more(struct wire *wire, struct err *err)
{
	char chunk[READ_BYTES];
	enum outcome what = OUTCOME_OK;
	ssize_t n = 0;

	while (what == OUTCOME_OK) {
		if (deadline_passed(wire->step))
			return too_late(wire, err);
		n = wire->ssl != NULL ? SSL_read(wire->ssl, chunk, sizeof(chunk))
				      : recv(wire->fd, chunk, sizeof(chunk), 0);
		if (n > 0) {
			(void)buffer_append(&wire->in, chunk, (size_t)n);
			return OUTCOME_OK;
		}
		if (wire->ssl != NULL)
			what = ssl_wait(wire, (int)n, err);
		else if (n == 0)
			what = err_set(err, OUTCOME_RETRY, "the server closed the connection");
		else
			what = plain_wait(wire, POLLIN, err);
	}
	return what;
}

enum outcome wire_line(struct wire *wire, struct span *line_out, struct err *err)
{
	const char *end;
	size_t len;

	buffer_consume(&wire->in, wire->taken);
	wire->taken = 0;
	while ((end = wire->in.len > 0 ? memchr(wire->in.data, '\n', wire->in.len) : NULL) ==
	       NULL) {
		enum outcome what = OUTCOME_OK;

		if (wire->in.len > WIRE_LINE_MAX)
			return err_set(err, OUTCOME_PROTOCOL,
				       "the server sent a line longer than %d bytes",
				       WIRE_LINE_MAX);
		what = read_more(wire, err);
		if (what != OUTCOME_OK)
			return what;
	}
	len = (size_t)(end - wire->in.data);
	wire->taken = len + 1;
	if (len > 0 && wire->in.data[len - 1] == '\r')
		len--;
	buffer_clear(&wire->shown);
	wire_append_shown(wire, &wire->shown, (struct span){wire->in.data, len});
	*line_out = buffer_span(&wire->shown);
	watch_line(wire, false, *line_out);
	return OUTCOME_OK;
}

static enum outcome write_all(struct wire *wire, struct span bytes, struct err *err)
{
	enum outcome what = OUTCOME_OK;

	while (what == OUTCOME_OK && bytes.len > 0) {
		ssize_t n = wire->ssl != NULL ? SSL_write(wire->ssl, bytes.ptr, (int)bytes.len)
					      : send(wire->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (n > 0)
			bytes = (struct span){bytes.ptr + n, bytes.len - (size_t)n};
		else if (wire->ssl != NULL)
			what = ssl_wait(wire, (int)n, err);
		else
			what = plain_wait(wire, POLLOUT, err);
	}
	return what;
}

enum outcome wire_say(struct wire *wire, struct err *err, const char *fmt, ...)
{
	char line[COMMAND_MAX];
	struct buffer bytes = BUFFER_INIT(COMMAND_MAX + 2);
	enum outcome what;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(line))
		return err_set(err, OUTCOME_CONFIG, "a command would be too long");
	watch_line(wire, true, (struct span){line, (size_t)len});
	(void)buffer_append(&bytes, line, (size_t)len);
	(void)buffer_append_str(&bytes, "\r\n");
	what = write_all(wire, buffer_span(&bytes), err);
	buffer_release(&bytes);
	return what;
}

enum outcome wire_say_secret(struct wire *wire, const char *before, struct span secret,
			     struct err *err)
{
	struct buffer bytes = BUFFER_INIT_SECRET(MESSAGE_SIZE);
	char note[COMMAND_MAX];
	enum outcome what;

	(void)snprintf(note, sizeof(note), "%s[%zu bytes]", before, secret.len);
	watch_line(wire, true,
		   secret.len > 0 ? span_from_str(note) : span_from_str("(an empty line)"));
	(void)buffer_append_str(&bytes, before);
	(void)buffer_append_span(&bytes, secret);
	(void)buffer_append_str(&bytes, "\r\n");
	what = buffer_ok(&bytes) ? write_all(wire, buffer_span(&bytes), err)
				 : err_set(err, OUTCOME_CONFIG, "the token is too long");
	buffer_release(&bytes);
	return what;
}

/* TLS ----------------------------------------------------------------------------------------- */

enum outcome wire_tls(struct wire *wire, const char *host, struct buffer *text, struct err *err)
{
	enum outcome what;
	int rc;

	buffer_consume(&wire->in, wire->taken);
	wire->taken = 0;
	if (wire->in.len > 0)
		return err_set(err, OUTCOME_PROTOCOL,
			       "the server said more before TLS began than it was asked: that "
			       "could have been put in by somebody between");
	what = probe_tls_new(host, wire->fd, &wire->context, &wire->ssl, err);
	while (what == OUTCOME_OK && (rc = SSL_connect(wire->ssl)) != 1)
		what = ssl_wait(wire, rc, err);
	if (what == OUTCOME_OK)
		probe_tls_describe(wire->ssl, text);
	return what;
}
