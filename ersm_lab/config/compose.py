"""A checked, resolved, typed experiment from a list of overrides."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ersm_lab.config.check import check_config
from ersm_lab.config.schema import RunConfig
from ersm_lab.config.store import evaluations_of
from ersm_lab.config.targets import check_allowed
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import load, owner, suite_spec
from ersm_lab.core.schema import EvaluationConfig
from ersm_lab.core.settings import plain


@dataclass(frozen=True)
class Experiment:
    """One run to be: what it is called, its configuration, what was said to get it, and the option that each group took."""

    paper: str
    name: str
    config: RunConfig
    overrides: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)


def finish(config: DictConfig, options: Mapping[str, str], overrides: Sequence[str]) -> Experiment:
    """Checks, resolves and types what Hydra composed; ``options``: what was taken of each group."""
    with contextlib.suppress(OmegaConfBaseException):  # the check says where
        OmegaConf.resolve(config)  # once: reading an interpolation costs a millisecond every time
    check_config(config)
    typed = OmegaConf.to_object(config)
    assert isinstance(typed, RunConfig)
    check_allowed({key: value for key, value in plain(typed).items() if key != "extra"})
    _check_suite(typed.evaluation)
    plugin = owner(typed.model._target_)
    assert plugin is not None  # the check has asked
    name = typed.name or options.get("experiment", "default")
    return Experiment(plugin.name, name.removeprefix(f"{plugin.name}/"), typed, tuple(overrides), options)


def _check_suite(evaluation: EvaluationConfig) -> None:
    """Raises ``UserError`` where the suite needs other settings than these, which say nothing to it."""
    needed = load(suite_spec(evaluation.suite).settings)
    if not isinstance(evaluation, needed):
        fitting = " or ".join(f"evaluation={name}" for name in evaluations_of(evaluation.suite))
        raise UserError(
            f"'evaluation.suite' is '{evaluation.suite}', which needs the settings {needed.__name__}, and these are "
            f"{type(evaluation).__name__}; write {fitting or 'an evaluation of its own'}"
        )
