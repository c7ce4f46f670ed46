"""Typed settings: dataclasses whose fields carry a default, a description, and the values that make sense.

OmegaConf checks types; it knows neither ranges nor enumerations of strings. ``setting`` notes them in the field's
metadata, ``ersm_lab.config.check`` enforces them after composing, ``--help`` and the reference pages show them. No torch here.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self


@dataclasses.dataclass
class Settings:
    """Base of every settings dataclass."""

    @classmethod
    def of(cls, value: Self | Mapping[str, Any] | None) -> Self:
        """``value`` as these settings: itself, or made from its keys, the other fields keeping their defaults.

        Raises ``TypeError`` for a key that is no field.
        """
        if isinstance(value, Settings):
            return value if isinstance(value, cls) else cls.of(plain(value))
        hints = typing.get_type_hints(cls)
        taken = {}
        for key, item in (value or {}).items():
            kind = hints.get(key)
            if isinstance(kind, type) and issubclass(kind, Settings) and isinstance(item, Mapping):
                item = kind.of(item)
            taken[key] = item
        return cls(**taken)


def setting(
    default: Any,
    help: str = "",
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[Any] | Callable[[], Sequence[Any]] | None = None,
    changes_result: bool = True,
) -> Any:
    """A field of a settings dataclass.

    Parameters
    ----------
    default: the value when the YAML is silent; a list, a dict or a callable becomes a ``default_factory``.
    help: one line for people; ``--help`` and ``docs/reference/`` show it.
    ge, gt, le, lt: bounds for a number, or for each number of a list.
    choices: the values allowed, or a function that gives them when they are asked for; ``None`` in a field typed optional is
        always allowed.
    changes_result: False for what no result depends on (paths, loader processes): it stays out of the config hash.
    """
    allowed = choices if callable(choices) else tuple(choices) if choices else None
    limits = {"ge": ge, "gt": gt, "le": le, "lt": lt, "choices": allowed}
    metadata: dict[str, Any] = {
        "help": help,
        **{name: limit for name, limit in limits.items() if limit is not None},
    }
    if not changes_result:
        metadata["changes_result"] = False
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def choices_of(metadata: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The values that a field with this metadata allows, or None when it allows any."""
    allowed = metadata.get("choices")
    return tuple(allowed()) if callable(allowed) else allowed


def plain(value: Any) -> Any:
    """Settings, and what holds them, as plain containers: what YAML and JSON can write."""
    if isinstance(value, Settings):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def result_settings(settings: Settings) -> dict[str, Any]:
    """As plain containers, without the fields on which no result depends."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        if field.metadata.get("changes_result", True):
            value = getattr(settings, field.name)
            found[field.name] = result_settings(value) if isinstance(value, Settings) else plain(value)
    return found
