#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh - mailoauth-fetch beside mbsync and beside the bare stream: one generated mailbox, one Dovecot over TLS, one run. Every program
# logs in with XOAUTH2 through our plugin. Seconds of wall time, the median of RUNS.
#
#   MESSAGES=10000 RUNS=3 sh bench/fetch.sh
# shellcheck disable=SC2016 # JavaScript
BED_SRC=$(cd "$(dirname "$0")/../tests/bed" && pwd)
# shellcheck source=../tests/bed/bed.sh
. "$BED_SRC/bed.sh"
BED_REQUIRED=1
MESSAGES=${MESSAGES:-10000}
RUNS=${RUNS:-3}
user=relay@example.test
bed_relay_start
bed_fetch_conf

# 2 KB to 200 KB, 10 KB on average, three of 10 MB.
echo "generating $MESSAGES messages"
inbox=$BED/mail/$user/Maildir
mkdir -p "$inbox/new" "$inbox/cur" "$inbox/tmp"
openssl rand -base64 20000000 >"$BED/noise"
"$BED_NODE" -e '
	const { readFileSync, writeFileSync } = require("node:fs");
	const [noise, into, count] = [readFileSync(process.argv[1], "latin1"), process.argv[2], Number(process.argv[3])];
	let seed = 1;
	const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
	for (let i = 1; i <= count; i++) {
		const size = i % 3334 === 0 ? 10000000 : Math.min(200000, Math.round(2000 - 7400 * Math.log(1 - random())));
		const at = Math.floor(random() * (noise.length - size));
		writeFileSync(`${into}/${1700000000 + i}.M${i}.bench`,
			`From: a@example.test\nTo: b@example.test\nMessage-ID: <${i}@bench>\nSubject: ${i}\n\n${noise.slice(at, at + size)}\n`, "latin1");
	}' "$BED/noise" "$inbox/new" "$MESSAGES"
chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/mail/$user"
bed_doveadm fetch -u $user 'uid size.virtual' mailbox INBOX all >/dev/null # Dovecot's own index is not what is measured
echo "$(find "$inbox" -type f | wc -l) messages, $(du -sm "$inbox" | cut -f 1) MB"

# Everything in one command, to a file, synced at the end: what the wire and the disk allow.
raw() { # FILE
	printf 'a AUTHENTICATE XOAUTH2 %s\r\nb EXAMINE INBOX\r\nc UID FETCH 1:* BODY.PEEK[]\r\nd LOGOUT\r\n' \
		"$(bed_xoauth2 $user "$(bed_mailoauth token relay)")" |
		openssl s_client -quiet -ign_eof -CAfile "$BED/tls/ca.pem" -connect "127.0.0.1:$BED_IMAP_PORT" >"$1" 2>/dev/null
}
raw_null() {
	raw /dev/null
}
raw_file() {
	raw "$BED/raw.out" && sync -f "$BED/raw.out"
}

# Removing ten thousand files takes as long as fetching them: it is not measured.
clean() {
	bed_fetch_forget
	rm -rf "$BED/synced"
	sync -f "$BED"
}

ours() {
	BED_FETCH_TIMEOUT=600 bed_fetch --once
}

mbsync_run() { # yes|no: FSync
	mkdir "$BED/synced"
	cat >"$BED/mbsyncrc" <<-EOT
		FSync $1
		IMAPAccount bed
		Host 127.0.0.1
		Port $BED_IMAP_PORT
		User $user
		PassCmd "echo Bearer $(bed_mailoauth token relay)"
		SSLType IMAPS
		CertificateFile $BED/tls/ca.pem
		AuthMechs XOAUTH2

		IMAPStore far
		Account bed

		MaildirStore near
		Path $BED/synced/
		Inbox $BED/synced/INBOX

		Channel all
		Far :far:
		Near :near:
		Patterns INBOX
		Create Near
		Sync Pull New
		SyncState *
	EOT
	SASL_PATH=$BED/sasl HOME=$BED mbsync -c "$BED/mbsyncrc" -q all >"$BED/mbsync.out" 2>&1
}
mbsync_durable() {
	mbsync_run yes
}
mbsync_not_durable() {
	mbsync_run no
}

measure() { # NAME COMMAND
	times=
	for run in $(seq "$RUNS"); do
		clean
		began=$(date +%s%N)
		"$2" || { echo "$1: failed in run $run: $(tail -n 3 "$BED/fetch.out" "$BED/mbsync.out" 2>/dev/null)" && return; }
		times="$times $(($(date +%s%N) - began))"
	done
	# shellcheck disable=SC2086 # a list
	printf '%-34s %s s\n' "$1" "$(printf '%s\n' $times | sort -n | awk '{ t[NR] = $1 } END { printf "%.2f", t[int((NR + 1) / 2)] / 1e9 }')"
}

measure 'raw stream to /dev/null' raw_null
measure 'raw stream to a file, synced' raw_file
measure 'mailoauth-fetch, durable' ours
tail -n 1 "$BED/fetch.out"
command -v mbsync >/dev/null && {
	measure 'mbsync, FSync no' mbsync_not_durable
	measure 'mbsync, FSync yes' mbsync_durable
}
# shellcheck disable=SC2034 # for bed_fetch
BED_FETCH_UNDER='/usr/bin/time -f %MKB_peak_%Us_user_%Ss_system'
[ ! -x /usr/bin/time ] || {
	clean
	ours
	grep -h peak "$BED/fetch.out"
}
