#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-deliver-crash.sh - mailoauth-fetch is killed before system calls of a run that delivers to LMTP or to a program, and run again:
# no message is lost, and where some come twice, the log of the second run has announced as many.
#
# CRASH_STEPS_MAX is how many calls of each kind are tried, spread over the run; "all": each of them.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
bed_relay_start
user=relay@example.test

MESSAGES=6
STEPS_MAX=${CRASH_STEPS_MAX:-3}

mkdir "$BED/ran"
cat >"$BED/mda" <<EOT
#!/bin/sh
file=\$(mktemp "$BED/ran/.half.XXXXXX") && cat >"\$file" && mv "\$file" "$BED/ran/\${file##*.}"
EOT
chmod 755 "$BED/mda"

arrived() {
	find "$BED/ran" -type f ! -name '.*'
	bed_mailbox to@example.test
}

# A first run, of an empty folder, makes the state: strace counts calls by thread, and those of the making would hide the worker's.
prepare() {
	bed_mailbox_empty $user
	bed_mailbox_empty to@example.test
	bed_fetch_forget
	rm -f "$BED/ran"/* "$BED/ran"/.half*
	bed_fetch --once
	bed_put_many $user $MESSAGES
}

# What was handed over when the killed run ended may be still on its way.
settled() {
	[ -z "$(find "$BED/ran" -name '.half.*')" ] && ! pgrep -f "$BED/mda" >/dev/null
}

# All are there, and no more of them twice than the log says.
whole() {
	bed_wait_for 10 settled
	distinct=$(arrived | xargs -r grep -h '^Message-ID:' | sort -u | wc -l)
	doubled=$(($(arrived | wc -l) - distinct))
	announced=$(sed -n 's/.*: up to \([0-9]*\) of them may come twice.*/\1/p' "$BED/fetch.out" | head -n 1)
	# Where it was the process that runs programs that was killed, the run itself says it.
	! grep -q 'the process that runs MDAs ended; what it was running may come twice' "$BED/killed.log" || announced=$MESSAGES
	[ "$distinct" -eq $MESSAGES ] && [ $doubled -le "${announced:-0}" ]
}

told() {
	[ -z "$(bed_mailbox $user)" ]
}

# Where a call of the kind is the first that is worth a kill: before it are the loader's and libsasl2's, and the login's.
before() { # CALL
	case $1 in
	openat | write | close | read) ;;
	*) echo 0 && return ;;
	esac
	awk -v call="$1" '$2 ~ /^connect\(/ { exit } $2 ~ "^" call "\\(" { n++ } END { print n + 0 }' "$BED/strace.out"
}

# How many of the kind the thread that makes the most of them makes.
most() { # CALL
	awk -v call="$1" '$2 ~ "^" call "\\(" { n[$1]++ } END { for (pid in n) if (n[pid] > most) most = n[pid]; print most + 0 }' "$BED/strace.out"
}

# 0: whole afterwards; 1: not; 2: it ended before.
kill_at() { # CALL NUMBER
	prepare
	# Not the program's own calls: those of a thread are counted from 1, and -b lets go of it when it becomes another program.
	BED_FETCH_UNDER="strace -f -b execve -o $BED/killed.out -e trace=$1 -e inject=$1:signal=KILL:when=$2"
	bed_fetch --once
	status=$?
	BED_FETCH_UNDER=
	[ $status -eq 137 ] || return 2 # 128 + SIGKILL
	cp "$BED/fetch.out" "$BED/killed.log"
	bed_wait_for 10 settled
	bed_fetch --once
	status=$?
	# Nobody but the server acts now: what it was told it may still be doing.
	[ $status -le 1 ] && whole && bed_wait_for 5 told
}

sweep() { # CALL
	first=$(($(before "$1") + 1))
	last=$(most "$1")
	[ "$STEPS_MAX" = all ] && step=1 || step=$(((last - first) / STEPS_MAX + 1))
	number=$first
	kills=0
	while [ $number -le "$last" ]; do
		kill_at "$1" $number
		case $? in
		0) kills=$((kills + 1)) ;;
		1) return 1 ;;
		2) return 0 ;;
		esac
		[ "$doubled" -eq 0 ] || twice=$((twice + 1))
		number=$((number + step))
	done
}

for method in lmtp mda; do
	case $method in
	lmtp)
		deliver=lmtp:unix:$BED/hub/queue/private/dovecot-lmtp
		calls='read write writev sendto fdatasync'
		;;
	*)
		deliver=mda:$BED/mda
		calls='read write sendto close fdatasync wait4'
		;;
	esac
	bed_fetch_conf "deliver = $deliver" "recipient = to@example.test" "after = delete"
	prepare
	# shellcheck disable=SC2034 # for bed_fetch
	BED_FETCH_UNDER="strace -f -b execve -o $BED/strace.out"
	bed_fetch --once || skip_all "strace may not trace here: $(cat "$BED/fetch.out")"
	BED_FETCH_UNDER=
	twice=0
	for call in $calls; do
		[ "$(most "$call")" -gt 0 ] || continue
		if sweep "$call"; then
			pass "$method, killed before $call: every message, twice only what was announced ($kills kills)"
		else
			fail "$method, killed before $call: every message, twice only what was announced" \
				"at number $number of $last: status $status, $distinct messages, $doubled twice, ${announced:-0} announced
$(cat "$BED/fetch.out")"
		fi
	done
	diag "$method: after $twice of the kills some came twice"
done
done_testing
