/* SPDX-License-Identifier: MIT */
/*
 * notice-mail.h - the message that says that an account needs a person.
 *
 * The same facts as on the command line of notify_command and in `mailoauth status`, so that there
 * is nothing in it that must not be read on its way. ASCII, short lines but for the advice.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_NOTICE_MAIL_H
#define TOKEN_HELPER_ACCOUNTS_NOTICE_MAIL_H

#include <stdint.h>

#include "common/buffer.h"

/* eol: what ends a line. what: as notices.h has it. */
void notice_mail(const char *to, const char *account, const char *what, const char *advice,
		 int64_t now_s, const char *eol, struct buffer *message);

#endif
