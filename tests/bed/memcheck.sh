# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# memcheck.sh - part of bed.sh: with BED_VALGRIND=1 the three programs run under valgrind's memcheck, and what it finds fails the test.
#
# A program is replaced by a script that starts it so. Each process writes to a file of its own, those too that it forks and that become
# another user; what they execute is not looked at. A file without a line of it is a process without errors and without definite leaks; one that
# was killed was not asked for leaks. Valgrind knows neither Landlock nor the filter of system calls: the bed's configurations say
# "confine = no". All waits are longer.

[ -z "${BED_VALGRIND-}" ] || BED_PATIENCE=${BED_PATIENCE:-6}

bed_memcheck_wrap() { # NAME PROGRAM
	bed_program=$(command -v "$2") || return 0
	cat >"$BED/under/$1" <<-EOF
		#!/bin/sh
		exec valgrind -q --vgdb=no --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \\
			--num-callers=25 --log-file='$BED/memcheck/$1.%p' '$bed_program' "\$@"
	EOF
	chmod 755 "$BED/under/$1"
}

# From here on MAILOAUTHD, MAILOAUTH, MAILOAUTH_FETCH and DELIVER_FILE are the scripts.
bed_memcheck_begin() {
	[ -n "${BED_VALGRIND-}" ] || return 0
	command -v valgrind >/dev/null || bed_die "BED_VALGRIND is set, and valgrind is not installed"
	mkdir "$BED/under" "$BED/memcheck"
	chmod 1777 "$BED/memcheck"
	bed_memcheck_wrap mailoauthd "$MAILOAUTHD"
	bed_memcheck_wrap mailoauth "$MAILOAUTH"
	bed_memcheck_wrap mailoauth-fetch "$MAILOAUTH_FETCH"
	[ -z "${DELIVER_FILE-}" ] || bed_memcheck_wrap deliver-file "$DELIVER_FILE"
	[ ! -e "$BED/under/deliver-file" ] || DELIVER_FILE=$BED/under/deliver-file
	MAILOAUTHD=$BED/under/mailoauthd MAILOAUTH=$BED/under/mailoauth MAILOAUTH_FETCH=$BED/under/mailoauth-fetch
}

# What a configuration needs for it, in [daemon].
bed_memcheck_conf() {
	[ -z "${BED_VALGRIND-}" ] || echo "confine = no"
}

bed_memcheck_section() {
	[ -z "${BED_VALGRIND-}" ] || printf '\n[daemon]\nconfine = no\n'
}

# A filter of what mailoauth doctor complains of: without that.
bed_memcheck_doctor() {
	if [ -z "${BED_VALGRIND-}" ]; then cat; else grep -v '^WARNING confinement '; fi
}

# The command to run a program under that leaves it BYTES of memory; valgrind alone has more.
bed_memory_limit() { # BYTES
	[ -n "${BED_VALGRIND-}" ] || echo "prlimit --data=$1"
}

# The files with an error or a leak. That it does not know a system call (deliver-file asks for Landlock) is neither.
bed_memcheck_found() {
	find "$BED/memcheck" -type f -size +0 -exec grep -l '^==' {} +
}

# Ends what runs, so that it is asked for leaks; fails when anything was found, and shows it.
bed_memcheck_end() {
	[ -d "$BED/memcheck" ] || return 0
	bed_end_processes "$BED"
	bed_memcheck_found | xargs -r cat | sed 's/^/# /'
	bed_say "memcheck: $(find "$BED/memcheck" -type f | wc -l) processes, errors or leaks in $(bed_memcheck_found | wc -l)"
	[ -z "$(bed_memcheck_found)" ]
}
