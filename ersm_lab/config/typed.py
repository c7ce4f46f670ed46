"""The configuration of a finished run, read back as typed settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from omegaconf import DictConfig, OmegaConf

from ersm_lab.config.schema import RunConfig
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import load, schemas, suite_spec
from ersm_lab.core.settings import Settings
from ersm_lab.tracking import schema as trackers


def typed_config(record: Mapping[str, object], where: str = "config.yaml") -> RunConfig:
    """A run's ``config.yaml`` as settings.

    Which dataclass stands for the model and the data follows from their ``_target_``, for the evaluation from its suite,
    for the tracker from its name. What a version since has added takes its default; what one has dropped is left out.

    Raises
    ------
    UserError: a model, data module or suite that no plug-in has today, or values that its settings do not take.
    """
    try:
        held = OmegaConf.create(dict(record))
        base = OmegaConf.structured(RunConfig)
        for group, kind in _kinds(held).items():
            base[group] = OmegaConf.structured(kind)
        typed = OmegaConf.to_object(OmegaConf.merge(base, _known(record, base)))
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    except CONFIG_ERRORS as error:
        raise UserError(f"{where}: {one_line(error)}") from error
    assert isinstance(typed, RunConfig)
    return typed


def _kinds(held: DictConfig) -> dict[str, type[Settings]]:
    """The settings dataclass of each group that has several."""
    return {
        "model": _of_target("model", _said(held, "model._target_")),
        "data": _of_target("data", _said(held, "data._target_")),
        "evaluation": load(suite_spec(_said(held, "evaluation.suite")).settings),
        "logger": trackers.of_name(_said(held, "logger.name")),
    }


def _said(held: DictConfig, key: str) -> str:
    value = OmegaConf.select(held, key)
    if value is None:
        raise UserError(f"'{key}' is missing")
    return str(value)


def _of_target(group: str, target: str) -> type[Settings]:
    found = schemas()
    for (name, _), kind in found.items():
        if name == group and any(
            (field.name, field.default) == ("_target_", target) for field in dataclasses.fields(kind)
        ):
            return kind
    raise UserError(f"'{group}._target_' is {target}, which no plug-in has")


def _known(own: Mapping[str, object], schema: DictConfig) -> dict[str, object]:
    """``own`` without the keys that the schema lacks; what may hold any key stays as it is."""
    kind = OmegaConf.get_type(schema)
    if not dataclasses.is_dataclass(kind):
        return dict(own)
    fields, kept = {field.name for field in dataclasses.fields(kind)}, dict[str, object]()
    for key, value in own.items():
        if key not in fields:
            continue
        node = schema._get_node(key)
        nested = isinstance(node, DictConfig) and isinstance(value, Mapping) and not node._is_none()
        kept[key] = _known(value, node) if nested else value  # type: ignore[arg-type]
    return kept
