"""A checked, resolved experiment from a list of overrides, as plain Python containers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ersm_lab.config.check import check_config
from ersm_lab.config.store import conf_dir, register
from ersm_lab.config.targets import check_allowed
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.errors import UserError


@dataclass(frozen=True)
class Experiment:
    """One run to be: what it is called, its configuration and what was said to get it."""

    paper: str
    name: str
    config: dict[str, Any]
    overrides: tuple[str, ...]


def compose_experiment(overrides: Sequence[str]) -> Experiment:
    """Composes ``conf/config.yaml`` under ``overrides``. Raises ``UserError`` with one line."""
    register()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = compose("config", list(overrides), return_hydra_config=True)
        choice = config.hydra.runtime.choices.get("experiment")
        with open_dict(config):
            del config["hydra"]
        return finish(config, choice, overrides)
    except CONFIG_ERRORS as error:
        raise UserError(one_line(error)) from error


def finish(config: DictConfig, choice: str | None, overrides: Sequence[str]) -> Experiment:
    """Checks and resolves what Hydra composed; ``choice`` is the option taken of the group ``experiment``."""
    with contextlib.suppress(OmegaConfBaseException):  # the check says where
        OmegaConf.resolve(config)  # once: reading an interpolation costs a millisecond every time
    check_config(config)
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    settings: dict[str, Any] = {str(key): value for key, value in plain.items()}
    check_allowed({key: value for key, value in settings.items() if key != "extra"})
    paper = settings["model"]["_target_"].split(".")[2]
    name = settings.pop("name") or (choice or "default")
    return Experiment(paper, name.removeprefix(f"{paper}/"), settings, tuple(overrides))
