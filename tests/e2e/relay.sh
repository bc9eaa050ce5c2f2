#!/bin/sh
# SPDX-License-Identifier: MIT
#
# relay.sh - a message from sendmail through the chrooted smtp(8) and the smarthost's AUTH into the mailbox, by every route that the
# documents describe.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start
bed_authorize second second@example.test || bed_die "second@example.test cannot be authorized: $(cat "$BED/authorize.out")"

# Sends one message and checks every station of its way.
relayed() { # NAME FROM METHOD
	bed_log_clear
	subject="bed $(date +%s%N)"
	bed_send "$2" alice@example.test "$subject"
	ok "$1: sent" bed_wait_for 30 bed_log_has client 'status=sent \(250 '
	ok "$1: at the first attempt" [ "$(bed_log_count client 'status=(deferred|bounced)')" -eq 0 ]
	ok "$1: the smarthost saw $3 as $2" bed_log_has hub "sasl_method=$3, sasl_username=$2"
	ok "$1: it is in the mailbox" bed_wait_for 10 bed_mailbox_has alice@example.test "^Subject: $subject\$"
}

in_jail() {
	for pid in $(bed_smtp_processes client); do
		[ "$(readlink "/proc/$pid/root")" = "$BED/client/queue" ] && return 0
	done
	return 1
}

relayed "XOAUTH2" relay@example.test XOAUTH2
ok "smtp(8) is in its chroot" in_jail

bed_postfix_set client smtp_sasl_mechanism_filter=oauthbearer
relayed "OAUTHBEARER" relay@example.test OAUTHBEARER

bed_provider_ctl set token_bytes=3000
bed_mailoauth refresh relay >/dev/null
is "$(bed_mailoauth token relay | tr -d '\n' | wc -c)" 3000 "the token has 3,000 bytes"
relayed "OAUTHBEARER, 3,000 bytes" relay@example.test OAUTHBEARER
bed_postfix_set client smtp_sasl_mechanism_filter=xoauth2
relayed "XOAUTH2, 3,000 bytes" relay@example.test XOAUTH2
bed_provider_ctl reset

bed_postfix_set client smtp_sender_dependent_authentication=yes \
	"smtp_sasl_password_maps=inline:{ { relay@example.test = relay@example.test: }, { second@example.test = second@example.test: } }"
relayed "two accounts by sender, the first" relay@example.test XOAUTH2
relayed "two accounts by sender, the second" second@example.test XOAUTH2

bed_postfix_set client "smtp_sasl_password_maps=inline:{ { relay@example.test = any@example.test:relay } }"
relayed "the password names the account" relay@example.test XOAUTH2

# No sasl_passwd: mailoauthd is the table. What it does not know falls through to a hash: map of passwords.
echo "$BED_PASSWORD_USER $BED_PASSWORD_USER:$BED_PASSWORD" >"$BED/client/passwords"
postmap -c "$BED/client/conf" "hash:$BED/client/passwords"
bed_sasl_add_plain
cat >>"$BED/client/conf/master.cf" <<-EOF
	smtp-plain unix  -  -  y  -  -  smtp
	  -o smtp_sasl_mechanism_filter=plain
EOF
bed_postfix_set client \
	"smtp_sasl_password_maps=proxy:socketmap:unix:$BED_SOCKET:login, hash:$BED/client/passwords" \
	"sender_dependent_default_transport_maps=inline:{ { $BED_PASSWORD_USER = smtp-plain:[127.0.0.1]:$BED_HUB_PORT } }"
relayed "socketmap, the first" relay@example.test XOAUTH2
relayed "socketmap, the second" second@example.test XOAUTH2
relayed "socketmap says NOTFOUND, hash: answers" "$BED_PASSWORD_USER" PLAIN
done_testing
