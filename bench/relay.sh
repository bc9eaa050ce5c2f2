#!/bin/sh
# SPDX-License-Identifier: MIT
#
# relay.sh - what relaying through Postfix costs with our plugin and mailoauthd, against the same Postfix with AUTH PLAIN.
#
# N messages go from the chrooted smtp(8) through the smarthost into mailboxes, each in its own TLS session with its own AUTH. The peer
# (Debian's PLAIN plugin) and we (XOAUTH2, libmailoauth.so, the real mailoauthd, a token of 2,000 bytes) take turns in one run. All N are
# queued on hold first; the time runs from their release until the last is in its mailbox. A round in which a message is lost, deferred
# or sent twice, or shares a session, makes the run fail.
#
# The smarthost compares our token with a file, as it does the password: asking the provider at every login is the server's business, and
# would count against us alone. BENCH_INTROSPECT=1 lets it ask.
#
# Usage: relay.sh [MESSAGES [ROUNDS]]; by default 1,000 messages and 5 rounds of each. Environment: MAILOAUTHD, MAILOAUTH,
# MAILOAUTH_PLUGIN (the programs under test), BENCH_JSON (the file for the figures, bench/relay.json), BENCH_INTROSPECT.
# Exit status: 0 goal met or not decided, 1 goal missed or a round failed, 99 no test bed.
BED_SRC=$(cd "$(dirname "$0")/../tests/bed" && pwd)
# shellcheck source=../tests/bed/bed.sh
. "$BED_SRC/bed.sh"

GOAL=0.98
TOKEN_BYTES=2000
MAILBOXES=50 # parallel deliveries to one mailbox would wait for its lock
messages=${1:-1000}
rounds=${2:-5}
json=${BENCH_JSON:-bench/relay.json}

usage() {
	echo "relay.sh: $1: usage: relay.sh [MESSAGES [ROUNDS]], at least $MAILBOXES messages and 3 rounds" >&2
	exit 64
}

bench_fail() {
	echo "relay.sh: $*" >&2
	tap_failed=1 # bed_stop shows the logs
	exit 1
}

# The settings of both: everything on hold until it is released, and then one attempt without any reuse.
client_prepare() {
	bed_postfix_set client header_checks=static:HOLD queue_run_delay=300s minimal_backoff_time=300s maximal_backoff_time=4000s \
		smtp_connection_cache_on_demand=no smtp_tls_connection_reuse=no delay_logging_resolution_limit=3 || bench_fail "main.cf cannot be changed"
}

# Lets the smarthost find our token where it finds the password.
hub_takes_tokens_from_file() {
	sed -i -e 's/mechanisms = xoauth2 oauthbearer *$/mechanisms = oauthbearer/' -e 's/mechanisms = plain *$/mechanisms = plain xoauth2/' \
		"$BED/dovecot/dovecot.conf"
	doveadm -c "$BED/dovecot/dovecot.conf" reload || bench_fail "Dovecot does not reload"
}

hub_learns_token() {
	token=$(bed_mailoauth token relay) || bench_fail "no token"
	printf '%s:{PLAIN}%s\n' "$BED_PASSWORD_USER" "$BED_PASSWORD" relay@example.test "$token" >"$BED/dovecot/passwords"
}

# Only the plugin in question is there, as on the machine of somebody who uses only that.
use_peer() {
	rm -f "$BED/sasl/"*
	cp -L /usr/lib/*/sasl2/libplain.so "$BED/sasl/" || bench_fail "Debian's libplain.so is not there (libsasl2-modules)"
	sender=$BED_PASSWORD_USER method=PLAIN
	bed_postfix_set client smtp_sasl_mechanism_filter=plain \
		"smtp_sasl_password_maps=inline:{ { [127.0.0.1]:$BED_HUB_PORT = $BED_PASSWORD_USER:$BED_PASSWORD } }"
}

use_ours() {
	rm -f "$BED/sasl/"*
	bed_plugin_install
	[ -n "${BENCH_INTROSPECT-}" ] || hub_learns_token
	sender=relay@example.test method=XOAUTH2
	bed_postfix_set client smtp_sasl_mechanism_filter=xoauth2 \
		"smtp_sasl_password_maps=inline:{ { [127.0.0.1]:$BED_HUB_PORT = relay@example.test: } }"
}

queue_messages() { # ROUND COUNT
	body=$(yes 'A line of a message that somebody might have sent.' | head -n 20)
	i=0
	while [ "$i" -lt "$2" ]; do
		i=$((i + 1))
		bed_send "$sender" "$1-$((i % MAILBOXES))@example.test" "message $i." "$body" || bench_fail "sendmail fails"
	done
	bed_wait_for 60 held "$2" || bench_fail "$1: $(held_count) of $2 messages in the queue"
}

held_count() {
	find "$BED/client/queue/hold" -type f | wc -l
}

held() { # COUNT
	[ "$(held_count)" -eq "$1" ]
}

arrived() { # ROUND COUNT
	[ "$(cat "$BED/mail/$1"-*/Maildir/new/* 2>/dev/null | grep -c '^Subject: message ')" -ge "$2" ]
}

# Looks seldom: what the time is taken from is the moment at which the last file got its name.
wait_for_arrival() { # ROUND COUNT
	until=$(($(date +%s) + 60 + $2 / 5))
	until arrived "$1" "$2" && bed_queue_empty client && bed_queue_empty hub; do
		[ "$(date +%s)" -le "$until" ] || bench_fail "$1: $(bed_queue_count client) messages left in the queue, \
$(bed_queue_count hub) in the smarthost's"
		sleep 0.5
	done
}

counted() { # ROUND client|hub EXTENDED-REGEX COUNT WHAT
	count=$(bed_log_count "$2" "$3")
	[ "$count" -eq "$4" ] || bench_fail "$1: $count $5, not $4"
}

# Each message once, in its own session, with the method in question.
check_round() { # ROUND COUNT
	for numbers in 'sort -n' 'sort -nu'; do
		count=$(cat "$BED/mail/$1"-*/Maildir/new/* | sed -n 's/^Subject: message \([0-9]*\)\.$/\1/p' | $numbers | wc -l)
		[ "$count" -eq "$2" ] || bench_fail "$1: $count messages arrived ($numbers), not $2"
	done
	counted "$1" client 'status=sent \(250 ' "$2" "messages sent"
	counted "$1" client 'status=(deferred|bounced)' 0 "messages deferred or bounced"
	counted "$1" client 'TLS connection established to' "$2" "TLS sessions"
	counted "$1" hub "sasl_method=$method, sasl_username=$sender" "$2" "messages with $method"
}

# Milliseconds from connect to the end of AUTH, the median; Postfix's own figure (delays=a/b/C/d).
setup_ms() {
	bed_log_client | sed -n '/status=sent/s/.*delays=[^/]*\/[^/]*\/\([0-9.]*\)\/.*/\1/p' | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] * 1000 }'
}

# CPU so far, in clock ticks: what the client's Postfix has reaped, and mailoauthd.
cpu_ticks() {
	for pid in "$(bed_postfix_pid client)" "$BED_DAEMON_PID"; do
		sed 's/^.*) //' "/proc/$pid/stat"
	done | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum }'
}

# Notes the figures of a round: messages/s, the session's set-up, and the CPU time of a message on the client's side.
note_figures() { # peer|ours COUNT BEGAN ENDED TICKS
	awk -v n="$2" -v a="$3" -v b="$4" 'BEGIN { printf "%.2f\n", n / (b - a) }' >>"$BED/$1.rates"
	setup_ms >>"$BED/$1.setup"
	awk -v n="$2" -v ticks="$5" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.3f\n", ticks * 1000 / hz / n }' >>"$BED/$1.cpu"
}

# One round. The numbered ones count; their figures go to $BED/NAME.rates, .setup and .cpu.
measure() { # peer|ours NUMBER COUNT
	round=$1-$2
	"use_$1" || bench_fail "main.cf cannot be changed"
	ticks=$(cpu_ticks)
	queue_messages "$round" "$3"
	bed_log_clear
	sync
	postsuper -c "$BED/client/conf" -H ALL >/dev/null 2>&1 || bench_fail "$round: postsuper fails"
	began=$(date +%s.%N)
	bed_queue_flush client
	wait_for_arrival "$round" "$3"
	ended=$(find "$BED/mail/$round"-*/Maildir/new -type f -printf '%C@\n' | sort -n | tail -n 1)
	check_round "$round" "$3"
	bed_postfix_reload client # its smtp(8) processes end: now they can be accounted for
	[ "$2" -eq 0 ] || {
		note_figures "$1" "$3" "$began" "$ended" "$(($(cpu_ticks) - ticks))"
		bed_say "round $2, $1: $(tail -n 1 "$BED/$1.rates") messages/s, session set-up $(tail -n 1 "$BED/$1.setup") ms," \
			"client's CPU $(tail -n 1 "$BED/$1.cpu") ms a message"
	}
	rm -rf "$BED/mail/$round"-*
}

# median minimum maximum, of one number a line
spread() {
	sort -n | awk '{ v[NR] = $1 }
		END { print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2), v[1], v[NR] }'
}

# The ratio ours/peer of each pair of neighbouring rounds, their mean (of the logarithms), and its two-sided 90 % confidence interval by
# Student's t. The goal is met when all of the interval lies at or above it, and missed when all of it lies below; between these the run
# shows more noise than it could decide on, and says so.
judge() {
	paste "$BED/ours.rates" "$BED/peer.rates" | awk -v goal="$GOAL" '
		BEGIN { split("6.314 2.920 2.353 2.132 2.015 1.943 1.895 1.860 1.833", t) }
		{ l[NR] = log($1 / $2); sum += l[NR] }
		END {
			mean = sum / NR
			for (i = 1; i <= NR; i++) squares += (l[i] - mean) ^ 2
			half = (NR - 1 in t ? t[NR - 1] : 1.833) * sqrt(squares / (NR - 1) / NR)
			verdict = exp(mean - half) >= goal ? "met" : exp(mean + half) < goal ? "missed" : "undecided"
			printf "%.4f %.4f %.4f %s\n", exp(mean), exp(mean - half), exp(mean + half), verdict
		}'
}

subject_json() { # peer|ours
	# shellcheck disable=SC2046 # numbers
	set -- "$1" $(spread <"$BED/$1.rates") $(spread <"$BED/$1.setup" | cut -d ' ' -f 1) $(spread <"$BED/$1.cpu")
	printf '  "%s": {"median": %s, "min": %s, "max": %s, "setup_ms": %s, "cpu_ms": %s, "rates": [%s]},\n' "$1" "$2" "$3" "$4" "$5" "$6" \
		"$(paste -s -d , "$BED/$1.rates")"
}

write_json() { # MEAN LOW HIGH VERDICT
	case $json in */*) mkdir -p "${json%/*}" ;; esac
	{
		printf '{\n  "messages": %s,\n  "rounds": %s,\n  "token_bytes": %s,\n' "$messages" "$rounds" "$TOKEN_BYTES"
		printf '  "introspection": %s,\n' "$([ -n "${BENCH_INTROSPECT-}" ] && echo true || echo false)"
		subject_json peer
		subject_json ours
		printf '  "ratio": {"mean": %s, "low": %s, "high": %s, "goal": %s},\n  "verdict": "%s"\n}\n' "$1" "$2" "$3" "$GOAL" "$4"
	} >"$json" || bench_fail "cannot write $json"
}

tell() { # MEAN LOW HIGH VERDICT
	printf '%-14s %8s %8s %8s %12s %12s\n' "messages/s" median min max "set-up, ms" "CPU, ms"
	for subject in peer ours; do
		echo "$subject $(spread <"$BED/$subject.rates") $(spread <"$BED/$subject.setup" | cut -d ' ' -f 1) $(spread <"$BED/$subject.cpu")"
	done | awk '{ printf "%-14s %8.1f %8.1f %8.1f %12.0f %12.2f\n", $1 == "peer" ? "peer: PLAIN" : "ours: XOAUTH2", $2, $3, $4, $5, $6 }'
	printf 'ours / peer: %s (90 %% sure: %s to %s; goal at least %s): %s\n' "$1" "$2" "$3" "$GOAL" "$4"
}

for number in "$messages" "$rounds"; do
	case $number in '' | *[!0-9]*) usage "not a number: '$number'" ;; esac
done
[ "$messages" -ge "$MAILBOXES" ] || usage "too few messages"
[ "$rounds" -ge 3 ] || usage "too few rounds"
bed_relay_start
bed_provider_ctl set token_bytes="$TOKEN_BYTES" ttl=86400
bed_mailoauth refresh relay >/dev/null || bench_fail "no token of $TOKEN_BYTES bytes"
[ -n "${BENCH_INTROSPECT-}" ] || hub_takes_tokens_from_file
client_prepare
bed_say "$messages messages, $rounds rounds of each, after a short one that does not count"
round_number=0
while [ "$round_number" -le "$rounds" ]; do
	size=$messages
	[ "$round_number" -gt 0 ] || size=$MAILBOXES
	measure peer "$round_number" "$size"
	measure ours "$round_number" "$size"
	round_number=$((round_number + 1))
done
# shellcheck disable=SC2046 # three numbers and a word
set -- $(judge)
tell "$@"
write_json "$@"
[ "$4" != missed ]
