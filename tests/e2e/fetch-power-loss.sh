#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-power-loss.sh - the power fails during a delivering run: whatever the disk has then of what was not synced (tests/bed/power-loss.mjs),
# the next run makes it right. Each message is in the Maildir exactly once, though its reader has moved it, and the server was told of none
# that was not durable.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
bed_relay_start
user=relay@example.test
server=$BED/mail/$user/Maildir
disk=$BED/disk
trace=$BED/trace before=$BED/before held=$BED/held

STEPS_MAX=${POWER_STEPS_MAX:-10} # disks tried of each run, spread over all; 10000 is all of them, and takes many minutes
CALLS=open,openat,close,write,pwrite64,writev,pwritev,pwritev2,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat
CALLS=$CALLS,truncate,ftruncate,fallocate,copy_file_range,sendfile,dup,dup2,dup3,fsync,fdatasync,sync,syncfs

fetch() {
	bed_fetch -s "$disk/fetch.db" --once "$@"
}

# Messages FIRST to LAST at the server, with UIDs of the same numbers.
put() { # FIRST LAST
	for number in $(seq "$1" "$2"); do
		printf 'From: a@example.test\nMessage-ID: <%d@power>\nSubject: number %d\n\ntext of %d\n' "$number" "$number" "$number" |
			bed_put $user
	done
	bed_doveadm fetch -u $user uid mailbox INBOX all >/dev/null
}

# The run whose disks are looked at: $trace, $before, $held (what the server had).
run() { # NAME FIRST LAST
	name=$1 messages=$3
	rm -rf "$before" "$held"
	put "$2" "$3"
	cp -a "$server" "$held"
	mkdir -p "$disk"
	cp -a "$disk" "$before"
	# shellcheck disable=SC2034 # for bed_fetch
	BED_FETCH_UNDER="strace -f -xx -s 10000000 -o $trace -e trace=$CALLS"
	fetch -v || skip_all "strace may not trace here: $(cat "$BED/fetch.out")"
	BED_FETCH_UNDER=
}

disks() { # STEPS [WITHOUT]
	rm -rf "$BED/disks"
	"$BED_NODE" "$BED_SRC/power-loss.mjs" "$trace" "$disk" "$before" "$BED/disks" "$@" >"$BED/disks.list" 2>&1 ||
		bed_die "power-loss.mjs: $(cat "$BED/disks.list")"
}

# Each message once, whole, and nothing else.
whole() {
	find "$disk/mail/new" "$disk/mail/cur" -type f -exec tail -qn 1 {} + | sort >"$BED/texts"
	seq -f 'text of %g' 1 "$messages" | sort | cmp -s - "$BED/texts" && [ -z "$(find "$disk/mail/tmp" -type f)" ]
}

told() {
	[ "$after" = keep ] || [ -z "$(find "$server/new" "$server/cur" -type f)" ]
}

# The power is back.
again() { # NUMBER
	bed_logged_out $user
	rm -rf "$disk" "$server"
	cp -a "$BED/disks/$1/disk" "$disk"
	cp -a "$held" "$server"
	while read -r uid; do
		find "$server" -name "$(sed -n "s/^$uid [^:]*:\([^,:]*\).*/\1/p" "$server/dovecot-uidlist")*" -delete
	done <"$BED/disks/$1/told"
	for message in "$disk/mail/new"/*; do
		[ ! -f "$message" ] || mv "$message" "$disk/mail/cur/${message##*/}:2,S"
	done
	fetch
	status=$?
	# Nobody but the server acts now: what it was told it may still be doing.
	[ $status -le 1 ] && whole && bed_wait_for 5 told
}

# Tries them: $tried, and $bad if one is wrong.
try() {
	tried=0 bad=
	while read -r number line; do
		tried=$((tried + 1))
		again "$number" || { bad="$number $line" && return; }
	done <<-EOF
		$(grep ' after ' "$BED/disks.list" | grep -v '^not')
	EOF
}

looked_at() {
	disks "$STEPS_MAX"
	is "$(grep '^not durable' "$BED/disks.list" | head -n 3)" "" "$name: the server is told of nothing that is not durable"
	try
	if [ -z "$bad" ] && [ $tried -gt 0 ]; then
		pass "$name: every message once ($tried of $(grep " disks$" "$BED/disks.list"))"
	else
		fail "$name: every message once" "disk $bad: status $status
$(cat "$BED/texts" "$BED/fetch.out")
$(find "$disk" -type f | sort)"
	fi
}

# None of the syncs is there for nothing, and this test would see if it were missing. All disks are tried, up to the first that is wrong: which ones
# are depends on how the threads took turns, and a sample of them may miss it.
needed() { # WHAT WITHOUT
	disks 10000 "$2"
	if grep -q '^not durable' "$BED/disks.list"; then
		pass "$name: without a sync of $1 the server is told of what is not durable"
		return
	fi
	try
	if [ -n "$bad" ]; then
		pass "$name: without a sync of $1 messages are lost or doubled"
	else
		fail "$name: a sync of $1 is needed" "tried $tried of $(grep " disks$" "$BED/disks.list")"
	fi
}

after=keep
bed_fetch_conf "deliver = maildir:$disk/mail"
run "keep, from nothing" 1 12
looked_at
needed "what is in tmp/" '^mail/tmp'
needed "new/" '^mail/new$'
needed "the state" '^fetch.db'

after=delete
rm -rf "$disk" "$server"
bed_fetch_conf "deliver = maildir:$disk/mail" "after = delete"
run "delete, few, from nothing" 1 3
looked_at
needed "the messages" '^mail/tmp/.'
needed "tmp/" '^mail/tmp$'
needed "new/" '^mail/new$'
needed "the Maildir" '^mail$'

after=keep
rm -rf "$disk" "$server"
mkdir "$disk"
bed_fetch_conf "deliver = maildir:$disk/mail"
put 1 10
fetch
run "keep, more, behind what is there" 11 14
looked_at
done_testing
