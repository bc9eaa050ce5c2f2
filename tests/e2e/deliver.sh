#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deliver.sh - the methods lmtp and smtp against a real Dovecot and a real Postfix: what arrives is what was handed over, in order, over
# connections that are kept, and a destination that is not there is told from a message that is refused.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
: "${DELIVER_FILE:=deliver-file}"
bed_start
lmtp=lmtp:unix:$BED/hub/queue/private/dovecot-lmtp
LC_ALL=C
export LC_ALL

deliver() { # STATUS NAME ARGUMENT...
	deliver_wanted=$1 deliver_name=$2
	shift 2
	timeout 120 "$DELIVER_FILE" -f sender@example.test "$@" >"$BED/deliver.out" 2>&1
	is "$? $(grep -c '^done' "$BED/deliver.out")" "$deliver_wanted" "$deliver_name" ||
		diag "$(tail -n 3 "$BED/deliver.out")"
}

# What a mailbox has, without what the listener put before it: one sum a message.
arrived() { # USER
	bed_mailbox "$1" | while read -r file; do sed -n '/^Subject: /,$p' "$file" | sha256sum; done | sort
}

sent() { # FILE...: a message that does not end in a newline gets one, and lines end as Dovecot stores them
	# shellcheck disable=SC1003 # sed's a, with nothing to append: it ends the last line
	for file; do sed -e 's/\r$//' -e '$a\' "$file" | sha256sum; done | sort
}

# Messages that are hard to keep as they are.
mkdir "$BED/messages"
cd "$BED/messages" || exit 1
printf 'Subject: plain\r\n\r\ntext\r\n' >plain
printf 'Subject: eight bits\r\n\r\n\303\244\377\376\200 text\r\n' >eight
printf 'Subject: no final newline\r\n\r\ntext' >nofinal
printf 'Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n.\r\nQUIT\r\n' >dots
printf 'Subject: lone newlines\n\na\n.\nb\n' >lf
printf 'Subject: a long line\r\n\r\n%070000d\r\n' 0 >long
{
	printf 'Subject: seven megabytes\r\n\r\n'
	openssl rand -base64 5000000 | sed 's/$/\r/'
} >big
wanted=$(sent plain eight nofinal dots lf long big)

deliver "0 7" "LMTP: every message is taken" -r one@example.test "$lmtp" plain eight nofinal dots lf long big
is "$(arrived one@example.test)" "$wanted" "LMTP: what arrives is what was handed over"
ok "LMTP: the envelope sender is passed on" bed_mailbox_has one@example.test '^Return-Path: <sender@example.test>'

# The lines of Dovecot's log that say that it took a connection.
connects() {
	grep -c 'Connect from' "$BED/dovecot/log"
}

before=$(connects)
i=0
while [ $i -lt 300 ]; do
	i=$((i + 1))
	printf 'Subject: %03d\r\n\r\ntext\r\n' $i >"many.$i"
done
# shellcheck disable=SC2046 # numbers
deliver "0 300" "LMTP: many messages" -r many@example.test "$lmtp" $(seq -f 'many.%g' 300)
is "$(($(connects) - before))" 1 "LMTP: over one connection"
# Dovecot gives each message the next UID: their order is that of arrival.
bed_doveadm fetch -u many@example.test hdr.subject all | sed -n 's/^hdr.subject: //p' >"$BED/order"
is "$(sort -n "$BED/order" | cksum) $(wc -l <"$BED/order")" "$(cksum <"$BED/order") 300" "LMTP: in the order they came in"

before=$(connects)
# shellcheck disable=SC2046 # numbers
deliver "0 300" "LMTP: four at once" -p 4 -r four@example.test "$lmtp" $(seq -f 'many.%g' 300)
is "$(bed_mailbox four@example.test | wc -l)" 300 "LMTP: four at once lose and double nothing"
ok "LMTP: no more than four connections" [ "$(($(connects) - before))" -le 4 ]

deliver "0 1" "LMTP: two recipients" -r two@example.test -r three@example.test "$lmtp" plain
is "$(arrived two@example.test)$(arrived three@example.test)" "$(sent plain)$(sent plain)" "LMTP: both have it"

deliver "0 1" "LMTP: dropped in the middle" -x 5000000 -r dropped@example.test "$lmtp" plain big
is "$(arrived dropped@example.test)" "$(sent plain)" "LMTP: nothing of a dropped message is delivered"

bed_smtp_listener
smtp=smtp:127.0.0.1:$BED_MTA_PORT
deliver "0 7" "SMTP: every message is taken" -r smtp@example.test "$smtp" plain eight nofinal dots lf long big
ok "SMTP: all have gone on to Dovecot" bed_wait_for 30 bed_queue_empty hub
# Postfix folds lines that are longer than its limit when it hands them on: compared is the rest.
is "$(arrived smtp@example.test | wc -l)" 7 "SMTP: as many as were handed over"
for name in plain eight nofinal dots lf big; do
	like "$(arrived smtp@example.test)" "$(sent $name)" "SMTP: $name arrives as it was handed over"
done
deliver "1 0" "SMTP: one of two recipients is refused" -r stranger@example.com -r smtp@example.test "$smtp" plain
like "$(cat "$BED/deliver.out")" "^refused 1: .*delivered to 1 of 2 recipients" "SMTP: who has it is told"
deliver "1 0" "SMTP: a recipient that is refused" -r stranger@example.com "$smtp" plain
like "$(cat "$BED/deliver.out")" "^refused 1: denied: $smtp: RCPT TO:<stranger@example.com>: 554 5.7.1 .*Access denied" \
	"SMTP: the listener's words are told"
deliver "0 1" "SMTP: the null sender" -f '' -r null@example.test "$smtp" plain

deliver "1 0" "nobody listens" -r one@example.test "lmtp:127.0.0.1:$(bed_ports 1)" plain plain
like "$(cat "$BED/deliver.out")" '^down 1: retry: lmtp:127.0.0.1:[0-9]+: cannot connect: .*Connection refused' "nobody listens: it is said"
deliver "1 0" "LMTP spoken to an SMTP listener" -r one@example.test "lmtp:127.0.0.1:$BED_MTA_PORT" plain
like "$(cat "$BED/deliver.out")" 'is this an SMTP listener' "what should be written is said"
done_testing
