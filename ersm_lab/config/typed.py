"""The configuration of a finished run, read back as typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from ersm_lab.config.check import known_keys
from ersm_lab.config.schema import RunConfig
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import merged, suite_spec
from ersm_lab.core.settings import Settings
from ersm_lab.tracking import schema as trackers


def typed_config(record: Mapping[str, Any], where: str = "config.yaml") -> RunConfig:
    """A run's ``config.yaml`` as settings.

    Which dataclass stands for the model and the data follows from their ``_target_``, for the evaluation from its suite,
    for the tracker from its name. What a version since has added takes its default; what one has dropped is left out.

    Raises
    ------
    UserError: a model, data module or suite that no plug-in has today.
    """
    groups: dict[str, type[Settings]] = {
        "model": _of_target(record, "model", where),
        "data": _of_target(record, "data", where),
        "evaluation": suite_spec(str(record["evaluation"]["suite"])).settings,
        "logger": trackers.of_name(str(record["logger"]["name"])),
    }
    base = OmegaConf.structured(RunConfig)
    try:
        for name, kind in groups.items():
            base[name] = OmegaConf.structured(kind)
        known = set(known_keys(base))
        config = OmegaConf.merge(base, _known(record, base, known))
        typed = OmegaConf.to_object(config)
    except CONFIG_ERRORS as error:
        raise UserError(f"{where}: {one_line(error)}") from error
    assert isinstance(typed, RunConfig)
    return typed


def _of_target(record: Mapping[str, Any], group: str, where: str) -> type[Settings]:
    target = str(record[group]["_target_"])
    for (name, _), kind in merged("schemas").items():
        field = kind.__dataclass_fields__.get("_target_") if name == group else None  # type: ignore[attr-defined]
        if field is not None and field.default == target:
            found: type[Settings] = kind
            return found
    raise UserError(f"{where}: {group}._target_ is {target}, which no plug-in has")


def _known(record: Mapping[str, Any], base: Any, known: set[str], prefix: str = "") -> dict[str, Any]:
    """``record`` without the keys that its schemas lack; open dictionaries as they are."""
    kept: dict[str, Any] = {}
    for key, value in record.items():
        full = f"{prefix}{key}"
        if full not in known:
            continue
        closed = any(name.startswith(f"{full}.") for name in known)
        kept[key] = _known(value, base, known, f"{full}.") if isinstance(value, Mapping) and closed else value
    return kept
