#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-large.sh - 70,000 messages in a folder, and one of 300 MB to a Maildir and by LMTP, each within the memory that small mailboxes take.
#
# It writes 1 GB and takes minutes: it runs only with FETCH_LARGE=1.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
[ -n "${FETCH_LARGE-}" ] || skip_all "it takes minutes: set FETCH_LARGE=1"
bed_relay_start
user=relay@example.test
export BED_FETCH_TIMEOUT=600

# Less memory than would hold the messages, or the large one.
fetch() { # STATUS NAME
	BED_FETCH_UNDER=$(bed_memory_limit "${DATA_BYTES:-27000000}")
	bed_fetch --once
	is "$?" "$1" "$2: exit status $1" || diag "$(tail -n 5 "$BED/fetch.out")"
	# shellcheck disable=SC2034 # for bed_fetch
	BED_FETCH_UNDER=
	diag "$(tail -n 1 "$BED/fetch.out")"
}

{
	printf 'Subject: large\n\n'
	openssl rand -base64 222000000
} | bed_put $user
wanted=$(sed -n '/^Subject: /,$p' "$(bed_mailbox $user)" | sha256sum)
bed_fetch_conf
fetch 0 "300 MB to a Maildir"
is "$(sha256sum <"$(bed_fetched)")" "$wanted" "300 MB to a Maildir: it is there"
bed_fetch_forget
bed_fetch_conf "deliver = lmtp:unix:$BED/hub/queue/private/dovecot-lmtp" "recipient = to@example.test"
fetch 0 "300 MB by LMTP"
is "$(sed -n '/^Subject: /,$p' "$(bed_mailbox to@example.test)" | sha256sum)" "$wanted" "300 MB by LMTP: it is there"

bed_mailbox_empty $user
bed_fetch_forget
bed_put_many $user 70000
bed_fetch_conf
fetch 0 "70,000 messages"
is "$(bed_fetched | xargs grep -h '^Message-ID:' | sort -u | wc -l) $(bed_fetched_count)" "70000 70000" "70,000 messages: each is there once"
fetch 1 "70,000 messages, again"
done_testing
