# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016 # JavaScript
#
# fetch-programs.sh - part of fetch.sh and grow.sh: the mailboxes, the programs that fetch them, and how one run of one program is measured.
# They set: here, programs (where raw-fetch and its like are), peers, LIMIT_S. A run is of the mailbox of $user, the account $account, at $port.

# Whether a file of a Debian package is there, or can be had.
supply() { # PACKAGE COMMAND...
	package=$1
	shift
	"$@" >/dev/null 2>&1 && return
	[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return
	bed_say "installing $package"
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package" >/dev/null 2>&1
	"$@" >/dev/null 2>&1
}

# The mailboxes ----------------------------------------------------------------------------------

# Without BYTES: 2 KB to 200 KB, 10 KB on average, three of 10 MB in 10,000. Known to Dovecot's index: what that costs is not what is measured.
fill() { # USER COUNT [BYTES]
	inbox=$BED/mail/$1/Maildir
	mkdir -p "$inbox/new" "$inbox/cur" "$inbox/tmp"
	bed_node -e '
		const { readFileSync, writeFileSync } = require("node:fs");
		const [noise, into, count, bytes] = [readFileSync(process.argv[1], "latin1"), process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
		let seed = 1;
		const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
		for (let i = 1; i <= count; i++) {
			const size = bytes || (i % 3334 === 0 || i === 9999 ? 10000000 : Math.min(200000, Math.round(2000 - 7400 * Math.log(1 - random()))));
			const at = Math.floor(random() * Math.max(0, noise.length - size));
			const text = noise.repeat(Math.ceil(size / noise.length)).slice(at, at + size);
			writeFileSync(`${into}/${1700000000 + i}.M${i}.bench:2,`,
				`From: a@example.test\nTo: b@example.test\nMessage-ID: <${i}@bench>\nSubject: ${i}\n\n${text}\n`, "latin1");
		}' "$BED/noise" "$inbox/cur" "$2" "${3:-0}"
	chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/mail/$1"
	bed_doveadm fetch -u "$1" 'uid size.virtual' mailbox INBOX all >/dev/null
	bed_say "$1: $2 messages, $(du -sm "$inbox" | cut -f 1) MB"
}

# In front of the IMAP server: $FAR_PORT.
far_start() { # MILLISECONDS each way
	: >"$BED/delay.out"
	bed_node "$here/delay.mjs" "$BED_IMAP_PORT" "$1" >"$BED/delay.out" 2>"$BED/delay.log" &
	FAR_PID=$!
	bed_note "$FAR_PID"
	bed_wait_for 10 [ -s "$BED/delay.out" ] || bed_die "delay.mjs does not start: $(cat "$BED/delay.log")"
	FAR_PORT=$(cat "$BED/delay.out")
}

# The programs -----------------------------------------------------------------------------------
# Each is a function run_NAME for the mailbox of $user at $port, that leaves its output in $BED/out.

# Only the program's own time counts, not what prepares it: nanoseconds, $took.
timed() { # FUNCTION ARGUMENT...
	began=$(date +%s%N)
	"$@"
	timed_status=$?
	took=$(($(date +%s%N) - began))
	return "$timed_status"
}

counted() { # COMMAND...
	# shellcheck disable=SC2086 # a command and its arguments
	SASL_PATH=$BED/sasl HOME=$BED timeout "$LIMIT_S" $counting "$@" >"$BED/out" 2>&1
}

run() { # COMMAND...
	timed counted "$@"
}

run_raw() { # KEEPING [MAILDIR]
	mkdir -p "$BED/synced/INBOX/new" "$BED/synced/INBOX/cur" "$BED/synced/INBOX/tmp"
	run "$programs/raw-fetch" "$port" "$BED/tls/ca.pem" "$@" <"$BED/login"
}
run_raw_null() {
	run_raw null
}
run_raw_unsynced() {
	run_raw unsynced "$BED/synced/INBOX"
}
run_raw_synced() {
	run_raw synced "$BED/synced/INBOX"
}

# Messages that lie here already.
run_raw_lmtp() {
	run "$programs/raw-lmtp" "$LMTP_PORT" "$BED/mail/$user/Maildir/cur" to@example.test
}
run_raw_spawn() { # [PARALLEL]
	run "$programs/raw-spawn" "${1:-1}" "$BED/mail/$user/Maildir/cur" "$programs/keep-message" "$BED/ran"
}
run_raw_spawn_4() {
	run_raw_spawn 4
}

verbose=
ours() { # [LINE...]
	bed_fetch_conf "account = $account" "port = $port" "$@"
	# shellcheck disable=SC2034 # for bed_fetch
	BED_FETCH_UNDER=$counting BED_FETCH_TIMEOUT=$LIMIT_S
	timed bed_fetch --once ${verbose:+-v}
	ours_status=$?
	cp "$BED/fetch.out" "$BED/out"
	return "$ours_status"
}
run_ours() {
	ours
}
run_ours_lmtp_1() {
	ours "deliver = lmtp:127.0.0.1:$LMTP_PORT" "recipient = to@example.test"
}
run_ours_lmtp_4() {
	ours "deliver = lmtp:127.0.0.1:$LMTP_PORT" "recipient = to@example.test" "parallel = 4"
}
run_ours_mda_1() {
	ours "deliver = mda:$programs/keep-message $BED/ran" "parallel = 1"
}
run_ours_mda_4() {
	ours "deliver = mda:$programs/keep-message $BED/ran" "parallel = 4"
}

mbsync_run() { # yes|no: FSync
	mkdir -p "$BED/synced"
	cat >"$BED/mbsyncrc" <<-EOT
		FSync $1
		IMAPAccount bed
		Host 127.0.0.1
		Port $port
		User $user
		PassCmd "echo Bearer $(bed_mailoauth token "$account")"
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
	run mbsync -c "$BED/mbsyncrc" -q all
}
run_mbsync() {
	mbsync_run yes
}
run_mbsync_nofsync() {
	mbsync_run no
}

# A file that only its owner reads, as these programs demand of one with a password.
private() { # FILE
	(umask 077 && cat >"$1")
}

run_mpop() {
	mkdir -p "$BED/synced/INBOX/new" "$BED/synced/INBOX/cur" "$BED/synced/INBOX/tmp"
	private "$BED/mpoprc" <<-EOT
		account bed
		host localhost
		port $POP3_PORT
		auth user
		user $user
		password $BED_PASSWORD
		tls on
		tls_starttls off
		tls_trust_file $BED/tls/ca.pem
		delivery maildir $BED/synced/INBOX
		keep on
		uidls_file $BED/synced/uidls
	EOT
	run mpop -C "$BED/mpoprc" -q bed
}

run_fdm() {
	mkdir -p "$BED/synced"
	private "$BED/fdm.conf" <<-EOT
		set lock-file "$BED/synced/fdm.lock"
		set maximum-size 64M
		set default-user "root"
		account "bed" imaps server "127.0.0.1" port $port user "$user" pass "$BED_PASSWORD" folder "INBOX" keep
		action "maildir" maildir "$BED/synced/INBOX"
		match all action "maildir"
	EOT
	run fdm -f "$BED/fdm.conf" -a bed fetch
}

run_getmail() { # it delivers nothing as root
	mkdir -p "$BED/synced/INBOX/new" "$BED/synced/INBOX/cur" "$BED/synced/INBOX/tmp" "$BED/synced/getmail"
	private "$BED/getmailrc" <<-EOT
		[retriever]
		type = SimpleIMAPSSLRetriever
		server = 127.0.0.1
		port = $port
		username = $user
		password = $BED_PASSWORD
		ca_certs = $BED/tls/ca.pem
		[destination]
		type = Maildir
		path = $BED/synced/INBOX/
		[options]
		read_all = true
		delete = false
		verbose = 0
		delivered_to = false
		received = false
	EOT
	chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/synced" "$BED/getmailrc"
	run setpriv --reuid="$BED_MAIL_USER" --regid="$BED_MAIL_USER" --clear-groups getmail -g "$BED/synced/getmail" -r "$BED/getmailrc"
}

fetchmail_run() { # WHERE: options of a user. Of a certificate it takes only names, no addresses.
	mkdir -p "$BED/synced"
	private "$BED/fetchmailrc" <<-EOT
		set no bouncemail
		poll localhost protocol imap port $port
		  user "$user" password "$BED_PASSWORD" is "to" here
		  ssl sslcertck sslcertfile "$BED/tls/ca.pem" keep fetchall
		  $1
	EOT
	run fetchmail -f "$BED/fetchmailrc" --nodetach --silent --nosyslog -i "$BED/synced/fetchids" --pidfile "$BED/synced/fetchmail.pid"
}
run_fetchmail_mda() {
	fetchmail_run "mda \"$programs/keep-message $BED/ran\""
}
run_fetchmail_lmtp() {
	fetchmail_run "smtphost \"127.0.0.1/$LMTP_PORT\" lmtp smtpname \"to@example.test\""
}

# Measuring --------------------------------------------------------------------------------------

# What was fetched before stays on the disk, out of the way, until the end: ext4 passes over the inodes of files that were removed in the last
# minutes one by one when it makes new ones, which takes a fast program longer than all the rest. Marks that a program made are taken away again.
clean() {
	counting="/usr/bin/time -q -o $BED/usage -f %U,%S,%M"
	[ -z "${tracing-}" ] || counting="strace -f -qq -c -S calls -o $BED/calls"
	past=$((${past:-0} + 1))
	mkdir -p "$BED/past/$past"
	for what in "$BED/fetched" "$BED/synced" "$BED/ran" "$BED/mail/to@example.test/Maildir"; do
		[ ! -e "$what" ] || mv "$what" "$BED/past/$past/"
	done
	bed_fetch_forget
	mkdir "$BED/ran"
	bed_doveadm flags remove -u "$user" '\Seen' mailbox INBOX seen
	: >"$BED/usage"
	sync -f "$BED"
}

# What has arrived, wherever it was to.
arrived() {
	case $1 in
	raw-null) cat "$BED/out" ;;
	*) find "$BED/fetched" "$BED/synced" "$BED/ran" "$BED/mail/to@example.test/Maildir" -type f \( -path '*/new/*' -o -path '*/cur/*' -o -path "$BED/ran/*" \) \
		-not -name '.*' 2>/dev/null | wc -l ;;
	esac
}

# One line of $BED/figures: row, program, round, nanoseconds, CPU seconds, peak KB, ok or failed, round trips.
note() { # ROW PROGRAM ROUND NANOSECONDS OUTCOME [TRIPS]
	awk -F , -v a="$1" -v b="$2" -v c="$3" -v d="$4" -v e="$5" -v f="${6:--}" '{ cpu = $1 + $2; peak = $3 }
		END { printf "%s\t%s\t%s\t%s\t%.2f\t%d\t%s\t%s\n", a, b, c, d, cpu, peak, e, f }' "$BED/usage" >>"$BED/figures"
	bed_say "$1, round $3: $2 $(awk -v ns="$4" 'BEGIN { printf "%.2f", ns / 1e9 }') s, $5"
}

log_in() {
	printf 'XOAUTH2 %s\n' "$(bed_xoauth2 "$user" "$(bed_mailoauth token "$account")")" >"$BED/login"
}

# The function must succeed, and all messages must be there.
measure() { # ROW PROGRAM ROUND COUNT
	clean
	log_in
	"run_$(echo "$2" | tr - _)"
	status=$?
	count=$(arrived "$2")
	if [ "$status" -eq 0 ] && [ "$count" = "$4" ]; then
		note "$1" "$2" "$3" "$took" ok
	else
		note "$1" "$2" "$3" "$took" failed
		echo "$2: exit status $status, $count of $4 messages: $(tail -n 3 "$BED/out" | cut -c 1-300)"
	fi
}

# How many system calls it makes, with all that it starts: a run by itself, because to count them takes longer than to make them.
measure_calls() { # ROW PROGRAM
	command -v strace >/dev/null || return 0
	tracing=yes
	clean
	log_in
	"run_$(echo "$2" | tr - _)" && printf '=\t%s\t%s\t%s\n' "$1" "$2" "$(awk '$NF == "total" { print $4 }' "$BED/calls")" >>"$BED/figures"
	tracing=
}

takes_part() { # PROGRAM ROUND
	case $1 in
	raw* | ours*) return 0 ;;
	fdm | getmail | fetchmail*) [ "$2" -le "$SLOW_RUNS" ] || return 1 ;;
	esac
	case " $peers " in *" ${1%%-*} "*) ;; *) return 1 ;; esac
}

measure_row() { # ROW COUNT PROGRAM...
	row=$1 wanted=$2
	shift 2
	for round in $(seq "$RUNS"); do
		for program; do
			takes_part "$program" "$round" || continue
			measure "$row" "$program" "$round" "$wanted"
		done
	done
	for program; do
		takes_part "$program" $((SLOW_RUNS + 1)) && measure_calls "$row" "$program"
	done
}

# What the run is made on: lines that the report repeats.
describe() {
	printf '# date\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
	printf '# machine\t%s, %s processors, %s MB, Linux %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		"$(getconf _NPROCESSORS_ONLN)" "$(awk '/^MemTotal/ { printf "%d", $2 / 1024 }' /proc/meminfo)" "$(uname -r)"
	printf '# load when it began (1, 5, 15 minutes; running/all)\t%s\n' "$(cut -d ' ' -f 1-4 /proc/loadavg)"
	# shellcheck disable=SC2016 # dpkg-query's own
	printf '# programs\t%s\n' "$(dpkg-query -W -f '${Package} ${Version}, ' dovecot-core isync mpop fdm fetchmail getmail6 2>/dev/null |
		sed 's/, $//')"
}

