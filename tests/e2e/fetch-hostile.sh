#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-hostile.sh - mailoauth-fetch against servers that real ones are not on demand: scripts that inject, stall, break off, refuse, and
# speak as Exchange does.
# shellcheck disable=SC2016 # $tag is the scripted server's
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start
export BED_FETCH_TIMEOUT=20 # a hang is a failure

AUTH='C: ^[^ ]+ AUTHENTICATE XOAUTH2 '
LOGIN="tls
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 UIDPLUS] ready
$AUTH
S: \$tag OK [CAPABILITY IMAP4rev1 UIDPLUS] in"
SELECT='C: EXAMINE INBOX$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 3] ok
S: $tag OK [READ-ONLY] done'
LIST='C: UID FETCH [0-9]+:[*] .UID RFC822.SIZE.$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: $tag OK done'
FETCH='C: UID FETCH (1:)?2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: $tag OK done'
LOGOUT='C: LOGOUT$
S: * BYE
S: $tag OK
close'

# Starts the server of the script on stdin; $port, $BED/client.log.
server_start() { # [CUT]
	cat >"$BED/script"
	: >"$BED/client.log"
	rm -f "$BED/port"
	"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/script" "$BED/tls" "$BED/client.log" "$@" >"$BED/port" 2>"$BED/scripted.log" &
	server=$!
	bed_note $server
	bed_wait_for 10 [ -s "$BED/port" ] || bed_die "the scripted server does not start: $(cat "$BED/scripted.log")"
	port=$(cat "$BED/port")
}

server_stop() {
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}

# Runs against the script on stdin. Further lines of the configuration are arguments.
against() { # STATUS NAME LINE...
	wanted=$1 name=$2
	shift 2
	server_start
	bed_fetch_forget
	bed_fetch_conf "port = $port" "timeout = 2" "$@"
	bed_fetch --once
	status=$?
	server_stop
	if [ $status -eq "$wanted" ] && ! grep -q UNEXPECTED "$BED/client.log"; then
		pass "$name: exit status $wanted"
	else
		fail "$name: exit status $wanted" "got $status: $(cat "$BED/fetch.out" "$BED/client.log" "$BED/scripted.log")"
	fi
}

said() { # REGEX NAME: the log's line
	like "$(cat "$BED/fetch.out")" "$1" "$2"
}

kept_secret() {
	unlike "$(cat "$BED/client.log")" 'AUTHENTICATE|dXNlcj' "$name: no token was sent"
}

# Before login ----------------------------------------------------------------------------------------

against 4 "greets as logged in" <<EOF
tls
S: * PREAUTH [CAPABILITY IMAP4rev1] welcome
EOF
is "$(cat "$BED/client.log")" "" "$name: nothing was said"

against 4 "no STARTTLS" "tls = starttls" <<EOF
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
EOF
is "$(cat "$BED/client.log")" "" "$name: nothing was said"

against 4 "greets as logged in, before STARTTLS" "tls = starttls" <<EOF
S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome
EOF
kept_secret

against 4 "data behind the answer to STARTTLS" "tls = starttls" <<EOF
S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready
C: STARTTLS\$
S: \$tag OK go\r\n* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR
tls
EOF
kept_secret
said 'protocol: .*STARTTLS that is not encrypted' "$name: the line says so"

against 0 "STARTTLS" "tls = starttls" <<EOF
S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready
C: STARTTLS\$
S: \$tag OK go
tls
C: CAPABILITY\$
S: * CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2
S: \$tag OK
$AUTH
S: \$tag OK [CAPABILITY IMAP4rev1 UIDPLUS] in
$SELECT
$LIST
$FETCH
$LOGOUT
EOF
is "$(bed_fetched_count)" 2 "$name: both messages are there"

against 4 "offers passwords only" <<EOF
tls
S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready
EOF
kept_secret

against 2 "says BYE" <<EOF
tls
S: * BYE [UNAVAILABLE] come back tomorrow
close
EOF
said 'retry: .*BYE .*come back tomorrow' "$name: in its words"

against 2 "says nothing" <<EOF
tls
stall
EOF
said 'retry: .*silent for 2 s' "$name: the line says so"

against 4 "speaks another protocol" <<EOF
tls
S: 220 ESMTP ready
stall
EOF

# Login -----------------------------------------------------------------------------------------------

bed_provider_ctl reset
against 2 "cannot look now" <<EOF
tls
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
$AUTH
S: \$tag NO [UNAVAILABLE] directory down
EOF
is "$(bed_token_requests refresh_token)" 0 "$name: the token is not blamed"
against 78 "may not open that mailbox" <<EOF
tls
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
$AUTH
S: \$tag NO [AUTHORIZATIONFAILED] not yours
EOF
against 3 "refuses without a challenge, as Exchange does" <<EOF
tls
S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready
C: AUTHENTICATE XOAUTH2\$
S: +\x20
C: ^dXNlcj
S: \$tag NO AUTHENTICATE failed.
EOF
said 'consent: .*AUTHENTICATE failed.*run: mailoauth status relay' "$name: its words, and what to do"
is "$(grep -c AUTHENTICATE "$BED/client.log")" 2 "$name: tried twice, on two connections"
is "$(grep -cv -e AUTHENTICATE -e '^dXNlcj' "$BED/client.log")" 0 "$name: and nothing is said after the refusal"

# The session -----------------------------------------------------------------------------------------

against 0 "speaks as Exchange" "after = move:Done" <<EOF
tls
S: * OK The Microsoft Exchange IMAP4 service is ready.
C: CAPABILITY\$
S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2
S: \$tag OK CAPABILITY completed.
C: AUTHENTICATE XOAUTH2\$
S: +\x20
C: ^dXNlcj
S: \$tag OK AUTHENTICATE completed.
C: CAPABILITY\$
S: * CAPABILITY IMAP4 IMAP4rev1 UIDPLUS MOVE IDLE
S: \$tag OK CAPABILITY completed.
C: SELECT INBOX\$
S: * 3 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 13] ok
S: \$tag OK [READ-WRITE] SELECT completed.
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: * 2 FETCH (RFC822.SIZE 4000000 UID 11)
S: * 4 EXISTS
S: * 1 FETCH (FLAGS (\Seen) UID 10)
S: * 1 FETCH (RFC822.SIZE 1 UID 10)
S: * 2 FETCH (RFC822.SIZE 4000000 UID 11)
S: * 3 FETCH (UID 12 RFC822.SIZE 5)
S: \$tag OK FETCH completed.
C: UID FETCH 10:11 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (BODY[] {16}\r\nSubject: b\r\n\r\nb\r UID 11)
S: * 9 FETCH (UID 99 BODY[] {5}\r\nalien)
S: * 1 FETCH (UID 10 FLAGS (\Seen) BODY[] {16}\r\nSubject: a\r\n\r\na\r)
S: * 3 EXPUNGE
S: \$tag OK FETCH completed.
C: UID FETCH 12 .UID INTERNALDATE BODY.PEEK
S: \$tag OK FETCH completed.
C: UID MOVE 10:11 "?Done"?\$
S: * OK [COPYUID 9 10:11 1:2] moved
S: * 1 EXPUNGE
S: * 1 EXPUNGE
S: \$tag OK MOVE completed.
$LOGOUT
EOF
is "$(bed_fetched | xargs grep -h '^Subject: [ab]$' | wc -l)" 2 "$name: what was asked for is there"
is "$(bed_fetched_count)" 2 "$name: and nothing else"

against 10 "has no text for a message" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] NIL)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(bed_fetched_count)" 1 "$name: the other one is delivered"
said 'retry: folder=INBOX: the server has no text for message UID 1' "$name: the line names it"

against 10 "throttles" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag NO [LIMIT] Suggested Backoff Time: 299961 milliseconds
$LOGOUT
EOF
is "$(bed_fetched_count)" 1 "$name: what came is delivered"
said 'retry: .*\[LIMIT\] Suggested Backoff Time: 299961' "$name: its words"

against 4 "answers what was not asked" <<EOF
$LOGIN
S: m99 OK surprise
EOF
against 4 "sends a line without an end" <<EOF
$LOGIN
S: * $(printf '%0100000d' 0)
EOF

against 0 "does not close after LOGOUT" <<EOF
$LOGIN
$SELECT
$LIST
$FETCH
C: LOGOUT\$
S: \$tag OK
stall
EOF

# The connection ends after every so many bytes of the server's; the next run, undisturbed, has every message once.
whole="$LOGIN
$SELECT
$LIST
$FETCH
$LOGOUT"
server_start <<EOF
$whole
EOF
whole_port=$port whole_server=$server
cut=0 broken=
while [ $cut -lt 620 ]; do
	cut=$((cut + ${FETCH_CUT_STEP:-9}))
	cp "$BED/script" "$BED/whole.script"
	server_start $cut <"$BED/whole.script"
	bed_fetch_forget
	bed_fetch_conf "port = $port" "timeout = 2"
	bed_fetch --once
	first=$?
	server_stop
	bed_fetch_conf "port = $whole_port" "timeout = 2"
	sed -i 's/UNEXPECTED.*//' "$BED/client.log"
	bed_fetch --once
	[ "$(bed_fetched | xargs -r grep -h '^Subject' | sort | tr -d '\n')" = "Subject: oneSubject: two" ] ||
		broken="$broken $cut(status $first, $(bed_fetched_count) messages)"
done
is "$broken" "" "cut off after every so many bytes: each message once in the end"
kill "$whole_server"
done_testing
