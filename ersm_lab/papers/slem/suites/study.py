"""What the SLEM study suites share: pictures by name, the learner's settings, and words on how far the work is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import track

from ersm_lab.core.errors import UserError
from ersm_lab.data.pictures import Pixels, scaled
from ersm_lab.evaluation.subject import Subject
from ersm_lab.papers.slem.checks import luminance


def study_pictures(subject: Subject, what: str) -> Iterator[tuple[str, Pixels]]:
    """Name and luminance ``(H, W)`` in [0, 1] of ``settings.pictures`` pictures, evenly spread, saying how far it is.

    Studies start learners of their own: whether a picture was learnt before does not matter. Raises ``UserError`` for data
    that are not pictures without labels.
    """
    found = getattr(subject.data, "pictures", None)
    if not found:
        raise UserError(
            f"evaluation.suite={subject.settings['suite']} is for pictures: use data=photographs, structures or folder"
        )
    count = min(subject.settings["pictures"] or len(found), len(found))
    places = np.unique(np.linspace(0, len(found) - 1, count).round().astype(int))
    for picture in reporting([found[place] for place in places], what, lambda one: one.name):
        yield picture.name, luminance(scaled(picture.pixels))


def reporting(items: Sequence[Any], what: str, name: Any = str) -> Iterator[Any]:
    """``items`` one by one, with a bar in a terminal and a line after each elsewhere."""
    if sys.stdout.isatty():
        yield from track(items, what)
        return
    for number, item in enumerate(items, 1):
        start = time.perf_counter()
        yield item
        print(
            f"{what}: {number} of {len(items)}, {name(item)}, {time.perf_counter() - start:.1f} s", flush=True
        )


def together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of pictures as one."""
    return pd.concat(frames, ignore_index=True)


def flat_summary(prefix: str, means: pd.DataFrame, keys: Sequence[str]) -> dict[str, Any]:
    """``<prefix>/<key values>`` with ``_low`` and ``_high`` of each row of a table of means."""
    found: dict[str, Any] = {}
    for row in means.to_dict("records"):
        label = "/".join(
            [prefix, *(f"{row[key]:g}" if isinstance(row[key], float) else str(row[key]) for key in keys)]
        )
        found |= {label: row["estimate"], f"{label}_low": row["low"], f"{label}_high": row["high"]}
    return found
