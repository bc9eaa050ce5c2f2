#!/bin/sh
# SPDX-License-Identifier: MIT
#
# import.sh - moving here: getmail and mbsync fetch a mailbox, their configuration and state are taken over, and mailoauth-fetch goes on
# where they were: nothing is fetched again, and what comes later is fetched once.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
for program in getmail mbsync; do
	command -v $program >/dev/null || skip_all "$program is not installed (getmail6, isync)"
done
bed_begin
POP3_PORT=$(bed_ports 1)
pop3=
if command -v fetchmail >/dev/null && { [ -x /usr/lib/dovecot/pop3 ] || [ -x /usr/libexec/dovecot/pop3 ]; }; then
	pop3=yes
	# shellcheck disable=SC2034 # for bed_start
	BED_DOVECOT_EXTRA=$(bed_dovecot_pop3 "$POP3_PORT")
fi
bed_relay_start
user=relay@example.test
BED_FETCH_CONF=$BED/fetch.conf
patience_s=$((60 * ${BED_PATIENCE:-1}))

cat >"$BED/token" <<-EOF
	#!/bin/sh
	printf '%s%s\n' "\${1:+\$1 }" "\$('$MAILOAUTH' -S '$BED_SOCKET' token relay)"
EOF
chmod 755 "$BED/token"

cat >"$BED/getmailrc" <<-EOF
	[retriever]
	type = SimpleIMAPSSLRetriever
	server = 127.0.0.1
	port = $BED_IMAP_PORT
	username = $user
	use_xoauth2 = true
	password_command = ("$BED/token",)
	ca_certs = $BED/tls/ca.pem
	mailboxes = ("INBOX", "Entwürfe/a;b")
	[destination]
	type = Maildir
	path = $BED/fetched/
	user = $BED_MAIL_USER
	[options]
	read_all = false
EOF

cat >"$BED/mbsyncrc" <<-EOF
	IMAPStore far
	Host 127.0.0.1
	Port $BED_IMAP_PORT
	User $user
	PassCmd "$BED/token Bearer"
	SSLType IMAPS
	CertificateFile $BED/tls/ca.pem
	AuthMechs XOAUTH2

	MaildirStore near
	Path $BED/synced/
	Inbox $BED/fetched

	Channel all
	Far :far:
	Near :near:
	Create Near
	Sync Pull
	SyncState *
EOF

import() { # STATUS NAME ARGUMENT...
	import_wanted=$1 import_name=$2
	shift 2
	"$MAILOAUTH_FETCH" "$@" -s "$BED/fetch.db" >"$BED/sections" 2>"$BED/notes"
	import_status=$?
	is "$import_status" "$import_wanted" "$import_name: exit status $import_wanted"
	[ "$import_status" -eq "$import_wanted" ] || diag "$(cat "$BED/notes")"
	# The account is the bed's.
	sed '/^\[account/,/^$/d; s/^account .*/account = relay/' "$BED/sections" >"$BED_FETCH_CONF"
	bed_memcheck_section >>"$BED_FETCH_CONF"
}

fetch() { # STATUS NAME
	bed_fetch --once
	fetch_status=$?
	is "$fetch_status" "$1" "$2"
	[ "$fetch_status" -eq "$1" ] || diag "$(cat "$BED/fetch.out")"
}

maildir() {
	rm -rf "$BED/fetched"
	mkdir -p "$BED/fetched/tmp" "$BED/fetched/new" "$BED/fetched/cur"
	chown -R "$BED_MAIL_USER:$BED_MAIL_USER" "$BED/fetched" # getmail delivers nothing as root
}

# getmail waits for a minute, and gives up, when the child that delivers ends before it has begun to wait. Then once more, from the start.
getmail_fetches() {
	for getmail_try in 1 2 3 4 5; do
		rm -f "$BED"/oldmail-*
		maildir
		timeout "$((patience_s / 3))" getmail --quiet --getmaildir "$BED" --rcfile "$BED/getmailrc" && return
		diag "getmail, try $getmail_try: exit status $?"
	done
	return 1
}

fresh() { # a mailbox with a gap in its UIDs
	bed_mailbox_empty $user
	bed_fetch_forget
	maildir
	bed_put_many $user 12
	bed_doveadm expunge -u $user mailbox INBOX uid 5
}

goes_on() { # PROGRAM
	fetch 1 "$1: nothing is fetched again"
	is "$(bed_fetched_count)" "$before" "$1: and nothing is delivered again"
	printf 'Subject: later\n\ntext\n' | bed_put $user
	fetch 0 "$1: what comes later is fetched"
	is "$(bed_fetched_count)" $((before + 1)) "$1: once"
	fetch 1 "$1: and not again"
}

fresh
bed_doveadm mailbox create -u $user 'Entwürfe.a;b' 2>/dev/null || bed_doveadm mailbox create -u $user 'Entwürfe/a;b'
folder=$(bed_doveadm mailbox list -u $user | grep 'a;b')
sed -i "s,Entwürfe/a;b,$folder," "$BED/getmailrc"
printf 'Subject: in a folder\n\ntext\n' | bed_doveadm save -u $user -m "$folder"
ok "getmail fetches" getmail_fetches
before=$(bed_fetched_count)
is "$before" $(($(bed_doveadm search -u $user mailbox INBOX all | wc -l) + 1)) "getmail: all of both folders"
import 0 "getmail: import" --import "$BED/getmailrc" --take-state
like "$(cat "$BED/notes")" 'folder INBOX: taken over from .*: UIDVALIDITY [0-9]+, 1[0-9] messages' "getmail: what was fetched is said"
goes_on getmail
import 78 "getmail: a second time the state stays as it is" --import "$BED/getmailrc" --take-state
is "$(wc -c <"$BED/sections")" 0 "getmail: and nothing is printed"

# What getmail had not fetched yet is not lost.
fresh
sed -i 's/^read_all.*/&\nmax_messages_per_session = 4/' "$BED/getmailrc"
getmail_fetches
before=$(bed_fetched_count)
import 0 "getmail interrupted: import" --import "$BED/getmailrc" --take-state
sed -i '/^max_messages/d; s/^folder .*/folder = INBOX/' "$BED_FETCH_CONF"
fetch 0 "getmail interrupted: the rest is fetched"
is "$(bed_fetched | xargs grep -h '^Subject: number' | sort)" "$(bed_mailbox $user | xargs grep -h '^Subject: number' | sort)" \
	"getmail interrupted: and all is there, once"

fresh
mkdir -p "$BED/synced"
SASL_PATH=$BED/sasl HOME=$BED mbsync -c "$BED/mbsyncrc" -q all >"$BED/mbsync.out" 2>&1
mbsync_status=$?
is "$mbsync_status" 0 "mbsync fetches"
[ "$mbsync_status" -eq 0 ] || diag "$(cat "$BED/mbsync.out")"
before=$(bed_fetched_count)
is "$before" "$(bed_doveadm search -u $user mailbox INBOX all | wc -l)" "mbsync: all of it"
import 0 "mbsync: import" --import "$BED/mbsyncrc" --from mbsync --take-state
like "$(cat "$BED/notes")" 'folder INBOX: taken over from .*/.mbsyncstate: UIDVALIDITY [0-9]+, [0-9]+ messages noted, all up to UID 12' \
	"mbsync: what was fetched is said"
goes_on mbsync

# fetchmail, by POP3 from Dovecot.
pop_fetch() {
	HOME=$BED timeout "$patience_s" fetchmail -f "$BED/poprc" --nodetach --silent --nosyslog --pidfile "$BED/fetchmail.pid" >"$BED/fetchmail.out" 2>&1
}

if [ -n "$pop3" ]; then
	printf '%s:{PLAIN}%s\n' $user "$BED_PASSWORD" >>"$BED/dovecot/passwords"
	fresh
	(umask 077 && cat >"$BED/poprc") <<-EOT
		set idfile "$BED/ids"
		poll localhost protocol pop3 port $POP3_PORT uidl
		  user "$user" password "$BED_PASSWORD" is "to" here
		  ssl sslcertck sslcertfile "$BED/tls/ca.pem" keep
		  mda "/usr/bin/tee -a $BED/popped"
	EOT
	pop_fetch || diag "fetchmail: $(cat "$BED/fetchmail.out")"
	is "$(grep -c '^Subject: number' "$BED/popped") $(grep -c "^$user@localhost " "$BED/ids")" "11 11" "fetchmail fetches by POP3"
	sed "s/protocol pop3 port $POP3_PORT uidl/via 127.0.0.1 protocol imap port $BED_IMAP_PORT/; s,mda .*,," "$BED/poprc" >"$BED/.fetchmailrc"
	mkdir "$BED/popped.d"
	import 0 "fetchmail by POP3: import" --import "$BED/.fetchmailrc" --take-state --passwords "$BED/popped.d"
	like "$(cat "$BED/notes")" "folder INBOX: taken over from $BED/ids: UIDVALIDITY [0-9]+, 11 messages noted" \
		"fetchmail by POP3: what was fetched is said"
	unlike "$(cat "$BED/sections")" 'unseen' "fetchmail by POP3: what somebody has read elsewhere is not taken for fetched"
	sed -i "s,^deliver .*,deliver = maildir:$BED/fetched,; /^recipient/d; /^received/d; /^user/d; s/^password_file.*/account = relay/" "$BED_FETCH_CONF"
	before=0
	goes_on "fetchmail by POP3"

	rm -f "$BED"/fetch.db*
	sed -i 's/^\([^ ]*\) ........\(.*\)/\1 message-\2/' "$BED/ids"
	import 0 "names of another POP3 server: import" --import "$BED/.fetchmailrc" --take-state
	like "$(cat "$BED/notes")" '\.fetchmailrc:3: --take-state: .* no use by IMAP, unless Dovecot' "names of another POP3 server: are of no use"
	like "$(cat "$BED/sections")" 'take += unseen' "names of another POP3 server: what is read counts as fetched"
else
	skip "fetchmail by POP3" "fetchmail or dovecot-pop3d is not installed"
fi

# Passwords are written where it is asked for, and told nowhere.
printf 'poll imap.example.test proto imap user "alice" pass "s3cret" ssl is alice here\n' >"$BED/.fetchmailrc"
mkdir "$BED/passwords"
import 0 "fetchmail: import" --import "$BED/.fetchmailrc" --passwords "$BED/passwords"
like "$(cat "$BED/sections")" "password_file +=.* $BED/passwords/alice.password" "fetchmail: the section names the file"
is "$(stat -c %a "$BED/passwords/alice.password") $(cat "$BED/passwords/alice.password")" '600 s3cret' "fetchmail: which has the password"
unlike "$(cat "$BED/sections" "$BED/notes")" s3cret "fetchmail: and nothing else has it"
import 78 "fetchmail: a file that is there is not written over" --import "$BED/.fetchmailrc" --passwords "$BED/passwords"
import 0 "fetchmail: state" --import "$BED/.fetchmailrc" --take-state
like "$(cat "$BED/notes")" 'take = unseen' "fetchmail: what corresponds to its state is said"
sed -i '1i set idfile /home/alice/.fetchids' "$BED/.fetchmailrc"
import 0 "fetchmail: idfile" --import "$BED/.fetchmailrc"
like "$(cat "$BED/notes")" 'fetchmailrc:1: idfile: not carried over: it holds the names that a POP3 server gives' "fetchmail: .fetchids tells little"
printf 'poll\n' >"$BED/.fetchmailrc"
import 78 "a bad file" --import "$BED/.fetchmailrc"
like "$(cat "$BED/notes")" '\.fetchmailrc:2: the server.s name is missing here' "a bad file: its line"
import 64 "no import: --take-state alone" --take-state
done_testing
