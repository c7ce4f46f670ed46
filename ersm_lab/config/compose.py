"""A checked, resolved, typed experiment from a list of overrides."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ersm_lab.config.check import check_config
from ersm_lab.config.schema import RunConfig
from ersm_lab.config.targets import check_allowed
from ersm_lab.core.plugins import owner
from ersm_lab.core.settings import plain


@dataclass(frozen=True)
class Experiment:
    """One run to be: what it is called, its configuration and what was said to get it."""

    paper: str
    name: str
    config: RunConfig
    overrides: tuple[str, ...]


def finish(config: DictConfig, choice: str | None, overrides: Sequence[str]) -> Experiment:
    """Checks, resolves and types what Hydra composed; ``choice`` is the option taken of the group ``experiment``."""
    with contextlib.suppress(OmegaConfBaseException):  # the check says where
        OmegaConf.resolve(config)  # once: reading an interpolation costs a millisecond every time
    check_config(config)
    typed = OmegaConf.to_object(config)
    assert isinstance(typed, RunConfig)
    check_allowed({key: value for key, value in plain(typed).items() if key != "extra"})
    plugin = owner(typed.model._target_)
    assert plugin is not None  # the check has asked
    name = typed.name or (choice or "default")
    return Experiment(plugin.name, name.removeprefix(f"{plugin.name}/"), typed, tuple(overrides))
