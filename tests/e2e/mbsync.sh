#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mbsync.sh - the plugin in another program: mbsync against Dovecot, by success and by refusal. mbsync has no jail, so it asks
# the system socket; a mount namespace of its own puts one there without touching this machine's.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v mbsync >/dev/null || skip_all "mbsync is not installed (isync)"
unshare --mount true 2>/dev/null || skip_all "no mount namespace may be made here"
bed_relay_start

socket=$(grep -aoE '/[a-z/]+/mailoauth/socket' "$BED/sasl/libmailoauth.so" | head -n 1)
anchor=${socket%/*}
while [ ! -d "$anchor" ]; do anchor=${anchor%/*}; done
case $anchor in
'' | / | /usr | /etc) bed_die "cannot hide ${anchor:-/} to put a socket at $socket" ;;
esac

cat >"$BED/mbsyncrc" <<-EOF
	IMAPAccount bed
	Host 127.0.0.1
	Port $BED_IMAP_PORT
	User relay@example.test
	Pass ""
	PassCmd "echo relay"
	SSLType IMAPS
	CertificateFile $BED/tls/ca.pem
	AuthMechs XOAUTH2

	IMAPStore far
	Account bed

	MaildirStore near
	Path $BED/synced/
	Inbox $BED/synced/INBOX

	Channel all
	Far :far:
	Near :near:
	Patterns INBOX
	Create Near
	SyncState *
EOF
sed -i '/^Pass ""/d' "$BED/mbsyncrc"
mkdir "$BED/synced"

# An empty filesystem over the nearest directory that exists, and in it the socket's name.
synchronise() { # [AuthMechs]
	sed -i "s/^AuthMechs .*/AuthMechs ${1:-XOAUTH2}/" "$BED/mbsyncrc"
	# shellcheck disable=SC2016 # expanded inside
	timeout 60 unshare --mount sh -c '
		mount -t tmpfs none "$1" && mkdir -p "${2%/*}" && ln -s "$3" "$2" || exit 99
		SASL_PATH=$4 HOME=$5 exec mbsync -c "$5/mbsyncrc" -V all' - "$anchor" "$socket" "$BED_SOCKET" "$BED/sasl" "$BED" \
		>"$BED/mbsync.out" 2>&1
}

bed_send relay@example.test relay@example.test "to be fetched"
ok "a message waits in the mailbox" bed_wait_for 30 bed_mailbox_has relay@example.test '^Subject: to be fetched'
ok "mbsync with XOAUTH2" synchronise XOAUTH2
ok "fetched the message" grep -rq '^Subject: to be fetched' "$BED/synced"
diag "$(tail -n 3 "$BED/mbsync.out")"

bed_send relay@example.test relay@example.test "with the other"
bed_wait_for 30 bed_mailbox_has relay@example.test '^Subject: with the other'
ok "mbsync with OAUTHBEARER" synchronise OAUTHBEARER
ok "fetched the message" grep -rq '^Subject: with the other' "$BED/synced"

for mechanism in XOAUTH2 OAUTHBEARER; do
	bed_daemon_stop
	bed_daemon_start # has not been forced to refresh yet
	bed_mailoauth token relay >/dev/null
	bed_provider_ctl revoke-access account=relay@example.test
	synchronise $mechanism
	status=$?
	ok "$mechanism refused: mbsync fails" [ $status -ne 0 ]
	ok "$mechanism refused: and does not hang" [ $status -ne 124 ]
	ok "$mechanism refused: nor is it killed" [ $status -lt 128 ]
	like "$(cat "$BED/mbsync.out")" 'AUTHENTICATIONFAILED|Authentication failed' "$mechanism refused: it shows the server's words"
	ok "$mechanism: the next run has a fresh token" synchronise $mechanism
done
done_testing
