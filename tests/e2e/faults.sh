#!/bin/sh
# SPDX-License-Identifier: MIT
#
# faults.sh - what a disk does that is neither full nor read-only: fsync(2) that fails, no more inodes, no room for the state; and a Dovecot whose
# processes are killed in the middle of a message, or whose folder is deleted.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v strace >/dev/null || skip_all "strace is not installed"
bed_relay_start
user=relay@example.test
export BED_FETCH_TIMEOUT=120

# mailoauthd -----------------------------------------------------------------------------------------

traced() {
	! grep -q '^TracerPid:[[:space:]]*0$' "/proc/$BED_DAEMON_PID/status"
}

# The answer with the next refresh token is there, and the disk does not take it: memory has it.
strace -f -p "$BED_DAEMON_PID" -o "$BED/strace.out" -e trace=fsync -e inject=fsync:error=EIO 2>"$BED/strace.err" &
tracer=$!
bed_note $tracer
bed_wait_for 5 traced || skip_all "strace may not attach here: $(cat "$BED/strace.err")"
not_ok "fsync fails, mailoauthd: the refresh fails" bed_mailoauth refresh relay
ok "fsync fails, mailoauthd: there was one to fail" grep -q 'fsync(.*EIO.*INJECTED' "$BED/strace.out"
bed_signal TERM "$tracer"
wait $tracer 2>/dev/null
ok "fsync fails, mailoauthd: the grant lives when it works again" bed_mailoauth refresh relay
bed_daemon_stop
bed_daemon_start
ok "fsync fails, mailoauthd: and after a restart" bed_mailoauth refresh relay
is "$(bed_token_requests refresh_token invalid_grant) $(bed_counter grant_revoked)" "0 0" "fsync fails, mailoauthd: no refresh token was sent twice"

bed_daemon_stop
mkdir "$BED/small"
if mount -t tmpfs -o size=4m,nr_inodes=12,mode=700,uid="$(id -u "$BED_DAEMON_USER")" none "$BED/small" 2>/dev/null; then
	cp -p "$BED_STORE"/* "$BED/small/"
	sed -i "s|^store = .*|store = $BED/small|" "$BED_CONF"
	bed_daemon_start
	number=0
	while touch "$BED/small/filler.$number" 2>/dev/null; do number=$((number + 1)); done
	requests=$(bed_token_requests refresh_token)
	not_ok "no inode, mailoauthd: the refresh fails" bed_mailoauth refresh relay
	is "$(bed_token_requests refresh_token)" "$requests" "no inode, mailoauthd: before it is sent"
	ok "no inode, mailoauthd: the token that lives still serves" bed_mailoauth token relay
	rm "$BED"/small/filler.*
	ok "no inode, mailoauthd: repaired" bed_mailoauth refresh relay
	mounted=yes
else
	skip "no inode, mailoauthd" "nothing may be mounted here"
	bed_daemon_start
	mounted=no
fi

# mailoauth-fetch ------------------------------------------------------------------------------------

# So many messages are there, each once, and the server has so many.
are() { # HERE THERE
	[ "$(bed_fetched | xargs -r grep -h '^Message-ID:' | sort | uniq -c | awk '$1 == 1' | wc -l) $(bed_fetched_count)" = "$1 $1" ] &&
		[ "$(bed_mailbox $user | wc -l)" -eq "$2" ]
}

fresh() { # COUNT
	bed_logged_out $user
	bed_mailbox_empty $user
	bed_fetch_forget
	bed_put_many $user "$1"
	bed_fetch_conf "after = delete"
}

# A run with that fault tells the server of nothing; the next one, without it, has all of them once.
under_strace() { # NAME COUNT STRACE-OPTION...
	name=$1 count=$2
	shift 2
	fresh 0
	bed_fetch --once # makes the state
	bed_put_many $user "$count"
	BED_FETCH_UNDER="strace -f -o $BED/strace.out $*"
	bed_fetch --once
	status=$?
	# shellcheck disable=SC2034 # for bed_fetch
	BED_FETCH_UNDER=
	ok "$name: there was one to fail" grep -q INJECTED "$BED/strace.out"
	ok "$name: the run fails" [ $status -gt 1 ]
	is "$(bed_mailbox $user | wc -l)" "$count" "$name: the server is told of nothing"
	bed_fetch --once
	bed_wait_for 5 are "$count" 0
	ok "$name: then each message is there once" are "$count" 0
}
under_strace "fsync fails, few messages" 4 -e trace=fsync,fdatasync,syncfs -e inject=fsync,fdatasync,syncfs:error=EIO
under_strace "syncfs fails, many messages" 20 -e trace=syncfs -e inject=syncfs:error=EIO
under_strace "no room for the state" 4 -e trace=pwrite64 -e inject=pwrite64:error=ENOSPC
under_strace "rename fails" 4 -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:error=EIO

if [ $mounted = yes ] && mkdir "$BED/inodes" && mount -t tmpfs -o size=4m,nr_inodes=12 none "$BED/inodes"; then
	fresh 20
	bed_fetch_conf "after = delete" "deliver = maildir:$BED/inodes/mail"
	bed_fetch --once
	status=$?
	ok "no inode for a message: the run fails" [ $status -gt 1 ]
	like "$(cat "$BED/fetch.out")" 'No space left on device' "no inode for a message: it is said"
	mount -o remount,nr_inodes=200 "$BED/inodes"
	bed_fetch --once
	is "$(find "$BED/inodes/mail/new" -type f -exec grep -h '^Message-ID:' {} + | sort | uniq -c | awk '$1 == 1' | wc -l) \
$(find "$BED/inodes/mail" -type f | wc -l)" "20 20" "no inode for a message: then each message is there once"
else
	skip "no inode for a message" "nothing may be mounted here"
fi

# Dovecot --------------------------------------------------------------------------------------------

# A program that takes the beginning of a message and waits: the rest, 30 MB, is more than all buffers on the way hold, so Dovecot is in the middle.
mkdir "$BED/ran"
cat >"$BED/mda" <<EOT
#!/bin/sh
{
	head -c 1000
	: >"$BED/begun"
	until [ -e "$BED/go" ]; do sleep 0.05; done
	cat
} >"$BED/ran/.\$\$" && mv "$BED/ran/.\$\$" "$BED/ran/\$\$"
EOT
chmod 755 "$BED/mda"

# A run that is in the middle of the large message of INBOX.
begin() { # NAME LINE...
	name=$1
	shift
	fresh 0
	{
		printf 'Message-ID: <large@faults>\nSubject: large\n\n'
		openssl rand -base64 22500000
	} | bed_put $user
	rm -rf "$BED/begun" "$BED/go" "$BED/ran"/* "$BED/ran"/.[0-9]*
	bed_fetch_conf "deliver = mda:$BED/mda" "after = delete" "timeout = 5" "$@"
	bed_fetch --once &
	run=$!
	bed_note $run
	ok "$name: it has begun" bed_wait_for 30 [ -e "$BED/begun" ]
}

ran() { # the subjects of what the program has whole
	find "$BED/ran" -type f ! -name '.*' -exec grep -h '^Subject: ' {} + | cut -d ' ' -f 2 | sort | xargs
}

begin "Dovecot's process killed in a message"
serving=$(sed -n 's/.*Login: user=<relay@example.test>.* mpid=\([0-9]*\),.*/\1/p' "$BED/dovecot/log" | tail -n 1)
is "$(cat "/proc/$serving/comm")" imap "$name: it is that of the run"
kill -KILL "$serving"
: >"$BED/go"
wait $run
is "$?" 2 "$name: the run fails"
is "$(ran) $(bed_mailbox $user | wc -l)" " 1" "$name: a part is not taken for the whole"
bed_fetch --once
bed_wait_for 5 [ -z "$(bed_mailbox $user)" ]
is "$(ran) $(bed_mailbox $user | wc -l)" "large 0" "$name: then it is there once"

# Opened by nobody yet, and gone when its turn comes.
begin "a folder deleted in the run" "folder = INBOX, *" "after = keep"
: >"$BED/go"
wait $run
is "$?" 0 "$name: at first there is none"
printf 'Subject: short\n\ntext\n' | bed_doveadm save -u $user -m INBOX
bed_doveadm mailbox create -u $user Gone
printf 'Subject: gone\n\ntext\n' | bed_doveadm save -u $user -m Gone
rm -f "$BED/begun" "$BED/go"
bed_fetch --once &
run=$!
bed_note $run
bed_wait_for 30 [ -e "$BED/begun" ]
bed_doveadm mailbox delete -u $user Gone
: >"$BED/go"
wait $run
status=$?
ok "$name: the run fails" [ $status -gt 1 ]
like "$(cat "$BED/fetch.out")" 'folder=Gone' "$name: it is said which"
is "$(ran)" "large short" "$name: the other folder is delivered"
bed_fetch --once
is "$? $(ran)" "1 large short" "$name: the next run has nothing to do"
done_testing
