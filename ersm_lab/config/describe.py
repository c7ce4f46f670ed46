"""Settings in words: every key with its type, its limits, its value and what it means, as the schemas say it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from omegaconf import MISSING

from ersm_lab.config.check import BOUNDS
from ersm_lab.config.store import find
from ersm_lab.core.settings import Settings, choices_of, plain


@dataclass(frozen=True)
class Key:
    """One key.

    name: dotted. kind: its type and limits. choices: as they are written. value: here. default: of the schema.
    """

    name: str
    kind: str
    choices: tuple[str, ...]
    value: object
    default: object
    meaning: str
    changes_result: bool

    @property
    def written(self) -> str:
        """The value as a command line takes it."""
        return written(self.value)


def keys_of(settings: Settings, prefix: str = "") -> Iterator[Key]:
    """Every key of settings, in the order of the schema; nested settings in place of the key that holds them."""
    defaults = default_values(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Settings):
            yield from keys_of(value, f"{prefix}{field.name}.")
        else:
            yield _key(type(settings), field, f"{prefix}{field.name}", value, defaults[field.name])


def schema_keys(kind: type[Settings], prefix: str = "") -> Iterator[Key]:
    """Every key of a schema with its default. What a key may hold several of stands below ``KEY.NAME.`` or ``KEY[].``."""
    defaults, hints = default_values(kind), typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        below, sign = _nested(hints[field.name])
        name = f"{prefix}{field.name}"
        if below is None or sign:
            yield _key(kind, field, name, defaults[field.name], defaults[field.name])
        if below is not None:
            yield from schema_keys(below, f"{name}{sign}.")


def default_values(kind: type[Settings]) -> dict[str, object]:
    """The default of every field; ``MISSING`` (``???``) where there is none."""
    found = {}
    for field in dataclasses.fields(kind):
        if field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
        else:
            found[field.name] = MISSING if field.default is dataclasses.MISSING else field.default
    return found


def written(value: object) -> str:
    """As YAML on one line; ``null`` for nothing."""
    if isinstance(value, str) and value:
        return value
    text: str = yaml.safe_dump(plain(value), default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def summary_line(group: str, name: str) -> str:
    """What an option of a group says of itself: its title or statement, or the first line of its header."""
    file = find(group, name)
    if file is None:
        return ""
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(": ")
        if key in ("title", "statement"):
            return value.strip("'\"")
    header = (line.lstrip("# ") for line in file.read_text(encoding="utf-8").splitlines() if line[:1] == "#")
    first = next((line for line in header if not line.startswith("@")), "")
    return first.removeprefix("Source:").strip()


def about(kind: type[Settings]) -> str:
    """The first line of a settings class's docstring; a dataclass without one has its signature for it, which says nothing."""
    text = (kind.__doc__ or "").strip().partition("\n")[0]
    return "" if text.startswith(f"{kind.__name__}(") else text


def _key(
    kind: type[Settings], field: dataclasses.Field[object], name: str, value: object, default: object
) -> Key:
    hint = typing.get_type_hints(kind)[field.name]
    limits = [
        f"{words} {field.metadata[name]}" for name, (words, _) in BOUNDS.items() if name in field.metadata
    ]
    return Key(
        name=name,
        kind=", ".join([_in_words(hint), *limits]),
        choices=tuple(written(choice) for choice in choices_of(field.metadata) or ()),
        value=value,
        default=default,
        meaning=field.metadata.get("help", ""),
        changes_result=field.metadata.get("changes_result", True),
    )


def _in_words(hint: object) -> str:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if part is type(None) else _in_words(part) for part in parts)
    if origin is list:
        return f"list of {_in_words(parts[0])}"
    if origin is dict:
        return "mapping"
    if origin is tuple:
        return f"list of {len(parts)}"
    if isinstance(hint, type) and issubclass(hint, Settings):
        return "mapping"
    names: dict[object, str] = {int: "int", float: "float", bool: "true or false", str: "text"}
    return names.get(hint, "anything")


def _nested(hint: object) -> tuple[type[Settings] | None, str]:
    """The settings that a key holds, and what stands between it and theirs: nothing, ``.NAME`` or ``[]``."""
    if isinstance(hint, type) and issubclass(hint, Settings):
        return hint, ""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    sign = "[]" if origin is list else ".NAME" if origin is dict else ""
    for part in parts:
        if isinstance(part, type) and issubclass(part, Settings):
            return part, sign
    return None, ""
