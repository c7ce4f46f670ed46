"""Every cell of a sweep from one composition per choice of groups.

Composing costs Hydra a fifth of a second, and its own multirun does it twice per cell. Values that are no choice of a group are
applied to what is composed last of all, so cells that differ only in such values share the composition before it.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from ersm_lab.config.compose import Experiment, finish
from ersm_lab.config.store import conf_dir, register
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.errors import UserError


def compose_cells(words: Sequence[str]) -> list[Experiment]:
    """The experiments that ``words``, in Hydra's grammar of sweeps, stand for; the last word varies fastest.

    Raises
    ------
    UserError: with one line, for the first cell that cannot be.
    """
    register()
    loader = ConfigLoaderImpl(create_config_search_path(str(conf_dir())))
    parser = OverridesParser.create(config_loader=loader)
    composed: dict[tuple[str, ...], tuple[bytes, str | None]] = {}
    try:
        parsed = parser.parse_overrides(list(words))
        for override in parsed:
            if override.is_interval_sweep():
                raise UserError(
                    f"'{override.input_line}' is an interval: it needs a search such as sweep=ersm/search, or a list of values"
                )
        (cells,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        swept = {
            str(override.input_line).partition("=")[0] for override in parsed if override.is_sweep_override()
        }
        read: dict[str, Override] = {}
        found = []
        for cell in cells:
            try:
                found.append(_compose(loader, parser, list(cell), composed, read))
            except (*CONFIG_ERRORS, UserError) as error:
                own = " ".join(word for word in cell if word.partition("=")[0] in swept)
                of = f" (in the cell {own})" if own else ""
                raise UserError(
                    f"{error if isinstance(error, UserError) else one_line(error)}{of}"
                ) from error
        return found
    except CONFIG_ERRORS as error:
        raise UserError(one_line(error)) from error


def _compose(
    loader: ConfigLoaderImpl,
    parser: OverridesParser,
    words: list[str],
    composed: dict[tuple[str, ...], tuple[bytes, str | None]],
    read: dict[str, Override],
) -> Experiment:
    for word in words:
        if word not in read:
            read[word] = parser.parse_override(word)
    last = [read[word] for word in words if _is_value(loader, read[word])]
    late = {override.input_line for override in last}
    key = tuple(word for word in words if word not in late)
    if key not in composed:
        base = loader.load_configuration("config", list(key), run_mode=RunMode.RUN)
        choice = base.hydra.runtime.choices.get("experiment")
        with open_dict(base):
            del base["hydra"]  # half of it, and of no use below
        composed[key] = pickle.dumps(base), choice
    written, choice = composed[key]
    config: DictConfig = pickle.loads(written)  # a copy for this cell, six times as fast as deepcopy
    ConfigLoaderImpl._apply_overrides_to_config(last, config)
    return finish(config, choice, words)


def _is_value(loader: ConfigLoaderImpl, override: Override) -> bool:
    """Whether it sets a value and takes no part in choosing which files are composed."""
    key = override.key_or_group
    plain = override.package is None and not override.is_delete()
    return plain and not key.startswith("hydra") and not loader.repository.group_exists(key)
