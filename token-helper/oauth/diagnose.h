/* SPDX-License-Identifier: MIT */
/*
 * diagnose.h - what an authorization server's refusal usually means, put behind its words. For
 * people only: nothing is decided by it.
 */
#ifndef TOKEN_HELPER_OAUTH_DIAGNOSE_H
#define TOKEN_HELPER_OAUTH_DIAGNOSE_H

#include "common/outcome.h"
#include "token-helper/oauth/grant-kind.h"

/*
 * err has the server's words: ": MEANING" or ": MEANING: REMEDY" is appended, of the row of
 * common/diagnosis.h that fits them and the kind of grant. Nothing, and false, when there is none.
 */
bool oauth_diagnose(enum grant_kind kind, struct err *err);

#endif
