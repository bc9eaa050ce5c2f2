# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# tap.sh - Test Anything Protocol for shell tests. The plan is printed at the end by done_testing, so a script that
# dies on the way has no plan and counts as an error.

tap_count=0
tap_failed=0

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

skip() { # NAME REASON
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

pass() { # NAME
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

fail() { # NAME [DIAGNOSIS]
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	[ $# -lt 2 ] || diag "$2"
}

# COMMAND runs in a subshell: it cannot wait for a process of the test's.
ok() { # NAME COMMAND...
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		pass "$tap_name"
	else
		fail "$tap_name" "failed: $* $tap_output"
	fi
}

not_ok() { # NAME COMMAND...: the command must fail
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		fail "$tap_name" "succeeded: $* $tap_output"
	else
		pass "$tap_name"
	fi
}

is() { # GOT WANTED NAME
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3" "got:    $1
wanted: $2"
	fi
}

like() { # TEXT EXTENDED-REGEX NAME
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		pass "$3"
	else
		fail "$3" "no match for: $2
in: $1"
	fi
}

unlike() { # TEXT EXTENDED-REGEX NAME
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		fail "$3" "must not match: $2
in: $1"
	else
		pass "$3"
	fi
}

# Ends the test. Call it last: its exit status is the script's.
done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}
