#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch-deliver.sh - mailoauth-fetch from a real Dovecot to LMTP, SMTP and programs: what arrives is what the server has, for whom the
# header says, and the server is told only of that.
BED_SRC=$(cd "$(dirname "$0")/../bed" && pwd)
# shellcheck source=../bed/bed.sh
. "$BED_SRC/bed.sh"
bed_begin
LMTP_PORT=$(bed_ports 1)
# shellcheck disable=SC2034 # for bed_start
BED_DOVECOT_EXTRA="service lmtp {
  inet_listener lmtp {
    port = $LMTP_PORT
  }
}"
bed_relay_start
# As large as they come, and as they are.
postconf -c "$BED/hub/conf" message_size_limit=100000000 cleanup_replace_stray_cr_lf=no
bed_smtp_listener
user=relay@example.test
LC_ALL=C
export LC_ALL

# The program: one file a message, with its recipient in the name. Subjects say how it ends; none but these: 0.
mkdir -m 777 "$BED/ran"
cat >"$BED/mda" <<EOT
#!/bin/sh
file=\$(mktemp "$BED/ran/\$RECIPIENT.XXXXXX") && cat >"\$file" || exit 75
exec 3<"\$file"
while read -r line <&3; do
	case \$line in
	'Subject: exit '*) echo "as was asked for" >&2 && rm "\$file" && exit "\${line#Subject: exit }" ;;
	'') exit 0 ;;
	esac
done
exit 0
EOT
chmod 755 "$BED/mda"

unix=lmtp:unix:$BED/hub/queue/private/dovecot-lmtp
tcp=lmtp:127.0.0.1:$LMTP_PORT
smtp=smtp:127.0.0.1:$BED_MTA_PORT
script=mda:$BED/mda
for lda in /usr/lib/dovecot/dovecot-lda /usr/libexec/dovecot/dovecot-lda; do
	[ ! -x "$lda" ] || break
done
lda="mda:$lda -c $BED/dovecot/dovecot.conf -f %{sender} -d %{recipient}"

fetch() { # STATUS NAME [ARGUMENT...]
	fetch_wanted=$1 fetch_name=$2
	shift 2
	bed_fetch --once "$@"
	is "$?" "$fetch_wanted" "$fetch_name: exit status $fetch_wanted" || diag "$(tail -n 5 "$BED/fetch.out")"
}

said() { # PATTERN NAME
	like "$(cat "$BED/fetch.out")" "$1" "$2"
}

# One sum a file, from its Subject on: what MTAs put before it is theirs. A message without a newline at its end gets one.
sums() { # FILE...
	for file; do
		# shellcheck disable=SC1003 # sed's a, with nothing to append: it ends the last line
		sed -n '/^Subject: /,$p' "$file" | sed -e 's/\r$//' -e '$a\' | sha256sum
	done | sort
}

mailbox() { # USER
	# shellcheck disable=SC2046 # names without blanks
	sums $(bed_mailbox "$1")
}

ran() {
	find "$BED/ran" -type f
}

fresh() { # [USER...]: nothing fetched, nobody has anything
	for one in $user "$@"; do
		bed_mailbox_empty "$one"
	done
	bed_fetch_forget
	rm -f "$BED"/ran/*
}

# What arrives -----------------------------------------------------------------------------------

hard() { # messages that are hard to keep as they are
	printf 'Subject: plain\n\ntext\n' | bed_put $user
	printf 'Subject: eight bits\nContent-Transfer-Encoding: 8bit\n\n\303\244\377\376\200 text\n' | bed_put $user
	printf 'Subject: no final newline\n\ntext' | bed_put $user
	printf 'Subject: dots\n\n.\n..\n.x\n.\nQUIT\nFrom here\n' | bed_put $user
	printf 'Subject: lone carriage returns\n\na\rb\r\rc\n' | bed_put $user
	printf 'Subject: a header alone\n' | bed_put $user
	{
		printf 'Subject: thirty megabytes\n\n'
		openssl rand -base64 22500000
	} | bed_put $user
}

fresh
hard
wanted=$(mailbox $user)
for deliver in "$unix" "$tcp" "$smtp" "$script" "$lda"; do
	name=$(echo "$deliver" | sed -E 's/^(mda):[^ ]*\/([^ ]*).*/\1 \2/; s/^(lmtp):unix.*/\1 by a file/; s/:.*//')
	bed_fetch_forget
	bed_mailbox_empty to@example.test
	bed_fetch_conf "deliver = $deliver" "recipient = to@example.test" "sender = from@example.test"
	# shellcheck disable=SC2034 # for bed_fetch. Less memory than the largest message has bytes: it cannot be collected.
	BED_FETCH_UNDER=$(bed_memory_limit 25000000)
	fetch 0 "$name"
	BED_FETCH_UNDER=
	said 'fetch=inbox account=relay ok: 7 messages, [0-9]+ bytes in ' "$name: one line says it"
	case $name in
	"mda mda")
		# shellcheck disable=SC2046 # names without blanks
		is "$(sums $(ran))" "$wanted" "$name: what arrives is what the server has"
		continue
		;;
	smtp) ok "$name: all have gone on to Dovecot" bed_wait_for 30 bed_queue_empty hub ;;
	esac
	is "$(mailbox to@example.test)" "$wanted" "$name: what arrives is what the server has"
	[ "$name" = "mda dovecot-lda" ] || # it keeps the sender to itself
		is "$(bed_mailbox to@example.test | xargs grep -il '^Return-Path: <from@example.test>' | wc -l)" 7 "$name: the sender is passed on"
	fetch 1 "$name, again"
done
is "$(bed_doveadm search -u $user mailbox INBOX unseen | wc -l)" 7 "nothing was marked as seen"

fresh
printf x | bed_put $user
for deliver in "$unix" "$smtp" "$script"; do
	bed_fetch_forget
	bed_mailbox_empty to@example.test
	rm -f "$BED"/ran/*
	bed_fetch_conf "deliver = $deliver" "recipient = to@example.test"
	fetch 0 "one byte, ${deliver%%:*}"
	[ "${deliver%%:*}" != smtp ] || bed_wait_for 30 bed_queue_empty hub
	# shellcheck disable=SC2046 # names without blanks
	is "$(tail -q -n 1 $(bed_mailbox to@example.test; ran))" x "one byte, ${deliver%%:*}: it arrives"
done

# For whom, from whom ----------------------------------------------------------------------------

fresh one@example.test two@example.test
printf 'Return-Path: <bounces@list.example>\nSubject: hello\n\ntext\n' | bed_put $user
bed_fetch_conf "deliver = $unix" "recipient = one@example.test two@example.test"
fetch 0 "two recipients"
is "$(mailbox one@example.test) $(mailbox two@example.test)" "$(mailbox $user) $(mailbox $user)" "two recipients: both have it"
is "$(bed_mailbox one@example.test | xargs grep -i '^Return-Path:')" "Return-Path: <bounces@list.example>" \
	"Return-Path: given to the listener as the sender, and not doubled"
fresh one@example.test
printf 'Return-Path: <bounces@list.example>\nSubject: hello\n\ntext\n' | bed_put $user
bed_fetch_conf "deliver = $smtp" "recipient = one@example.test"
fetch 0 "Return-Path by SMTP"
bed_wait_for 30 bed_queue_empty hub
is "$(bed_mailbox one@example.test | xargs grep -i '^Return-Path:')" "Return-Path: <bounces@list.example>" "SMTP: not doubled either"

fresh one@example.test
printf 'Subject: received\n\ntext\n' | bed_put $user
bed_fetch_conf "deliver = $unix" "recipient = one@example.test" "received = yes"
fetch 0 "received = yes"
is "$(bed_mailbox one@example.test | xargs grep -c '^Received: from 127.0.0.1 (by IMAP, account relay)')" 1 "received = yes: it is there"
ok "received = yes: for whom" bed_mailbox_has one@example.test 'for <one@example.test>;'

for field in Delivered-To X-Original-To; do
	fresh alice@example.test bob@example.test postmaster@example.test
	bed_put $user <<-EOT
		$field: mbox-alice@example.test
		Subject: for alice

		text
	EOT
	bed_put $user <<-EOT
		$field: mbox-bob@example.test
		$field: mbox-alice@example.test
		Subject: for bob

		text
	EOT
	bed_put $user <<-EOT
		$field: somebody@elsewhere.example
		Subject: for nobody of ours

		text
	EOT
	bed_fetch_conf "deliver = $tcp" "recipient_header = $field" "recipient_strip = mbox-" "recipient_domains = example.test" \
		"recipient = postmaster@example.test"
	fetch 0 "multidrop by $field"
	is "$(for one in alice bob postmaster; do bed_mailbox $one@example.test | xargs -r grep -h ^Subject:; done | tr '\n' ,)" \
		"Subject: for alice,Subject: for bob,Subject: for nobody of ours," "multidrop by $field: each has what is addressed so"
done

fresh alice@example.test
bed_doveadm mailbox create -u $user Lists
printf 'Subject: of a list\n\ntext\n' | bed_doveadm save -u $user -m Lists
bed_fetch_conf "deliver = $script" "recipient = alice+%{folder}@example.test" "folder = Lists"
fetch 0 "extension"
like "$(ran)" '/alice\+Lists@example.test\.' "extension: the program has it"
bed_fetch_forget
bed_fetch_conf "deliver = $unix" "recipient = alice+%{folder}@example.test" "folder = Lists"
fetch 0 "extension by LMTP"
is "$(bed_mailbox alice@example.test | wc -l)" 1 "extension by LMTP: Dovecot takes it for the user"

fresh one@example.test
printf 'Delivered-To: one@example.test\nSubject: round and round\n\ntext\n' | bed_put $user
printf 'Subject: not round\n\ntext\n' | bed_put $user
bed_fetch_conf "deliver = $unix" "recipient = one@example.test" "after = delete"
fetch 10 "a loop"
said 'message UID 1 cannot be delivered: .*mail loop' "a loop: it is said"
is "$(bed_mailbox one@example.test | xargs grep -h ^Subject:) / $(bed_mailbox $user | xargs grep -h ^Subject:)" \
	"Subject: not round / Subject: round and round" "a loop: the other is delivered, this one stays"
fetch 1 "a loop, again"

# What the server is told ------------------------------------------------------------------------

for deliver in "$unix" "$smtp" "$script"; do
	for after in keep seen delete move:Done; do
		fresh to@example.test
		bed_put_many $user 5
		bed_doveadm mailbox create -u $user Done
		bed_fetch_conf "deliver = $deliver" "recipient = to@example.test" "after = $after"
		fetch 0 "${deliver%%:*}, $after"
		[ "${deliver%%:*}" != smtp ] || bed_wait_for 30 bed_queue_empty hub
		case $after in
		keep) wanted='5 0 0' ;;
		seen) wanted='5 5 0' ;;
		delete) wanted='0 0 0' ;;
		*) wanted='0 0 5' ;;
		esac
		is "$(bed_doveadm search -u $user mailbox INBOX all | wc -l) $(bed_doveadm search -u $user mailbox INBOX seen | wc -l) \
$(bed_doveadm search -u $user mailbox Done all | wc -l)" "$wanted" "${deliver%%:*}, $after: the server agrees"
		is "$( (bed_mailbox to@example.test; ran) | wc -l)" 5 "${deliver%%:*}, $after: all are there"
		[ "$after" != keep ] || fetch 1 "${deliver%%:*}, $after, again"
	done
done

# Many at once -----------------------------------------------------------------------------------

for deliver in "$tcp" "$script"; do
	fresh to@example.test
	bed_put_many $user 300
	bed_fetch_conf "deliver = $deliver" "recipient = to@example.test" "parallel = 6" "after = delete"
	fetch 0 "${deliver%%:*}, six at once"
	is "$( (bed_mailbox to@example.test; ran) | xargs grep -h '^Message-ID:' | sort | uniq -c | awk '$1 == 1' | wc -l) \
$( (bed_mailbox to@example.test; ran) | wc -l)" "300 300" "${deliver%%:*}, six at once: none lost, none doubled"
	is "$(bed_mailbox $user | wc -l)" 0 "${deliver%%:*}, six at once: the server was told of all"
done
done_testing
