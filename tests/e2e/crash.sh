#!/bin/sh
# SPDX-License-Identifier: MIT
#
# crash.sh - mailoauthd is killed before each system call of a refresh, in turn, and of several whose answers become durable together; and its disk is
# full or read-only. The provider rotates refresh
# tokens and has no second copy of an answer, so one loss cannot be prevented by any client: between the provider's deed and the
# moment when the answer stands in a file, renamed or not. Everywhere else the grant must live.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
bed_relay_start

STORE_CALLS='fallocate write ftruncate fsync renameat'
GROUP='relay second third'
CALLS='openat pwrite64 write writev ftruncate fsync fdatasync rename renameat renameat2 unlink unlinkat linkat fchmod sendto sendmsg recvfrom read close'
STEPS_MAX=${CRASH_STEPS_MAX:-8} # of one system call; TLS alone makes that many reads

traced() {
	! grep -q '^TracerPid:[[:space:]]*0$' "/proc/$BED_DAEMON_PID/status"
}

attach() { # STRACE-OPTION...
	strace -f -p "$BED_DAEMON_PID" -o "$BED/strace.out" "$@" 2>"$BED/strace.err" &
	tracer=$!
	bed_note "$tracer"
	bed_wait_for 5 traced
}

detach() {
	bed_signal TERM "$tracer"
	wait "$tracer" 2>/dev/null
}

attach || skip_all "strace may not attach here: $(cat "$BED/strace.err")"
bed_mailoauth refresh relay >/dev/null
detach
seen=$(sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$BED/strace.out" | sort | uniq -c)
diag "system calls of one refresh:" "$(echo "$seen" | awk '{ printf "%s %s, ", $1, $2 }')"

steps=0
window=0

# A temporary file that holds a whole grant, as a crash may leave it.
written() { # [ACCOUNT]
	tail -c 100000 "$BED_STORE/.tmp-${1:-relay}" 2>/dev/null | tr -d '\0\n' | grep -q '}$'
}

# Kills mailoauthd before call number $2 of kind $1 during a refresh. 0: killed, and the grant lives or was lost where it may be;
# 1: lost where it must not be; 2: the refresh has fewer such calls.
kill_at() { # CALL NUMBER
	done_before=$(bed_token_requests refresh_token ok)
	stored_before=$(bed_store_sum)
	attach -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" || return 1
	bed_mailoauth refresh relay >/dev/null 2>&1
	if bed_alive "$BED_DAEMON_PID" && ! bed_wait_for 1 bed_gone "$BED_DAEMON_PID"; then
		detach
		return 2
	fi
	wait "$BED_DAEMON_PID" "$tracer" 2>/dev/null
	done_after=$(bed_token_requests refresh_token ok)
	stored_after=$(bed_store_sum)
	whole=no
	written && whole=yes
	steps=$((steps + 1))
	bed_daemon_start || return 1
	bed_mailoauth refresh relay >"$BED/refresh.out" 2>&1 && return 0
	[ "$done_after" -gt "$done_before" ] && [ "$stored_after" = "$stored_before" ] && [ $whole = no ] || return 1
	diag "killed before $1 number $2: the answer was lost"
	window=$((window + 1))
	bed_authorize relay relay@example.test
}

sweep() { # CALL [KILL-AT]
	number=1
	while [ $number -le "$STEPS_MAX" ]; do
		${2:-kill_at} "$1" $number
		case $? in
		1)
			diag "killed before $1 number $number: $(cat "$BED/refresh.out")"
			return 1
			;;
		2) return 0 ;;
		esac
		number=$((number + 1))
	done
}

for call in $CALLS; do
	echo "$seen" | grep -qw "$call" || continue
	if sweep "$call"; then
		pass "killed before each $call: the grant survives wherever it can ($((number - 1)) kills)"
	else
		fail "killed before each $call: the grant survives wherever it can" "at number $number"
		bed_authorize relay relay@example.test
	fi
done

# Several at once. Their answers wait in the sockets of a daemon that is stopped, until all of them are there.
bed_account third second@example.test
bed_daemon_reload

authorize() { # ACCOUNT
	bed_authorize "$1" "$(case $1 in relay) echo relay ;; *) echo second ;; esac)@example.test"
}

for name in second third; do
	authorize $name || bed_die "$name cannot be authorized: $(cat "$BED/authorize.out")"
done
members=$(echo "$GROUP" | wc -w)

deeds() {
	bed_provider GET /counters | tr ',{}' '\n' | sed -n 's/^"refresh_token ok"://p'
}

deeds_done() {
	bed_gone "$BED_DAEMON_PID" || [ "$(deeds)" -ge $((deeds_before + members)) ]
}

answers() {
	grep -c 'POST /token 200' "$BED/provider/log"
}

answers_sent() {
	[ "$(answers)" -ge $((answers_before + members)) ]
}

refresh_group() {
	bed_provider_ctl set hold=1
	deeds_before=$(deeds)
	answers_before=$(answers)
	clients=
	for name in $GROUP; do
		bed_mailoauth refresh "$name" >/dev/null 2>&1 &
		clients="$clients $!"
	done
	bed_wait_for 10 deeds_done
	bed_signal STOP "$BED_DAEMON_PID"
	bed_provider_ctl set hold=0
	bed_gone "$BED_DAEMON_PID" || bed_wait_for 5 answers_sent
	bed_signal CONT "$BED_DAEMON_PID"
	# shellcheck disable=SC2086 # a list of pids
	wait $clients
}

attach
refresh_group
detach
# shellcheck disable=SC2016 # awk
ok "answers that come together are made durable together" awk '$2 ~ /^renameat\(/ { most = ++names > most ? names : most } $2 ~ /^fsync\(/ { names = 0 }
	END { exit most < 2 }' "$BED/strace.out"

stored_sum() { # ACCOUNT
	sha256sum <"$BED_STORE/$1.grant"
}

# As kill_at, for the whole group: each grant lives, or was lost where it may be.
kill_group_at() { # CALL NUMBER
	for name in $GROUP; do
		stored_sum "$name" >"$BED/sum.$name"
	done
	attach -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" || return 1
	refresh_group
	if bed_alive "$BED_DAEMON_PID" && ! bed_wait_for 1 bed_gone "$BED_DAEMON_PID"; then
		detach
		return 2
	fi
	wait "$BED_DAEMON_PID" "$tracer" 2>/dev/null
	steps=$((steps + 1))
	deeds_after=$(deeds)
	may_lose=
	for name in $GROUP; do
		[ "$deeds_after" -gt "$deeds_before" ] && [ "$(stored_sum "$name")" = "$(cat "$BED/sum.$name")" ] && ! written "$name" &&
			may_lose="$may_lose $name"
	done
	bed_daemon_start || return 1
	for name in $GROUP; do
		bed_mailoauth refresh "$name" >"$BED/refresh.out" 2>&1 && continue
		case " $may_lose " in
		*" $name "*) ;;
		*) return 1 ;;
		esac
		diag "killed before $1 number $2: the answer for $name was lost"
		window=$((window + 1))
		authorize "$name"
	done
}

for call in $STORE_CALLS; do
	if sweep "$call" kill_group_at; then
		pass "several at once, killed before each $call: the grants survive wherever they can ($((number - 1)) kills)"
	else
		fail "several at once, killed before each $call: the grants survive wherever they can" "at number $number"
		for name in $GROUP; do
			authorize "$name"
		done
	fi
done
diag "$steps kills, $window of them between the provider's deed and our file"
ok "the sweep killed at least 20 times" [ $steps -ge 20 ]

# A store that cannot be written is noticed before the refresh token is spent.
untouched() { # NAME
	requests=$(bed_token_requests refresh_token)
	bed_mailoauth refresh relay >"$BED/refresh.out" 2>&1
	status=$?
	ok "$1: the refresh fails" [ $status -ne 0 ]
	is "$(bed_token_requests refresh_token)" "$requests" "$1: before it is sent"
	like "$(cat "$BED/refresh.out")" "$BED_STORE" "$1: the message names the place"
	ok "$1: the token that lives still serves" bed_mailoauth token relay
}

chown root "$BED_STORE"
chmod 755 "$BED_STORE"
untouched "store not writable"
chown "$BED_DAEMON_USER" "$BED_STORE"
chmod 700 "$BED_STORE"
ok "store not writable: repaired" bed_mailoauth refresh relay

bed_daemon_stop
if mkdir "$BED/small" && mount -t tmpfs -o size=1m,mode=700,uid="$(id -u "$BED_DAEMON_USER")" none "$BED/small" 2>/dev/null; then
	cp -p "$BED_STORE"/* "$BED/small/"
	sed -i "s|^store = .*|store = $BED/small|" "$BED_CONF"
	BED_STORE=$BED/small
	bed_daemon_start
	ok "a small disk: a refresh" bed_mailoauth refresh relay
	cat /dev/zero >"$BED/small/filler" 2>/dev/null
	untouched "disk full"
	rm "$BED/small/filler"
	ok "disk full: repaired" bed_mailoauth refresh relay
	bed_daemon_stop # it holds a lock there, and no disk with an open file becomes read-only by hand
	mount -o remount,ro "$BED/small"
	bed_daemon_start
	untouched "read-only disk"
	bed_daemon_stop
	mount -o remount,rw "$BED/small"
	bed_daemon_start
	ok "read-only disk: repaired" bed_mailoauth refresh relay
else
	skip "disk full" "nothing may be mounted here"
	skip "read-only disk" "nothing may be mounted here"
fi
done_testing
