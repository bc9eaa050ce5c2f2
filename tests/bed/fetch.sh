# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# fetch.sh - part of bed.sh: mailoauth-fetch against the bed's Dovecot.

: "${MAILOAUTH_FETCH:=mailoauth-fetch}"

# Adds a section; its account is relay. A LINE replaces the default of the same key; "key =" removes it.
bed_fetch_section() { # NAME [LINE...]
	bed_name=$1
	shift
	{
		printf '\n[fetch %s]\n' "$bed_name"
		{
			cat <<-EOT
				account = relay
				host = 127.0.0.1
				port = $BED_IMAP_PORT
				ca_file = $BED/tls/ca.pem
				deliver = maildir:$BED/fetched
			EOT
			[ $# -eq 0 ] || printf '%s\n' "$@"
		} | awk '{ if (!($1 in line)) order[++n] = $1; line[$1] = $0; empty[$1] = ($0 ~ /^[a-z_]+ *= *$/) }
			END { for (i = 1; i <= n; i++) if (!empty[order[i]]) print line[order[i]] }'
	} >>"$BED_FETCH_CONF"
}

# A configuration of its own, so that sections can be replaced while mailoauthd runs.
bed_fetch_conf() { # [LINE...]: one section, "inbox"
	command -v "$MAILOAUTH_FETCH" >/dev/null || bed_die "not built: $MAILOAUTH_FETCH"
	BED_FETCH_CONF=$BED/fetch.conf
	: >"$BED_FETCH_CONF"
	bed_fetch_section inbox "$@"
	bed_memcheck_section >>"$BED_FETCH_CONF"
}

# Its output: $BED/fetch.out. BED_FETCH_UNDER is a command to run it under.
bed_fetch() { # ARGUMENT...
	# shellcheck disable=SC2086 # a command and its arguments
	SASL_PATH=$BED/sasl timeout $((${BED_FETCH_TIMEOUT:-60} * ${BED_PATIENCE:-1})) ${BED_FETCH_UNDER-} "$MAILOAUTH_FETCH" -c "$BED_FETCH_CONF" \
		-S "$BED_SOCKET" -s "$BED/fetch.db" "$@" >"$BED/fetch.out" 2>&1
}

# The daemon. Its output: $BED/watch.log.
bed_watch_start() { # [ARGUMENT...]
	: >"$BED/watch.log"
	# shellcheck disable=SC2086 # a command and its arguments
	(cd / && SASL_PATH=$BED/sasl exec ${BED_FETCH_UNDER-} "$MAILOAUTH_FETCH" -c "$BED_FETCH_CONF" -S "$BED_SOCKET" \
		-s "$BED/fetch.db" "$@") >>"$BED/watch.log" 2>&1 &
	BED_WATCH_PID=$!
	bed_note "$BED_WATCH_PID"
	bed_wait_for 20 grep -q ' ready: ' "$BED/watch.log" || bed_die "mailoauth-fetch does not start: $(cat "$BED/watch.log")"
}

bed_watch_signal() { # NAME
	bed_signal "$1" "$BED_WATCH_PID"
}

# Its exit status: $BED_WATCH_STATUS.
bed_watch_stop() {
	bed_signal TERM "$BED_WATCH_PID"
	bed_wait_for 20 bed_gone "$BED_WATCH_PID" || bed_daemon_hangs "$BED_WATCH_PID"
	wait "$BED_WATCH_PID"
	BED_WATCH_STATUS=$?
}

bed_daemon_hangs() { # PID
	diag "does not end: $1"
	kill -KILL "$1"
}

# Forgets what was fetched.
bed_fetch_forget() {
	rm -rf "$BED/fetched" "$BED/fetch.db" "$BED/fetch.db-wal" "$BED/fetch.db-shm"
}

bed_fetched() {
	find "$BED/fetched/new" "$BED/fetched/cur" -type f 2>/dev/null
}

bed_fetched_count() {
	bed_fetched | wc -l
}

# Puts the message on stdin into USER's mailbox as it is, as a delivery agent would. Names are in order of time.
bed_put() { # USER [FOLDER]
	bed_maildir=$BED/mail/$1/Maildir${2:+/.$2}
	mkdir -p "$bed_maildir/tmp" "$bed_maildir/new" "$bed_maildir/cur"
	bed_put_name=$(date +%s.M%N)P$$.bed
	cat >"$bed_maildir/tmp/$bed_put_name"
	chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/mail/$1"
	mv "$bed_maildir/tmp/$bed_put_name" "$bed_maildir/new/$bed_put_name"
}

bed_put_many() { # USER COUNT [FOLDER]: small messages, each with a number of its own
	bed_maildir=$BED/mail/$1/Maildir${3:+/.$3}
	mkdir -p "$bed_maildir/tmp" "$bed_maildir/new" "$bed_maildir/cur"
	awk -v count="$2" -v into="$bed_maildir/new/$(date +%s)" 'BEGIN {
		for (i = 1; i <= count; i++) {
			file = sprintf("%s.M%06d.many", into, i)
			printf "From: a@example.test\nMessage-ID: <%d@many>\nSubject: number %d\n\ntext of %d\n", i, i, i >file
			close(file)
		}
	}'
	chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/mail/$1"
}

bed_mailbox_empty() { # USER
	rm -rf "$BED/mail/$1/Maildir"
}

# Ends USER's connections.
bed_kick() { # USER
	bed_doveadm kick "$1"
}

bed_nobody_is() { # USER
	! bed_doveadm who 2>/dev/null | grep -q "^$1 "
}

# mailoauth-fetch does not wait until the server is through with a connection: before its mailbox is replaced, somebody must.
bed_logged_out() { # USER
	bed_wait_for 10 bed_nobody_is "$1"
}

# What the server holds, by IMAP search.
bed_doveadm() {
	doveadm -c "$BED/dovecot/dovecot.conf" "$@"
}
