#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-user.sh - mailoauth-fetch is started as root: who it is then, who its programs are, and what happens when the process that kept root
# is gone.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
bed_account relay relay@example.test "allow = postfix root daemon"
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
bed_authorize relay relay@example.test || bed_die "no grant: $(cat "$BED/authorize.out" "$BED/browser.out")"
user=relay@example.test
mine=$BED/mine # what belongs to who it becomes
mkdir "$mine"
chown daemon "$mine"
mkdir -m 777 "$BED/ran"
cat >"$BED/mda" <<EOT
#!/bin/sh
cat >/dev/null
id -un >"$BED/ran/who"
EOT
chmod 755 "$BED/mda"

fetch() { # STATUS NAME ARGUMENT...
	wanted=$1 name=$2
	shift 2
	bed_fetch "$@"
	is $? "$wanted" "$name: exit status $wanted"
}

says() { # REGEX NAME
	like "$(cat "$BED/fetch.out")" "$1" "$2"
}

# The real, effective, saved and file system IDs, and the groups.
who_is() { # PID
	awk '/^(Uid|Gid|Groups):/ { $1 = ""; printf "%s;", $0 }' "/proc/$1/status"
}

printf 'Subject: one\n\ntext\n' | bed_put $user
bed_fetch_conf "deliver = maildir:$mine/mail"
fetch 0 "as daemon" --user daemon --once -s "$mine/fetch.db"
is "$(find "$mine/mail/new" -type f -user daemon | wc -l)" 1 "as daemon: the message is its own"
is "$(find "$mine" ! -user daemon)" "" "as daemon: and all else"
is "$(find "$mine/mail" "$mine/fetch.db" -perm /077)" "" "as daemon: and nobody else's to read"

fetch 78 "as nobody there is" --user no-such-user --once -s "$mine/fetch.db"
says 'error: .*--user no-such-user: there is no such user' "as nobody there is: it is said"
# shellcheck disable=SC2034 # for bed_fetch
BED_FETCH_UNDER="setpriv --reuid daemon --regid daemon --clear-groups"
fetch 78 "from daemon to games" --user games --once -s "$mine/fetch.db"
says 'error: .*--user games: cannot become it: Operation not permitted' "from daemon to games: it is said"
bed_fetch_conf "deliver = mda:$BED/mda" "mda_user = games"
fetch 78 "a program as games, without root" --once -s "$mine/fetch.db"
says 'mda_user = games needs root: start mailoauth-fetch as root' "a program as games, without root: it is said"
BED_FETCH_UNDER=

# The daemon, with a program that runs as somebody else still.
rm -f "$mine"/fetch.db*
bed_fetch_conf "deliver = mda:$BED/mda" "mda_user = games" "watch = idle"
bed_watch_start --user daemon -s "$mine/fetch.db"
ok "the program runs" bed_wait_for 20 [ -s "$BED/ran/who" ]
is "$(cat "$BED/ran/who")" games "the program runs as games"
is "$(who_is "$BED_WATCH_PID")" " 1 1 1 1; 1 1 1 1; $(id -G daemon);" "the daemon is daemon, in every way"
is "$(awk '/^(CapEff|CapPrm|NoNewPrivs):/ { print $2 }' "/proc/$BED_WATCH_PID/status" | paste -s -d ' ')" "0000000000000000 0000000000000000 1" \
	"the daemon can be nobody else again"
spawner=
# shellcheck disable=SC2013 # pids, in one line
for child in $(cat "/proc/$BED_WATCH_PID/task/$BED_WATCH_PID/children"); do
	[ "$(cat "/proc/$child/comm")" != mailoauth-spawn ] || spawner=$child
done
ok "the process that runs programs for others is another" test -n "$spawner"
like "$(who_is "$spawner")" '^ 0 0 0 0; 0 0 0 0;' "and has root"
is "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$spawner/status")" 00000000000000e0 "to become others and to signal them, and for nothing else"
kill -KILL "$spawner"
ok "without it the daemon ends" bed_wait_for 20 bed_gone "$BED_WATCH_PID"
wait "$BED_WATCH_PID"
is $? 70 "without it the daemon ends: exit status 70, so that it is started again"
like "$(cat "$BED/watch.log")" 'error: the process that runs programs .* has died' "without it the daemon ends: it is said"

# Descriptor 0 is free then: what is opened next must not be what a process that we fork keeps open.
rm "$BED/ran/who"
bed_fetch_conf "deliver = mda:$BED/mda"
fetch 0 "without standard input" --once -s "$BED/closed.db" <&-
is "$(cat "$BED/ran/who")" root "without standard input: the program runs, and mailoauth-fetch ends"
done_testing
