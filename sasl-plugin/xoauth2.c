/* SPDX-License-Identifier: MIT */
/*
 * xoauth2.c - the mechanism XOAUTH2 as Google describes and Microsoft copies it.
 *
 * "user=" USER 0x01 "auth=Bearer " TOKEN 0x01 0x01, nothing escaped. An error challenge is
 * answered with nothing at all.
 */
#include "sasl-plugin/mechanism.h"

#include "common/banned.h"

static bool xoauth2_append_message(struct buffer *out, const struct login *login)
{
	(void)buffer_append_str(out, "user=");
	(void)buffer_append_span(out, login->user);
	(void)buffer_append_str(out, "\001auth=Bearer ");
	(void)buffer_append_span(out, login->token);
	(void)buffer_append_str(out, "\001\001");
	return buffer_ok(out);
}

const struct mechanism mechanism_xoauth2 = {
	.name = "XOAUTH2",
	.append_message = xoauth2_append_message,
	.answer_to_error = {"", 0},
};
