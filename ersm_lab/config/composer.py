"""Every cell of a sweep from one composition per choice of groups.

Composing costs Hydra a fifth of a second, and its own multirun does it twice per cell. Values that are no choice of a group are
applied to what is composed last of all, so cells that differ only in such values share the composition before it.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from ersm_lab.config.check import known_keys
from ersm_lab.config.compose import Experiment, finish
from ersm_lab.config.store import loader
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError


class Composer:
    """Composes one list of overrides after another, each choice of groups once.

    Raises
    ------
    UserError: on a call, with one line, for words that no experiment can be composed from.
    """

    def __init__(self) -> None:
        self._loader = loader()
        self._parser = OverridesParser.create(config_loader=self._loader)
        self._composed: dict[tuple[str, ...], tuple[bytes, dict[str, str]]] = {}
        self._read: dict[str, Override] = {}

    def swept(self, words: Sequence[str]) -> set[str]:
        """The keys that are given several values."""
        parsed = self._parser.parse_overrides(list(words))
        return {str(item.input_line).partition("=")[0] for item in parsed if item.is_sweep_override()}

    def cells(self, words: Sequence[str]) -> list[list[str]]:
        """The overrides of each cell that ``words``, in Hydra's grammar of sweeps, stand for."""
        try:
            parsed = self._parser.parse_overrides(list(words))
            for override in parsed:
                if override.is_interval_sweep():
                    raise UserError(
                        f"'{override.input_line}' is an interval: it needs a search (a sweep=PRESET that has one), or a list of values"
                    )
            (cells,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        except CONFIG_ERRORS as error:
            raise UserError(one_line(error)) from error
        return [list(cell) for cell in cells]

    def __call__(self, words: Sequence[str]) -> Experiment:
        """The experiment of one list of overrides, without values that make it several."""
        try:
            return self._compose(list(words))
        except CONFIG_ERRORS as error:
            raise UserError(one_line(error)) from error

    def _compose(self, words: list[str]) -> Experiment:
        for word in words:
            if word not in self._read:
                (self._read[word],) = self._parser.parse_overrides([word])
                if self._read[word].is_sweep_override():
                    raise UserError(
                        f"'{word}' has several values, which only ersm-lab train -m takes; give one"
                    )
        last = [self._read[word] for word in words if _is_value(self._loader, self._read[word])]
        late = {override.input_line for override in last}
        key = tuple(word for word in words if word not in late)
        if key not in self._composed:
            base = self._loader.load_configuration("config", list(key), run_mode=RunMode.RUN)
            taken = {group: option for group, option in base.hydra.runtime.choices.items() if option}
            with open_dict(base):
                del base["hydra"]  # half of it, and of no use below
            self._composed[key] = pickle.dumps(base), taken
        written, taken = self._composed[key]
        config: DictConfig = pickle.loads(written)  # a copy for this cell, six times as fast as deepcopy
        known = set(known_keys(config))
        try:
            ConfigLoaderImpl._apply_overrides_to_config(last, config)
        except CONFIG_ERRORS as error:
            raise UserError(one_line(error, known)) from error
        return finish(config, taken, words)


def compose_experiment(overrides: Sequence[str]) -> Experiment:
    """Composes ``conf/config.yaml`` under ``overrides``. Raises ``UserError`` with one line."""
    return Composer()(overrides)


def outputs_of(words: Sequence[str]) -> Path:
    """Where runs lie under those of ``words`` that begin with ``paths.``."""
    paths = [word for word in words if word.startswith("paths.")]
    return Path(compose_experiment(paths).config.paths.outputs)


def compose_cells(words: Sequence[str]) -> list[Experiment]:
    """The experiments that ``words``, in Hydra's grammar of sweeps, stand for; the last word varies fastest.

    Raises
    ------
    UserError: with one line, for the first cell that cannot be.
    """
    compose = Composer()
    cells, found = compose.cells(words), []
    swept = compose.swept(words)
    for cell in cells:
        try:
            found.append(compose(cell))
        except UserError as error:
            own = " ".join(word for word in cell if word.partition("=")[0] in swept)
            raise UserError(f"{error}{f' (in the cell {own})' if own else ''}") from error
    return found


def _is_value(loader: ConfigLoaderImpl, override: Override) -> bool:
    """Whether it sets a value and takes no part in choosing which files are composed."""
    key = override.key_or_group
    plain = override.package is None and not override.is_delete()
    return plain and not key.startswith("hydra") and not loader.repository.group_exists(key)
