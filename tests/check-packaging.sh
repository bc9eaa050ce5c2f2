#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make install` installs is in exactly one Debian package and in the RPM spec, so that no new file is forgotten; the units are as confined as
# they claim; AppArmor profiles, SELinux module and spec are read by their compilers where those are installed. Builds no package:
# ./bootstrap check-packages does.
# usage: check-packaging.sh BUILD-DIRECTORY
cd "$(dirname "$0")/.." || exit 1
build=$1
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
status=0
complain() {
	printf '%s\n' "$*"
	status=1
}

installed() { # what is installed with the options of packaging/debian/rules
	make -s -C "$build" install DESTDIR="$root/all" prefix=/usr sysconfdir=/etc localstatedir=/var \
		libdir=/usr/lib/triplet systemdsystemunitdir=/lib/systemd/system \
		sysusers_dir=/usr/lib/sysusers.d tmpfiles_dir=/usr/lib/tmpfiles.d \
		bash_completion_dir=/usr/share/bash-completion/completions \
		zsh_completion_dir=/usr/share/zsh/vendor-completions >"$root/log" 2>&1 || {
		cat "$root/log"
		complain 'make install failed'
	}
	(cd "$root/all" && find . ! -type d | sed 's|^\./||' | sort) >"$root/installed"
	[ -s "$root/installed" ] || complain 'make install installs nothing'
}

listed() { # LIST: what its patterns stand for, once for each; complains of one that stands for nothing
	while read -r pattern; do
		found=$(cd "$root/all" && find . ! -type d \( -path "./$pattern" -o -path "./$pattern/*" \) | sed 's|^\./||')
		if [ -n "$found" ]; then
			printf '%s\n' "$found"
		else
			echo "$1 lists what is not installed: $pattern" >>"$root/complaints"
		fi
	done <"$1"
}

whole() { # WHAT LIST...: together they name each installed file once
	what=$1
	shift
	: >"$root/complaints"
	for list; do listed "$list"; done | sort >"$root/packaged"
	[ ! -s "$root/complaints" ] || complain "$(cat "$root/complaints")"
	forgotten=$(sort -u "$root/packaged" | comm -23 "$root/installed" -)
	[ -z "$forgotten" ] || complain "installed, and not in $what: $forgotten"
	twice=$(uniq -d "$root/packaged")
	[ -z "$twice" ] || complain "more than once in $what: $twice"
}

# The spec's files, at the places where they are here.
spec() {
	command -v rpmspec >/dev/null || return 0
	rpmspec -P --define '_libdir /usr/lib/triplet' --define '_unitdir /lib/systemd/system' \
		--define '_sysusersdir /usr/lib/sysusers.d' --define '_tmpfilesdir /usr/lib/tmpfiles.d' \
		--define 'zsh_completions_dir /usr/share/zsh/vendor-completions' packaging/rpm/mailoauth.spec >"$root/spec" 2>"$root/log" || {
		complain "mailoauth.spec: $(cat "$root/log")"
		return
	}
	sed -n '/^%files/,/^%changelog/s|^/||p' "$root/spec" >"$root/mailoauth.spec"
	whole packaging/rpm/mailoauth.spec "$root/mailoauth.spec"
	! command -v rpmlint >/dev/null || said=$(rpmlint packaging/rpm/mailoauth.spec 2>&1) || complain "rpmlint: $said"
	grep -q "^AC_INIT(\[mailoauth\], \[$(sed -n 's/^Version: *//p' "$root/spec")\])" configure.ac || complain 'mailoauth.spec has another version than configure.ac'
}

# build-deb puts the real one there.
addresses() {
	found=$(grep -rhoE '[a-zA-Z0-9._-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+' packaging/debian packaging/rpm | grep -vx LL@li.org | sort -u) # gettext's own
	[ "$found" = mailoauth@maintainer.invalid ] || complain "addresses in packaging/: $found"
}

apparmor() {
	command -v apparmor_parser >/dev/null || return 0
	for profile in packaging/apparmor/*; do
		said=$(apparmor_parser --skip-kernel-load --skip-cache --skip-read-cache "$profile" 2>&1) || complain "$profile: $said"
	done
}

selinux() {
	[ -e /usr/share/selinux/devel/Makefile ] || return 0
	mkdir "$root/selinux"
	cp packaging/selinux/* "$root/selinux/"
	said=$(make -s -C "$root/selinux" -f /usr/share/selinux/devel/Makefile mailoauth.pp 2>&1)
	[ -s "$root/selinux/mailoauth.pp" ] || complain "packaging/selinux: $said"
}

units() {
	command -v systemd-analyze >/dev/null || return 0
	for unit in "$root"/all/lib/systemd/system/*.service; do
		report=$(systemd-analyze security --offline=true --threshold=20 --no-pager "$unit" 2>&1) ||
			complain "$(basename "$unit"): $(printf '%s\n' "$report" | tail -n 1); systemd-analyze security --offline=true says why"
	done
}

installed
whole packaging/debian packaging/debian/*.install
spec
addresses
units
apparmor
selinux
exit $status
