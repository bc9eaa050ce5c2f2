#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch-watch-folders.sh - several folders of a section are watched at once: by an IDLE each where the server has no
# NOTIFY, within `connections`, and the rest every interval; folders that come and go while it watches.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck disable=SC2034 # for dovecot.sh: everything but NOTIFY
BED_DOVECOT_EXTRA='imap_capability = IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE NAMESPACE UIDPLUS LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE QRESYNC ESEARCH MOVE BINARY'
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start
user=relay@example.test
put_count=0

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

save() { # FOLDER
	put_count=$((put_count + 1))
	printf 'Subject: %s in %s\n\ntext\n' $put_count "$1" | bed_doveadm save -u $user -m "$1"
}

all_fetched() {
	[ "$(bed_fetched_count)" -eq "$put_count" ]
}

# With interval = 0 nothing but a watch brings it.
comes_from() { # FOLDER...
	for comes_folder; do
		comes_began=$(date +%s%N)
		save "$comes_folder"
		soon "mail in $comes_folder" 20 all_fetched
		bed_say "delivered after $((($(date +%s%N) - comes_began) / 1000000)) ms"
	done
}

watched_on() { # SECTION COUNT
	bed_fetch status || true
	case $2 in
	1) grep -q "^fetch=$1 .*; watching since [^ ]*\$" "$BED/fetch.out" ;;
	*) grep -q "^fetch=$1 .*; watching since .* on $2 connections" "$BED/fetch.out" ;;
	esac
}

# Every folder has its own ------------------------------------------------------------------------------

bed_doveadm mailbox create -u $user Lists Lists.a Lists.b Entwürfe
bed_fetch_conf "watch = idle" "interval = 0" "folder = INBOX, Lists.a, Lists.b, Entwürfe"
bed_watch_start -v
soon "every folder has a connection" 20 watched_on inbox 4
comes_from INBOX Lists.a Lists.b Entwürfe Lists.a
soon "all watch again" 20 watched_on inbox 4
is "$(log_count 'AUTHENTICATE')" 4 "on the same connections"

# All connections end at once: all come back, and nothing is fetched twice.
bed_kick $user
soon "kicked: all are made again" 30 log_has_times 8 AUTHENTICATE
soon "kicked: all watch" 30 watched_on inbox 4
comes_from Lists.b INBOX Entwürfe

# A section that is new comes first: a folder gives its place up.
cp "$BED_FETCH_CONF" "$BED/conf.kept"
bed_fetch_section more "watch = idle" "interval = 0" "folder = Lists"
bed_fetch reload
soon "a new section gets a place" 30 watched_on more 1
soon "of which a folder is deprived" 30 watched_on inbox 3
comes_from Lists INBOX
cp "$BED/conf.kept" "$BED_FETCH_CONF"
bed_fetch reload
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "SIGTERM: it ends well"

# Fewer connections than folders -------------------------------------------------------------------------

bed_fetch_conf "watch = idle" "interval = 1s" "connections = 2" "folder = INBOX, Lists.a, Lists.b, Entwürfe"
bed_watch_start -v
soon "limit: as many as there may be" 20 watched_on inbox 2
ok "limit: it is said" grep -q 'inbox account=relay 2 folders are not watched, but fetched every 1 s: .connections. ' "$BED/watch.log"
comes_from Entwürfe Lists.a
is "$(log_count 'AUTHENTICATE')" 2 "limit: no connection more"
bed_watch_stop

# Folders that come and go --------------------------------------------------------------------------------

bed_fetch_conf "watch = idle" "interval = 1s" "connections = 8" "folder = INBOX, Lists.%"
bed_watch_start -v
soon "patterns: all that there are" 20 watched_on inbox 3
bed_doveadm mailbox create -u $user Lists.new
soon "patterns: one more" 20 watched_on inbox 4
comes_from Lists.new
bed_doveadm mailbox delete -u $user -s Lists.new
soon "patterns: one less" 20 watched_on inbox 3
comes_from Lists.b
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "patterns: it ends well"
is "$(bed_fetched_count)" "$put_count" "nothing is fetched twice"
done_testing
