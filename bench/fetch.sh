#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh - mailoauth-fetch beside the programs that people come from and beside the bare stream: one generated mailbox, one Dovecot over
# TLS, one run. All programs of a row take turns, round after round, so that a machine that drifts drifts for all; what counts is ratios.
# A program counts only if every message arrived.
#
# The raw stream, mailoauth-fetch and mbsync log in with XOAUTH2; the others cannot, or only with a script, and use a password.
#
# Usage: fetch.sh. Environment:
#   MESSAGES (10000), FAR_MESSAGES (500)   in the mailbox, and in the one behind the delay of 20 ms
#   RUNS (3), SLOW_RUNS (1)                rounds, and of how many of these fdm, getmail and fetchmail take part: minutes each
#   ROWS (maildir lmtp mda far none)       what to measure
#   PEERS (mbsync mpop fdm fetchmail)      also getmail, which may miss the end of its own child and then wait; installed from Debian's
#                                          packages where they are missing
#   BENCH_JSON (bench/fetch.json), BENCH_PROGRAMS (bench: where raw-fetch and its like are)
#   MAILOAUTHD, MAILOAUTH, MAILOAUTH_FETCH, MAILOAUTH_PLUGIN   the programs under test
# Exit status: 0 no goal missed, 1 a goal missed or a program failed, 64 wrong usage, 99 no test bed.
# shellcheck disable=SC2016 # JavaScript
here=$(cd "$(dirname "$0")" && pwd)
BED_SRC=$here/../tests/bed
# shellcheck source=../tests/bed/bed.sh
. "$BED_SRC/bed.sh"
# shellcheck source=fetch-programs.sh
. "$here/fetch-programs.sh"
BED_REQUIRED=1
MESSAGES=${MESSAGES:-10000}
FAR_MESSAGES=${FAR_MESSAGES:-500}
RUNS=${RUNS:-3}
SLOW_RUNS=${SLOW_RUNS:-1}
ROWS=${ROWS-maildir lmtp mda far none}
PEERS=${PEERS-mbsync mpop fdm fetchmail}
json=${BENCH_JSON:-bench/fetch.json}
programs=$(cd "${BENCH_PROGRAMS:-bench}" 2>/dev/null && pwd)
DELAY_MS=10 # each way
LIMIT_S=1800 # fetchmail by LMTP takes 500

usage() {
	echo "fetch.sh: $1" >&2
	exit 64
}

# What there is ----------------------------------------------------------------------------------

for number in "$MESSAGES" "$FAR_MESSAGES" "$RUNS" "$SLOW_RUNS"; do
	case $number in '' | *[!0-9]*) usage "not a number: '$number'" ;; esac
done
for row in $ROWS; do
	case $row in maildir | lmtp | mda | far | none) ;; *) usage "no such row: $row (maildir lmtp mda far none)" ;; esac
done
for program in raw-fetch raw-lmtp raw-spawn keep-message; do
	[ -x "$programs/$program" ] || usage "not built: $program (make bench-fetch builds it; BENCH_PROGRAMS says where it is)"
done

has_pop3() {
	[ -x /usr/lib/dovecot/pop3 ] || [ -x /usr/libexec/dovecot/pop3 ]
}

peers=
for peer in $PEERS; do
	case $peer in
	mbsync) package=isync ;;
	getmail) package=getmail6 ;;
	mpop | fdm | fetchmail) package=$peer ;;
	*) usage "no such peer: $peer (mbsync mpop fdm getmail fetchmail)" ;;
	esac
	if ! supply "$package" command -v "$peer"; then
		echo "skipped: $peer, which is not installed: apt-get install $package"
	elif [ "$peer" = mpop ] && ! supply dovecot-pop3d has_pop3; then
		echo "skipped: mpop, which speaks only POP3, and this Dovecot does not: apt-get install dovecot-pop3d"
	else
		peers="$peers $peer"
	fi
done
supply strace command -v strace || echo "not counted: system calls; strace does that, which is not installed: apt-get install strace"
supply time [ -x /usr/bin/time ] || usage "CPU time and memory are measured with /usr/bin/time: apt-get install time"

# The mailboxes ----------------------------------------------------------------------------------

bed_begin
# shellcheck disable=SC2046 # three numbers
set -- $(bed_ports 2)
LMTP_PORT=$1 POP3_PORT=$2
BED_DOVECOT_EXTRA="service lmtp {
  inet_listener lmtp {
    port = $LMTP_PORT
  }
}"
case $peers in
*mpop*)
	# shellcheck disable=SC2034 # for bed_start
	BED_DOVECOT_EXTRA="$BED_DOVECOT_EXTRA
$(bed_dovecot_pop3 "$POP3_PORT")"
	;;
esac
bed_relay_start
bed_provider_ctl set ttl=86400
bed_authorize second second@example.test || bed_die "second@example.test cannot be authorized"
bed_mailoauth refresh relay >/dev/null || bed_die "no token"
printf '%s:{PLAIN}%s\n' relay@example.test "$BED_PASSWORD" second@example.test "$BED_PASSWORD" >>"$BED/dovecot/passwords"

bed_say "generating the mailboxes"
openssl rand -base64 20000000 >"$BED/noise"
[ "$ROWS" = far ] || fill relay@example.test "$MESSAGES"
case " $ROWS " in *" far "*) fill second@example.test "$FAR_MESSAGES" ;; esac
rm "$BED/noise"

# How often mailoauth-fetch waited for the server after login: commands sent together count once.
trips() {
	awk '/: C: / { if (login && !asked) trips++; asked = 1 } /: S: / { asked = 0 } / login: .* -> / { login = 1; asked = 0 } / login: / { trips = 0 }
		END { print trips + 0 }' "$BED/out"
}

# Everything was fetched; once more, and again. Its exit status says so: 1.
row_none() {
	clean
	ours >/dev/null || echo "ours: $(tail -n 3 "$BED/out")"
	[ -z "$mbsync" ] || run_mbsync
	for round in $(seq "$RUNS"); do
		: >"$BED/usage"
		ours
		status=$? ours_took=$took
		verbose=yes
		ours
		verbose=
		note none ours "$round" "$ours_took" "$([ "$status" -eq 1 ] && echo ok || echo failed)" "$(trips)"
		[ -n "$mbsync" ] || continue
		run_mbsync
		status=$?
		note none mbsync "$round" "$took" "$([ "$status" -eq 0 ] && echo ok || echo failed)"
	done
}

describe >"$BED/figures"
case " $peers " in *" mbsync "*) mbsync=yes ;; *) mbsync= ;; esac
echo "raw stream, mailoauth-fetch, mbsync: XOAUTH2; mpop, fdm, getmail, fetchmail: the password of the same mailbox"
for one in $ROWS; do
	user=relay@example.test account=relay port=$BED_IMAP_PORT
	case $one in
	maildir) measure_row maildir "$MESSAGES" raw-null raw-unsynced raw-synced ours mbsync mbsync-nofsync mpop fdm getmail fetchmail-mda ;;
	lmtp) measure_row lmtp "$MESSAGES" raw-null raw-lmtp ours-lmtp-1 ours-lmtp-4 fetchmail-lmtp ;;
	mda) measure_row mda "$MESSAGES" raw-null raw-spawn raw-spawn-4 ours-mda-4 ours-mda-1 fetchmail-mda ;;
	far)
		far_start "$DELAY_MS"
		user=second@example.test account=second port=$FAR_PORT
		measure_row far "$FAR_MESSAGES" raw-null raw-synced ours mbsync fetchmail-mda
		;;
	none) row_none ;;
	esac
done
printf '# load when it ended\t%s\n' "$(cut -d ' ' -f 1-4 /proc/loadavg)" >>"$BED/figures"
case $json in */*) mkdir -p "${json%/*}" ;; esac
bed_node "$here/fetch-report.mjs" "$BED/figures" "$json" "$MESSAGES" "$FAR_MESSAGES"
