"""``ersm-lab completion``: a script for a shell, which asks the parsers of all verbs what may come next."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence

from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import these
from ersm_lab.core.errors import UserError

SUMMARY = "print a completion script for your shell"

_BASH = """\
_ersm_lab() {
  local IFS=$'\\n'
  COMPREPLY=($(ersm-lab __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${COMPREPLY[0]} == *[=./] ]] && compopt -o nospace 2>/dev/null
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -F _ersm_lab ersm-lab"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n" + _BASH
_FISH = (
    "complete -c ersm-lab -f -a '(ersm-lab __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'"
)
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "bash | zsh | fish",
        text='Evaluate it in the shell\'s start-up file, as in eval "$(ersm-lab completion bash)"; in fish, '
        "ersm-lab completion fish | source. `ersm-lab` has to be on the PATH. It completes verbs, options, groups, keys, and "
        "names of tables, claims, sweeps, data sets and folders.",
        writes="nothing",
        exit_codes="0 printed; 1 no such shell; 2 no such option",
        examples=["bash", "fish"],
    )
    parser.add_word("SHELL", "bash, zsh or fish", these(*_SCRIPTS))


def run(arguments: Namespace) -> int:
    print(script(*arguments.words[:1]))
    return 0


def script(shell: str = "") -> str:
    """What to evaluate in the shell's start-up file: ``eval "$(ersm-lab completion bash)"``."""
    if shell not in _SCRIPTS:
        raise UserError(f"completion needs a shell: bash, zsh or fish, not {shell!r}")
    return _SCRIPTS[shell]


def candidates(words: Sequence[str], parsers: Mapping[str, VerbParser]) -> list[str]:
    """Completions of the last of ``words`` (the words after ``ersm-lab``)."""
    last = words[-1] if words else ""
    before = list(words[1:-1])
    if len(words) <= 1 or words[0] == "help":
        found = [*parsers, "help"]
    elif words[0] not in parsers:
        found = []
    else:
        parser = parsers[words[0]]
        found = [flag for flag in parser.option_names if flag not in ("-h", "--help")]
        found += [name for word in parser.words for name in word.complete(before, last)]
    return sorted({item for item in found if item.startswith(last)} - set(before))
