#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-watch.sh - mailoauth-fetch as a daemon against a real Dovecot: intervals, IDLE, NOTIFY, signals, configurations good and bad,
# servers that restart, tokens that expire.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start
user=relay@example.test
other=second@example.test

log_has() { # REGEX
	grep -Eq -e "$1" "$BED/watch.log"
}

log_count() { # REGEX
	grep -Ec -e "$1" "$BED/watch.log"
}

log_has_times() { # COUNT REGEX
	[ "$(log_count "$2")" -ge "$1" ]
}

soon() { # NAME SECONDS COMMAND...
	soon_name=$1
	shift
	if bed_wait_for "$@"; then
		pass "$soon_name"
	else
		fail "$soon_name" "not within $1 s: $(tail -n 20 "$BED/watch.log")"
	fi
}

has_count() { # COUNT
	[ "$(bed_fetched_count)" -eq "$1" ]
}

put() { # USER SUBJECT [FOLDER]
	printf 'Subject: %s\n\ntext\n' "$2" | bed_put "$1" ${3:+"$3"}
}

now_is() { # REGEX SECTION...: what status says of each
	now_state=$1
	shift
	bed_fetch status || true
	for now_section; do
		grep -q "^fetch=$now_section .*; $now_state" "$BED/fetch.out" || return 1
	done
}

watching() { # SECTION...
	now_is 'watching since ' "$@"
}

# Every interval --------------------------------------------------------------------------------------

bed_fetch_conf "interval = 1s"
put $user one
bed_watch_start
soon "interval: fetched at the start" 10 has_count 1
put $user two
soon "interval: fetched again" 10 has_count 2
bed_fetch --once
is "$?" 8 "another one is told that this one runs"
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "SIGTERM: it ends well"
is "$(log_count 'messages, ')" 2 "runs that find nothing are not in the log"
ok "SIGTERM: the socket is gone" [ ! -e "$BED/fetch.db.live" ]
bed_fetch status
like "$(cat "$BED/fetch.out")" 'last message 20[^;]*$' "status: without a daemon it says what was"

bed_fetch_forget
bed_fetch_conf "interval = 0"
bed_watch_start
soon "SIGUSR1: the first run" 10 has_count 2
soon "SIGUSR1: then it waits" 10 now_is 'waiting since ' inbox
put $user three
bed_watch_signal USR1
soon "SIGUSR1: fetched" 10 has_count 3

# A message that cannot be delivered ------------------------------------------------------------------

bed_watch_stop
bed_fetch_forget
bed_mailbox_empty $user
cat >"$BED/choosy" <<EOT
#!/bin/sh
cat >"$BED/choosy.text"
! grep -q '^Subject: unwanted' "$BED/choosy.text" || exit 65
cat "$BED/choosy.text" >>"$BED/choosy.taken"
EOT
chmod 755 "$BED/choosy"
put $user unwanted
bed_fetch_conf "deliver = mda:$BED/choosy" "interval = 1s"
bed_watch_start
soon "refused: it is set aside" 10 log_has "UID 1 cannot be delivered: .*mailoauth-fetch retry inbox 1"
put $user wanted
soon "refused: the next message does not wait" 20 grep -q '^Subject: wanted' "$BED/choosy.taken"
soon "refused: status lists it" 10 now_is 'waiting since ' inbox
like "$(cat "$BED/fetch.out")" 'folder=INBOX UID 1 refused after 1 tries: ' "refused: with its reason"

# Configurations --------------------------------------------------------------------------------------

bed_watch_stop
bed_fetch_forget
bed_mailbox_empty $user
for subject in one two three; do
	put $user $subject
done
# As Exchange has it: all mailboxes may have one UIDVALIDITY.
bed_same_uidvalidity() { # USER...
	for same_user; do
		bed_doveadm mailbox update -u "$same_user" --uid-validity 14 INBOX || return
	done
}
bed_authorize second $other >/dev/null
put $other for-second
ok "configuration: two mailboxes of one UIDVALIDITY" bed_same_uidvalidity $user $other
bed_fetch_conf "interval = 0"
bed_watch_start
soon "configuration: fetched at the start" 10 has_count 3

bed_fetch_conf "interval = 0" "colour = green"
bed_watch_signal HUP
soon "SIGHUP: a wrong configuration is refused" 10 log_has "reload: refused"
ok "SIGHUP: with file and line" log_has "$BED_FETCH_CONF:[0-9]+: .*colour"
bed_fetch reload
is "$?" 78 "reload: refused"
like "$(cat "$BED/fetch.out")" "old|stays in force: .*colour" "reload: says why"
bed_watch_signal USR1
soon "SIGHUP: the old one is in force" 10 log_has "USR1"
bed_fetch_conf "account =" "account = second" "interval = 0"
bed_fetch reload
is "$?" 0 "reload: taken"
soon "reload: a section of another mailbox is fetched from its start" 10 has_count 4
ok "reload: it says whose it was" log_has 'the mailbox second@example.test at .*, it was relay@example.test at '
bed_watch_stop

# IDLE ------------------------------------------------------------------------------------------------

bed_fetch_forget
bed_mailbox_empty $user
put $user first
bed_fetch_conf "watch = idle" "interval = 0" "timeout = 5"
bed_watch_start -v
soon "IDLE: fetched at the start" 10 has_count 1
soon "IDLE: watches" 10 watching inbox
began=$(date +%s%N)
put $user second
soon "IDLE: new mail comes by itself" 10 has_count 2
bed_say "delivered after $((($(date +%s%N) - began) / 1000000)) ms"
soon "IDLE: and watches again" 10 watching inbox
connections=$(log_count 'AUTHENTICATE')
put $user third
soon "IDLE: more comes" 10 has_count 3
is "$(log_count 'AUTHENTICATE')" "$connections" "IDLE: on the same connection"
soon "IDLE: watches once more" 10 watching inbox
put $user quick
bed_watch_signal USR1
soon "SIGUSR1 while it watches" 10 has_count 4
soon "SIGUSR1: watches again" 10 watching inbox
cp "$BED_FETCH_CONF" "$BED/conf.kept"
sed -i 's/^interval = .*/interval = 0\n; a comment/' "$BED_FETCH_CONF"
bed_fetch_section more "account = second" "watch = idle"
bed_fetch reload
soon "reload: a new section begins" 10 watching inbox more
soon "reload: and is fetched" 10 has_count 5
is "$(log_count 'inbox: C: .* AUTHENTICATE')" 1 "reload: what stays as it was keeps its connection"
cp "$BED/conf.kept" "$BED_FETCH_CONF"
bed_fetch reload
soon "reload: a section that is gone logs out" 10 log_has 'more: C: .* LOGOUT'

# The server restarts while it is watched: at first nobody listens.
bed_dovecot_stop
soon "server gone: it fails" 20 log_has 'inbox account=relay retry: .*Connection refused.*next attempt in [0-9]+ s'
bed_fetch status
like "$(cat "$BED/fetch.out")" 'failing since 20.*tries [0-9]+: .*Connection refused' "server gone: status says so"
put $user while-gone
bed_dovecot_start
soon "server back: connected again" 60 has_count 6
soon "server back: one line says that it is well" 10 log_has 'well again after [0-9]+ failure'
soon "server back: watches" 10 watching inbox

# A token that expires costs a reconnect.
bed_provider_ctl revoke-access account=$user
connections=$(log_count 'inbox: C: .* AUTHENTICATE')
bed_kick $user
soon "kicked: the old token is refused, a fresh one asked for" 60 log_has 'trying a fresh token'
soon "kicked: connected again with it" 30 log_has_times $((connections + 2)) 'inbox: C: .* AUTHENTICATE'
soon "kicked: watches" 30 watching inbox
put $user after-kick
soon "kicked: and mail comes" 30 has_count 7
soon "kicked: watches again" 30 watching inbox

# mailoauthd away: what is connected does not need it.
bed_daemon_stop
put $user without-daemon
soon "mailoauthd away: mail still comes" 10 has_count 8
bed_daemon_start
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "IDLE: ends well"
ok "IDLE: it logs out" log_has 'inbox: C: .* LOGOUT'

# NOTIFY ----------------------------------------------------------------------------------------------

bed_fetch_forget
bed_mailbox_empty $user
bed_doveadm mailbox create -u $user Lists Archive 'Entwürfe'
bed_fetch_conf "watch = idle" "interval = 0" "folder = INBOX, Lists, Archive"
bed_watch_start -v
soon "NOTIFY: watches" 10 watching inbox
ok "NOTIFY: it is asked for" log_has 'C: .* NOTIFY SET'
notify_saved=0
for notify_folder in Lists Archive Lists Lists; do
	printf 'Subject: l\n\ntext\n' | bed_doveadm save -u $user -m "$notify_folder"
	notify_saved=$((notify_saved + 1))
	soon "NOTIFY: mail in $notify_folder, number $notify_saved" 15 has_count $notify_saved
done
soon "NOTIFY: watches again" 10 watching inbox
is "$(log_count 'AUTHENTICATE')" 1 "NOTIFY: on one connection"
is "$(log_count 'NOTIFY SET')" 1 "NOTIFY: it is set once"
# Dovecot 2.3.19 tells by NOTIFY of no folder whose name is not ASCII: each has a connection then.
bed_fetch_conf "watch = idle" "interval = 0" "folder = INBOX, Lists, Entwürfe"
bed_fetch reload
soon "not ASCII: watches after a reload" 20 now_is 'watching since .* on 3 connections' inbox
printf 'Subject: x\n\ntext\n' | bed_doveadm save -u $user -m 'Entwürfe'
soon "not ASCII: mail in that folder" 15 has_count 5
put $user in-inbox
soon "mail in the first" 15 has_count 6
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "ends well"
unlike "$(cat "$BED/watch.log")" "$(bed_mailoauth token relay)" "no token in the log"
done_testing
