#!/bin/sh
# SPDX-License-Identifier: MIT
# plugin-binary.sh - what the built plugin exports, needs and calls; libsasl2's own viewer must list it.
# The plugin lives in other people's processes: whatever it drags in, it drags into all of them.
set -eu

so=${top_builddir:-.}/.libs/libmailoauth.so
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

ok()
{
	n=$((n + 1))
	echo "ok $n - $1"
}

not_ok()
{
	n=$((n + 1))
	echo "not ok $n - $1"
	shift
	for line; do
		echo "# $line"
	done
}

same()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "expected: $2" "found: $3"
	fi
}

echo 1..6
sanitized=no
if nm -D --undefined-only "$so" | grep -q __asan_; then
	sanitized=yes
fi

same 'one exported symbol' sasl_client_plug_init \
	"$(nm -D --defined-only "$so" | awk '{print $3}' | xargs)"

if [ $sanitized = yes ]; then
	ok 'needs libc alone # SKIP built with sanitizers'
else
	same 'needs libc alone' libc.so.6 \
		"$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | xargs)"
fi

# Ends the process, writes where it should not, or waits without a limit.
forbidden=$(nm -D --undefined-only "$so" | awk '{sub(/@.*/, "", $2); print $2}' |
	grep -E '^(_?exit|_Exit|quick_exit|abort|raise|kill|v?syslog|openlog|closelog|__v?syslog_chk|perror|v?f?printf|__v?f?printf_chk|f?puts|f?putc|fwrite|write|fopen|open|openat|stderr|stdout|getenv|setenv|gethostbyname|getaddrinfo|pthread_create|fork|execve|alarm|signal|sigaction|sleep|usleep|nanosleep|select|dlopen)$' |
	xargs)
if [ $sanitized = yes ]; then
	ok 'calls nothing that a guest should not # SKIP built with sanitizers'
else
	same 'calls nothing that a guest should not' '' "$forbidden"
fi

# Alone in a directory: beside a .la, libsasl2 would take that.
cp "$so" "$dir"
viewer=$(command -v saslpluginviewer || command -v pluginviewer || command -v /usr/sbin/saslpluginviewer || true)
if [ -z "$viewer" ] || [ $sanitized = yes ]; then
	for what in 'both mechanisms are listed' 'security flags are PLAIN'"'"'s' 'client first, proxy'; do
		ok "$what # SKIP no pluginviewer that can load it"
	done
	exit 0
fi
SASL_PATH=$dir "$viewer" -c >"$dir/list" 2>&1 || true
ours=$(sed -n '/^Plugin "mailoauth"/,/^[[:space:]]*features/p' "$dir/list")
same 'both mechanisms are listed' 'XOAUTH2, best SSF: 0 OAUTHBEARER, best SSF: 0' \
	"$(echo "$ours" | sed -n 's/.*SASL mechanism: //p' | xargs)"
same 'security flags are PLAIN'"'"'s' 'NO_ANONYMOUS|PASS_CREDENTIALS NO_ANONYMOUS|PASS_CREDENTIALS' \
	"$(echo "$ours" | sed -n 's/.*security flags: //p' | xargs)"
same 'client first, proxy' 'WANT_CLIENT_FIRST|PROXY_AUTHENTICATION WANT_CLIENT_FIRST|PROXY_AUTHENTICATION' \
	"$(echo "$ours" | sed -n 's/.*features: //p' | xargs)"
