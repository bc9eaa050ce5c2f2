#!/bin/sh
# SPDX-License-Identifier: MIT
#
# grow.sh - how fetching grows: with the number of messages, their size, the distance of the server and the number of mailboxes.
# mailoauth-fetch, durable, beside mbsync with FSync and beside the bare stream, in turns, at each point of a series. A program counts only if
# every message arrived.
#
# Usage: grow.sh. Environment:
#   SERIES (messages bytes ms mailboxes)        what to measure
#   POINTS_messages (100 1000 10000 100000)     messages of 4 KB in one mailbox
#   POINTS_bytes (1000 10000 100000 1000000 10000000 100000000)   of a message; about 50 MB of them, but at least 3 and at most 5,000
#   POINTS_ms (0 20 50 100 200)                 of round trip; 500 messages of 10 KB
#   POINTS_mailboxes (1 10 100 1000)            of 10 messages of 10 KB, each with a login of its own
#   RUNS (3)                                    rounds; of a point that takes long, where mbsync's took over a minute, one
#   BENCH_JSON (bench/grow.json), BENCH_PROGRAMS (bench: where raw-fetch is)
#   MAILOAUTHD, MAILOAUTH, MAILOAUTH_FETCH, MAILOAUTH_PLUGIN   the programs under test
# Exit status: 0 all arrived, 1 a program failed, 64 wrong usage, 99 no test bed.
here=$(cd "$(dirname "$0")" && pwd)
BED_SRC=$here/../tests/bed
# shellcheck source=../tests/bed/bed.sh
. "$BED_SRC/bed.sh"
# shellcheck source=fetch-programs.sh
. "$here/fetch-programs.sh"
BED_REQUIRED=1
SERIES=${SERIES-messages bytes ms mailboxes}
POINTS_messages=${POINTS_messages-100 1000 10000 100000}
POINTS_bytes=${POINTS_bytes-1000 10000 100000 1000000 10000000 100000000}
POINTS_ms=${POINTS_ms-0 20 50 100 200}
POINTS_mailboxes=${POINTS_mailboxes-1 10 100 1000}
RUNS=${RUNS:-3}
json=${BENCH_JSON:-bench/grow.json}
programs=$(cd "${BENCH_PROGRAMS:-bench}" 2>/dev/null && pwd)
LIMIT_S=1800
LONG_S=60
PER_MAILBOX=10

usage() {
	echo "grow.sh: $1" >&2
	exit 64
}

for series in $SERIES; do
	case $series in messages | bytes | ms | mailboxes) ;; *) usage "no such series: $series (messages bytes ms mailboxes)" ;; esac
done
for number in "$RUNS" $POINTS_messages $POINTS_bytes $POINTS_ms $POINTS_mailboxes; do
	case $number in '' | *[!0-9]*) usage "not a number: '$number'" ;; esac
done
[ -x "$programs/raw-fetch" ] || usage "not built: raw-fetch (make bench-grow builds it; BENCH_PROGRAMS says where it is)"
peers=
if supply isync command -v mbsync; then
	peers=mbsync
else
	echo "skipped: mbsync, which is not installed: apt-get install isync"
fi
supply time [ -x /usr/bin/time ] || usage "CPU time and memory are measured with /usr/bin/time: apt-get install time"

most() { # NUMBER...
	printf '%s\n' "$@" | sort -n | tail -n 1
}

# Mailboxes of their own: a password does, it is no login that is measured. An imap process for 50 connections, so that the machine bears them.
# shellcheck disable=SC2034 # for dovecot.sh
# shellcheck disable=SC2086 # numbers
BED_DOVECOT_EXTRA="
	default_client_limit = $(($(most $POINTS_mailboxes) * 4 + 1000))
	default_process_limit = 400
	service imap-login {
	  service_count = 0
	  process_min_avail = 2
	}
	service imap {
	  service_count = 0
	  client_limit = 50
	  vsz_limit = 2G
	}"
bed_relay_start
bed_provider_ctl set ttl=86400
bed_mailoauth refresh relay >/dev/null || bed_die "no token"
for plugin in /usr/lib/*/sasl2/libplain.so; do
	[ ! -e "$plugin" ] || cp -L "$plugin" "$BED/sasl/"
done
openssl rand -base64 20000000 >"$BED/noise"
user=relay@example.test account=relay port=$BED_IMAP_PORT

# Another mailbox in the place of the one before.
refill() { # COUNT BYTES
	bed_logged_out "$user"
	bed_mailbox_empty "$user"
	fill "$user" "$1" "$2"
}

# Many mailboxes ---------------------------------------------------------------------------------

mailboxes_make() { # COUNT
	printf '%s\n' "$BED_PASSWORD" | private "$BED/password"
	for i in $(seq "$1"); do
		[ ! -d "$BED/mail/m$i@example.test" ] || continue
		printf 'm%d@example.test:{PLAIN}%s\n' "$i" "$BED_PASSWORD" >>"$BED/dovecot/passwords"
		mkdir -p "$BED/mail/m$i@example.test"
		cp -a "$BED/mail/$user/Maildir" "$BED/mail/m$i@example.test/"
		chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/mail/m$i@example.test"
	done
}

run_ours_mailboxes() {
	bed_fetch_conf
	awk -v count="$point" -v port="$port" -v bed="$BED" 'BEGIN {
		for (i = 1; i <= count; i++)
			printf "[fetch m%d]\nuser = m%d@example.test\npassword_file = %s/password\nhost = 127.0.0.1\nport = %d\n" \
				"ca_file = %s/tls/ca.pem\ndeliver = maildir:%s/fetched/m%d\n\n", i, i, bed, port, bed, bed, i
	}' >"$BED_FETCH_CONF"
	mkdir -p "$BED/fetched"
	# shellcheck disable=SC2034 # for bed_fetch
	BED_FETCH_UNDER=$counting BED_FETCH_TIMEOUT=$LIMIT_S
	timed bed_fetch --once
	ours_status=$?
	cp "$BED/fetch.out" "$BED/out"
	return "$ours_status"
}

run_mbsync_mailboxes() {
	mkdir -p "$BED/synced"
	private "$BED/mbsyncrc" <<-EOT
		FSync yes
		$(awk -v count="$point" -v port="$port" -v bed="$BED" -v password="$BED_PASSWORD" 'BEGIN {
			for (i = 1; i <= count; i++)
				printf "IMAPAccount m%d\nHost 127.0.0.1\nPort %d\nUser m%d@example.test\nPass %s\nSSLType IMAPS\nAuthMechs LOGIN\n" \
					"CertificateFile %s/tls/ca.pem\n\nIMAPStore far%d\nAccount m%d\n\n" \
					"MaildirStore near%d\nPath %s/synced/m%d/\nInbox %s/synced/m%d/INBOX\n\n" \
					"Channel m%d\nFar :far%d:\nNear :near%d:\nPatterns INBOX\nCreate Near\nSync Pull New\nSyncState *\n\n",
					i, port, i, password, bed, i, i, i, bed, i, bed, i, i, i, i
		}')
	EOT
	awk -v count="$point" -v into="$BED/synced/m" 'BEGIN { for (i = 1; i <= count; i++) printf "%s%d\n", into, i }' | xargs mkdir -p
	run mbsync -c "$BED/mbsyncrc" -q -a
}

# The series -------------------------------------------------------------------------------------

# As often as RUNS says, but once where it takes long.
measure_point() { # MESSAGES PROGRAM...
	wanted=$1
	shift
	for round in $(seq "$RUNS"); do
		for program; do
			takes_part "$program" "$round" || continue
			measure "$series-$point" "$program" "$round" "$wanted"
		done
		awk -v row="$series-$point" -v s="$LONG_S" '$1 == row && $4 > s * 1e9 { slow = 1 } END { exit slow }' "$BED/figures" || break
	done
}

point_of() { # SERIES POINT
	series=$1 point=$2 port=$BED_IMAP_PORT
	case $series in
	messages)
		refill "$point" 4000
		measure_point "$point" raw-null raw-synced ours mbsync
		;;
	bytes)
		count=$((50000000 / point))
		[ "$count" -le 5000 ] || count=5000
		[ "$count" -ge 3 ] || count=3
		refill "$count" "$point"
		measure_point "$count" raw-null raw-synced ours mbsync
		;;
	ms)
		far_start $((point / 2))
		port=$FAR_PORT
		measure_point 500 raw-null raw-synced ours mbsync
		kill "$FAR_PID"
		;;
	mailboxes)
		mailboxes_make "$point"
		measure_point $((point * PER_MAILBOX)) ours-mailboxes mbsync-mailboxes
		;;
	esac
	rm -rf "$BED/past"
}

describe >"$BED/figures"
echo "raw stream, mailoauth-fetch, mbsync: XOAUTH2; the many mailboxes: a password"
for one in $SERIES; do
	case $one in
	messages) points=$POINTS_messages ;;
	bytes) points=$POINTS_bytes ;;
	ms) points=$POINTS_ms && refill 500 10000 ;;
	mailboxes) points=$POINTS_mailboxes && refill "$PER_MAILBOX" 10000 ;;
	esac
	for each in $points; do
		point_of "$one" "$each"
	done
done
printf '# load when it ended\t%s\n' "$(cut -d ' ' -f 1-4 /proc/loadavg)" >>"$BED/figures"
case $json in */*) mkdir -p "${json%/*}" ;; esac
bed_node "$here/grow-report.mjs" "$BED/figures" "$json"
