"""Shell completion: verbs by ourselves, overrides by Hydra's own completion engine."""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.plugins.completion_plugin import DefaultCompletionPlugin

from ersm_lab.config.store import conf_dir, options, register
from ersm_lab.errors import UserError

_BASH = """\
_ersm_lab() {
  local IFS=$'\\n'
  COMPREPLY=($(ersm-lab __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${COMPREPLY[0]} == *[=./] ]] && compopt -o nospace
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


def candidates(words: Sequence[str], verbs: Sequence[str]) -> list[str]:
    """Completions of the last of ``words`` (the words after ``ersm-lab``)."""
    if len(words) <= 1:
        return [verb for verb in verbs if verb.startswith(words[0] if words else "")]
    if words[0] not in ("train", "evaluate"):
        return []
    group, equals, start = words[-1].partition("=")
    if equals and (conf_dir() / group).is_dir():
        return [f"{group}={option}" for option in options(group) if option.startswith(start)]
    register()
    loader = ConfigLoaderImpl(create_config_search_path(str(conf_dir())))
    found = _Engine(loader)._query(config_name="config", line=" ".join(words[1:]))
    return sorted(found)
