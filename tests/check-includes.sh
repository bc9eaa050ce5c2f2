#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Includes point one way only, as DESIGN says: each line below is a part of the tree and what it may include. The plugin stands on the
# guest half of common/ alone, and the guest half on itself.
cd "$(dirname "$0")/.." || exit 1
status=0
guest='common/(banned|buffer|daemon-command|deadline|helper-client|helper-protocol|outcome|scanner)\.h'

# allow PART REGEX: every #include "..." in PART's files matches REGEX.
allow() {
	part=$1
	shift
	# shellcheck disable=SC2086 # PART is a pattern
	bad=$(grep -nE '^#include "' $part 2>/dev/null | grep -vE "#include \"($1)\"")
	[ -z "$bad" ] || {
		printf '%s\n' "may not include (allowed: $1):" "$bad"
		status=1
	}
}

for module in banned buffer daemon-command deadline helper-client helper-protocol outcome scanner; do
	allow "common/$module.[ch]" "$guest"
done
allow 'common/*.[ch]' 'common/[a-z0-9-]+\.h'
allow 'sasl-plugin/*.[ch]' "$guest|sasl-plugin/[a-z0-9-]+\.h"
allow 'token-helper/json/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/json/[a-z0-9-]+\.h'
allow 'token-helper/http/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/http/[a-z0-9-]+\.h'
allow 'token-helper/command/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/command/[a-z0-9-]+\.h'
allow 'token-helper/store/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(json|store)/[a-z0-9-]+\.h'
allow 'token-helper/oauth/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(json|http|command|oauth)/[a-z0-9-]+\.h'
allow 'token-helper/accounts/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(command|http|oauth|store|accounts)/[a-z0-9-]+\.h'
allow 'token-helper/probe/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/probe/[a-z0-9-]+\.h'
allow 'token-helper/import/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(json|import)/[a-z0-9-]+\.h'
allow 'token-helper/bundle/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(bundle|postfix)/[a-z0-9-]+\.h|token-helper/cli-(call|status)\.h'
allow 'token-helper/server/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(accounts|server)/[a-z0-9-]+\.h'
allow 'token-helper/postfix/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/postfix/[a-z0-9-]+\.h'
allow 'token-helper/explain/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(explain|json)/[a-z0-9-]+\.h'
allow 'token-helper/doctor/*.[ch]' 'common/[a-z0-9-]+\.h|token-helper/(accounts|doctor|json|postfix)/[a-z0-9-]+\.h|token-helper/cli-(call|status|text|verbs)\.h'
allow 'fetch-agent/net/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/net/[a-z0-9-]+\.h'
allow 'fetch-agent/imap/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/(net|imap)/[a-z0-9-]+\.h'
allow 'fetch-agent/auth/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/(net|auth)/[a-z0-9-]+\.h'
allow 'fetch-agent/delivery/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/(net|delivery)/[a-z0-9-]+\.h'
allow 'fetch-agent/state/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/(net|state)/[a-z0-9-]+\.h'
allow 'fetch-agent/import/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/(import|state)/[a-z0-9-]+\.h|fetch-agent/imap/imap-utf7\.h'
allow 'fetch-agent/*.[ch]' 'common/[a-z0-9-]+\.h|fetch-agent/([a-z]+/)?[a-z0-9-]+\.h'
exit $status
