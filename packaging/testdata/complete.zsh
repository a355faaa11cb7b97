# complete.zsh DIRECTORY LINE: what zsh offers when TAB is pressed behind LINE, one
# a line, with the functions in DIRECTORY. A shell in a pseudo terminal is asked,
# and tells what it adds.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=; fpath=(${(q)1} \$fpath)"
zpty -w shell 'autoload -Uz compinit; compinit -C -d ~/.dump; bindkey "^I" complete-word'
zpty -w shell 'compadd() {
	setopt localoptions extendedglob
	if [[ ${@[1,(i)(-|--)]} == (|* )-[a-zA-Z0-9]#[OAD]* ]]; then builtin compadd "$@"; return; fi
	local -a offered; local each
	builtin compadd -A offered "$@"
	for each in $offered; do print -r -- "OFFER ""$each"" REFFO"; done
	builtin compadd "$@"
}'
zpty -w shell 'comppostfuncs=(ended); ended() { print -r "THE ""END"; exit }'
zpty -w shell 'print -r "READY ""NOW"'
while zpty -r shell out && [[ $out != *'READY NOW'* ]]; do :; done
zpty -w -n shell "$2"$'\t'
while zpty -r shell out && [[ $out != *'THE END'* ]]; do
	[[ $out == *'OFFER '*' REFFO'* ]] && { out=${out#*OFFER }; print -r -- "${out% REFFO*}" }
done
zpty -d shell
