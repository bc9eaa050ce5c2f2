/* SPDX-License-Identifier: MIT */
/*
 * cli-test-target.h - which server is asked: what the account is, from the daemon, and what was
 * said on the command line instead. For `test`, and for `authorize`, which may have to try a login.
 */
#ifndef TOKEN_HELPER_CLI_TEST_TARGET_H
#define TOKEN_HELPER_CLI_TEST_TARGET_H

#include "common/buffer.h"
#include "token-helper/cli-call.h"
#include "token-helper/probe/probe.h"

struct json_object;

/* CLI_OK: *account_out, of *status_out (to be json_release()d), has a list `services`. */
enum cli_exit target_account(const struct cli *cli, struct json_object **status_out,
			     struct json_object **account_out, struct err *err);

/* --host: "host", "host:port", "[::1]:port". False: it is none. */
bool target_read_host(const char *text, struct buffer *host, uint64_t *port_out);

/* One of services: its name, user and first host, and --host (read: host, port), --tls and
 * --mechanism. Members may be NULL. */
struct probe_target target_of_service(const struct cli *cli, struct json_object *service,
				      const struct buffer *host, uint64_t port);

#endif
