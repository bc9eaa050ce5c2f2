#!/bin/sh
# SPDX-License-Identifier: MIT
#
# confine.sh - the daemons as they run confined: the kernel says so, their work is done all the same, and what the administrator's programs
# do is not restricted.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start

# Without libseccomp, in a sanitizer's build or on a kernel without Landlock there is less: then that is not looked at.
FILTERED=no LANDLOCKED=no
case $("$MAILOAUTHD" --version) in *libseccomp\ [0-9]*) FILTERED=yes ;; esac
grep -q 'confined:.*Landlock,' "$BED/daemon.log" && LANDLOCKED=yes
diag "system calls filtered: $FILTERED, files restricted: $LANDLOCKED"

kernel_says() { # PID FIELD
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

runner_of() { # PID
	tr -d ' ' <"/proc/$1/task/$1/children"
}

is "$(kernel_says "$BED_DAEMON_PID" CapEff)" 0000000000000000 "mailoauthd has no capability"
is "$(kernel_says "$BED_DAEMON_PID" CapBnd)" 0000000000000000 "and what it would execute has none"
is "$(kernel_says "$BED_DAEMON_PID" NoNewPrivs)" 1 "it gains no privileges"
if [ $FILTERED = yes ]; then
	is "$(kernel_says "$BED_DAEMON_PID" Seccomp)" 2 "its system calls are filtered"
else
	skip 1 "no filter in this build"
fi
runner=$(runner_of "$BED_DAEMON_PID")
is "$(kernel_says "$runner" Name)" mailoauth-run "one process runs programs for it"
is "$(kernel_says "$runner" CapEff) $(kernel_says "$runner" NoNewPrivs)" "0000000000000000 1" "without privileges, too"
is "$(find "/proc/$runner/fd" -lname 'socket:*' | wc -l)" 1 "and it holds none of the sockets"
ok "a refresh is done" bed_mailoauth refresh relay
doctor() { # what it finds of the confinement
	bed_mailoauth doctor -c "$BED_CONF" | sed -n '/^[A-Za-z]* *confinement /,/^[A-Za-z]/p'
}
like "$(doctor)" '^(ok|note) ' "doctor finds nothing to say of it"

# What a refresh calls is allowed: nothing but clone3(2), whose flags cannot be looked at, is said not to exist.
if [ $FILTERED = yes ] && command -v strace >/dev/null; then
	strace -f -p "$BED_DAEMON_PID" -o "$BED/strace.out" 2>/dev/null &
	tracer=$!
	bed_note $tracer
	bed_wait_for 5 grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$BED_DAEMON_PID/status"
	bed_mailoauth refresh relay >/dev/null
	bed_daemon_reload
	bed_wait_for 5 grep -q 'reload: ok' "$BED/daemon.log"
	bed_signal TERM "$tracer"
	wait $tracer 2>/dev/null
	ok "a refresh and a reload were seen" grep -q rename "$BED/strace.out"
	is "$(grep -E '= -1 (ENOSYS|EPERM|EACCES)' "$BED/strace.out" | grep -v clone3)" "" "nothing that they call is refused"
else
	skip 2 "no filter, or no strace"
fi

# Programs of the administrator's are not confined. One that the configuration comes to name is learned with the reload.
mkdir -m 777 "$BED/elsewhere"
printf '%s\n' "$BED_POST_SECRET" >"$BED/elsewhere/word"
cat >"$BED/elsewhere/secret" <<-END
	#!/bin/sh
	cat "$BED/elsewhere/word" | cat
END
cat >"$BED/elsewhere/tell" <<-END
	#!/bin/sh
	echo "\$@" >"$BED/elsewhere/told.new" && mv "$BED/elsewhere/told.new" "$BED/elsewhere/told"
END
chmod 755 "$BED/elsewhere/secret" "$BED/elsewhere/tell"
by_command() {
	bed_account post relay@example.test "client_id = $BED_POST_CLIENT" "client_auth = post" \
		"client_secret_command = $BED/elsewhere/secret" "client_secret_expires = $(date -u -d '+3 days' +%Y-%m-%d)"
}
reloads() { grep -c 'reload: ok' "$BED/daemon.log"; }
reloaded() { [ "$(reloads)" -gt "$before" ]; }
before=$(reloads)
by_command
bed_daemon_reload
bed_wait_for 5 reloaded
ok "a program that came with a reload prints the secret for a sign-in" bed_authorize post relay@example.test
ok "and for a refresh" bed_mailoauth refresh post

bed_daemon_stop
not_ok "the process that runs programs ends with mailoauthd" test -d "/proc/$runner"
bed_daemon_conf "notify_command = $BED/elsewhere/tell -n"
bed_account relay relay@example.test
by_command
bed_daemon_start
ok "another tells somebody, and writes where it likes" bed_wait_for 30 bed_exists "$BED/elsewhere/told"
like "$(cat "$BED/elsewhere/told")" 'post client-secret-[0-9]' "with its arguments"

# The fetch agent --------------------------------------------------------------------------------
printf 'Subject: one\n\ntext\n' | bed_put relay@example.test
mkdir "$BED/inbox" "$BED/state"
bed_fetch_conf "deliver = maildir:$BED/inbox/box"
bed_watch_start -s "$BED/state/fetch.db"
came() { [ -n "$(ls "$BED/inbox/box/new" 2>/dev/null)" ]; }
ok "mailoauth-fetch fetches" bed_wait_for 20 came
is "$(kernel_says "$BED_WATCH_PID" CapEff) $(kernel_says "$BED_WATCH_PID" NoNewPrivs)" "0000000000000002 1" "as root: with CAP_DAC_OVERRIDE alone"
if [ $FILTERED = yes ]; then
	is "$(kernel_says "$BED_WATCH_PID" Seccomp)" 2 "its system calls are filtered"
else
	skip 1 "no filter in this build"
fi
if [ $LANDLOCKED = yes ]; then
	mkdir "$BED/new-mail"
	bed_fetch_conf "deliver = maildir:$BED/new-mail/box"
	bed_signal HUP "$BED_WATCH_PID"
	ok "a Maildir that a reload brings needs a restart: it is said" bed_wait_for 10 grep -q 'may not write .*/new-mail/box.*restart' "$BED/watch.log"
else
	skip 1 "no Landlock"
fi
bed_watch_stop

# Certificates of servers that lie neither beside the configuration nor in /etc.
bed_daemon_stop
bed_daemon_conf
bed_account relay relay@example.test
mkdir "$BED/etc" && mv "$BED_CONF" "$BED/providers" "$BED/etc/"
BED_CONF=$BED/etc/mailoauth.conf
bed_daemon_start
ok "ca_file in a directory of its own is read" bed_mailoauth refresh relay

# It can be switched off.
bed_daemon_stop
bed_daemon_conf 'confine = no'
bed_account relay relay@example.test
bed_daemon_start
is "$(kernel_says "$BED_DAEMON_PID" Seccomp)" 0 "confine = no: no filter"
like "$(bed_log_daemon)" 'warning: not confined' "and a warning in the log"
if [ $FILTERED = yes ]; then
	like "$(doctor | paste -s -d ' ')" '^WARNING .*system call.*confine = no' "doctor warns of it"
else
	skip 1 "no filter in this build"
fi
ok "a refresh is done all the same" bed_mailoauth refresh relay
done_testing
