# SPDX-License-Identifier: MIT
#
# completion.zsh - what zsh shows to a person at a terminal behind WORDS, until WANTED is among it: zsh -f completion.zsh FUNCTIONS WORK WORDS WANTED
zmodload zsh/zpty zsh/datetime
typeset output chunk

wait_for() { # TEXT
	float until=$((EPOCHREALTIME + 20))
	output=
	while [[ $output != *$1* ]] && (( EPOCHREALTIME < until )); do
		zpty -r -t person chunk && output+=$chunk || sleep 0.05
	done
	[[ $output == *$1* ]]
}

zpty -b person zsh -f -i
zpty -w person "PS1=; fpath=($1 \$fpath); PATH=$2:\$PATH; autoload -Uz compinit; compinit -u -d $2/dump; bindkey '^I' list-choices; LISTMAX=0; print -r -- re''ady"
wait_for ready || { print -r -- "zsh does not start: $output"; exit 1 }
zpty -w -n person "$3"$'\t'
wait_for "$4"
found=$?
print -r -- "$output"
zpty -d person
exit $found
