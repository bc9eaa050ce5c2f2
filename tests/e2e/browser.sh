#!/bin/sh
# SPDX-License-Identifier: MIT
#
# browser.sh - the pages at the end of an authorization, in a real headless Chromium that went through the authorization server's own pages:
# what they say, to a screen reader too, and that nothing leaks from them.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
for program in chromium chromedriver; do
	command -v $program >/dev/null && continue
	[ -z "${BED_REQUIRED-}" ] || bed_die "the test needs $program"
	skip_all "the test needs $program"
done
bed_programs
bed_begin
# shellcheck disable=SC2046 # two numbers
set -- $(bed_ports 2)
BED_PROVIDER_PORT=$1 driver=http://127.0.0.1:$2
bed_certificates
# shellcheck disable=SC2119 # its arguments are options for the provider, not ours
bed_provider_start
BED_HUB_PORT=9 # nobody is there
mkdir -p "$BED/client/queue/private"
bed_daemon_conf
bed_account relay relay@example.test
bed_daemon_start || bed_die "mailoauthd does not start: $(tail -n 5 "$BED/daemon.log")"
(cd "$BED" && HOME=$BED TMPDIR=$BED exec chromedriver --port="$2") >"$BED/chromedriver.log" 2>&1 &
bed_note $!
bed_wait_for 20 curl -sf "$driver/status" || bed_die "chromedriver does not start: $(tail -n 5 "$BED/chromedriver.log")"

chromium() { # ARGUMENT...
	"$BED_NODE" "$BED_SRC/chromium.mjs" "$driver" "$@" 2>"$BED/chromium.err"
}

lost() {
	bed_die "chromium: $(cat "$BED/chromium.err")"
}

# What the browser showed last.
shown() { # EXPRESSION over the object
	bed_node -p "const o = JSON.parse(require('node:fs').readFileSync('$BED/shown')); $1"
}

read_text() {
	text=$(shown 'o.text' | tr '\n' ' ')
}

# Signs in, or looks at another URL; the page is in $BED/shown, and $status is the tool's.
sign_in() { # ARGUMENT... of walk
	bed_authorize_begin relay || bed_die "no URL"
	chromium "$session" walk "$@" "$bed_shown_url" >"$BED/shown" || lost
	bed_authorize_end
	status=$?
	read_text
}

# What every page at the end must be.
well_made() { # NAME
	is "$(shown '[o.lang, o.role, o.heading.length, o.scripts, o.code].join()')" "en,main,1,0,200" "$1: language, landmark, one heading, no script"
	like "$(shown 'o.url')" '^http://(127\.0\.0\.1|localhost):[0-9]+/[0-9a-f]{32}$' "$1: its address has nothing of the sign-in in it"
	unlike "$(shown 'o.back.filter((url) => !url.endsWith("state=forged")).join("\n")')" 'code=|error=' "$1: nor has any page to go back to"
	is "$(shown 'o.requests.filter((url) => url !== o.url && !url.endsWith("/favicon.ico")).length + o.requests.length')" "$(shown 'o.requests.length')" \
		"$1: nothing else was loaded"
	is "$(shown '["cache-control", "referrer-policy", "x-content-type-options"].map((name) => o.headers[name]).join()')" "no-store,no-referrer,nosniff" "$1: headers"
	like "$(shown 'o.headers["content-security-policy"]')" "^default-src 'none'; .*style-src 'sha256-" "$1: a policy that lets nothing be loaded"
	unlike "$(shown 'o.font')" 'none' "$1: the policy lets its style through"
}

# Without scripts ----------------------------------------------------------------------------------------------------------------------------
session=$(chromium open --profile "$BED/profile") || lost
chromium "$session" script off || lost
scripted='data:text/html,<main><h1>x</h1></main><title>without</title><script>document.title="with"</script>'
chromium "$session" look "$scripted" >"$BED/shown" || lost
is "$(shown 'o.title')" without "scripts are switched off"
sign_in --user relay@example.test
is "$status" 0 "a person signs in by Chromium, without scripts"
well_made "success"
is "$(shown 'o.title')" "mailoauth: relay is authorized" "the title says it"
like "$text" 'Signed in as[[:space:]]+relay@example\.test' "who signed in"
like "$text" 'Access token until +20[0-9-]+ [0-9:]+Z.* Renewed without you +yes' "until when"
is "$(shown 'o.status.length')" 1 "a screen reader says at once that it is done"
like "$(bed_mailoauth status relay)" 'valid' "and it is true: the code was redeemed before"
is "$(chromium "$session" shot "$BED/narrow.png" --width 320 | bed_json wide)" false "at 320 pixels, which is 400 percent, nothing must be scrolled sideways"
light=$(chromium "$session" shot "$BED/light.png") || lost
dark=$(chromium "$session" shot "$BED/dark.png" --dark) || lost
is "$(printf '%s' "$light" | bed_json background) $(printf '%s' "$dark" | bed_json background)" "rgba(255, 255, 255, 1) rgba(22, 22, 22, 1)" "light and dark follow the system"

sign_in --user relay@example.test --deny
is "$status" 10 "a person says no"
well_made "denied"
is "$(shown 'o.heading.join() + o.alert.length')" "relay is not authorized1" "denied: the heading and an alert"
like "$text" 'What to type next, in the terminal[[:space:]]+mailoauth authorize relay' "denied: what comes next"
said=$(sed -n 's/^mailoauth: \(.*access_denied.*\); run: mailoauth authorize relay$/\1/p' "$BED/authorize.out")
like "$said" . "denied: the terminal says why"
ok "denied: the page says the same" test "$text" != "${text#*"$said"}"

# With scripts -------------------------------------------------------------------------------------------------------------------------------
chromium "$session" script on || lost
chromium "$session" look "$scripted" >"$BED/shown" || lost
is "$(shown 'o.title')" with "scripts are switched on"
sign_in --user mallory@example.test
is "$status" 10 "another person signs in"
well_made "another"
like "$text" 'mallory@example\.test' "another: the page names who signed in"
like "$text" 'relay@example\.test' "another: and who should have"

hostile='%3Cscript%3Edocument.title%3D%27owned%27%3C%2Fscript%3E%3Cimg%20src%3Dhttp%3A%2F%2F127.0.0.1%3A9%2Fx%20onerror%3D%22document.title%3D%27owned%27%22%3E'
bed_authorize_begin relay || bed_die "no URL"
back=$(printf '%s' "$bed_shown_url" | sed 's/.*redirect_uri=\([^&]*\).*/\1/; s/%3A/:/g; s/%2F/\//g')
state=$(printf '%s' "$bed_shown_url" | sed 's/.*[?&]state=\([^&]*\).*/\1/')
chromium "$session" look "$back?error=server_error&error_description=$hostile&state=forged" >"$BED/shown" || lost
like "$(shown 'o.heading.join() + o.code')" 'relay is still waiting400' "a forged state does not end the wait, and is told so"
chromium "$session" look "$back?error=server_error&error_description=$hostile&state=$state" >"$BED/shown" || lost
bed_authorize_end
read_text
well_made "hostile words"
is "$(shown 'o.title')" "mailoauth: relay is not authorized" "hostile words: no script ran"
like "$text" '<script>document\.title=.owned.</script>|server_error' "hostile words: they are shown as words"
is "$(curl -s -o "$BED/gone" -w '%{http_code}' "$(shown 'o.url')")" 000 "and nobody listens there any more"
chromium "$session" close || lost
done_testing
