"""Evaluated runs as arms and seeds: what a suite compares.

Runs of one variant, or of one row of a table, with different seeds are one arm. Every difference is paired: the same images, the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import Plugin
from ersm_lab.runs.directory import EvaluationDirectory
from ersm_lab.statistics.intervals import Interval, paired_bootstrap


@dataclass(frozen=True)
class Member:
    """One evaluated run: its arm, its seed, its evaluation's folder, and the plug-in that its model comes from."""

    arm: str
    seed: int
    evaluation: EvaluationDirectory
    plugin: Plugin | None = None

    def table(self, name: str) -> pd.DataFrame | None:
        """One of its tables, or None when its suite wrote none of this name."""
        return self.evaluation.artifacts.read_table(name) if self._has(name) else None

    def arrays(self, name: str) -> dict[str, NDArray[np.generic]] | None:
        """One of its groups of arrays, or None when its suite wrote none of this name."""
        if not self._has(name):
            return None
        with np.load(self.evaluation.artifacts.path / f"{name}.npz") as held:
            return {key: held[key] for key in held.files}

    def _has(self, name: str) -> bool:
        return name in {entry.name for entry in self.evaluation.artifacts.entries()}


Reader = Callable[[Member], pd.Series | None]  # one number per image, by the image's index


def column(table: str, name: str, **where: str) -> Reader:
    """Reads the column ``name`` of a table with a row per image, of the rows whose other columns are as ``where`` says."""

    def read(member: Member) -> pd.Series | None:
        frame = member.table(table)
        if frame is None or name not in frame:
            return None
        for key, value in where.items():
            frame = frame[frame[key] == value]
        return frame.set_index("index")[name].sort_index() if len(frame) else None

    return read


class Arms:
    """Members by arm and seed, in the order given.

    ``lead``: the arm that is compared with every other; ``baseline``: the one with which every other is compared. The
    plug-ins of the members name both; without a name that is here they are the last arm and the first.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.by_arm: dict[str, dict[int, Member]] = {}
        for member in members:
            seeds = self.by_arm.setdefault(member.arm, {})
            if member.seed in seeds:
                raise UserError(
                    f"two runs of the arm '{member.arm}' with seed {member.seed}: "
                    "give one of them, or table=NAME of a table whose rows name them apart"
                )
            seeds[member.seed] = member
        names = list(self.by_arm)
        self.plugins = list({m.plugin.name: m.plugin for m in members if m.plugin is not None}.values())
        leads = [name for plugin in self.plugins for name in plugin.lead]
        baselines = [name for plugin in self.plugins for name in plugin.baselines]
        self.lead = next((name for name in leads if name in names), names[-1])
        self.baseline = next((name for name in baselines if name in names), names[0])

    @property
    def own_rankings(self) -> list[str]:
        """The ranking of tokens that each paper of the members calls its own: the first that its plug-in names."""
        return [next(iter(plugin.rankings)) for plugin in self.plugins if plugin.rankings]

    @property
    def seeds_said(self) -> str:
        """How many seeds stand behind the arms, for titles of figures."""
        counts = sorted({str(len(seeds)) for seeds in self.by_arm.values()})
        return f"n = {', '.join(counts)} seeds"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Which arms are subtracted: the lead minus every other, and every other minus the baseline."""
        names = list(self.by_arm)
        yield from ((self.lead, name) for name in names if name != self.lead)
        yield from ((name, self.baseline) for name in names if name not in (self.lead, self.baseline))

    def common_seeds(self, first: str, second: str) -> list[int]:
        """The seeds that both arms have, ascending."""
        return sorted(self.by_arm[first].keys() & self.by_arm[second].keys())

    def tables(self, name: str) -> dict[str, list[pd.DataFrame]]:
        """The tables called ``name`` by arm, a seed each; arms of which a member has none are left out."""
        found = {}
        for arm, seeds in self.by_arm.items():
            frames = [member.table(name) for member in seeds.values()]
            held = [frame for frame in frames if frame is not None]
            if len(held) == len(frames):
                found[arm] = held
        return found

    def values(self, arm: str, seeds: Sequence[int], read: Reader) -> NDArray[np.float64] | None:
        """``(seeds, images)`` of what ``read`` gives per image, or None when a run has none of it."""
        found = [read(self.by_arm[arm][seed]) for seed in seeds]
        columns = [values for values in found if values is not None]
        if len(columns) < len(found):
            return None
        if any(not values.index.equals(columns[0].index) for values in columns):
            raise UserError(f"the runs of '{arm}' were evaluated on different images")
        return np.stack([values.to_numpy(float) for values in columns])

    def differences(self, measures: Mapping[str, Reader]) -> pd.DataFrame:
        """A row per pair of arms and measure that both have: ``arm`` minus ``against``, by images and common seeds."""
        rows = []
        for arm, against in self.pairs():
            seeds = self.common_seeds(arm, against)
            for measure, read in measures.items() if seeds else ():
                first, second = (self.values(name, seeds, read) for name in (arm, against))
                if first is not None and second is not None and first.shape == second.shape:
                    found = interval_row(paired_bootstrap(first, second))
                    rows.append({"arm": arm, "against": against, "measure": measure, **found})
        return pd.DataFrame(rows)


def interval_row(interval: Interval) -> dict[str, float | bool | str | int]:
    """The columns of a table that say how large a difference is."""
    return {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "excludes_zero": interval.excludes_zero,
        "method": interval.method,
        "n_images": interval.n_images,
        "n_seeds": interval.n_seeds,
    }
