"""Label tables: what the numbers in a label picture mean.

A *labelId* is the number in the published label files; a *trainId* is the index of a class in a network's
output, or ``IGNORE`` for pixels that do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError

IGNORE = 255


class Label(NamedTuple):
    """One row of a table; ``train_id`` is ``IGNORE`` for labels that are not evaluated."""

    name: str
    id: int
    train_id: int
    category: str
    has_instances: bool
    colour: tuple[int, int, int]

    @property
    def ignored(self) -> bool:
        """Whether pixels of this label in the truth are left out of every score."""
        return self.train_id == IGNORE


@dataclass(frozen=True)
class LabelTable:
    """The labels of a data set, in the order of their ids, which are ``0 .. len(labels) - 1``.

    ``thin``: names of classes that make thin structures. ``instance_size``: the mean number of pixels of an
    instance of a class, which weights its instances.
    """

    name: str
    labels: tuple[Label, ...]
    thin: tuple[str, ...] = ()
    instance_size: tuple[tuple[str, float], ...] = ()

    @cached_property
    def classes(self) -> tuple[Label, ...]:
        """The evaluated labels, in the order of their trainIds."""
        return tuple(sorted((label for label in self.labels if not label.ignored), key=lambda x: x.train_id))

    @property
    def class_names(self) -> list[str]:
        return [label.name for label in self.classes]

    @cached_property
    def to_train(self) -> NDArray[np.uint8]:
        """TrainId of each labelId, ``(labels,)``."""
        return np.array([label.train_id for label in self.labels], dtype=np.uint8)

    @cached_property
    def to_id(self) -> NDArray[np.uint8]:
        """LabelId of each trainId, ``(K,)``."""
        return np.array([label.id for label in self.classes], dtype=np.uint8)

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """Official colour of each labelId, ``(labels, 3)``."""
        return np.array([label.colour for label in self.labels], dtype=np.uint8)

    @cached_property
    def train_palette(self) -> NDArray[np.uint8]:
        """Official colour of each trainId, ``(256, 3)``; black where there is no class."""
        colours = np.zeros((256, 3), dtype=np.uint8)
        colours[: len(self.classes)] = self.palette[self.to_id]
        return colours

    def train_ids(self, label_ids: NDArray[Any], name: str = "") -> NDArray[np.uint8]:
        """A label picture ``(..., H, W)`` of labelIds as trainIds.

        Raises ``UserError`` that gives ``name``, the file, for a labelId outside the table.
        """
        unknown = outside(label_ids, len(self.labels))
        if unknown:
            hint = ""
            if unknown == [IGNORE]:
                hint = "; 255 is what trainId files hold: give the files of labelIds"
            raise UserError(
                f"{name or 'a label picture'} holds labels {unknown}, which {self.name} lacks{hint}"
            )
        found: NDArray[np.uint8] = self.to_train[label_ids]
        return found

    def label_ids(self, train_ids: NDArray[Any]) -> NDArray[np.uint8]:
        """Predicted trainIds ``(..., H, W)``, each below K, as the labelIds that the official evaluator reads."""
        found: NDArray[np.uint8] = self.to_id[train_ids]
        return found


def outside(values: NDArray[Any], count: int, ignore: int | None = None) -> list[int]:
    """The values that are neither in ``0 .. count - 1`` nor ``ignore``, sorted, at most eight."""
    wrong = (values < 0) | (values >= count)
    if ignore is not None:
        wrong &= values != ignore
    return [int(value) for value in np.unique(values[wrong])[:8]] if wrong.any() else []


def table_of(rows: Sequence[tuple[Any, ...]]) -> tuple[Label, ...]:
    """Rows ``(name, train_id, category, has_instances, colour)`` as labels, numbered from 0."""
    return tuple(
        Label(name, i, train_id, category, has_instances, colour)
        for i, (name, train_id, category, has_instances, colour) in enumerate(rows)
    )
