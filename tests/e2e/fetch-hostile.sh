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
# The list is asked for behind SELECT, before it is known whether there is something.
NONE='C: UID FETCH [0-9]+:[*] .UID RFC822.SIZE.$
S: $tag OK none'
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
	bed_signal TERM "$server"
	wait "$server" 2>/dev/null
}

# Runs against the script on stdin. Further lines of the configuration are arguments.
against() { # STATUS NAME LINE...
	bed_fetch_forget
	then_against "$@"
}

# The same, with what is known from before.
then_against() { # STATUS NAME LINE...
	wanted=$1 name=$2
	shift 2
	server_start
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

subjects() { # of what is in the Maildir, in alphabetical order
	bed_fetched | xargs -r grep -h '^Subject: ' | cut -d ' ' -f 2 | tr -d '\r' | sort | xargs
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

then_against 4 "no STARTTLS" "tls = starttls" <<EOF
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
EOF
is "$(cat "$BED/client.log")" "" "$name: nothing was said"

then_against 4 "greets as logged in, before STARTTLS" "tls = starttls" <<EOF
S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome
EOF
kept_secret

then_against 4 "data behind the answer to STARTTLS" "tls = starttls" <<EOF
S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready
C: STARTTLS\$
S: \$tag OK go\r\n* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR
tls
EOF
kept_secret
said 'protocol: .*STARTTLS that is not encrypted' "$name: the line says so"

then_against 0 "STARTTLS" "tls = starttls" <<EOF
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
is "$(subjects)" "one two" "$name: both messages are there"

against 4 "offers passwords only" <<EOF
tls
S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready
EOF
kept_secret

then_against 2 "says BYE" <<EOF
tls
S: * BYE [UNAVAILABLE] come back tomorrow
close
EOF
said 'retry: .*BYE .*come back tomorrow' "$name: in its words"

then_against 2 "says nothing" <<EOF
tls
stall
EOF
said 'retry: .*silent for 2 s' "$name: the line says so"

then_against 4 "speaks another protocol" <<EOF
tls
S: 220 ESMTP ready
stall
EOF

then_against 2 "refuses TLS" <<EOF
S: \x15\x03\x03\x00\x02\x02\x28
close
EOF
said 'retry: .*TLS: .*handshake failure' "$name: the line says so"

# Its name: what mailoauth-fetch finds as /etc/resolv.conf has a name server that answers every question with a code, or not at all.
named_by() { # WORDS CODE
	echo "$2" >"$BED/name.code"
	then_against 2 "$1" "host = mail.test" </dev/null
	ok "$name: it was asked" grep -iq '^mail.test' "$BED/name.log"
	is "$(cat "$BED/client.log")" "" "$name: nothing was said to the mail server"
	: >"$BED/name.log"
}

if unshare --mount true 2>/dev/null; then
	: >"$BED/name.log"
	"$BED_NODE" "$BED_SRC/name-server.mjs" "$BED/name.code" "$BED/name.log" >"$BED/name.port" 2>"$BED/name.err" &
	name_server=$!
	bed_note $name_server
	bed_wait_for 10 [ -s "$BED/name.port" ] || bed_die "the name server does not start: $(cat "$BED/name.err")"
	echo "nameserver 127.0.0.1:$(cat "$BED/name.port")" >"$BED/resolv.conf"
	cat >"$BED/under-names" <<-EOT
		#!/bin/sh
		mount --bind "$BED/resolv.conf" /etc/resolv.conf && exec "\$@"
	EOT
	chmod 755 "$BED/under-names"
	sed -i 's/^imap_host = 127.0.0.1$/& mail.test/' "$BED_CONF"
	bed_daemon_reload
	BED_FETCH_UNDER="unshare --mount $BED/under-names"
	named_by "has a name server that is silent" silent
	named_by "has a name server that fails" 2
	named_by "has a name that is not known" 3
	BED_FETCH_UNDER=
	bed_signal TERM "$name_server"
else
	skip "has a name server that is silent" "no mount namespace to be had"
fi

then_against 0 "is a server again" <<EOF
$LOGIN
$SELECT
$LIST
$FETCH
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: each message is there once"

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

then_against 10 "has still no text for it" <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 4] ok
S: \$tag OK [READ-ONLY] done
C: UID FETCH 3:[*] .UID RFC822.SIZE.\$
S: * 3 FETCH (UID 3 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 3 .UID INTERNALDATE BODY.PEEK
S: * 3 FETCH (UID 3 BODY[] NIL)
S: \$tag OK done
$LOGOUT
EOF
is "$(bed_fetched_count)" 1 "$name: and what is decided does not wait for it"
bed_fetch retry inbox
then_against 0 "has the text at last" <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 4] ok
S: \$tag OK [READ-ONLY] done
C: UID FETCH 4:[*] .UID RFC822.SIZE.\$
S: \$tag OK none
C: UID FETCH 1,3 .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 3 FETCH (UID 3 RFC822.SIZE 22)
S: \$tag OK done
C: UID FETCH 1,3 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 3 FETCH (UID 3 BODY[] {20}\r\nSubject: three\r\n\r\n3\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one three two" "$name: each is there once"

then_against 1 "refuses a set of no messages" <<EOF
$LOGIN
$SELECT
C: UID FETCH 4:[*] .UID RFC822.SIZE.\$
S: \$tag BAD The specified message set is invalid.
$LOGOUT
EOF
against 0 "refuses to list behind SELECT" <<EOF
$LOGIN
$SELECT
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: \$tag NO not so fast
$LIST
$FETCH
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: and lists when it is asked again"
against 0 "lists before it has opened the folder" <<EOF
$LOGIN
C: EXAMINE INBOX\$
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: \$tag OK done
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 3] ok
S: m2 OK [READ-ONLY] done
$LIST
$FETCH
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: is asked again"

# One message that the server cannot send.
three='C: EXAMINE INBOX$
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 4] ok
S: $tag OK [READ-ONLY] done'
against 10 "does not send one of several" <<EOF
$LOGIN
$three
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: * 3 FETCH (UID 3 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 1:3 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag NO it has no end
C: UID FETCH 2 .UID INTERNALDATE BODY.PEEK
S: \$tag NO it has no end
C: UID FETCH 3 .UID INTERNALDATE BODY.PEEK
S: * 3 FETCH (UID 3 BODY[] {20}\r\nSubject: three\r\n\r\n3\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one three" "$name: the others come"
said 'fetch=inbox account=relay folder=INBOX message UID 2 did not come: the server does not send it: NO it has no end; .* after 20' \
	"$name: its words are said"
then_against 1 "is not asked for it at once" <<EOF
$LOGIN
$three
$NONE
$LOGOUT
EOF
bed_fetch retry inbox
then_against 0 "sends it at last" <<EOF
$LOGIN
$three
$NONE
C: UID FETCH 2 .UID RFC822.SIZE.\$
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 2 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one three two" "$name: each is there once"

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
then_against 0 "throttles no more" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 2 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: each comes once"

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

# Numbers ---------------------------------------------------------------------------------------------

login_with() { # CAPABILITY...
	cat <<-EOF
		tls
		S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
		$AUTH
		S: \$tag OK [CAPABILITY IMAP4rev1 $*] in
	EOF
}

against 0 "finds messages that nobody has" "take = unseen" <<EOF
$(login_with ESEARCH)
$SELECT
C: UID SEARCH RETURN .ALL. UID 1:[*] UNSEEN\$
S: * ESEARCH (TAG "\$tag") UID ALL 1:4294967295,1:4294967295,3
S: * SEARCH 2 1 4000000000 1
S: \$tag OK done
C: UID FETCH 1:32768 .UID RFC822.SIZE.\$
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: \$tag OK done
$FETCH
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: those that there are come"

# Near the last number there is.
against 0 "numbers high" "take = unseen" <<EOF
$(login_with UIDPLUS)
C: EXAMINE INBOX\$
S: * 1 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 4294967290] ok
S: \$tag OK done
C: UID SEARCH UID 1:[*] UNSEEN\$
S: * SEARCH 4294967289
S: \$tag OK done
C: UID FETCH 4294967289 .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 4294967289 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 4294967289 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 4294967289 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag OK done
$LOGOUT
EOF
then_against 0 "finds all numbers that there are" "take = unseen" <<EOF
$(login_with UIDPLUS)
C: EXAMINE INBOX\$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 4294967295] ok
S: \$tag OK done
C: UID SEARCH UID 4294967290:[*] UNSEEN\$
S: * ESEARCH (TAG "x") UID ALL 1:4294967295,1:4294967295,1:4294967295
S: \$tag OK done
C: UID FETCH 4294967290:4294967295 .UID RFC822.SIZE.\$
S: * 2 FETCH (UID 4294967294 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 4294967294 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 4294967294 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: the new one comes"
then_against 1 "counts backwards" <<EOF
$(login_with UIDPLUS)
$SELECT
$NONE
$LOGOUT
EOF
said 'UIDNEXT is 3, but messages up to UID 4294967294 have been decided' "$name: it is said"

against 0 "answers twice, without a number, and what was not asked" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: ONE\r\n\r\n1\r)
S: * 2 FETCH (BODY[] {18}\r\nSubject: who\r\n\r\n?\r)
S: * 2 FETCH (UID 3 BODY[] {18}\r\nSubject: not\r\n\r\n3\r)
S: * 2 FETCH (UID 2 BODY[HEADER] {16}\r\nSubject: head\r\n\r)
S: * 2 FETCH (UID 2 BODY[]<0> {18}\r\nSubject: cut\r\n\r\n2\r)
S: * 2 FETCH (UID 2 FLAGS (\Seen))
S: * 2 FETCH (UID 2 BODY[1] NIL BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: each that was asked for comes once"

against 0 "loses messages in the middle" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * VANISHED (EARLIER) 1:4294967295
S: * VANISHED 1
S: * 1 EXPUNGE
S: * 1 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: * 1 EXPUNGE
S: * 0 EXISTS
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "two" "$name: what is there comes"
then_against 1 "has lost them" <<EOF
$LOGIN
$SELECT
$NONE
$LOGOUT
EOF

against 0 "lists a message and does not send it" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
said 'message UID 1 did not come' "$name: it is said"
bed_fetch retry inbox
then_against 0 "sends it when it is asked again" <<EOF
$LOGIN
$SELECT
$NONE
C: UID FETCH 1 .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 1 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: it was not lost by what came behind it"

select_to_write='C: SELECT INBOX$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 3] ok
S: $tag OK [READ-WRITE] done'
against 10 "does not mark as deleted" "after = delete" <<EOF
$LOGIN
$select_to_write
$LIST
$FETCH
C: UID STORE 1:2 [+]FLAGS.SILENT .*Deleted
S: \$tag NO not now
$LOGOUT
EOF
then_against 1 "marks as deleted the next time" "after = delete" <<EOF
$LOGIN
$select_to_write
$NONE
C: UID STORE 1:2 [+]FLAGS.SILENT .*Deleted
S: \$tag OK done
C: UID EXPUNGE 1:2\$
S: \$tag OK done
$LOGOUT
EOF
ok "$name: it is told again" grep -q 'UID EXPUNGE' "$BED/client.log"
is "$(subjects)" "one two" "$name: and each is there once"

# Without MOVE, what is copied and not deleted is copied again.
copies='tls
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 UIDPLUS] ready
C: AUTHENTICATE XOAUTH2 
S: $tag OK [CAPABILITY IMAP4rev1 UIDPLUS] in'
against 2 "breaks off after a copy" "after = move:Done" <<EOF
$copies
$select_to_write
$LIST
$FETCH
C: UID COPY 1:2 "?Done"?\$
S: \$tag OK copied
C: UID STORE 1:2 [+]FLAGS.SILENT .*Deleted
close
EOF
then_against 1 "copies again" "after = move:Done" <<EOF
$copies
$select_to_write
$NONE
C: UID COPY 1:2 "?Done"?\$
S: \$tag OK copied
C: UID STORE 1:2 [+]FLAGS.SILENT .*Deleted
S: \$tag OK done
C: UID EXPUNGE 1:2\$
S: \$tag OK done
$LOGOUT
EOF
said 'before messages of UID 1 to 2 were moved, and the server has no MOVE: up to 2 of them may be in Done twice' "$name: it is said"
is "$(subjects)" "one two" "$name: and each is here once"

# What is asked for before it is listed -------------------------------------------------------------------

early_list='C: UID FETCH [0-9]+:[*] .UID RFC822.SIZE.$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: $tag OK done
C: UID FETCH [0-9]+:[0-9]+ .UID INTERNALDATE BODY.PEEK'

against 0 "has what was asked for before it was listed" <<EOF
$LOGIN
$SELECT
$early_list
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: it is delivered, and nothing more is asked for"
like "$(cat "$BED/client.log")" ' UID FETCH 1:512 ' "$name: the first 512 were asked for"
then_against 1 "has nothing of what is asked for before" <<EOF
$LOGIN
$SELECT
C: UID FETCH 3:[*] .UID RFC822.SIZE.\$
S: \$tag OK none
C: UID FETCH 3:514 .UID INTERNALDATE BODY.PEEK
S: \$tag NO there is no such message
$LOGOUT
EOF

# Dovecot answers the list when it has sent the messages.
early_list_late='C: UID FETCH [0-9]+:[*] .UID RFC822.SIZE.$
C: UID FETCH [0-9]+:[0-9]+ .UID INTERNALDATE BODY.PEEK'
against 0 "sends what was asked for before the list is answered" <<EOF
$LOGIN
$SELECT
$early_list_late
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (BODY[] {18}\r\nSubject: two\r\n\r\n2\r UID 2)
S: \$former OK done
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: it is delivered, and nothing more is asked for"

against 0 "answers that before the list" <<EOF
$LOGIN
$SELECT
$early_list_late
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag OK done
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: \$former OK done
C: UID FETCH 2 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: what is missing is asked for"

against 0 "lists in another order, and some twice, around what was asked for before" <<EOF
$LOGIN
$SELECT
$early_list_late
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 3 FETCH (UID 3 RFC822.SIZE 22)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: * 4 FETCH (UID 4 BODY[] {19}\r\nSubject: four\r\n\r\n4\r)
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$former OK done
S: \$tag OK done
C: UID FETCH 2:3 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: * 3 FETCH (UID 3 BODY[] {20}\r\nSubject: three\r\n\r\n3\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one three two" "$name: each comes once"

against 2 "sends one before the list is answered, and breaks off" <<EOF
$LOGIN
$SELECT
$early_list_late
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubj
close
EOF
then_against 0 "goes on" <<EOF
$LOGIN
$SELECT
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 2 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: what had come is delivered, and not fetched again"

against 0 "has a part of what was asked for before, and another message" <<EOF
$LOGIN
$SELECT
$early_list
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: * 3 FETCH (UID 3 BODY[] {20}\r\nSubject: three\r\n\r\n3\r)
S: \$tag OK done
C: UID FETCH 1 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: the rest is asked for, what is not listed waits"

then_against 0 "numbers anew, and sends what was asked for before" <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 8] ok
S: * OK [UIDNEXT 3] ok
S: \$tag OK done
C: UID FETCH 3:[*] .UID RFC822.SIZE.\$
S: * 2 FETCH (UID 2 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 3:514 .UID INTERNALDATE BODY.PEEK
S: * 3 FETCH (UID 3 BODY[] {20}\r\nSubject: alien\r\n\r\n3\r)
S: \$tag OK done
C: UID FETCH 1:[*] .UID RFC822.SIZE INTERNALDATE BODY.PEEK.HEADER..\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20 BODY[HEADER] {17}\r\nSubject: two\r\n\r\n\r)
S: * 2 FETCH (UID 2 RFC822.SIZE 20 BODY[HEADER] {18}\r\nSubject: four\r\n\r\n\r)
S: \$tag OK done
C: UID FETCH 2 .UID INTERNALDATE BODY.PEEK
S: * 2 FETCH (UID 2 BODY[] {19}\r\nSubject: four\r\n\r\n4\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "four one two" "$name: that is void, and the rest as ever"

against 78 "opens one of two folders" "folder = INBOX, Other" <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: \$tag NO [NONEXISTENT] no such folder
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: \$tag BAD no folder is open
C: UID FETCH 1:512 .UID INTERNALDATE BODY.PEEK
S: \$tag BAD no folder is open
C: EXAMINE "?Other"?\$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 3] ok
S: \$tag OK done
$early_list
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: the other is fetched"

for line in "max_size = 1M" "deliver = mda:/bin/cat"; do
	against 0 "has messages, with $line" "$line" <<-EOF
		$LOGIN
		$SELECT
		$LIST
		$FETCH
		$LOGOUT
	EOF
	unlike "$(cat "$BED/client.log")" ' UID FETCH 1:512 ' "$name: nothing is asked for before it is listed"
done
against 0 "has messages, two of which are wanted" "max_messages = 2" <<EOF
$LOGIN
$SELECT
$LIST
$FETCH
$LOGOUT
EOF
like "$(grep -c 'UID FETCH 1:2 ' "$BED/client.log")" '^[12]$' "$name: no more is asked for before it is listed"

# Another UIDVALIDITY -------------------------------------------------------------------------------------

renewed() { # UIDVALIDITY
	cat <<-EOF
		C: (EXAMINE|SELECT) INBOX\$
		S: * 2 EXISTS
		S: * OK [UIDVALIDITY $1] ok
		S: * OK [UIDNEXT 3] ok
		S: \$tag OK done
		C: UID FETCH [0-9]+:[*] .UID RFC822.SIZE.\$
		S: * 1 FETCH (UID 1 RFC822.SIZE 20)
		S: * 2 FETCH (UID 2 RFC822.SIZE 20)
		S: \$tag OK it was not known that these are others
		C: UID FETCH 1:[*] .UID RFC822.SIZE INTERNALDATE BODY.PEEK.HEADER..\$
	EOF
}

against 10 "numbers anew in the middle" "after = delete" <<EOF
$LOGIN
C: SELECT INBOX\$
S: * 2 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 3] ok
S: \$tag OK [READ-WRITE] done
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * OK [UIDVALIDITY 8] anew
S: * 2 FETCH (UID 2 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
stall
EOF
is "$(subjects)" "one" "$name: what came before is delivered"
said 'retry: folder=INBOX: UIDVALIDITY was 7 and became 8 meanwhile' "$name: it is said"
unlike "$(cat "$BED/client.log")" 'STORE|EXPUNGE' "$name: nothing is deleted under numbers of before"
then_against 0 "has numbered anew" <<EOF
$LOGIN
$(renewed 8)
S: * 1 FETCH (UID 1 RFC822.SIZE 20 BODY[HEADER] {17}\r\nSubject: two\r\n\r\n\r)
S: * 2 FETCH (UID 2 RFC822.SIZE 20 BODY[HEADER] {17}\r\nSubject: one\r\n\r\n\r)
S: \$tag OK done
C: UID FETCH 1 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK done
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: each comes once"
then_against 0 "has no headers when it has numbered anew" <<EOF
$LOGIN
$(renewed 9)
S: * 1 FETCH (UID 1 RFC822.SIZE 20 BODY[HEADER] NIL)
S: * 2 FETCH (UID 2 RFC822.SIZE 20 BODY[HEADER]<0> {12}\r\nSubject: one)
S: \$tag OK done
$FETCH
$LOGOUT
EOF
is "$(subjects)" "one one two two" "$name: what cannot be recognised is fetched, not lost"

# Names -----------------------------------------------------------------------------------------------

named() { # PATTERN
	cat <<-EOF
		C: EXAMINE $1\$
		S: * 2 EXISTS
		S: * OK [UIDVALIDITY 7] ok
		S: * OK [UIDNEXT 3] ok
		S: \$tag OK done
		$LIST
		$FETCH
		$LOGOUT
	EOF
}

against 0 "speaks UTF-8 when it is asked to" "folder = Entwürfe" <<EOF
$(login_with ENABLE UTF8=ACCEPT)
C: ENABLE UTF8=ACCEPT\$
S: * ENABLED UTF8=ACCEPT
S: \$tag OK done
$(named '"Entwürfe"')
EOF
against 0 "offers UTF-8 and refuses it" "folder = Entwürfe" <<EOF
$(login_with ENABLE UTF8=ACCEPT)
C: ENABLE UTF8=ACCEPT\$
S: \$tag NO not today
$(named '"?Entw&APw-rfe"?')
EOF
against 0 "speaks nothing but UTF-8" <<EOF
$(login_with ENABLE UTF8=ONLY)
C: ENABLE UTF8=ACCEPT\$
S: * ENABLED UTF8=ACCEPT
S: \$tag OK done
$(named INBOX)
EOF
against 0 "knows subscriptions by LSUB only" "folder = *" "subscribed = yes" <<EOF
$(login_with UIDPLUS)
C: LIST "" "[*]"\$
S: * LIST () "/" INBOX
S: * LIST () "/" Lists
S: * LIST (\Noselect) "/" Old
S: \$tag OK done
C: LSUB "" "[*]"\$
S: * LSUB () "/" Lists
S: * LSUB (\Noselect) "/" Old
S: * LSUB () "/" Gone
S: \$tag OK done
$(named Lists)
EOF

# Gmail -----------------------------------------------------------------------------------------------

gmail='tls
S: * OK Gimap ready for requests from 192.0.2.1 n4mb12345
C: CAPABILITY$
S: * CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER
S: $tag OK Thats all she wrote! n4mb12345
C: AUTHENTICATE XOAUTH2 
S: * CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584
S: $tag OK relay@example.test authenticated (Success)
C: ID \("name" "mailoauth-fetch" "version" "[^"]*"\)$
S: * ID ("name" "GImap" "vendor" "Google, Inc." "support-url" "https://support.google.com/mail" "version" "gmail_imap_1" "remote-host" "192.0.2.1" "connection-token" "abc")
S: $tag OK Success n4mb12345
C: ENABLE UTF8=ACCEPT$
S: * ENABLED UTF8=ACCEPT
S: $tag OK Success n4mb12345
C: SELECT INBOX$
S: * FLAGS (\Answered \Flagged \Draft \Deleted \Seen $NotPhishing $Phishing)
S: * OK [PERMANENTFLAGS (\Answered \Flagged \Draft \Deleted \Seen $NotPhishing $Phishing \*)] Flags permitted.
S: * OK [UIDVALIDITY 7] UIDs valid.
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UIDNEXT 3] Predicted next UID.
S: * OK [HIGHESTMODSEQ 4711]
S: $tag OK [READ-WRITE] INBOX selected. (Success)
C: UID FETCH 1:[*] .UID RFC822.SIZE.$
S: * 1 FETCH (UID 1 RFC822.SIZE 18)
S: * 2 FETCH (UID 2 RFC822.SIZE 18)
S: $tag OK Success'
against 0 "speaks as Gmail" 'after = move:[Gmail]/Trash' <<EOF
$gmail
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 INTERNALDATE "17-Jul-2026 02:44:25 +0000" BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: * 2 FETCH (UID 2 INTERNALDATE "17-Jul-2026 02:44:26 +0000" BODY[] {18}\r\nSubject: two\r\n\r\n2\r)
S: \$tag OK Success
C: UID MOVE 1:2 "?.Gmail./Trash"?\$
S: * OK [COPYUID 3 1:2 41:42]
S: * 1 EXPUNGE
S: * 1 EXPUNGE
S: \$tag OK Success
C: LOGOUT\$
S: * BYE LOGOUT Requested
S: \$tag OK 73 good day (Success)
close
EOF
is "$(subjects)" "one two" "$name: both messages are there"
against 10 "is over its quota, as Gmail says it" 'after = move:[Gmail]/Trash' <<EOF
$gmail
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: \$tag NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)
$LOGOUT
EOF
said 'retry: .*\[OVERQUOTA\] Account exceeded command or bandwidth limits' "$name: its words"

# Compression -----------------------------------------------------------------------------------------

against 4 "agrees to compress, and does not" "compress = yes" <<EOF
$(login_with COMPRESS=DEFLATE)
C: COMPRESS DEFLATE\$
S: \$tag OK go
S: * 2 EXISTS
stall
EOF
said 'protocol: .*not DEFLATE' "$name: it is said"
against 0 "refuses to compress" "compress = yes" <<EOF
$(login_with COMPRESS=DEFLATE)
C: COMPRESS DEFLATE\$
S: \$tag NO [COMPRESSIONACTIVE] TLS does that
$SELECT
$LIST
$FETCH
$LOGOUT
EOF
is "$(subjects)" "one two" "$name: it goes on as it is"

# Handing over ----------------------------------------------------------------------------------------

lmtp=lmtp:unix:$BED/hub/queue/private/dovecot-lmtp
user=relay@example.test

# A destination that stops in the middle, too.
cat >"$BED/lmtp.script" <<'EOF'
S: 220 ready
C: ^LHLO
S: 250-here\r\n250-PIPELINING\r\n250 8BITMIME
C: ^MAIL FROM
S: 250 ok
C: ^RCPT TO
S: 250 ok
C: ^DATA$
S: 354 go
stall
EOF
: >"$BED/lmtp.log"
"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/lmtp.script" "$BED/tls" "$BED/lmtp.log" >"$BED/lmtp.port" 2>"$BED/lmtp.err" &
lmtp_server=$!
bed_note $lmtp_server
bed_wait_for 10 [ -s "$BED/lmtp.port" ] || bed_die "the scripted destination does not start: $(cat "$BED/lmtp.err")"
against 2 "stalls in a message, and so does the destination" "deliver = lmtp:127.0.0.1:$(cat "$BED/lmtp.port")" \
	"recipient = $user" "deliver_timeout = 2" <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH 1:2 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {400000}\r\nSubject: one\r\n\r\n$(printf '%0350000d' 0)
stall
EOF
ok "$name: the destination had it begun" grep -q '^DATA' "$BED/lmtp.log"
bed_signal TERM "$lmtp_server"
then_against 0 "is itself again, and so is the destination" "deliver = $lmtp" "recipient = $user" <<EOF
$LOGIN
$SELECT
$LIST
$FETCH
$LOGOUT
EOF
is "$(bed_mailbox_count $user '^Subject: one') $(bed_mailbox_count $user '^Subject: two')" "1 1" "$name: each message is there once"

cat >"$BED/lmtp.script" <<'EOF'
S: 220 ready
C: ^LHLO
S: 250 here
C: ^MAIL FROM
S: 250 ok
C: ^RCPT TO
S: 550 5.1.1 no such user
stall
EOF
rm "$BED/lmtp.port" # the first one's, which would be read before this one writes its own
"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/lmtp.script" "$BED/tls" "$BED/lmtp.log" >"$BED/lmtp.port" 2>"$BED/lmtp.err" &
lmtp_server=$!
bed_note $lmtp_server
bed_wait_for 10 [ -s "$BED/lmtp.port" ] || bed_die "the scripted destination does not start: $(cat "$BED/lmtp.err")"
against 2 "breaks off while it moves what is refused" "deliver = lmtp:127.0.0.1:$(cat "$BED/lmtp.port")" \
	"recipient = $user" "deliver_timeout = 2" "on_refused = move:Refused" <<EOF
$(login_with UIDPLUS MOVE)
C: SELECT INBOX\$
S: * 1 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 2] ok
S: \$tag OK [READ-WRITE] done
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
S: * 1 FETCH (UID 1 RFC822.SIZE 20)
S: \$tag OK done
C: UID FETCH 1 .UID INTERNALDATE BODY.PEEK
S: * 1 FETCH (UID 1 BODY[] {18}\r\nSubject: one\r\n\r\n1\r)
S: \$tag OK done
C: UID MOVE 1
close
EOF
bed_signal TERM "$lmtp_server"
bed_fetch status
said 'UID 1 refused .*no such user' "$name: the message is not forgotten"

# Two sections, one mailbox, one Maildir: while what one has fetched waits to be published, the other begins. Each has its own state here, as
# sections of one have.
in_tmp() { # COUNT
	[ "$(find "$BED/fetched/tmp" -type f 2>/dev/null | wc -l)" -ge "$1" ]
}
bed_fetch_forget
server_start <<EOF
$LOGIN
C: SELECT INBOX\$
S: * 12 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 13] ok
S: \$tag OK [READ-WRITE] done
C: UID FETCH 1:[*] .UID RFC822.SIZE.\$
$(for uid in 1 2 3 4 5 6 7 8 9 10 11 12; do printf '%s\n' "S: * $uid FETCH (UID $uid RFC822.SIZE 20)"; done)
S: \$tag OK done
C: UID FETCH 1:12 .UID INTERNALDATE BODY.PEEK
$(for uid in 1 2 3 4 5 6 7 8 9 10; do printf '%s\n' "S: * $uid FETCH (UID $uid BODY[] {18}\\r\\nSubject: one\\r\\n\\r\\n1\\r)"; done)
stall
EOF
first_server=$server
bed_fetch_conf "port = $port" "timeout = 4" "after = delete"
bed_fetch --once &
first=$!
ok "two sections: one has ten messages that are not published yet" bed_wait_for 10 in_tmp 10
server_start <<EOF
$LOGIN
C: EXAMINE INBOX\$
S: * 0 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: * OK [UIDNEXT 13] ok
S: \$tag OK [READ-ONLY] done
$NONE
$LOGOUT
EOF
: >"$BED_FETCH_CONF"
bed_fetch_section again "port = $port"
bed_fetch --once -s "$BED/other.db"
wait $first
server_stop
bed_signal TERM "$first_server"
rm -f "$BED"/other.db*
is "$(bed_fetched_count)" 10 "two sections: what one has fetched is not swept away by the other"

# The connection ends after every so many bytes of the server's; the next run, undisturbed, has every message once. FETCH_CUT_STEP=1: after
# each.
: >"$BED/cut"
server_start "@$BED/cut" <<EOF
$LOGIN
$SELECT
$LIST
$FETCH
$LOGOUT
EOF

cut_everywhere() { # FORGET RESULT STEP LINE...: $broken, where RESULT is not "one two"
	cut_forget=$1 cut_result=$2 cut_step=$3
	shift 3
	bed_fetch_conf "port = $port" "timeout = 2" "$@"
	cut=0 broken=
	while [ $cut -lt 620 ]; do
		cut=$((cut + cut_step))
		$cut_forget
		echo $cut >"$BED/cut"
		bed_fetch --once
		first=$?
		: >"$BED/cut"
		bed_fetch --once
		[ "$($cut_result)" = "one two" ] || broken="$broken $cut(status $first: $($cut_result))"
	done
}
cut_everywhere bed_fetch_forget subjects "${FETCH_CUT_STEP:-13}"
is "$broken" "" "cut off after every so many bytes: each message once in the end"

forget_all() {
	bed_fetch_forget
	bed_mailbox_empty $user
}
arrived() {
	bed_mailbox $user | xargs -r grep -h '^Subject: ' | cut -d ' ' -f 2 | sort | xargs
}
cut_everywhere forget_all arrived "${FETCH_CUT_STEP:-29}" "deliver = $lmtp" "recipient = $user"
is "$broken" "" "cut off after every so many bytes, to LMTP: each message once in the end"
server_stop
# On a terminal it says how far it is, while it lasts: here until the server has been silent for too long.
on_terminal() { # ARGUMENT...: what a terminal shows, with its carriage returns as line ends
	bed_fetch_forget
	SASL_PATH=$BED/sasl script -qec "$MAILOAUTH_FETCH -c $BED_FETCH_CONF -S $BED_SOCKET -s $BED/fetch.db --once $*" /dev/null </dev/null |
		tr '\r' '\n' >"$BED/terminal"
}

if command -v script >/dev/null; then
	server_start <<EOF
$LOGIN
$SELECT
$LIST
C: UID FETCH (1:)?2 .UID
S: * 1 FETCH (UID 1 BODY[] {18}\\r\\nSubject: one\\r\\n\\r\\n1\\r)
stall
EOF
	bed_fetch_conf "port = $port" "timeout = 2"
	on_terminal -v
	like "$(cat "$BED/terminal")" '1 of 2 messages, 0.0 of 0.0 MB, 0.0 MB/s' "terminal: it says how far it is"
	ok "terminal: not too often" [ "$(grep -c 'of 2 messages' "$BED/terminal")" -le 15 ]
	unlike "$(cat "$BED/terminal")" 'debug: ' "terminal: and nothing of the steps"
	like "$(sed '1,/of 2 messages/d' "$BED/terminal")" 'silent for 2 s' "terminal: then how it ended"
	on_terminal -vv
	like "$(cat "$BED/terminal")" 'debug: ' "terminal: the steps with -vv"
	unlike "$(cat "$BED/terminal")" 'of 2 messages, ' "terminal: and then not how far it is"
	bed_fetch_forget
	bed_fetch --once -v
	unlike "$(cat "$BED/fetch.out")" 'of 2 messages, ' "no terminal: not how far it is"
	server_stop
fi
done_testing
