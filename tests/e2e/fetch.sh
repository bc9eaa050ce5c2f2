#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh - mailoauth-fetch against a real Dovecot: what is delivered is what the server has, the server is told what was said, and
# every failure is told from "no mail".
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_relay_start
user=relay@example.test

fetch() { # STATUS NAME [ARGUMENT...]
	fetch_wanted=$1 fetch_name=$2
	shift 2
	bed_fetch --once "$@"
	fetch_status=$?
	if [ $fetch_status -eq "$fetch_wanted" ]; then
		pass "$fetch_name: exit status $fetch_wanted"
	else
		fail "$fetch_name: exit status $fetch_wanted" "got $fetch_status: $(cat "$BED/fetch.out")"
	fi
}

sums() { # PATH...: one line a file, in an order that does not depend on names
	find "$@" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort
}

served() { # the messages as Dovecot stores them
	sums "$BED/mail/$user/Maildir/new" "$BED/mail/$user/Maildir/cur"
}

delivered() {
	sums "$BED/fetched/new" "$BED/fetched/cur"
}

# Messages that are hard to keep as they are.
printf 'Subject: plain\n\ntext\n' | bed_put $user
printf 'Subject: eight bits\nContent-Transfer-Encoding: 8bit\n\n\303\244\377\376\200 text\n' | bed_put $user
printf 'Subject: no final newline\n\ntext' | bed_put $user
printf 'Subject: dots\n\n.\n..\n.x\nFrom here\n' | bed_put $user
printf 'Subject: lone carriage returns\n\na\rb\r\rc\n\rd\n' | bed_put $user
printf 'Subject: a long line\n\n%070000d\n' 0 | bed_put $user
printf 'x' | bed_put $user
{
	printf 'Subject: thirty megabytes\n\n'
	openssl rand -base64 22500000
} | bed_put $user

for mechanism in xoauth2 oauthbearer; do
	bed_fetch_conf "mechanism = $mechanism"
	bed_fetch_forget
	# Less memory than the largest message has bytes: it cannot be collected.
	BED_FETCH_UNDER=$(bed_memory_limit 25000000)
	fetch 0 "$mechanism" -v
	BED_FETCH_UNDER=
	like "$(cat "$BED/fetch.out")" 'fetch=inbox account=relay ok: 8 messages, [0-9]+ bytes in ' "$mechanism: one line says it"
	ok "$mechanism: the server was asked for it" grep -qi "AUTHENTICATE" "$BED/fetch.out"
	is "$(delivered)" "$(served)" "$mechanism: delivered is what the server stores"
	bed_logged_out $user
	like "$(grep 'Logged out' "$BED/dovecot/log" | tail -n 1)" ' body_count=8 ' "$mechanism: the server has sent each message once"
	is "$(find "$BED/fetched/tmp" -type f)" "" "$mechanism: nothing is left in tmp"
done
unlike "$(bed_log_daemon; cat "$BED/fetch.out")" "$(bed_mailoauth token relay)" "no token in a log"
like "$(bed_doveadm search -u $user mailbox INBOX unseen | wc -l)" '^8$' "nothing was marked as seen"

like "$(bed_mailoauth status relay)" 'token taken at +2' "mailoauthd knows that the server took the token"

fetch 1 "nothing new" -v
# What is said before the next answer is one round trip, however many commands it is. Nobody waits for the answer to ID, whenever it comes.
is "$(awk '!sub(/.* inbox: /, "") { next }
	$1 == "C:" && $3 == "ID" { id = $2; next }
	$2 == "ID" || $2 == id { next }
	$1 == "C:" && !waiting { trips++; waiting = 1 }
	$1 == "S:" { waiting = 0 }
	END { print trips }' "$BED/fetch.out")" 3 \
	"nothing new: three round trips, AUTHENTICATE, EXAMINE, LOGOUT"
like "$(cat "$BED/fetch.out")" 'C: m[0-9]+ ID \("name" "mailoauth-fetch"' "the server is told who we are"

printf 'Subject: another\n\ntext\n' | bed_put $user
fetch 0 "one more message"
is "$(bed_fetched_count)" 9 "one more message: it and no other was delivered"

rm "$BED"/fetch.db*
fetch 1 "state lost"
is "$(bed_fetched_count)" 9 "state lost: what stands in the Maildir is recognised"

# An administrator tries by hand what a service of another user will do.
mkdir "$BED/theirs"
chown "$BED_MAIL_USER" "$BED/theirs"
fetch 1 "a state in a directory of somebody else's" -s "$BED/theirs/fetch.db"
is "$(stat -c %U "$BED/theirs/fetch.db" "$BED/theirs/fetch.db.lock" | sort -u)" "$BED_MAIL_USER" "a state in a directory of somebody else's: it is theirs"

bed_fetch_conf "line_ends = crlf"
bed_mailbox_empty $user
bed_fetch_forget
printf 'Subject: plain\n\ntext\n' | bed_put $user
fetch 0 "crlf"
is "$(bed_fetched | xargs cat | od -c)" "$(printf 'Subject: plain\r\n\r\ntext\r\n' | od -c)" "crlf: the bytes that IMAP carries"

bed_fetch_conf "host ="
printf 'Subject: host of the account\n\ntext\n' | bed_put $user
fetch 0 "no host: the account's" -v
like "$(cat "$BED/fetch.out")" 'fetch=inbox account=relay ok: 1 messages' "no host: fetched"

bed_fetch status
is "$?" 0 "status: all is well"
like "$(cat "$BED/fetch.out")" '^fetch=inbox account=relay ok: last run 20.*, 1 messages, .* last message 20' "status: one line"
bed_fetch status --json
is "$(bed_json 0 <"$BED/fetch.out" | tr -d ' \n' | grep -o '"outcome":"[a-z]*"')" '"outcome":"ok"' "status --json"

# What happens afterwards.
for after in keep seen delete move:Done; do
	bed_mailbox_empty $user
	bed_fetch_forget
	bed_put_many $user 300
	bed_doveadm mailbox create -u $user Done
	# Somebody else's mark, on a message that comes later, must survive.
	bed_fetch_conf "after = $after" "max_messages = 299"
	fetch 0 "$after"
	is "$(bed_fetched_count)" 299 "$after: as many as were asked for"
	like "$(cat "$BED/fetch.out")" '299 messages.* 1 left' "$after: the line says what is left"
	bed_doveadm flags add -u $user '\Deleted' mailbox INBOX uid 300
	case $after in
	keep) wanted='300 0 300' ;;
	seen) wanted='300 299 300' ;;
	delete) wanted='1 0 1' ;;
	*) wanted='1 0 1' ;;
	esac
	is "$(bed_doveadm search -u $user mailbox INBOX all | wc -l) $(bed_doveadm search -u $user mailbox INBOX seen | wc -l) \
$(bed_doveadm search -u $user mailbox INBOX uid 1:300 | wc -l)" "$wanted" "$after: the server agrees"
	[ $after != move:Done ] || is "$(bed_doveadm search -u $user mailbox Done all | wc -l)" 299 "$after: they are there"
done
bed_mailbox_empty $user
bed_fetch_forget
bed_put_many $user 3
bed_doveadm flags add -u $user '\Deleted' mailbox INBOX uid 2
bed_fetch_conf "after = delete" "max_messages = 1"
fetch 0 "delete beside a mark of somebody else's"
is "$(bed_doveadm search -u $user mailbox INBOX all | wc -l)" 2 "only what was delivered is expunged"
sed -i 's/^after = .*/after = keep/' "$BED_FETCH_CONF"

# after = delete that the server could not be told of is told in the next run.
bed_mailbox_empty $user
bed_fetch_forget
bed_put_many $user 20
bed_fetch_conf "after = move:Nowhere"
fetch 78 "a folder that is not there"
like "$(cat "$BED/fetch.out")" 'config: folder=INBOX: .*TRYCREATE' "a folder that is not there: the server's words"
is "$(bed_fetched_count)" 20 "a folder that is not there: delivered all the same"
bed_doveadm mailbox create -u $user Nowhere
fetch 1 "once it is there"
is "$(bed_doveadm search -u $user mailbox Nowhere all | wc -l) $(bed_fetched_count)" "20 20" "once it is there: moved, and not delivered again"

# Folders: several, with spaces, not ASCII.
bed_mailbox_empty $user
bed_fetch_forget
bed_doveadm mailbox create -u $user 'Gesendete Objekte' 'Entwürfe & Co'
for folder in INBOX 'Gesendete Objekte' 'Entwürfe & Co'; do
	printf 'Subject: in %s\n\ntext\n' "$folder" | bed_doveadm save -u $user -m "$folder"
done
bed_fetch_conf "folder = INBOX, Gesendete Objekte, Entwürfe & Co"
bed_fetch --check
like "$(cat "$BED/fetch.out")" 'folder=Entwürfe & Co messages=1 unseen=1 ' "--check says what is there"
is "$(bed_fetched_count)" 0 "--check delivers nothing"
like "$(cat "$BED/fetch.out")" 'ok: logged in, deliver = maildir:.* can be used; nothing was fetched' "--check: it is said"
for deliver in maildir:/nowhere/alice/Maildir "lmtp:unix:$BED/nobody" "mda:$BED/no-program"; do
	bed_fetch_conf "deliver = $deliver" "recipient = alice"
	bed_fetch --check
	is $? 78 "--check, deliver = ${deliver%%:*}: exit status 78"
	like "$(cat "$BED/fetch.out")" 'config: deliver = .*: /.*: No such file or directory' "--check, deliver = ${deliver%%:*}: it is said"
done
bed_fetch_conf "folder = INBOX, Gesendete Objekte, Entwürfe & Co"
fetch 0 "three folders"
is "$(bed_fetched | xargs grep -h '^Subject: in' | sort)" "$(printf 'Subject: in %s\n' 'Entwürfe & Co' 'Gesendete Objekte' INBOX)" \
	"three folders: a message from each"

# The folder is numbered anew.
bed_mailbox_empty $user
bed_fetch_forget
bed_put_many $user 5
bed_fetch_conf
fetch 0 "before UIDVALIDITY changes"
bed_mailbox_empty $user
sleep 1 # UIDVALIDITY is a time in seconds
bed_put_many $user 7
fetch 0 "another UIDVALIDITY"
like "$(cat "$BED/fetch.out")" 'UIDVALIDITY was [0-9]+ and is [0-9]+' "another UIDVALIDITY: a line says so"
like "$(cat "$BED/fetch.out")" ' 2 messages, .*, 5 known' "another UIDVALIDITY: what is known is not fetched again"
is "$(bed_fetched | xargs grep -h '^Message-ID:' | sort | uniq -c | awk '$1 == 1' | wc -l) $(bed_fetched_count)" "7 7" \
	"another UIDVALIDITY: each message is there once"
fetch 1 "the run after that"
like "$(cat "$BED/fetch.out")" ' 0 messages' "the run after that: nothing is new, nothing is asked for"

# Failures are told from "no mail", and say what to do. Meanwhile a message waits.
bed_fetch_conf
printf 'Subject: waits\n\ntext\n' | bed_put $user
exec 9>"$BED/fetch.db.lock"
flock 9
fetch 8 "another one at work"
exec 9>&-

# It is opened while the server is waited for.
bed_fetch_conf "deliver = maildir:$BED/nowhere"
echo "Nobody's database, and long enough to be looked at." >"$BED/other.db"
fetch 78 "a state that is none" -v -s "$BED/other.db"
like "$(cat "$BED/fetch.out")" 'other.db: file is not a database' "a state that is none: the line says so"
is "$(find "$BED/nowhere" -type f 2>/dev/null)" "" "a state that is none: nothing is delivered"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=nobody knows' \
	-keyout "$BED/tls/other.key" -out "$BED/tls/other.pem" 2>/dev/null
bed_fetch_conf "ca_file = $BED/tls/other.pem"
fetch 78 "a certificate of strangers" -v
like "$(cat "$BED/fetch.out")" 'config: 127.0.0.1:[0-9]+: the server.s certificate is not trusted: ' "a certificate of strangers: the line says so"
unlike "$(cat "$BED/fetch.out")" 'AUTHENTICATE' "a certificate of strangers: no token is sent"
bed_fetch_conf "host = localhost.example.test"
fetch 78 "a host that the account does not name"
bed_fetch status
is "$?" 1 "status: something is wrong"
like "$(cat "$BED/fetch.out")" '^fetch=inbox account=relay config: .*localhost.example.test' "status: and what it is"
bed_fetch_conf "port = $BED_HUB_PORT" "timeout = 5"
fetch 2 "a server that does not speak TLS"
bed_fetch_conf "port = 1"
fetch 2 "nobody listens"
like "$(cat "$BED/fetch.out")" 'retry: 127.0.0.1:1: Connection refused; 0 messages' "nobody listens: the line says so"
bed_fetch_conf "account = nobody"
fetch 78 "an account that is not there"
bed_fetch_conf "folder = Missing"
fetch 78 "a folder that is not there"
bed_fetch_conf "colour = green" "after = burn" "account ="
fetch 78 "a wrong configuration"
like "$(cat "$BED/fetch.out")" "$BED_FETCH_CONF:[0-9]+: .*colour" "a wrong configuration: an unknown key, with its line"
like "$(cat "$BED/fetch.out")" "$BED_FETCH_CONF:[0-9]+: .*after must be" "a wrong configuration: a bad value, with its line"
like "$(cat "$BED/fetch.out")" "$BED_FETCH_CONF:2: .*account is missing" "a wrong configuration: what is missing, with the section's line"

once() { # SUBJECT
	is "$(bed_fetched | xargs grep -l "^Subject: $1\$" | wc -l)" 1 "$fetch_name: the message that waited is there, once"
}

bed_fetch_conf
fetch 0 "after all that"
once waits

# A token that the server refuses.
printf 'Subject: waits for a token\n\ntext\n' | bed_put $user
bed_daemon_stop
bed_daemon_start # has not been forced to refresh yet
bed_mailoauth token relay >/dev/null
bed_provider_ctl reset
bed_provider_ctl revoke-access account=$user
fetch 0 "a refused token" -v
is "$(bed_token_requests refresh_token)" 1 "a refused token: refreshed once"
like "$(cat "$BED/fetch.out")" 'refused XOAUTH2 for relay@example.test: .*; trying a fresh token' "a refused token: the server's words"
like "$(bed_log_daemon)" 'account=relay.*(reject|refus)' "a refused token: mailoauthd was told"
once "waits for a token"
bed_provider_ctl revoke-access account=$user
fetch 3 "refused again within the minute"
like "$(cat "$BED/fetch.out")" 'consent: .*with a fresh token too; run: mailoauth status relay' "refused again: the line says what to do"
is "$(grep -c 'refused XOAUTH2' "$BED/fetch.out")" 2 "refused again: tried twice, no more"
bed_daemon_stop
fetch 2 "mailoauthd does not run"
like "$(cat "$BED/fetch.out")" 'retry: mailoauthd at .*not running; run: .*mailoauthd' "mailoauthd does not run: the line says so, and what to type"
done_testing
