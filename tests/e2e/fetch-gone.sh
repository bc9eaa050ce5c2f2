#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-gone.sh - what others have removed from the server does not stay in the state for ever, and what the server has stays known.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"
bed_relay_start
user=relay@example.test
bed_fetch_conf

state() { # SQL
	sqlite3 "$BED/fetch.db" "$1"
}

known() {
	state "SELECT (SELECT count(*) FROM identity), (SELECT count(*) FROM gone)"
}

expunge() { # UIDS
	bed_doveadm expunge -u $user mailbox INBOX uid "$1"
}

run() { # NAME KNOWN SEARCHES
	bed_fetch --once -v
	is "$?" 1 "$1: nothing is new"
	is "$(known)" "$2" "$1: identities, and of these gone"
	is "$(grep -c 'C: .* UID SEARCH ' "$BED/fetch.out")" "$3" "$1: times that the server is asked"
}

bed_put_many $user 300
bed_fetch --once
is "$? $(known)" "0 300|0" "300 messages: all are known"
expunge 1:250
run "250 are gone: these do not matter" "300|0" 0
expunge 251:290
run "290 are gone" "300|290" 1
run "and nothing else" "300|290" 0

state "UPDATE gone SET since = since - 89 * 86400"
run "after 89 days" "300|290" 0
state "UPDATE gone SET since = since - 86400 - 1"
expunge 300
run "after 90 days" "10|1" 1
run "that was all" "10|1" 0
state "UPDATE gone SET since = 0"
run "the last of them" "9|0" 1

# The nine are fetched once, whatever their numbers are.
bed_logged_out $user
sleep 1 # UIDVALIDITY is a time in seconds
rm "$BED/mail/$user/Maildir"/dovecot*
bed_fetch --once
like "$(cat "$BED/fetch.out")" '9 messages are known under other numbers' "other numbers: what is still there is known"
is "$(bed_fetched_count)" 300 "other numbers: nothing is delivered again"
done_testing
