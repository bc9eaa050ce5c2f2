/* SPDX-License-Identifier: MIT */
/* diagnose.c - see diagnose.h. */
#include "token-helper/oauth/diagnose.h"

#include "common/buffer.h"
#include "common/diagnosis.h"

#include "common/banned.h"

bool oauth_diagnose(enum grant_kind kind, struct err *err)
{
	struct buffer said = BUFFER_INIT(2 * ERR_TEXT_MAX);
	const struct diagnosis *row;

	(void)buffer_printf(&said, "%s: %s", grant_kind_name(kind), err->text);
	row = diagnosis_find(DIAGNOSIS_OAUTH, buffer_span(&said));
	buffer_release(&said);
	if (row == NULL)
		return false;
	(void)err_set(err, row->outcome, "%s: %s%s%s", err->text, row->meaning,
		      row->remedy != NULL ? ": " : "", row->remedy != NULL ? row->remedy : "");
	return true;
}
