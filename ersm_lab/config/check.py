"""The check after composing: unknown keys (``+key=`` too), types, enumerations and ranges, each in one line.

Hydra checks what is written in YAML and on the command line against the schemas, except for keys added with ``+`` and
for enumerations and ranges, of which OmegaConf knows nothing.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ersm_lab.core.errors import UserError, message_of
from ersm_lab.core.settings import choices_of
from ersm_lab.core.words import nearest

# the limits that ``setting`` takes, in words, and what holds between a value and its limit
BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "ge": ("at least", operator.ge),
    "gt": ("above", operator.gt),
    "le": ("at most", operator.le),
    "lt": ("below", operator.lt),
}


def check_config(config: DictConfig) -> None:
    """Raises ``UserError`` for the first thing that is wrong with a composed configuration."""
    _check_node(config, "", set(known_keys(config)))


def known_keys(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Every dotted key that the schemas of this composed configuration know."""
    kind = OmegaConf.get_type(config)
    for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
        key = f"{prefix}{field.name}"
        yield key
        if not OmegaConf.is_missing(config, field.name):
            node = config._get_node(field.name)
            if isinstance(node, DictConfig) and not node._is_none():
                yield from known_keys(node, f"{key}.")


def _check_node(node: DictConfig, prefix: str, known: set[str]) -> None:
    kind = OmegaConf.get_type(node)
    if not dataclasses.is_dataclass(kind):
        return
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in map(str, node):
        if key not in fields:
            raise UserError(f"unknown key '{prefix}{key}'{nearest(f'{prefix}{key}', known)}")
    for name, field in fields.items():
        key = f"{prefix}{name}"
        if OmegaConf.is_missing(node, name):
            raise UserError(f"'{key}' has no value: set it with {key}=VALUE")
        try:
            value = node[name]
        except OmegaConfBaseException as error:
            raise UserError(f"'{key}' cannot be resolved: {message_of(error)}") from error
        if isinstance(value, DictConfig):
            _check_node(value, f"{key}.", known)
        elif isinstance(value, ListConfig):
            _check_limits(key, list(value), field.metadata)
        else:
            _check_limits(key, value, field.metadata)
    # what no single field can tell: a schema's own static `check(node)` returns a message or None
    if problem := getattr(kind, "check", lambda _: None)(node):
        raise UserError(f"'{prefix.rstrip('.')}' {problem}" if prefix else problem)


def _check_limits(key: str, value: object, limits: Mapping[str, Any]) -> None:
    if value is None:
        return
    choices = choices_of(limits)
    items: list[Any] = value if isinstance(value, list) else [value]
    for item in items:
        if choices and item not in choices:
            hint = nearest(str(item), [str(choice) for choice in choices])
            what = "holds" if isinstance(value, list) else "is"
            raise UserError(
                f"'{key}' {what} {item!r}, but must be one of {', '.join(map(str, choices))}{hint}"
            )
    for number in items:
        for name, (words, holds) in BOUNDS.items():
            # `not holds` and not the opposite comparison: NaN fails every bound
            if name in limits and not holds(number, limits[name]):
                raise UserError(f"'{key}' is {value}, but must be {words} {limits[name]:g}")
