"""From the words of ``ersm-lab train -m`` to what the sweep is.

A preset becomes words in front of those that the user wrote; a word of the user's replaces the preset's word for the same key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ersm_lab.config.documents import load_document
from ersm_lab.config.launch import DRY_RUN, REFRESH, LaunchRequest, launch_request
from ersm_lab.config.words import split_choice
from ersm_lab.core.errors import UserError
from ersm_lab.sweeps.schema import SearchConfig, SweepConfig

_MANY = ("-m", "--multirun")


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep's command line asks for.

    Parameters
    ----------
    name: of the preset, or ``command`` without one.
    said: the command line as it was written.
    words: for Hydra: what every cell is composed from, and the dimensions.
    launch: where and how its cells are run.
    search: None for every combination of the grid.
    """

    name: str
    said: list[str]
    words: list[str]
    launch: LaunchRequest
    search: SearchConfig | None = None


def is_sweep(words: Sequence[str]) -> bool:
    """Whether ``ersm-lab train WORDS`` is a sweep (a sweep of one cell included)."""
    ours = ("sweep=", "sweep.", "launcher=", "launcher.")
    return any(word in (*_MANY, DRY_RUN, REFRESH) or word.startswith(ours) for word in words)


def sweep_request(words: Sequence[str]) -> SweepRequest:
    """Reads ``sweep=NAME sweep.key=VALUE`` and what ``launch_request`` reads, and leaves the rest to Hydra.

    Raises ``UserError`` for unknown presets and keys.
    """
    launch, rest = launch_request(words)
    name, changes, others = split_choice(rest, "sweep")
    own = [word for word in others if word not in _MANY]
    if name:
        preset = load_document("sweep", name, SweepConfig, changes)
        return SweepRequest(name, list(words), merge_words(preset.words(), own), launch, preset.search)
    if changes:
        raise UserError(f"sweep.{changes[0]} changes a preset, but there is no sweep=NAME")
    return SweepRequest("command", list(words), own, launch)


def merge_words(preset: Sequence[str], own: Sequence[str]) -> list[str]:
    """The preset's words whose key the user did not mention, and the user's."""
    said = {_key(word) for word in own}
    return [*(word for word in preset if _key(word) not in said), *own]


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]
