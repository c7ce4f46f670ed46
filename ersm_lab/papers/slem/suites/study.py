"""What studies of SLEM share: pictures by name, words on how far the work is, and summaries of tables of means."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from rich.progress import track

from ersm_lab.core.protocols import Summary
from ersm_lab.data.pictures import Picture, scaled
from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.checks import luminance
from ersm_lab.papers.slem.suites.settings import SlemStudyConfig
from ersm_lab.papers.slem.suites.subject import PictureSubject

StudyT = TypeVar("StudyT", bound=SlemStudyConfig)


def study_pictures(subject: PictureSubject[StudyT], what: str) -> Iterator[tuple[str, Pixels]]:
    """Name and luminance ``(H, W)`` in [0, 1] of ``settings.pictures`` pictures, evenly spread, saying how far it is.

    Studies start learners of their own: whether a picture was learnt before does not matter.
    """
    found = subject.data.pictures
    count = min(subject.settings.pictures or len(found), len(found))
    places = np.unique(np.linspace(0, len(found) - 1, count).round().astype(int))
    for picture in _reporting([found[place] for place in places], what):
        yield picture.name, luminance(scaled(picture.pixels))


def _reporting(pictures: Sequence[Picture], what: str) -> Iterator[Picture]:
    """Pictures one by one, with a bar in a terminal and a line after each elsewhere."""
    if sys.stdout.isatty():
        yield from track(pictures, what)
        return
    for number, picture in enumerate(pictures, 1):
        start = time.perf_counter()
        yield picture
        took = time.perf_counter() - start
        print(f"{what}: {number} of {len(pictures)}, {picture.name}, {took:.1f} s", flush=True)


def together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of pictures as one."""
    return pd.concat(frames, ignore_index=True)


def flat_summary(prefix: str, means: pd.DataFrame, keys: Sequence[str]) -> Summary:
    """``<prefix>/<key values>`` with ``_low`` and ``_high`` of each row of a table of means."""
    found: Summary = {}
    for row in means.to_dict("records"):
        values = (row[key] for key in keys)
        parts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        label = "/".join([prefix, *parts])
        found |= {label: row["estimate"], f"{label}_low": row["low"], f"{label}_high": row["high"]}
    return found
