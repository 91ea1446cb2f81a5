# bash completion for tollgate; the program itself knows what may stand next.

_tollgate()
{
    local typed=${COMP_WORDS[COMP_CWORD]} word rest
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")

    # bash takes --name=value apart at the sign.
    [[ $typed == = ]] && typed=
    COMPREPLY=()
    while IFS=$'\t' read -r word rest; do
        if [[ $word == :files ]]; then
            while IFS= read -r word; do
                COMPREPLY+=("$word")
            done < <(compgen -f -- "$typed")
        else
            COMPREPLY+=("$word")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
}

complete -o filenames -F _tollgate tollgate
