#!/bin/sh
# SPDX-License-Identifier: MIT
# fetch-idle-many.sh - many mailboxes watched by IDLE in one process, over TLS: what one costs in memory, and how soon new mail
# is here. IDLE_MAILBOXES=1000 sh tests/e2e/fetch-idle-many.sh by hand, where processes and descriptors allow it.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
IDLE_MAILBOXES=${IDLE_MAILBOXES:-100}
few=10 # the process's own memory is measured with these
sample=20
password=bed-many-7
# An imap process for 50 connections, so that the machine bears them.
# shellcheck disable=SC2034 # for dovecot.sh
BED_DOVECOT_EXTRA="
	default_client_limit = $((IDLE_MAILBOXES * 4 + 1000))
	default_process_limit = 400
	passdb {
	  driver = static
	  mechanisms = plain
	  args = password=$password
	}
	service imap-login {
	  service_count = 0
	  process_min_avail = 2
	  vsz_limit = 2G
	}
	service imap {
	  service_count = 0
	  client_limit = 50
	  vsz_limit = 2G
	}"
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_start
bed_plugin_install
for plugin in /usr/lib/*/sasl2/libplain.so; do
	[ ! -e "$plugin" ] || cp -L "$plugin" "$BED/sasl/"
done
BED_SOCKET=$BED/no-mailoauthd
printf '%s\n' "$password" >"$BED/many.password"
chmod 600 "$BED/many.password"

mailboxes() { # COUNT: the configuration
	: >"$BED_FETCH_CONF"
	awk -v count="$1" -v port="$BED_IMAP_PORT" -v bed="$BED" 'BEGIN {
		for (i = 1; i <= count; i++)
			printf "[fetch m%d]\nuser = m%d@many.test\npassword_file = %s/many.password\nhost = 127.0.0.1\nport = %d\n" \
				"ca_file = %s/tls/ca.pem\ndeliver = maildir:%s/fetched\nwatch = idle\ninterval = 0\ntimeout = 60\n\n",
				i, i, bed, port, bed, bed
	}' >"$BED_FETCH_CONF"
}

watched() { # COUNT
	bed_fetch status || true
	[ "$(grep -c '; watching since ' "$BED/fetch.out")" -eq "$1" ]
}

rss_kib() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$BED_WATCH_PID/status"
}

bed_fetch_conf
mailboxes $few
bed_watch_start
bed_wait_for 60 watched $few || bed_die "$few are not watched: $(tail -n 5 "$BED/watch.log")"
rss_few=$(rss_kib)
mailboxes "$IDLE_MAILBOXES"
began=$(date +%s)
bed_fetch reload
if bed_wait_for $((60 + IDLE_MAILBOXES / 2)) watched "$IDLE_MAILBOXES"; then
	pass "$IDLE_MAILBOXES mailboxes are watched by one process"
else
	fail "$IDLE_MAILBOXES mailboxes are watched by one process" \
		"$(grep -c '; watching since ' "$BED/fetch.out") are: $(tail -n 5 "$BED/watch.log") $(tail -n 3 "$BED/dovecot/log")"
fi
rss_many=$(rss_kib)
each_kib=$(((rss_many - rss_few) / (IDLE_MAILBOXES - few)))
bed_say "after $(($(date +%s) - began)) s; RSS $rss_few KiB with $few, $rss_many KiB with $IDLE_MAILBOXES: $each_kib KiB each"
[ -z "${IDLE_PMAP-}" ] || cat "/proc/$BED_WATCH_PID/smaps" >"$IDLE_PMAP"
ok "memory: an idle TLS connection takes at most 64 KiB" [ "$each_kib" -le 64 ]

# New mail in many at once, and then in one after the other. When a message was put: in its Subject; when it was
# here: the time its file got its name.
fetched_are() { # COUNT
	[ "$(bed_fetched_count)" -ge "$1" ]
}

delays() { # NAME: of all that was fetched, in ms, in order
	bed_fetched | while read -r file; do
		echo "$(stat -c %.9Z "$file") $(sed -n 's/^Subject: sent //p' "$file")"
	done | awk '{ printf "%d\n", ($1 - $2) * 1000 }' | sort -n >"$BED/delays"
	median=$(sed -n "$((($(wc -l <"$BED/delays") + 1) / 2))p" "$BED/delays")
	most=$(tail -n 1 "$BED/delays")
	bed_say "$1: delivered after $median ms (median), $most ms (most)"
}

put_to() { # NUMBER
	printf 'Subject: sent %s\n\ntext\n' "$(date +%s.%N)" | bed_put "m$1@many.test"
}

number=0
while [ $number -lt $sample ]; do
	put_to $((number * IDLE_MAILBOXES / sample + 1))
	number=$((number + 1))
done
if bed_wait_for 30 fetched_are $sample; then
	pass "$sample of them get mail at once: all is here"
else
	fail "$sample of them get mail at once: all is here" "$(bed_fetched_count): $(tail -n 5 "$BED/watch.log")"
fi
delays "at once"
ok "in time" [ "${most:-99999}" -le 10000 ]
put_to "$IDLE_MAILBOXES"
ok "the last one gets mail" bed_wait_for 30 fetched_are $((sample + 1))
bed_watch_stop
is "$BED_WATCH_STATUS" 0 "SIGTERM: it ends well"
done_testing
