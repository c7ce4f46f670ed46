"""Fields of the configuration schemas: a default, a help text and the values that make sense.

OmegaConf checks types; it knows neither ranges nor enumerations of strings. ``setting`` notes them in the field's
metadata, and ``ersm_lab.config.check`` enforces them after composing. This module imports no torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


def setting(
    default: Any,
    help: str = "",
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[Any] | None = None,
) -> Any:
    """A dataclass field with limits.

    Parameters
    ----------
    default: the value when the YAML is silent; a list, a dict or a callable becomes a ``default_factory``.
    help: one line for people who read the schema.
    ge, gt, le, lt: bounds for a number, or for each number of a list.
    choices: the values allowed; ``None`` in a field typed optional is always allowed.
    """
    limits = {"ge": ge, "gt": gt, "le": le, "lt": lt, "choices": tuple(choices) if choices else None}
    metadata = {"help": help, **{name: limit for name, limit in limits.items() if limit is not None}}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
