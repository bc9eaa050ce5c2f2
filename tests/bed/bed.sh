# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# bed.sh - the test bed: a real authorization server, a real Dovecot and two real Postfix instances in one scratch directory.
#
# Source it with BED_SRC set to this directory. Everything lives in $BED, listens on 127.0.0.1 on ports found at run time, and is stopped
# and removed when the shell exits, however it exits; what a killed shell leaves behind is removed by the next bed_start. Nothing outside
# $BED is written, but for the npm packages in a cache (bed_install). Any number of beds can run at the same time.
#
#   bed_begin            scratch directory; from here on bed_ports chooses ports that no other bed has
#   bed_start            the same, certificates, provider, Dovecot, smarthost, client
#   bed_daemon_start     mailoauthd with the accounts added by bed_account (daemon.sh)
#   bed_send, bed_wait_for, bed_log_client, bed_log_hub, bed_mailbox …
#
# MAILOAUTHD, MAILOAUTH and MAILOAUTH_PLUGIN name the programs under test; BED_KEEP=1 keeps the scratch directory;
# BED_VALGRIND=1 has valgrind look at the programs (memcheck.sh).

: "${BED_SRC:?set BED_SRC to the directory of bed.sh}"
: "${MAILOAUTHD:=mailoauthd}" "${MAILOAUTH:=mailoauth}" "${MAILOAUTH_PLUGIN:=}"
BED=
# Short, for the sake of socket names (108 bytes), and open to the users that the servers run as.
BED_TMP=${TMPDIR:-/tmp}
[ ${#BED_TMP} -le 40 ] || BED_TMP=/tmp
case $(stat -c %A "$BED_TMP") in *[xt]) ;; *) BED_TMP=/tmp ;; esac
PATH=$PATH:/usr/sbin:/sbin
export PATH

# shellcheck source=tap.sh
. "$BED_SRC/tap.sh"
# shellcheck source=provider.sh
. "$BED_SRC/provider.sh"
# shellcheck source=dovecot.sh
. "$BED_SRC/dovecot.sh"
# shellcheck source=postfix.sh
. "$BED_SRC/postfix.sh"
# shellcheck source=fetch.sh
. "$BED_SRC/fetch.sh"
# shellcheck source=daemon.sh
. "$BED_SRC/daemon.sh"
# shellcheck source=memcheck.sh
. "$BED_SRC/memcheck.sh"

bed_say() {
	[ -n "${BED_QUIET-}" ] || echo "# $*"
}

bed_die() {
	echo "Bail out! $*"
	exit 99
}

# What is missing on this machine, one line; empty when the bed can run.
bed_missing() {
	[ "$(id -u)" -eq 0 ] || echo "root (Postfix and Dovecot start as root)"
	for bed_program in openssl curl npm postfix dovecot flock; do
		command -v "$bed_program" >/dev/null || echo "$bed_program"
	done
}

# Ends the test as skipped; on a machine that claims to have everything (BED_REQUIRED=1) it fails.
bed_cannot() { # WHY
	[ -z "${BED_REQUIRED-}" ] || bed_die "$*"
	skip_all "$*"
}

bed_require() {
	bed_lacks=$(bed_missing | tr '\n' ' ')
	[ -z "$bed_lacks" ] || bed_cannot "the test bed needs: $bed_lacks"
}

# What is asked many times a second asks /proc by itself: a test that starts a program for each question waits for itself.

# Seconds since the machine started, in bed_now.
bed_clock() {
	read -r bed_now bed_rest </proc/uptime
	bed_now=${bed_now%%.*}
}

# Sends a signal to a process that bed_note was told of, and to no other that has its number by now: a run of all tests uses each several times.
bed_signal() { # NAME PID
	grep -qx "$2 $(bed_started_at "$2")" "$BED/pids" && kill -s "$1" "$2" 2>/dev/null
}

# Polls COMMAND until it succeeds; fails after SECONDS, or BED_PATIENCE times as many where everything is slow.
bed_wait_for() { # SECONDS COMMAND...
	bed_clock
	bed_until=$((bed_now + $1 * ${BED_PATIENCE:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		bed_clock
		[ "$bed_now" -le "$bed_until" ] || return 1
		sleep 0.05
	done
}

# What /proc/PID/stat says behind the name, in bed_stat; the state is its first letter. Fails when there is no such process.
bed_read_stat() { # PID
	{ read -r bed_stat <"/proc/$1/stat"; } 2>/dev/null && bed_stat=${bed_stat##*) }
}

# Identity of a process that survives the reuse of its pid: its start time.
bed_started_at() { # PID
	bed_read_stat "$1" || return 0
	# shellcheck disable=SC2086 # fields
	set -- $bed_stat
	echo "${20}"
}

bed_alive() { # PID
	bed_read_stat "$1" || return 1
	case $bed_stat in Z*) return 1 ;; esac
}

bed_gone() { # PID
	! bed_alive "$1"
}

bed_exists() { # PATH: for bed_wait_for
	[ -e "$1" ]
}

# Every process whose working or root directory lies in the scratch directory DIR, and those noted in its pids file.
bed_processes() { # DIR
	find /proc/[0-9]*/cwd /proc/[0-9]*/root -maxdepth 0 \( -lname "$1" -o -lname "$1/*" \) 2>/dev/null | cut -d / -f 3
	while read -r bed_pid bed_start_time; do
		[ -n "$bed_start_time" ] && [ "$(bed_started_at "$bed_pid")" = "$bed_start_time" ] && echo "$bed_pid"
	done 2>/dev/null <"$1/pids"
}

# Remembers a process so that it is ended with the bed, whatever happens to this shell.
bed_note() { # PID
	case $1 in
	'' | *[!0-9]* | 0 | 1) bed_die "not a process: '$1'" ;; # kill(1) takes 0 for the whole group
	esac
	echo "$1 $(bed_started_at "$1")" >>"$BED/pids"
}

bed_end_processes() { # DIR
	for bed_signal in TERM KILL; do
		# shellcheck disable=SC2046 # a list of pids
		set -- "$1" $(bed_processes "$1" | sort -un | grep -vx "$$")
		[ $# -gt 1 ] || return 0
		bed_dir=$1
		shift
		kill -s "$bed_signal" "$@" 2>/dev/null
		for bed_pid; do
			bed_wait_for 3 bed_gone "$bed_pid"
		done
		set -- "$bed_dir"
	done
}

# Whether the owner of DIR is gone. One in another pid namespace (bootstrap makes one for who is not root) cannot be seen: it gets a day.
# What only cannot be read just now is there.
bed_is_abandoned() { # DIR
	{ read -r bed_owner bed_since <"$1/owner"; } 2>/dev/null
	[ -n "$bed_since" ] || return 1
	if [ "$(cat "$1/namespace" 2>/dev/null)" = "$(readlink /proc/self/ns/pid)" ]; then
		bed_then=$(bed_started_at "$bed_owner")
		[ "$bed_then" != "$bed_since" ] && { [ -n "$bed_then" ] || ! [ -e "/proc/$bed_owner" ]; }
	else
		[ -n "$(find "$1/owner" -mmin +1440)" ]
	fi
}

# Takes down what a killed owner left behind. Only directories of our own: another user's /tmp/mobed.* is not ours to touch.
bed_sweep() {
	for bed_old in "$BED_TMP"/mobed.??????; do
		[ -d "$bed_old" ] || continue
		[ ! -L "$bed_old" ] || continue
		[ "$(stat -c %u "$bed_old")" = "$(id -u)" ] || continue
		[ -f "$bed_old/owner" ] || continue
		bed_is_abandoned "$bed_old" || continue
		bed_say "removing what was left in $bed_old"
		bed_remove "$bed_old"
	done
}

bed_remove() { # DIR
	bed_end_processes "$1"
	grep -o " $1/[^ ]*" /proc/mounts | sort -r | while read -r bed_mount; do
		umount "$bed_mount" 2>/dev/null || umount --lazy "$bed_mount"
	done
	rm -rf --one-file-system "$1" # should one be left, what is mounted there is not ours
}

bed_scratch() {
	[ -z "$BED" ] || return 0
	bed_sweep
	BED=$(mktemp -d "$BED_TMP/mobed.XXXXXX") || bed_die "cannot make a scratch directory in $BED_TMP"
	readlink /proc/self/ns/pid >"$BED/namespace"
	echo "$$ $(bed_started_at $$)" >"$BED/owner"
	: >"$BED/pids"
	trap bed_stop EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE # else the shell would end without its EXIT trap, and the servers go on
	trap 'exit 143' TERM
	chmod 755 "$BED"
	mkdir "$BED/run" "$BED/tls" "$BED/sasl"
	bed_memcheck_begin
}

bed_stop() {
	bed_status=$?
	trap - EXIT HUP INT PIPE TERM
	[ -n "$BED" ] || return 0
	[ "$tap_failed" -eq 0 ] || bed_show_logs
	bed_memcheck_end || bed_status=1
	if [ -n "${BED_KEEP-}" ]; then
		bed_end_processes "$BED"
		echo "# kept: $BED"
	else
		bed_remove "$BED"
	fi
	BED=
	exit "$bed_status"
}

# How a child of this shell ended, in bed_ended: 137 is SIGKILL, which is the kernel's where memory is short. Not in a subshell: it has no child.
bed_note_ending() { # NAME PID
	[ -n "$2" ] && bed_gone "$2" || return 0
	wait "$2" 2>/dev/null
	bed_ended="$bed_ended $1: exit status $?,"
}

# A server that ended by itself explains everything after it.
bed_show_ended() {
	bed_ended=
	while read -r bed_pid bed_start_time; do
		[ "$(bed_started_at "$bed_pid")" = "$bed_start_time" ] && bed_alive "$bed_pid" || bed_ended="$bed_ended $bed_pid"
	done <"$BED/pids"
	bed_note_ending mailoauthd "${BED_DAEMON_PID-}"
	bed_note_ending "the provider" "${BED_PROVIDER_PID-}"
	diag "ended before the test did:${bed_ended:- nobody} (mailoauthd ${BED_DAEMON_PID-}, provider ${BED_PROVIDER_PID-})," \
		"$(sed -n 's/^MemAvailable: *//p' /proc/meminfo) of memory and $(df -P "$BED" | awk 'NR == 2 { print $4 }') kB of disk left"
}

bed_show_logs() {
	bed_show_ended
	for bed_log in "$BED"/*.log "$BED"/*/log "$BED"/*/output.log; do
		[ -s "$bed_log" ] || continue
		diag "---- the end of ${bed_log#"$BED"/}"
		tail -n "${BED_LOG_LINES:-25}" "$bed_log" | cut -c 1-400 | sed 's/^/# /'
	done
}

# COUNT ports that nobody listens on, and that no other bed has chosen: what a bed has chosen stands in $BED/ports as long as there is the
# directory, so it needs one (bed_begin); who chooses holds the directory of all beds locked. They lie below the range from which outgoing
# connections take theirs.
bed_ports() { # COUNT
	[ -n "$BED" ] || bed_die "a bed that has not begun chooses ports" >&2
	(
		flock -w 60 9 || bed_die "$BED_TMP stays locked" >&2
		cat "$BED_TMP"/mobed.??????/ports 2>/dev/null | bed_free_ports "$1" >"$BED/chosen" || exit 1
		tr ' ' '\n' <"$BED/chosen" >>"$BED/ports"
		cat "$BED/chosen"
	) 9<"$BED_TMP"
}

# COUNT ports that are free, and none of those on stdin.
bed_free_ports() { # COUNT
	# shellcheck disable=SC2016 # JavaScript
	bed_node -e '
		const { createServer } = require("node:net");
		const { readFileSync } = require("node:fs");
		const taken = new Set(readFileSync(0, "utf8").split(/\s+/).map(Number));
		const found = new Map();
		let last = 30000;
		try {
			const outgoing = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
			if (outgoing > 12000) last = Math.min(last, outgoing);
		} catch {}
		const left = Array.from({ length: last - 10000 }, (_, i) => 10000 + i).filter((port) => !taken.has(port));
		function next() {
			if (found.size === Number(process.argv[1])) {
				console.log([...found.keys()].join(" "));
				for (const server of found.values()) server.close();
				return;
			}
			if (left.length === 0) throw new Error("no port is free");
			const [port] = left.splice(Math.floor(Math.random() * left.length), 1);
			const server = createServer();
			server.on("error", next);
			server.listen(port, "127.0.0.1", () => { found.set(port, server); next(); });
		}
		next();' "$1"
}

# One authority for the provider, Dovecot and Postfix; one certificate for all of them.
bed_certificates() {
	cat >"$BED/tls/openssl.cnf" <<-EOF
		[req]
		distinguished_name = name
		prompt = no
		[name]
		CN = mailoauth test bed
		[ca]
		basicConstraints = critical, CA:TRUE
		keyUsage = critical, keyCertSign, cRLSign
		[server]
		basicConstraints = critical, CA:FALSE
		subjectAltName = IP:127.0.0.1, DNS:localhost${BED_TLS_NAMES-}
		extendedKeyUsage = serverAuth
	EOF
	(
		cd "$BED/tls" || exit 1
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -config openssl.cnf \
			-extensions ca -keyout ca.key -out ca.pem &&
			openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config openssl.cnf \
				-subj "/CN=127.0.0.1" -keyout server.key -out server.csr &&
			openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
				-extfile openssl.cnf -extensions server -out server.pem
	) >"$BED/tls/openssl.log" 2>&1 || bed_die "openssl: $(tail -n 3 "$BED/tls/openssl.log")"
	chmod 600 "$BED/tls/"*.key
	chmod 644 "$BED/tls/ca.pem" "$BED/tls/server.pem"
}

# The provider, Dovecot and the smarthost. Ports that are set already stay; BED_TLS_NAMES: more names for the certificate, as ", DNS:mail.example".
bed_servers_start() {
	# shellcheck disable=SC2046 # three numbers
	set -- $(bed_ports 3)
	[ $# -eq 3 ] || bed_die "no ports"
	BED_PROVIDER_PORT=$1 BED_IMAP_PORT=${BED_IMAP_PORT:-$2} BED_HUB_PORT=${BED_HUB_PORT:-$3}
	bed_certificates
	# shellcheck disable=SC2119 # its arguments are options for the provider, not ours
	bed_provider_start
	bed_postfix_make hub
	bed_dovecot_start
	bed_postfix_start hub
	# Both of them at work, before a test blames itself.
	bed_wait_for 20 bed_dovecot_asks || bed_die "Dovecot does not ask the provider: $(tail -n 5 "$BED/dovecot/log" "$BED/provider/output.log")"
	bed_provider_ctl reset
}

# What comes first, where a test chooses ports before the bed starts.
bed_begin() {
	bed_require
	bed_install
	bed_scratch
}

# Starts everything but mailoauthd.
bed_start() {
	bed_begin
	bed_servers_start
	bed_postfix_make client
	bed_postfix_start client
}
