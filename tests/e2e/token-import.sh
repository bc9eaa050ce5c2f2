#!/bin/sh
# SPDX-License-Identifier: MIT
#
# token-import.sh - moving here from sasl-xoauth2 and mutt_oauth2.py: refresh tokens that a real server gave to them are taken over, refreshed,
# and relay mail while Postfix's sasl_passwd still has the old program's line.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
command -v gpg >/dev/null || skip_all "gpg is not installed"
bed_programs
bed_start
bed_plugin_install
bed_daemon_conf
# The provider as one of many: it is found by the token endpoint that the old files have.
cat >"$BED/providers/bed.conf" <<-EOF
	[provider bed]
	title         = the bed
	verified      = 2026-09
	grants        = authorization_code
	issuer        = $BED_ISSUER
	authorize_url = $BED_ISSUER/auth
	token_url     = $BED_ISSUER/token
	scope         = openid email offline_access
	ca_file       = $BED/tls/ca.pem
	smtp_host     = 127.0.0.1
	imap_host     = 127.0.0.1
	registration  = nowhere
EOF
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"

import() { # FILE [OPTION...]: its status; its output in $BED/import.out
	bed_mailoauth -c "$BED_CONF" import "$@" >"$BED/import.out" 2>&1
}
said() { cat "$BED/import.out"; }

# sasl-xoauth2 ----------------------------------------------------------------------------------------

mkdir "$BED/tokens"
token_file=$BED/tokens/relay@example.test
refresh_token=$(bed_grant relay@example.test | bed_json refresh_token)
[ ${#refresh_token} -gt 20 ] || bed_die "the bed gives no refresh token"
cat >"$token_file" <<-EOF
	{"access_token": "", "refresh_token": "$refresh_token", "expiry": "0", "user": "relay@example.test",
	 "client_id": "$BED_PUBLIC_CLIENT", "client_secret": "", "token_endpoint": "$BED_ISSUER/token"}
EOF
before=$(sha256sum "$BED_CONF" && bed_store_sum)
import "$token_file" --dry-run
is $? 0 "a dry run succeeds"
like "$(said)" '^\[account relay\]' "it shows the section"
like "$(said)" 'provider *= bed' "with the provider that the token endpoint belongs to"
like "$(said)" "alias *= $token_file" "and the path as an alias"
is "$(sha256sum "$BED_CONF" && bed_store_sum)" "$before" "and writes nothing"
like "$(bed_mailoauth status)" 'no account is configured.*import FILE --append' "a daemon without an account says what to do"
import "$token_file"
is $? 78 "an account that is not configured is not taken"
like "$(said)" 'import .* --append' "and the next step is said"
is "$(sha256sum "$BED_CONF" && bed_store_sum)" "$before" "and nothing is written"

# What somebody calls a file becomes no line of the configuration.
mkdir "$BED/hostile"
cp "$token_file" "$BED/hostile/relay
allow=nobody
x"
import "$BED/hostile" --dry-run
unlike "$(said)" '^allow=nobody' "a line in a file's name is none of the section"
like "$(said)" 'alias: this value cannot stand' "and that is said"
rm -r "$BED/hostile"

import "$token_file" --append
is $? 0 "with --append it is taken"
diag "$(said)"
like "$(said)" 'relay: refreshed: an access token until 20' "and refreshed at once"
like "$(said)" 'sasl_passwd stays as it is' "and it is said what becomes of the old program"
is "$(bed_token_requests refresh_token ok)" 1 "with one request"
ok "the configuration as it was is kept" [ -f "$(ls "$BED_CONF".before-import-*)" ]
unlike "$(said)" "$refresh_token" "the refresh token is not shown"
unlike "$(cat "$BED_CONF" "$BED/daemon.log")" "$refresh_token" "nor in the configuration or the log"

# What else the daemon tells of the account: its name to the shell, its values to a guide.
ln -s "$BED_SRC/../../token-helper/guides" "$BED/guides"
is "$(bed_mailoauth complete status | grep -c '^relay')" 1 "the shell completes its name"
like "$(bed_mailoauth -c "$BED_CONF" guide postfix --account relay)" '127\.0\.0\.1\]:587 = relay@example\.test:' "a guide has its values"
like "$(bed_mailoauth -c "$BED_CONF" guide custom --account relay)" "client_id = $BED_PUBLIC_CLIENT" "and its client id"

bed_mailoauth -c "$BED_CONF" support-bundle "$BED/bundle" --yes >/dev/null
like "$(cat "$BED/bundle")" '"account": ?"relay"' "the bundle has the status"
unlike "$(cat "$BED/bundle")" 'relay@|example\.test' "and tells no address"

# What Postfix had for sasl-xoauth2 stays: the path of the token file where a password would be.
echo "[127.0.0.1]:$BED_HUB_PORT relay@example.test:$token_file" >"$BED/client/sasl_passwd"
bed_postfix_set client "smtp_sasl_password_maps=texthash:$BED/client/sasl_passwd"
bed_send relay@example.test relay@example.test "by the old line"
ok "mail goes out by the old sasl_passwd line" bed_wait_for 30 bed_mailbox_has relay@example.test '^Subject: by the old line'

import "$token_file"
is $? 78 "what is there is not replaced by what is old"
like "$(said)" 'has a grant already.*--force' "and it is said how it would be"
import "$token_file" --force
is $? 10 "the old refresh token was used up, as the server says when it is forced in"

# A directory is walked, what its links point to is not: who may write there must not choose what root reads.
mkdir "$BED/linked"
ln -s "$token_file" "$BED/linked/x"
import "$BED/linked" --dry-run
like "$(said)" 'linked/x: is a symbolic link' "a link in a directory is not followed, and that is said"
sed 's/ "user": "relay@example.test",//' "$token_file" >"$BED/linked/relay"
import "$BED/linked/relay"
is $? 78 "a token that is nobody's is not put under a name that happens to fit"
like "$(said)" 'say --account relay' "and it is said how it would be"

# A name that is taken, a configuration that would not load.
sed 's/"user": "relay@/"user": "second@/' "$token_file" >"$BED/tokens/elsewhere"
import "$BED/tokens/elsewhere" --account relay --append
is $? 78 "an account of that name that is somebody else's is left alone"
like "$(said)" 'exists and is relay@example.test' "and both are named"
conf=$(sha256sum <"$BED_CONF")
import "$BED/tokens/elsewhere" --account 'bad name' --append
is $? 78 "sections that would not load are not added"
like "$(said)" "^$BED_CONF:[0-9]+: .*bad name" "the problem is said of the file that people know"
is "$(sha256sum <"$BED_CONF")" "$conf" "the configuration is as it was"
ok "no file is left beside it" [ -z "$(ls "$BED_CONF".?????? 2>/dev/null)" ]
is "$(bed_mailoauth -c "$BED_CONF" import "$BED/tokens/elsewhere" --dry-run --json | bed_node -p 'JSON.parse(require("node:fs").readFileSync(0)).accounts[0].user')" second@example.test "programs get JSON"

# mutt_oauth2.py, encrypted -----------------------------------------------------------------------------

GNUPGHOME=$BED/gnupg
export GNUPGHOME
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key bed@example.test rsa2048 encr never >"$BED/gpg.log" 2>&1 ||
	bed_die "gpg makes no key: $(cat "$BED/gpg.log")"
mutt_token=$(bed_grant second@example.test | bed_json refresh_token)
printf '{"registration": "bed", "authflow": "localhostauthcode", "email": "second@example.test", "access_token": "x", "access_token_expiration": "2024-03-01T10:11:12.3", "refresh_token": "%s"}' "$mutt_token" |
	gpg --batch --quiet --trust-model always --encrypt --recipient bed@example.test >"$BED/tokens/mutt.gpg" 2>>"$BED/gpg.log"
cat >"$BED/mutt_oauth2.py" <<-EOF
	registrations = {
	    'bed': {
	        'token_endpoint': '$BED_ISSUER/token',
	        'scope': ('openid email '
	                  'offline_access'),
	        'client_id': '$BED_PUBLIC_CLIENT',
	        'client_secret': '',
	    },
	}
EOF
import "$BED/tokens/mutt.gpg" --with "$BED/mutt_oauth2.py" --append
is $? 0 "the encrypted token file of mutt_oauth2.py is taken"
diag "$(said)"
like "$(said)" 'second: refreshed' "and refreshed"
is "$(bed_mailoauth token second | wc -l)" 1 "and gives tokens"
bed_postfix_set client "smtp_sasl_password_maps=inline:{ { [127.0.0.1]:$BED_HUB_PORT = second@example.test: } }"
bed_send second@example.test second@example.test "by mutt's token"
ok "and relays" bed_wait_for 30 bed_mailbox_has second@example.test "^Subject: by mutt's token"
GNUPGHOME=$BED/nokeys
mkdir -m 700 "$GNUPGHOME"
import "$BED/tokens/mutt.gpg"
is $? 65 "without the key it is not"
like "$(said)" 'gpg --decrypt .* | sudo mailoauth import -' "and it is said who can do it"
GNUPGHOME=$BED/gnupg gpgconf --kill all
gpgconf --kill all

is "$(bed_mailoauth -c "$BED_CONF" import "$BED/tls/ca.pem" 2>&1 >/dev/null | grep -c 'known are: .*sasl-xoauth2')" 1 "what is no token file is refused, with what is known"
done_testing
