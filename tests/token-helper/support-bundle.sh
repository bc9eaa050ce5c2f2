#!/bin/sh
# SPDX-License-Identifier: MIT
#
# support-bundle.sh - a configuration full of secrets and names gives a bundle with none of them, and nothing is written before it was
# shown.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=../bed/tap.sh
. "$top/tests/bed/tap.sh"
mailoauth=${MAILOAUTH-$top/build/mailoauth}
command -v "$mailoauth" >/dev/null || skip_all "mailoauth is not built"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bundle() { "$mailoauth" -S "$work/none" -c "$work/mailoauth.conf" support-bundle "$@" </dev/null; }

token=0.AXkAabcdefghij-klmnopq_rstuvwxyz
cat >"$work/mailoauth.conf" <<-EOF
	# was: password = hunter2
	[account relay]
	provider = microsoft
	tenant = corp.contoso.example
	client_id = 12345678-9abc-def0-1234-56789abcdef0
	client_secret = Sup3r~Secret.Value-of~Azure12345
	client_secret_file = /etc/mailoauth/relay.secret
	user = alice.smith@contoso.example
	senders = bob@contoso.example
	alias = $token
	proxy = http://proxyuser:proxypass@proxy.contoso.example:3128
	notify_command = /usr/bin/curl https://hooks.example/T0?key=$token
	; smtp_sasl_password_maps = inline:{ { [h.example]:587 = alice.smith@contoso.example:hunter2 } }
	allow = postfix 192.0.2.99
EOF
bundle >"$work/out" 2>"$work/err"
is $? 0 "a bundle is shown"
for secret in hunter2 Sup3r Azure12345 "$token" abcdefghij proxyuser proxypass alice.smith bob@ contoso 12345678-9abc 192.0.2.99; do
	unlike "$(cat "$work/out")" "$secret" "without $secret"
done
like "$(cat "$work/out")" '^user = user[0-9]+@domain[0-9]+$' "a person is the same person"
is "$(sed -n 's/^user = \(user[0-9]*\)@.*/\1/p' "$work/out")" "$(sed -n 's/.*= \(user[0-9]*\)@domain[0-9]*:\[removed.*/\1/p' "$work/out")" "wherever"
like "$(cat "$work/out")" '^client_secret_file = /etc/mailoauth/relay.secret$' "what is no secret stays"
like "$(cat "$work/out")" '^mailoauth +[0-9]' "the versions are there"
for part in versions mailoauth.conf status 'postconf -n' 'log of' 'mail log'; do
	like "$(cat "$work/out")" "^== $part" "there is a part: $part"
done

bundle "$work/file" >"$work/out" 2>"$work/err"
is $? 64 "nobody was asked, and nothing is written"
ok "there is no file" [ ! -e "$work/file" ]
bundle "$work/file" --yes >"$work/out" 2>"$work/err"
is $? 0 "--yes writes it"
is "$(sha256sum <"$work/file")" "$(sha256sum <"$work/out")" "what was shown"
is "$(stat -c %a "$work/file")" 600 "for its owner"
bundle "$work/file" --yes >/dev/null 2>"$work/err"
is $? 74 "a file that is there is not written over"
done_testing
