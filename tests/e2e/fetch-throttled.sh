#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch-throttled.sh - the daemon against servers that limit, fail and fall silent, as Exchange and Gmail do: one line in the log
# that says it all, and no attempt before its time.
# shellcheck disable=SC2016 # $tag is the scripted server's
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start

AUTH='tls
S: * OK [CAPABILITY IMAP4rev1 SASL-IR IDLE AUTH=XOAUTH2] ready
C: ^[^ ]+ AUTHENTICATE XOAUTH2 '
LOGIN="$AUTH
S: \$tag OK [CAPABILITY IMAP4rev1 IDLE] in"
EXAMINE='C: EXAMINE INBOX$
S: * 0 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 1] ok
S: $tag OK [READ-ONLY] done'
LIST='C: UID FETCH 1:[*] .UID RFC822.SIZE.$
S: $tag OK none'
IDLE="$LOGIN
$EXAMINE
$LIST
$EXAMINE
C: IDLE\$
S: + idling"

GOOD="$LOGIN
C: EXAMINE INBOX\$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 3] ok
S: \$tag OK [READ-ONLY] done
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
C: LOGOUT\$
S: * BYE
S: \$tag OK
close"

# The server of the script on stdin.
server_start() {
	cat >"$BED/script"
	: >"$BED/client.log"
	rm -f "$BED/port"
	"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/script" "$BED/tls" "$BED/client.log" >"$BED/port" 2>"$BED/scripted.log" &
	server=$!
	bed_note $server
	bed_wait_for 10 [ -s "$BED/port" ] || bed_die "the scripted server does not start: $(cat "$BED/scripted.log")"
}

server_stop() {
	bed_signal TERM "$server"
	wait $server 2>/dev/null
}

# The daemon against the script on stdin, until its log has the line; then it ends. No more than that many connections were made. What the
# server has is there in the end, when it gives it.
against() { # NAME CONNECTIONS REGEX [LINE...]
	name=$1 connections=$2 wanted=$3
	shift 3
	server_start
	bed_fetch_forget
	bed_fetch_conf "port = $(cat "$BED/port")" "timeout = 2" "watch = idle" "interval = 0" "$@"
	bed_watch_start -v
	if bed_wait_for 30 grep -Eq "fetch=inbox account=relay $wanted" "$BED/watch.log"; then
		pass "$name: the line says so"
	else
		fail "$name: the line says so" "$(grep 'account=relay' "$BED/watch.log"; cat "$BED/client.log")"
	fi
	bed_watch_stop
	server_stop
	is "$(grep -c AUTHENTICATE "$BED/client.log")" "$connections" "$name: connections"
	unlike "$(cat "$BED/client.log")" UNEXPECTED "$name: as in the script"
	server_start <<-EOF
		$GOOD
	EOF
	bed_fetch_conf "port = $(cat "$BED/port")" "timeout = 2"
	bed_fetch --once
	server_stop
	is "$(bed_fetched | xargs -r grep -h '^Subject: ' | tr -d '\r' | sort | xargs)" "Subject: one Subject: two" "$name: then each message is there once"
}

against "Exchange throttles" 1 \
	'retry: folder=INBOX: .*Request is throttled. Suggested Backoff Time: 299961 milliseconds; the server limits .*next attempt in 3[0-9][0-9] s' <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: \$tag NO Request is throttled. Suggested Backoff Time: 299961 milliseconds
C: UID FETCH
S: \$tag BAD Command received in Invalid state.
EOF

against "Exchange does not connect" 1 \
	'retry: folder=INBOX: .*User is authenticated but not connected.; the login is good, .*next attempt in 3[0-9] s' <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: \$tag BAD User is authenticated but not connected.
C: UID FETCH
S: \$tag BAD User is authenticated but not connected.
EOF

against "too many connections" 1 \
	'retry: .*Too many simultaneous connections. .Failure.; .*next attempt in [0-9]+ s' <<EOF
$AUTH
S: \$tag NO [ALERT] Too many simultaneous connections. (Failure)
EOF

against "a quota is used up" 1 \
	'retry: folder=INBOX: .*.OVERQUOTA. Account exceeded command or bandwidth limits. .*; what may be fetched .*next attempt in [34][0-9][0-9][0-9] s' <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: \$tag NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)
EOF

against "something behind the server is down" 1 \
	'retry: .*.UNAVAILABLE. Temporary authentication failure; something behind .*next attempt in [5-9] s' <<EOF
$AUTH
S: \$tag NO [UNAVAILABLE] Temporary authentication failure
EOF

against "something behind the server is down, and the words are of a refusal" 1 \
	'retry: .*.UNAVAILABLE. AUTHENTICATE failed.*; something behind .*next attempt in [5-9] s' <<EOF
$AUTH
S: \$tag NO [UNAVAILABLE] AUTHENTICATE failed.
EOF

# The first time it is made again at once; what breaks again and again is a failure.
against "BYE in IDLE" 2 \
	'retry: folder=INBOX: .*Session expired, please login again.*next attempt in [5-9] s' <<EOF
$IDLE
S: * BYE Session expired, please login again.
close
EOF

# The connection stands, and nothing comes of it: as behind a router that has forgotten it.
against "silence in IDLE" 1 \
	'retry: folder=INBOX: the server has been silent for 2 s; .*next attempt in [12] s' "idle_for = 1" <<EOF
$IDLE
C: ^DONE\$
stall
EOF
done_testing
