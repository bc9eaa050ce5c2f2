# SPDX-License-Identifier: MIT
# Completion for mailoauth-fetch(8) in fish: options as --help has them, sections as the configuration has them.

function __mailoauth_fetch_words
    set -l words (commandline -opc)
    set -l help ($words[1] --help 2>/dev/null)
    switch $words[-1]
        case -c -s -S --config --state --socket --import --passwords
            __fish_complete_path (commandline -ct)
            return
        case --from
            printf '%s\n' fetchmail getmail mbsync fdm
            return
        case -l --log
            printf '%s\n' stderr syslog
            return
    end
    printf '%s\n' status reload retry
    printf '%s\n' $help | string match -ar -- '--[a-z][a-z-]*' | sort -u
    set -l config (printf '%s\n' $help | string replace -rf '.*--config FILE .*\[(.*)\].*' '$1')
    string replace -rf '^\[fetch ([^]]*)\].*' '$1' <$config[1] 2>/dev/null
end
complete -c mailoauth-fetch -f -a '(__mailoauth_fetch_words)'
