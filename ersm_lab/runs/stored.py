"""What a run's ``config.yaml`` says, for readers that do without the settings classes.

The file may be older than these classes, or of a plug-in that is not here; what it lacks is empty. ``ersm_lab.config.typed`` reads
the same file as the settings of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import yaml

from ersm_lab.data.version import generated
from ersm_lab.runs.hashing import canonical_hash

# ten times as fast, where libyaml is there
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class StoredData:
    """The group ``data``, or the ``source`` of generated data."""

    name: str = ""
    layout: str = ""
    root: str = ""
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, said: object) -> Self:
        group = _group(said)
        return cls(
            name=_text(group, "name"),
            layout=_text(group, "layout"),
            root=_text(group, "root"),
            options=_group(group.get("options")),
        )

    @property
    def embedded(self) -> bool:
        """Whether they were generated, or come with a library: no set that anyone else would test on.

        So are composites of photographs: the objects are real, where they stand and what surrounds them is not.
        """
        return self.layout in generated()

    @property
    def content(self) -> str:
        """A hash of what is read; where it lies and what it is called do not count."""
        return canonical_hash({"layout": self.layout, "options": self.options})


@dataclass(frozen=True)
class StoredEvaluation:
    """The group ``evaluation``; ``settings`` are those of its suite, all of them."""

    suite: str = ""
    split: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, said: object) -> Self:
        group = _group(said)
        return cls(_text(group, "suite"), _text(group, "split"), group)


@dataclass(frozen=True)
class StoredConfig:
    """What readers want of a configuration. ``monitor``: the metric by which the best checkpoint was chosen."""

    variant: str
    monitor: str
    data: StoredData
    evaluation: StoredEvaluation

    @classmethod
    def of(cls, said: Mapping[str, object]) -> Self:
        """From plain containers."""
        checkpoint = _group(_group(said.get("callbacks")).get("checkpoint"))
        return cls(
            variant=_text(_group(said.get("model")), "variant"),
            monitor=_text(checkpoint, "monitor"),
            data=StoredData.of(said.get("data")),
            evaluation=StoredEvaluation.of(said.get("evaluation")),
        )


def read_config(folder: Path) -> Mapping[str, object]:
    """``config.yaml`` of the run in ``folder`` as plain containers, quickly: a page reads thousands.

    Raises ``OSError`` where there is none, ``ValueError`` where it is no YAML.
    """
    try:
        return _group(yaml.load((folder / "config.yaml").read_text(encoding="utf-8"), _LOADER))
    except yaml.YAMLError as error:
        raise ValueError(f"{folder / 'config.yaml'} is no YAML") from error


def _group(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(group: Mapping[str, object], key: str) -> str:
    value = group.get(key)
    return "" if value is None else str(value)
