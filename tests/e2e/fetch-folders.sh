#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-folders.sh - the forms of folder: wildcards, special uses, exclusions, subscriptions, against a real Dovecot.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
BED_DOVECOT_EXTRA='
	namespace inbox {
	  inbox = yes
	  separator = /
	  mailbox Geschickt {
	    special_use = \Sent
	  }
	  mailbox Papierkorb {
	    special_use = \Trash
	  }
	}'
bed_relay_start
user=relay@example.test

bed_doveadm mailbox create -u $user Lists Lists/a Lists/b Lists/b/deep Lists/spam Geschickt Papierkorb 'Entwürfe & "Co"'
bed_doveadm mailbox subscribe -u $user INBOX Lists/b
for folder in INBOX Lists/a Lists/b Lists/b/deep Lists/spam Geschickt Papierkorb 'Entwürfe & "Co"'; do
	printf 'Subject: in %s\n\ntext\n' "$folder" | bed_doveadm save -u $user -m "$folder"
done

# The folders that a section with the given lines fetches, in order, a comma between.
folders() { # LINE...
	bed_fetch_conf "$@"
	bed_fetch --check || diag "$(cat "$BED/fetch.out")"
	sed -n 's/^fetch=inbox account=relay folder=\(.*\) messages=1 .*/\1/p' "$BED/fetch.out" | paste -s -d ,
}

is "$(folders "folder = Lists/%")" "Lists/a,Lists/b,Lists/spam" "%: one level"
is "$(folders "folder = Lists/*, INBOX, !Lists/spam")" "INBOX,Lists/a,Lists/b,Lists/b/deep" "*: all levels; INBOX first; what is excluded is not there"
is "$(folders "folder = *" "subscribed = yes")" "INBOX,Lists/b" "subscribed only"
is "$(folders 'folder = \Sent, Entw*')" 'Geschickt,Entwürfe & "Co"' "a special use, and a name that is hard to write"
is "$(folders 'folder = *, !Lists/*, !\Sent, !Lists' 'after = move:\Trash')" 'INBOX,Entwürfe & "Co"' "the folder to move to is not fetched from"

bed_fetch_conf 'folder = INBOX, \Junk, Nothing/*'
bed_fetch --check -v
is "$?" 0 "what matches nothing does not keep the rest from being fetched"
like "$(cat "$BED/fetch.out")" 'fetch=inbox account=relay folder = Nothing/\*: matches no folder' "a warning names the wildcard"
like "$(cat "$BED/fetch.out")" 'fetch=inbox account=relay folder = \\Junk: the server has no such folder; it has \\Sent \(Geschickt\), \\Trash \(Papierkorb\)' \
	"a warning says which special uses there are"
like "$(cat "$BED/fetch.out")" 'folder=Lists/a is left out' "-v says what is left out"

bed_fetch_conf 'folder = Nothing/*'
bed_fetch --once
is "$?" 78 "no folder at all: a failure"
bed_fetch_conf 'after = move:\Junk'
bed_fetch --once
is "$?" 78 "nowhere to move to: a failure"
is "$(bed_fetched_count)" 0 "nowhere to move to: nothing is fetched"
bed_fetch_conf 'folder = \Send, !' 'after = move:Lists/*'
bed_fetch --once
is "$?" 78 "words that mean nothing"
like "$(cat "$BED/fetch.out")" "$BED_FETCH_CONF:[0-9]+: .*\\\\Send: is no special use: \\\\All" "a special use that there is not, with its line"
like "$(cat "$BED/fetch.out")" "$BED_FETCH_CONF:[0-9]+: .*excludes nothing" "an exclusion of nothing, with its line"
like "$(cat "$BED/fetch.out")" "$BED_FETCH_CONF:[0-9]+: .*after = move:FOLDER takes" "a wildcard to move to, with its line"

bed_fetch_conf 'folder = Lists/*, Entw*' 'after = move:\Trash'
bed_fetch --once
is "$? $(bed_fetched_count)" "0 5" "fetched"
is "$(bed_doveadm search -u $user mailbox Papierkorb all | wc -l)" 6 "and moved where the server has its trash"
done_testing
