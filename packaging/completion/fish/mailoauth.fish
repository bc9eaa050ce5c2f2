# SPDX-License-Identifier: MIT
# Completion for mailoauth(1) in fish: the program itself says what could be typed next.

function __mailoauth_complete
    set -l words (commandline -opc)
    set -l command $words[1]
    set -l verb
    set -l i 2
    while test $i -le (count $words)
        switch $words[$i]
            case -S -c --socket --config
                set -l next (math $i + 1)
                if test $next -le (count $words)
                    set -a command $words[$i] $words[$next]
                end
                set i $next
            case '-*'
            case '*'
                if test -z "$verb" -o "$verb" = help
                    set verb $words[$i]
                end
        end
        set i (math $i + 1)
    end
    set -l answer @none
    switch $words[-1]
        case -S -c
            set answer @file
        case '--*'
            set answer ($command complete +(string replace -- -- '' $words[-1]) 2>/dev/null)
    end
    if test "$answer" = @none
        set answer ($command complete $verb 2>/dev/null)
    end
    for line in $answer
        switch $line
            case @file
                __fish_complete_path (commandline -ct)
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c mailoauth -f -a '(__mailoauth_complete)'
