#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-compress.sh - mailoauth-fetch over a connection that a real Dovecot compresses.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
# shellcheck disable=SC2016 # Dovecot's variable
BED_DOVECOT_EXTRA='protocol imap {
  mail_plugins = $mail_plugins imap_zlib
}'
bed_relay_start
user=relay@example.test

fetch() { # STATUS NAME [LINE...]
	fetch_wanted=$1 fetch_name=$2
	shift 2
	bed_fetch_conf "$@"
	bed_fetch --once -v -v
	is "$?" "$fetch_wanted" "$fetch_name: exit status $fetch_wanted"
}

sums() { # DIRECTORY: one line a message, in an order that does not depend on names
	find "$1/new" "$1/cur" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort
}

wire() { # 1: the bytes of the last connection as they were meant, 2: as they were on the wire
	sed -n "s/.*DEFLATE: \([0-9]*\) bytes were \([0-9]*\) on the wire.*/\\$1/p" "$BED/fetch.out"
}

printf 'Subject: short\n\ntext\n' | bed_put $user
{
	printf 'Subject: ten megabytes that are nearly nothing\n\n'
	yes 'the same line again and again, as in a log' | head -n 240000
} | bed_put $user
{
	printf 'Subject: three megabytes that stay what they are\n\n'
	openssl rand -base64 2250000
} | bed_put $user
bed_put_many $user 300

fetch 0 "compress = yes" "compress = yes"
is "$(sums "$BED/fetched")" "$(sums "$BED/mail/$user/Maildir")" "$fetch_name: delivered is what the server stores"
ok "$fetch_name: it was asked for" grep -q 'C: [^ ]* COMPRESS DEFLATE' "$BED/fetch.out"
ok "$fetch_name: the server agreed" grep -q 'S: [^ ]* OK Begin compression' "$BED/fetch.out"
ok "$fetch_name: the wire had less than half of the bytes" test "$(wire 2)" -lt $(($(wire 1) / 2))
ok "$fetch_name: and they were more than the messages'" test "$(wire 1)" -gt 13000000

fetch 1 "nothing new" "compress = yes"

# The server is told through the same connection.
bed_fetch_forget
fetch 0 "compress = yes and after = delete" "compress = yes" "after = delete"
is "$(sums "$BED/mail/$user/Maildir")" "" "$fetch_name: the server has no message any more"
is "$(bed_fetched_count)" 303 "$fetch_name: they are all here"

# On this machine it would only cost.
bed_fetch_forget
bed_put_many $user 300
yes 'a line' | head -n 100000 | bed_put $user
fetch 0 "auto, to a server on this machine"
unlike "$(cat "$BED/fetch.out")" 'COMPRESS DEFLATE$' "$fetch_name: it is not asked for"
is "$(sums "$BED/fetched")" "$(sums "$BED/mail/$user/Maildir")" "$fetch_name: delivered is what the server stores"

# TLS with the compressed bytes in it breaks behind so many of the server's, and the next run is undisturbed. CUT_STEP=1: behind each.
"$BED_NODE" "$BED_SRC/cutting-proxy.mjs" "$BED_IMAP_PORT" "$BED/cut" >"$BED/cut.port" 2>"$BED/cut.err" &
bed_note $!
bed_wait_for 10 [ -s "$BED/cut.port" ] || bed_die "the proxy does not start: $(cat "$BED/cut.err")"
bed_mailbox_empty $user
bed_put_many $user 20
wanted=$(sums "$BED/mail/$user/Maildir")
for manner in cut garbage; do
	broken='' failed=0 at=0
	while [ $at -lt 4500 ]; do
		at=$((at + ${CUT_STEP:-250}))
		bed_fetch_forget
		bed_fetch_conf "compress = yes" "port = $(cat "$BED/cut.port")" "timeout = 2"
		echo "$at $manner" >"$BED/cut"
		bed_fetch --once || failed=$((failed + 1))
		: >"$BED/cut"
		bed_fetch --once
		[ "$(sums "$BED/fetched")" = "$wanted" ] || broken="$broken $at"
	done
	is "$broken" "" "$manner behind so many bytes: each message once in the end"
	ok "$manner behind so many bytes: $failed runs failed" [ $failed -ge 5 ]
done

# A watched connection stays compressed.
bed_fetch_forget
bed_fetch_conf "compress = yes" "watch = idle" "deliver = maildir:$BED/fetched"
bed_watch_start -v -v
bed_wait_for 20 grep -q 'C: [^ ]* IDLE' "$BED/watch.log"
count=$(bed_fetched_count)
printf 'Subject: while it is watched\n\ntext\n' | bed_put $user
ok "watched: new mail comes" bed_wait_for 20 grep -rq 'while it is watched' "$BED/fetched/new"
is "$(bed_fetched_count)" $((count + 1)) "watched: once"
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "watched: it ends"
done_testing
