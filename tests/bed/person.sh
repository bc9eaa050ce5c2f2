#!/bin/sh
# SPDX-License-Identifier: MIT
#
# person.sh - part of machine.sh: `mailoauth authorize` with a person beside it, who opens the URL in a browser and signs in. Who that is
# stands in $BED/signs-in; else it is whom the account wants. An account that needs nobody is authorized without.
#
#   person.sh BED authorize ACCOUNT …
BED=$1
shift
BED_SRC=$(cd "$(dirname "$0")" && pwd)
: "${BED_NODE:=node}"
out=$(mktemp "$BED/person.XXXXXX")
"$BED/programs/mailoauth" "$@" --no-browser </dev/null >"$out" 2>&1 &
pid=$!

shown_url() { sed -n 's|^ *\(https://[^[:space:]]*/auth?[^[:space:]]*\).*|\1|p' "$out" | head -n 1; }

until [ -n "$(shown_url)" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
url=$(shown_url)
[ -z "$url" ] || "$BED_NODE" "$BED/provider/browser.mjs" --ca "$BED/tls/ca.pem" --user "$(cat "$BED/signs-in")" "$url" >"$out.browser" 2>&1 || {
	cat "$out.browser"
	kill $pid
}
wait $pid
status=$?
cat "$out"
exit $status
