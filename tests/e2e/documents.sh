#!/bin/sh
# SPDX-License-Identifier: MIT
#
# documents.sh - every page of doc/ is tried from top to bottom, as its reader would: commands are run, files written, and what the page says
# that they print is looked for. The machine is that of tests/bed/machine.sh; what else is not as on the page stands in substitutions().
#
# How a page says what is what:
#   ```sh          run by sh -e; must end with exit status 0
#   ```output      lines that the commands before print; … stands for anything
#   ```ini, conf   a piece of a file, whose path stands in the first line, as a comment: it is put at the end of that file, or where the
#                  comment says "under [daemon]"
# and in comments of HTML, which the reader does not see, on lines of their own directly before the block:
#   <!-- not run: WHY -->       what cannot be tried here; every block that is none of the above has one
#   <!-- exit: N -->            the commands end with N
#   <!-- until: it says so -->  the commands are repeated until they print what the block behind says (a log, a mailbox)
#   <!-- typed: TEXT -->        what is typed or pasted at the terminal
#   <!-- as: USER -->           the commands are run by this user of the machine, who was "admin", with sudo, before
#   <!-- needs: PROGRAM -->     without it the block is skipped
#   <!-- signs in: USER -->     who signs in at the browser, when it is not relay@contoso.example
#   <!-- meanwhile: NAME -->    the function meanwhile_NAME of this script is called first: what happens elsewhere
# usage: documents.sh [PAGE…]
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
# shellcheck source=../bed/machine.sh
. "$BED_SRC/machine.sh"
bed_programs
DOC=$(cd "$BED_SRC/../../doc" && pwd)
[ $# -gt 0 ] || set -- "$DOC"/*.md
: "${PAGES:=$*}"
export PAGES
machine_enter "$0"

# Everything in which this machine is not the page's.
substitutions() {
	cat <<EOT
s/contoso\.example/example.test/g
s/sales@/second@/g
s/someone@gmail\.com/alice@example.test/g
# Keycloak is node-oidc-provider: another path, and people are called sub.
s|https://dovecot:SECRET@auth[^ ]*/introspect|https://$BED_DOVECOT_CLIENT:$BED_DOVECOT_SECRET@127.0.0.1:$BED_PROVIDER_PORT/token/introspection|
s/^username_attribute = .*/username_attribute = sub/
EOT
}

substituted() { # FILE
	sed -f "$BED/substitutions" "$1"
}

# What happens elsewhere ------------------------------------------------------------------------------------

# At the provider: the applications of the pages are registered.
register_clients() {
	by_code="authorization_code refresh_token"
	bed_provider_ctl client client_id=11111111-2222-3333-4444-555555555555 auth=none "grants=$by_code"
	bed_provider_ctl client client_id=1234567890-abc.apps.googleusercontent.com auth=client_secret_post secret=GOCSPX-example "grants=$by_code"
	bed_provider_ctl client client_id=mail auth=none "grants=$by_code"
}

meanwhile_the_certificate_is_uploaded() {
	bed_provider_ctl client client_id=11111111-2222-3333-4444-555555555555 auth=private_key_jwt grants=client_credentials \
		"certificate=$(cat /home/admin/relay.crt)" mailbox=relay@example.test
}

# A key as Google issues it, and its token endpoint for service accounts.
meanwhile_the_key_is_downloaded() {
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=service -keyout "$BED/service.key" -out "$BED/service.crt" 2>/dev/null
	mkdir "$BED/google"
	"$BED_NODE" "$BED_SRC/scripted-token.mjs" --dir "$BED/google" --certificate "$BED/service.crt" >"$BED/google/output" 2>&1 &
	bed_note $!
	bed_wait_for 20 test -s "$BED/google/port" || return 1
	token_url=http://127.0.0.1:$(cat "$BED/google/port")/token
	sed -i "s|^token_url .*|token_url = $token_url|" /etc/mailoauth/providers/google-service.conf
	"$BED_NODE" -e '
		const [key, uri] = process.argv.slice(1);
		console.log(JSON.stringify({ type: "service_account", project_id: "project-1234", private_key_id: "key-1",
			private_key: require("node:fs").readFileSync(key, "utf8"), client_email: "mail@project-1234.iam.gserviceaccount.example",
			client_id: "1", token_uri: uri }));' "$BED/service.key" "$token_url" >/home/admin/project-1234.json
}

three_messages_for() { # USER
	bed_mailbox_empty "$1"
	bed_put_many "$1" 3
}
meanwhile_mail_waits() { three_messages_for relay@example.test; }
meanwhile_mail_waits_for_alice() { three_messages_for alice@example.test; }

meanwhile_the_grant_is_ended() {
	bed_provider_ctl kill-grant account=relay@example.test
	bed_provider_ctl revoke-access account=relay@example.test
}

# mailoauthd looks every minute, and soon after its start.
meanwhile_a_minute_passes() { machine_run systemctl restart mailoauthd; }

# A grant that sasl-xoauth2 had; and its token endpoint is nobody's but Microsoft's.
meanwhile_sasl_xoauth2_was_here() {
	find /etc/mailoauth/providers ! -name microsoft.conf -name '*.conf' -delete
	mkdir -p /etc/tokens
	printf '{"access_token": "", "refresh_token": "%s", "expiry": "0", "user": "relay@example.test", "client_id": "%s", "client_secret": "", "token_endpoint": "%s"}\n' \
		"$(BED_PUBLIC_CLIENT=11111111-2222-3333-4444-555555555555 && bed_grant relay@example.test | bed_json refresh_token)" \
		11111111-2222-3333-4444-555555555555 "$BED_ISSUER/token" >/etc/tokens/relay@example.test
	echo "[smtp.office365.com]:587 relay@example.test:/etc/tokens/relay@example.test" >/etc/postfix/sasl_passwd
	postmap /etc/postfix/sasl_passwd
	postconf -c "$BED/client/conf" -e "relayhost = [smtp.office365.com]:587" "smtp_tls_security_level = encrypt" "smtp_sasl_auth_enable = yes" \
		"smtp_sasl_mechanism_filter = xoauth2" "smtp_sasl_security_options =" "smtp_sasl_tls_security_options = noanonymous" "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd"
	bed_postfix_reload client
}

meanwhile_Send_As_is_granted() {
	postconf -c "$BED/hub/conf" -e \
		"smtpd_sender_login_maps = inline:{ { relay@example.test = relay@example.test }, { second@example.test = relay@example.test } }"
	bed_postfix_reload hub
}

# Reading a page --------------------------------------------------------------------------------------------

# $BED/page/N.body, .kind, .marks and .line for each fenced block of PAGE.
split() { # PAGE
	rm -rf "$BED/page"
	mkdir "$BED/page"
	awk -v dir="$BED/page" '
		/^```/ && !inside {
			inside = 1
			block = sprintf("%s/%03d", dir, ++n)
			print substr($0, 4) >(block ".kind")
			print NR >(block ".line")
			printf "%s", marks >(block ".marks")
			printf "" >(block ".body")
			next
		}
		/^```/ { inside = 0; marks = ""; next }
		inside { print >(block ".body"); next }
		/^<!-- .* -->$/ { marks = marks substr($0, 6, length($0) - 9) "\n"; next }
		NF { marks = "" }' "$1"
}

mark() { # NAME: its value; empty when the block has none
	while IFS= read -r line; do
		case $line in "$1: "*) printf '%s\n' "${line#"$1": }" ;; esac
	done <"$block.marks"
}

# Lines of the block FILE that no line of $BED/said is like.
not_said() { # FILE
	substituted "$1" | while IFS= read -r line; do
		[ -n "$line" ] || continue
		pattern=$(printf '%s\n' "$line" | sed -e 's/^ *//' -e 's/ *$//' -e 's/[][\.*^$+?(){}|]/\\&/g' -e 's/…/.*/g' -e 's/  */ +/g')
		grep -Eq -e "^ *$pattern *\$" "$BED/said" || printf '%s\n' "not said: $line"
	done
}

# The output that a page shows for the present block: that file, when the next block is one.
shown() {
	following=$BED/page/$(printf %03d $((number + 1)))
	[ "$(cat "$following.kind" 2>/dev/null)" != output ] || echo "$following.body"
}

run_once() {
	# shellcheck disable=SC2086 # nothing, or three words
	machine_run ${as:+sudo -u $as} timeout 120 sh -e "$BED/page/commands" <"$BED/page/typed" >"$BED/said" 2>&1
	status=$?
	[ $status -eq "$wanted" ] || return 1
	[ -z "$(shown)" ] || [ -z "$(not_said "$(shown)")" ]
}

run() {
	wanted=$(mark exit)
	: "${wanted:=0}"
	substituted "$block.body" >"$BED/page/commands"
	mark typed >"$BED/page/typed"
	[ ! -e "$BED/page/pasted" ] || mv "$BED/page/pasted" "$BED/page/typed"
	as=$(mark as)
	signing=$(mark "signs in")
	echo "${signing:-relay@contoso.example}" >"$BED/page/signs-in"
	substituted "$BED/page/signs-in" >"$BED/signs-in"
	if [ -n "$(mark until)" ]; then
		bed_wait_for 30 run_once
	else
		run_once
	fi
	is "$status" "$wanted" "$where: exit status $wanted: $(head -n 1 "$block.body")"
	[ "$status" -eq "$wanted" ] || diag "$(tail -n 25 "$BED/said")"
}

check_output() {
	missing=$(not_said "$block.body")
	is "$missing" "" "$where: prints what the page says"
	[ -z "$missing" ] || diag "$(tail -n 25 "$BED/said")"
}

write_file() {
	path=$(sed -n '1s/^[#;] *\(\/[^ ,]*\).*/\1/p' "$block.body")
	like "$path" '^/(etc|home)/' "$where: says in which file it stands"
	[ -n "$path" ] || return 0
	mkdir -p "${path%/*}"
	if head -n 1 "$block.body" | grep -q 'under \[daemon\]'; then
		substituted "$block.body" >"$BED/page/lines"
		sed -i "/^\[daemon\]/r $BED/page/lines" "$path"
	else
		echo >>"$path"
		substituted "$block.body" >>"$path"
	fi
	case $path in
	/home/alice/*) chown alice:alice "${path%/*}" "$path" && chmod 600 "$path" ;;
	/etc/mailoauth/*) chgrp mailoauth "$path" && chmod 640 "$path" ;;
	esac
}

try_block() {
	kind=$(cat "$block.kind")
	where=$name:$(cat "$block.line")
	meanwhile=$(mark meanwhile)
	[ -z "$meanwhile" ] || "meanwhile_$(printf %s "$meanwhile" | tr ' -' __)" >"$BED/meanwhile.out" 2>&1 ||
		fail "$where: meanwhile: $meanwhile" "$(cat "$BED/meanwhile.out")"
	reason=$(mark 'not run')
	if [ -n "$reason" ]; then
		diag "$where: not run: $reason"
		return 0
	fi
	needs=$(mark needs)
	if [ -n "$needs" ] && ! command -v "$needs" >/dev/null; then
		skip "$where" "$needs is not installed"
		return 0
	fi
	case $kind in
	sh) run ;;
	output) check_output ;;
	ini | conf) write_file ;;
	*) fail "$where: a block that is not tried says why, in <!-- not run: … -->" ;;
	esac
}

try_page() { # PAGE
	name=$(basename "$1")
	split "$1"
	[ -e "$BED/page/001.body" ] || return 0
	machine_reset
	register_clients
	number=0
	for block in "$BED"/page/*.body; do
		block=${block%.body}
		number=$((number + 1))
		try_block
	done
}

machine_start
substitutions >"$BED/substitutions"
for page in $PAGES; do
	began=$(date +%s)
	try_page "$page"
	diag "$(basename "$page"): $(($(date +%s) - began)) s"
done
done_testing
