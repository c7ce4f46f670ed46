"""YAML documents of their own, tables, claims and presets of sweeps: read, merged into their schema, checked, and plain containers."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from ersm_lab.config.check import check_config, known_keys
from ersm_lab.config.store import find, options
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import nearest


def load_document(
    group: str,
    name: str,
    kind: type,
    changes: Sequence[str] = (),
    check_parts: Callable[[DictConfig], None] | None = None,
    resolve: bool = True,
) -> dict[str, Any]:
    """``conf/<group>/<name>.yaml`` under the schema ``kind``.

    changes: ``key=value`` of the document itself. check_parts: checks the nodes inside, which the check of the whole does not
    reach. resolve: False leaves interpolations as they are.

    Raises
    ------
    UserError: no such document, unknown keys, wrong types or values; one line that ends with the file.
    """
    file = find(group, name)
    if file is None:
        known = options(group)
        raise UserError(f"no {group} named '{name}'{nearest(name, known)} There are: {', '.join(known)}")
    where = f"conf/{group}/{name}.yaml"
    try:
        own = OmegaConf.load(file)
        merged = OmegaConf.merge(OmegaConf.structured(kind), own, OmegaConf.from_dotlist(list(changes)))
        assert isinstance(merged, DictConfig)
        if check_parts:
            check_parts(merged)
        check_config(merged)
    except CONFIG_ERRORS as error:
        raise UserError(f"{_unknown(error, kind) or one_line(error)} (in {where})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    except UserError as error:
        raise UserError(f"{error} (in {where})") from error
    plain = OmegaConf.to_container(merged, resolve=resolve)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _unknown(error: Exception, kind: type) -> str | None:
    """The message for a key that the document's own schema lacks; those of runs are no help here."""
    key = str(getattr(error, "full_key", None) or "")
    if not key or "not in" not in str(error):
        return None
    known = set(known_keys(OmegaConf.structured(kind)))
    for field in dataclasses.fields(kind):  # what is null by default has keys too
        own = [
            part
            for part in typing.get_args(typing.get_type_hints(kind)[field.name])
            if dataclasses.is_dataclass(part)
        ]
        known |= {f"{field.name}.{below.name}" for part in own for below in dataclasses.fields(part)}
    return f"unknown key '{key}'{nearest(key, known)}"
