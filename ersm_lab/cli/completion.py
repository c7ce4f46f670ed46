"""Shell completion: verbs by ourselves, overrides by Hydra's own completion engine."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from hydra.plugins.completion_plugin import DefaultCompletionPlugin

from ersm_lab.cli.help import groups
from ersm_lab.config.command_line import EVALUATION_KEYS
from ersm_lab.config.store import loader, options
from ersm_lab.core.errors import UserError
from ersm_lab.papers.slem.verb import completions

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


def script(shell: str) -> str:
    """What to evaluate in the shell's start-up file: ``eval "$(ersm-lab completion bash)"``."""
    scripts = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
    if shell not in scripts:
        raise UserError(f"completion needs a shell: bash, zsh or fish, not {shell!r}")
    return scripts[shell]


class _Engine(DefaultCompletionPlugin):
    """Hydra's completion of one line of overrides; the abstract parts belong to shells that we serve ourselves."""

    def install(self) -> None:
        raise NotImplementedError

    def uninstall(self) -> None:
        raise NotImplementedError

    def query(self, config_name: str | None) -> None:
        raise NotImplementedError

    @staticmethod
    def help(command: str) -> str:
        raise NotImplementedError

    @staticmethod
    def provides() -> str:
        return "ersm-lab"


# what a verb takes beside overrides: words, and groups whose names stand alone
_WORDS: dict[str, tuple[str, ...]] = {
    "train": ("resume=", "jobs=", "-m", "--dry-run", "--refresh", "--cfg"),
    "evaluate": ("run=", "table=", "evaluation=", "predictions=", "export=cityscapes", "data="),
    "table": ("jobs=", "--refresh"),
    "claims": ("PROFILE=demo", "PROFILE=full", "--run", "jobs=", "paths.outputs="),
    "data": ("list", "make", "pack"),
    "report": ("out=", "pictures=", "paths.outputs=", "status=", "experiment=", "variant=", "seed="),
    "wandb": ("sync",),
    "doctor": ("paths.data=", "paths.outputs=", "paths.cache="),
    "completion": ("bash", "zsh", "fish"),
}
_NAMED = {"table": "table", "claims": "claim"}
_OVERRIDES = ("train", "evaluate", "table")
_PATHS = ("run=", "resume=", "predictions=", "out=", "paths.data=", "paths.outputs=", "paths.cache=")


def candidates(words: Sequence[str], verbs: Sequence[str], benchmarks: Sequence[str] = ()) -> list[str]:
    """Completions of the last of ``words`` (the words after ``ersm-lab``)."""
    last = words[-1] if words else ""
    if len(words) <= 1 or words[0] == "help":
        found = list(verbs)
    elif last.startswith(_PATHS):
        found = _paths(last, "," if "," in last else "=")
    else:
        found = _of_verb(words[0], list(words[1:-1]), last, benchmarks)
    return sorted({item for item in found if item.startswith(last)} - set(words[1:-1]))


def _of_verb(verb: str, before: list[str], last: str, benchmarks: Sequence[str]) -> list[str]:
    group, equals, _ = last.partition("=")
    if verb != "report" and equals and group in (*groups(), "experiment", "table"):
        return [f"{group}={option}" for option in options(group)]
    found = [*_WORDS.get(verb, ()), *benchmarks, *(options(_NAMED[verb]) if verb in _NAMED else [])]
    if verb == "data" and before:
        found = options("data") if before[0] in ("make", "pack") and len(before) == 1 else []
    if verb == "wandb" and before:
        found = ["--dry-run", "paths.outputs="]
    if verb == "slem":
        found += completions()
    if verb == "train":
        found += [f"{name}=" for name in (*groups(), "experiment")]
    if verb in _OVERRIDES:
        found += _keys(verb, before, last)
    if verb in ("slem", "report") or (verb == "wandb" and before):
        found += _paths(last, "")
    return found


def _keys(verb: str, before: list[str], last: str) -> list[str]:
    """Keys, and their values, by Hydra's engine, which takes seconds to look at everything: groups are enough for a start."""
    taken = EVALUATION_KEYS if verb == "evaluate" else (*groups(), "seed")
    if "." not in last:
        own = {key.partition(".")[0] for key in taken} - {"seed", "sweep", "launcher"}
        return [*(f"{name}." for name in own), *(["seed="] if "seed" in taken else [])]
    line = " ".join([*(word for word in before if "=" in word and "," not in word), last])
    found: list[str] = _Engine(loader())._query(config_name="config", line=line)
    return [item for item in found if item.startswith(taken)]


def _paths(word: str, sign: str) -> list[str]:
    """Folders and files that go on from what stands after the last ``sign``."""
    head, _, start = word.rpartition(sign) if sign else ("", "", word)
    found = sorted(glob.glob(f"{glob.escape(start)}*"))
    return [f"{head}{sign}{place}{'/' if Path(place).is_dir() else ''}" for place in found]
