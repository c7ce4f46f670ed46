"""YAML documents that stand for themselves (tables, claims, presets of sweeps, launchers): read, checked, and typed settings."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from typing import TypeVar

import yaml
from omegaconf import DictConfig, OmegaConf

from ersm_lab.config.check import check_config, known_keys
from ersm_lab.config.store import find, options
from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import Settings
from ersm_lab.core.words import nearest, no_such

Document = TypeVar("Document", bound=Settings)


def load_document(
    group: str,
    name: str,
    kind: type[Document],
    changes: Sequence[str] = (),
    check_parts: Callable[[DictConfig], None] | None = None,
) -> Document:
    """``conf/<group>/<name>.yaml`` as settings of the type ``kind``.

    Parameters
    ----------
    changes: ``key=value`` of the document itself.
    check_parts: checks the nodes inside, which the check of the whole does not reach.

    An interpolation in a document, such as ``${paths.data}``, is one of the runs that it describes, and stays as it is written.

    Raises
    ------
    UserError: no such document, unknown keys, wrong types or values; one line that ends with the file.
    """
    file = find(group, name)
    if file is None:
        raise UserError(no_such(group, name, options(group)))
    where = f"conf/{group}/{name}.yaml"
    try:
        own = _literal(OmegaConf.to_container(OmegaConf.load(file)))
        assert isinstance(own, dict | list)
        merged = OmegaConf.merge(OmegaConf.structured(kind), own, OmegaConf.from_dotlist(list(changes)))
        assert isinstance(merged, DictConfig)
        if check_parts:
            check_parts(merged)
        check_config(merged)
        document = OmegaConf.to_object(merged)
    except CONFIG_ERRORS as error:
        raise UserError(f"{_unknown(error, kind) or one_line(error)} (in {where})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    except UserError as error:
        raise UserError(f"{error} (in {where})") from error
    assert isinstance(document, kind)
    return document


def _literal(value: object) -> object:
    """Containers with every interpolation escaped."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value.replace("${", r"\${") if isinstance(value, str) else value


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
