#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-verdicts.sh - what becomes of messages that a destination does not take now, or never, or that are not wanted: the others are
# delivered, nothing is lost, and each comes when it is its time.
# shellcheck disable=SC2016 # $tag is the scripted server's
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v sqlite3 >/dev/null || skip_all "sqlite3 is not installed"
bed_relay_start
bed_smtp_listener
user=relay@example.test
unix=lmtp:unix:$BED/hub/queue/private/dovecot-lmtp
LC_ALL=C
export LC_ALL

# The program: a message whose Subject has a word that names a file in $BED/exits ends with the status in it.
mkdir "$BED/ran" "$BED/exits"
cat >"$BED/mda" <<EOT
#!/bin/sh
file=\$(mktemp "$BED/ran/XXXXXX") && cat >"\$file" || exit 75
for exit in "$BED"/exits/*; do
	if [ -e "\$exit" ] && grep -q "^Subject: .*\${exit##*/}" "\$file"; then
		rm "\$file"
		echo "not \${exit##*/}" >&2
		exit "\$(cat "\$exit")"
	fi
done
EOT
chmod 755 "$BED/mda"
script=mda:$BED/mda

fetch() { # STATUS NAME [ARGUMENT...]
	fetch_wanted=$1 fetch_name=$2
	shift 2
	bed_fetch --once "$@"
	is "$?" "$fetch_wanted" "$fetch_name: exit status $fetch_wanted" || diag "$(tail -n 5 "$BED/fetch.out")"
}

said() { # PATTERN NAME
	like "$(cat "$BED/fetch.out")" "$1" "$2"
}

arrived() { # the subjects of what the program has, in order
	find "$BED/ran" -type f -exec sed -n 's/^Subject: //p' {} + | sort | tr '\n' ,
}

left() { # at the server
	bed_mailbox $user | xargs -r sed -n 's/^Subject: //p' | sort | tr '\n' ,
}

put() { # SUBJECT [LINE...]
	put_subject=$1
	shift
	{
		printf 'Return-Path: <second@example.test>\nSubject: %s\nMessage-ID: <%s@verdicts>\n' "$put_subject" "$put_subject"
		[ $# -eq 0 ] || printf '%s\n' "$@"
		printf '\ntext\n'
	} | bed_put $user
}

state() { # SQL
	sqlite3 "$BED/fetch.db" "$1"
}

# Makes it later, for what is to be tried again.
wait_for() { # SECONDS
	state "UPDATE aside SET first = first - $1, next = next - $1"
}

fresh() {
	bed_mailbox_empty $user
	bed_mailbox_empty second@example.test
	bed_fetch_forget
	rm -f "$BED"/ran/* "$BED"/exits/*
}

# Not now, and never -----------------------------------------------------------------------------

fresh
for subject in a1 busy2 b3 bad4 c5 busy6; do put $subject; done
echo 75 >"$BED/exits/busy"
echo 65 >"$BED/exits/bad"
bed_fetch_conf "deliver = $script" "after = delete"
fetch 10 "some not now, one never"
is "$(arrived)" "a1,b3,c5," "the others are delivered"
is "$(left)" "bad4,busy2,busy6," "what was not stays at the server"
said 'message UID 2 is not taken now: .*not busy.*; again after 20' "not now: the program's words, and when again"
said 'message UID 4 cannot be delivered: .*not bad.*mailoauth-fetch retry inbox 4' "never: the program's words, and what to type"
said '3 messages, .*2 again later, 1 not deliverable' "one line counts them"
rm "$BED/exits/busy"
fetch 1 "too early"
is "$(left)" "bad4,busy2,busy6," "too early: nothing was tried"
wait_for 301
fetch 0 "later"
is "$(arrived) $(left)" "a1,b3,busy2,busy6,c5, bad4," "later: they are delivered, and the refused one is not tried"
rm "$BED/exits/bad"
fetch 1 "the reason is gone, but nobody said so"
bed_fetch retry inbox 4
is "$?" 0 "retry: exit status 0" || diag "$(cat "$BED/fetch.out")"
fetch 0 "after retry"
is "$(arrived) $(left)" "a1,b3,bad4,busy2,busy6,c5, " "after retry: it is delivered"
is "$(state 'SELECT count(*) FROM aside')" 0 "nothing is set aside any more"
fetch 1 "all is done"

# Set aside when the clock was twelve years ahead.
fresh
put busy1
put a2
echo 75 >"$BED/exits/busy"
bed_fetch_conf "deliver = $script" "after = delete"
fetch 10 "the clock is ahead"
rm "$BED/exits/busy"
wait_for -378691200
fetch 0 "the clock is set back"
is "$(arrived) $(left)" "a2,busy1, " "the clock is set back: each is there once"

# Longer than retry_for.
fresh
put busy1
put a2
echo 75 >"$BED/exits/busy"
bed_fetch_conf "deliver = $script" "retry_for = 1d"
fetch 10 "first try"
wait_for 80000
fetch 10 "a day is not over"
said 'UID 1 is not taken now' "a day is not over: tried again later"
wait_for 10000
fetch 10 "a day is over"
said 'UID 1 cannot be delivered: for too long now, in 3 tries: .*not busy' "a day is over: as if refused"
wait_for 100000
fetch 1 "never again"
rm "$BED/exits/busy"
bed_fetch retry inbox
fetch 0 "retry of all"
is "$(arrived)" "a2,busy1," "retry of all: it is delivered"

# The refused one goes elsewhere.
fresh
bed_doveadm mailbox create -u $user Rejected
put bad1
put a2
echo 65 >"$BED/exits/bad"
bed_fetch_conf "deliver = $script" "on_refused = move:Rejected"
fetch 10 "move"
said 'UID 1 cannot be delivered: .*it was moved to Rejected' "move: it is said"
is "$(arrived) $(bed_doveadm search -u $user mailbox Rejected all | wc -l) $(bed_doveadm search -u $user mailbox INBOX all | wc -l)" "a2, 1 1" \
	"move: it is there, and the other is delivered"
fetch 1 "move, again"
fresh
put bad1
put a2
echo 65 >"$BED/exits/bad"
bed_fetch_conf "deliver = $script" "on_refused = move:Nowhere"
fetch 10 "move to a folder that is not there"
is "$(left)" "a2,bad1," "move to a folder that is not there: it stays"
rm "$BED"/exits/*
bed_fetch retry inbox 1
fetch 0 "and comes after retry"
is "$(arrived)" "a2,bad1," "and comes after retry: it is there"

# Its sender is told.
fresh
put bad1
put bad2 "List-Id: <some.list>"
printf 'Return-Path: <>\nSubject: bad3\n\ntext\n' | bed_put $user
put a4
echo 65 >"$BED/exits/bad"
bed_fetch_conf "deliver = $script" "on_refused = bounce" "bounce_via = smtp:127.0.0.1:$BED_MTA_PORT" "after = delete"
fetch 10 "bounce"
said 'UID 1 cannot be delivered: .*its sender second@example.test is told' "bounce: it is said"
said 'sender of message UID 2 is not told: ' "bounce: that of a list is not told"
said 'sender of message UID 3 is not told: ' "bounce: nobody is not told"
ok "bounce: the report arrives" bed_wait_for 20 bed_mailbox_has second@example.test '^Content-Type: multipart/report'
is "$(bed_mailbox second@example.test | wc -l)" 1 "bounce: one report"
ok "bounce: from nobody" bed_mailbox_has second@example.test '^Return-Path: <>'
ok "bounce: it says why" bed_mailbox_has second@example.test 'not bad'
ok "bounce: it says which" bed_mailbox_has second@example.test 'Subject: bad1'
is "$(arrived) $(left)" "a4, bad2,bad3," "bounce: what was not told of is kept"
fresh
put bad1
echo 65 >"$BED/exits/bad"
bed_fetch_conf "deliver = $script" "on_refused = bounce" "bounce_via = smtp:127.0.0.1:$(bed_ports 1)" "after = delete"
fetch 10 "bounce, and nobody takes it"
is "$(left)" "bad1," "bounce, and nobody takes it: the message stays"

# A recipient that the listener does not know.
fresh
printf 'Delivered-To: no!body@example.test\nSubject: bad1\n\ntext\n' | bed_put $user
printf 'Delivered-To: second@example.test\nSubject: a2\n\ntext\n' | bed_put $user
bed_fetch_conf "deliver = $unix" "recipient_header = Delivered-To" "after = delete"
fetch 10 "an unknown recipient"
said 'UID 1 cannot be delivered: .*no!body@example.test.*5[0-9][0-9] ' "an unknown recipient: the listener's words"
is "$(bed_mailbox second@example.test | wc -l) $(left)" "1 bad1," "an unknown recipient: the other has the other"

# Destinations that take nothing -----------------------------------------------------------------

fresh
bed_put_many $user 5
bed_fetch_conf "deliver = lmtp:unix:$BED/nobody" "recipient = second@example.test" "after = delete"
fetch 10 "nobody listens"
said 'retry: .*lmtp:unix:.*nobody' "nobody listens: it is said"
is "$(bed_mailbox $user | wc -l) $(state 'SELECT count(*) FROM aside')" "5 0" "nobody listens: nothing is lost, nothing set aside"
bed_fetch_conf "deliver = $unix" "recipient = second@example.test" "after = delete"
fetch 0 "somebody listens"
is "$(bed_mailbox second@example.test | xargs grep -h '^Message-ID:' | sort -u | wc -l) $(bed_mailbox second@example.test | wc -l)" "5 5" \
	"somebody listens: all are there once"
unlike "$(cat "$BED/fetch.out")" "may come twice" "somebody listens: none came, so none may come twice"

fresh
bed_put_many $user 3
bed_fetch_conf "deliver = mda:$BED/nothing" "after = delete"
fetch 78 "no such program"
is "$(bed_mailbox $user | wc -l)" 3 "no such program: nothing is lost"

# Listeners as real ones are not on demand: each takes nothing, and the next run has another destination.
there() { # the subjects of what second@example.test has, in order
	bed_mailbox second@example.test | xargs -r sed -n 's/^Subject: //p' | sort | tr '\n' ,
}

listens() { # NAME STATUS: as the script on stdin says
	name=$1 wanted=$2
	fresh
	put a1
	put b2
	cat >"$BED/lmtp.script"
	rm -f "$BED/lmtp.port"
	"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/lmtp.script" "$BED/tls" "$BED/lmtp.log" >"$BED/lmtp.port" 2>"$BED/lmtp.err" &
	listener=$!
	bed_note $listener
	bed_wait_for 10 [ -s "$BED/lmtp.port" ] || bed_die "the scripted listener does not start: $(cat "$BED/lmtp.err")"
	bed_fetch_conf "deliver = lmtp:127.0.0.1:$(cat "$BED/lmtp.port")" "recipient = ${recipients:-second@example.test}" "deliver_timeout = 2" "after = delete"
	fetch "$wanted" "$name"
	bed_signal TERM "$listener"
	wait $listener 2>/dev/null
	is "$(left)" "a1,b2," "$name: nothing is lost"
	bed_fetch_conf "deliver = $unix" "recipient = second@example.test" "after = delete"
	bed_fetch retry inbox
	fetch 0 "$name, then another"
	is "$(there) $(left)" "a1,b2, " "$name: then each is there once"
}

greets='S: 220 ready
C: ^LHLO
S: 250 here
C: ^MAIL FROM'
listens "the listener says 421" 10 <<EOF
S: 421 4.3.2 shutting down
close
EOF
listens "the listener says 554" 10 <<EOF
S: 554 no service
close
EOF
listens "the listener closes" 10 <<EOF
close
EOF
listens "the listener speaks another protocol" 4 <<EOF
S: SSH-2.0-nobody
stall
EOF
listens "the listener goes away" 10 <<EOF
$greets
close
EOF
listens "the listener is silent" 10 <<EOF
stall
EOF
listens "the listener falls silent in a message" 10 <<EOF
$greets
S: 250 ok
C: ^RCPT TO
S: 250 ok
C: ^DATA
stall
EOF
not_ok "$name: no end of it was sent" grep -qx '[.]' "$BED/lmtp.log"
listens "the listener refuses now" 10 <<EOF
$greets
S: 451 4.3.0 busy
C: ^MAIL FROM
S: 451 4.3.0 busy
stall
EOF
listens "the listener refuses for ever" 10 <<EOF
$greets
S: 250 ok
C: ^RCPT TO
S: 550 5.1.1 no
C: ^RSET
S: 250 ok
C: ^MAIL FROM
S: 554 5.7.1 no
stall
EOF

fresh
put a1
put b2
bed_fetch_conf "deliver = $script" "deliver_timeout = 1" "after = delete"
cp "$BED/mda" "$BED/mda.good"
printf '#!/bin/sh\nexec sleep 1000\n' >"$BED/mda"
fetch 10 "the program hangs"
is "$(left) $(arrived)" "a1,b2, " "the program hangs: nothing is lost"
said 'took longer than deliver_timeout, 1 s: ended; it may have kept the message, which comes twice then' "the program hangs: the line says what may come of it"
cp "$BED/mda.good" "$BED/mda"
bed_fetch retry inbox
fetch 0 "the program does not hang any more"
is "$(left) $(arrived)" " a1,b2," "the program does not hang any more: each is there once"

fresh
put a1
put b2
# shellcheck disable=SC2016 # the program's parent
printf '#!/bin/sh\nkill -KILL $PPID\n' >"$BED/mda"
fetch 70 "the process that runs programs dies"
is "$(left) $(arrived)" "a1,b2, " "the process that runs programs dies: nothing is lost"
cp "$BED/mda.good" "$BED/mda"
fetch 0 "it does not die any more"
is "$(left) $(arrived)" " a1,b2," "it does not die any more: each is there once"

mkdir "$BED/small"
if mount -t tmpfs -o size=256k none "$BED/small" 2>/dev/null; then
	fresh
	for i in 1 2 3 4 5 6 7 8 9 10; do
		{
			printf 'Subject: full %s\n\n' "$i"
			openssl rand -base64 45000
		} | bed_put $user
	done
	bed_fetch_conf "deliver = maildir:$BED/small/Maildir" "after = delete"
	fetch 10 "full disk"
	said 'No space left on device' "full disk: it is said"
	is "$(find "$BED/small/Maildir/tmp" -type f | wc -l)" 0 "full disk: nothing half is left"
	is "$(bed_mailbox $user | wc -l)" 10 "full disk: nothing is lost"
	mount -o remount,size=4m "$BED/small"
	fetch 0 "room again"
	is "$(find "$BED/small/Maildir/new" -type f -exec grep -h '^Subject:' {} + | sort | uniq -c | awk '$1 == 1' | wc -l) $(left)" "10 " \
		"room again: all are there once"
	umount "$BED/small"
else
	skip "full disk" "no tmpfs can be mounted here"
fi

# What is taken ----------------------------------------------------------------------------------

fresh
for i in 1 2 3 4; do put "m$i"; done
bed_doveadm flags add -u $user '\Seen' mailbox INBOX uid 2:3
bed_fetch_conf "deliver = $script" "take = unseen"
fetch 0 "take = unseen"
is "$(arrived)" "m1,m4," "take = unseen: those"
bed_doveadm flags remove -u $user '\Seen' mailbox INBOX uid 2
fetch 1 "passed over is passed over"

fresh
for i in 1 2 3 4; do put "m$i"; done
bed_fetch_conf "deliver = $script"
fetch 0 "take = new"
bed_fetch_conf "deliver = $script" "take = all" "after = delete"
rm -f "$BED"/ran/*
fetch 0 "take = all"
is "$(arrived) $(left)" "m1,m2,m3,m4, " "take = all: what was fetched before too"

fresh
for i in 1 2 3; do put "m$i"; done
old=$(bed_mailbox $user | sort | head -n 1)
touch -d '2020-02-02' "$old"
bed_fetch_conf "deliver = $script" "since = 2021-01-01"
fetch 0 "since a date"
is "$(arrived)" "m2,m3," "since a date: those"
fetch 1 "since a date, again"
fresh
for i in 1 2 3; do put "m$i"; done
touch -d '40 days ago' "$(bed_mailbox $user | sort | head -n 1)"
bed_fetch_conf "deliver = $script" "since = 30d"
fetch 0 "since some days"
is "$(arrived)" "m2,m3," "since some days: those"

fresh
put m1
{
	printf 'Subject: m2\n\n'
	openssl rand -base64 75000
} | bed_put $user
put m3
bed_fetch_conf "deliver = $script" "max_size = 50k" "after = delete"
fetch 0 "max_size"
said 'message UID 2 has [0-9]+ bytes, more than max_size' "max_size: it is said"
is "$(arrived) $(left)" "m1,m3, m2," "max_size: the large one stays"
fetch 1 "max_size, again"
unlike "$(cat "$BED/fetch.out")" 'more than max_size' "max_size: said once"
bed_fetch_conf "deliver = $script" "max_size = 1M" "after = delete"
fetch 0 "max_size raised"
is "$(arrived) $(left)" "m1,m2,m3, " "max_size raised: it comes"

fresh
for i in 1 2 3 4 5; do put "m$i"; done
bed_fetch_conf "deliver = $script" "max_messages = 2"
fetch 0 "max_messages"
is "$(arrived)" "m1,m2," "max_messages: the first two"
said '2 messages.* 3 left' "max_messages: the line says what is left"
fetch 0 "the next two"
fetch 0 "the last"
is "$(arrived)" "m1,m2,m3,m4,m5," "max_messages: all came, once"
fetch 1 "no more"

# Servers without and with ESEARCH: what a transcript says is what is asked for.
AUTH='C: ^[^ ]+ AUTHENTICATE XOAUTH2 '
scripted() { # CAPABILITIES SEARCH-COMMAND ANSWER
	cat >"$BED/script" <<-EOT
		tls
		S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 $1] ready
		$AUTH
		S: \$tag OK [CAPABILITY IMAP4rev1 $1] in
		C: EXAMINE INBOX\$
		S: * 9 EXISTS
		S: * OK [UIDVALIDITY 7] ok
		S: * OK [UIDNEXT 10] ok
		S: \$tag OK [READ-ONLY] done
		C: $2
		S: $3
		S: \$tag OK done
		C: UID FETCH 2,5:6 .UID RFC822.SIZE.
		S: * 2 FETCH (UID 2 RFC822.SIZE 18)
		S: * 5 FETCH (UID 5 RFC822.SIZE 18)
		S: * 6 FETCH (UID 6 RFC822.SIZE 18)
		S: \$tag OK done
		C: UID FETCH 2,5:6 .UID .*BODY.PEEK
		S: * 2 FETCH (UID 2 BODY[] {18}\\r\\nSubject: two\\r\\n\\r\\n2\\r)
		S: * 5 FETCH (UID 5 BODY[] {18}\\r\\nSubject: fiv\\r\\n\\r\\n5\\r)
		S: * 6 FETCH (UID 6 BODY[] {18}\\r\\nSubject: six\\r\\n\\r\\n6\\r)
		S: \$tag OK done
		C: LOGOUT\$
		S: * BYE
		S: \$tag OK
		close
	EOT
	: >"$BED/client.log"
	rm -f "$BED/port"
	"$BED_NODE" "$BED_SRC/scripted-imap.mjs" "$BED/script" "$BED/tls" "$BED/client.log" >"$BED/port" 2>"$BED/scripted.log" &
	server=$!
	bed_note $server
	bed_wait_for 10 [ -s "$BED/port" ] || bed_die "the scripted server does not start: $(cat "$BED/scripted.log")"
	fresh
	bed_fetch_conf "deliver = $script" "port = $(cat "$BED/port")" "timeout = 5" "take = unseen"
	fetch 0 "take = unseen, server has ${1:-nothing}"
	bed_signal TERM "$server"
	wait $server 2>/dev/null
	is "$(arrived)" "fiv,six,two," "take = unseen, server has ${1:-nothing}: those" || diag "$(cat "$BED/client.log")"
}
scripted "" "UID SEARCH (UID )?.*UNSEEN" "* SEARCH 2 5 6"
scripted ESEARCH "UID SEARCH RETURN .ALL. .*UNSEEN" '* ESEARCH (TAG "$tag") UID ALL 2,5:6'
done_testing
