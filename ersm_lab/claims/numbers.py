"""The numbers of a claim, read from run directories: one effect, its interval, and of how many images and seeds."""

from __future__ import annotations

import dataclasses
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError
from ersm_lab.data.version import generated
from ersm_lab.evaluation.segmenters.sums import scores_of_sums
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory
from ersm_lab.runs.record import EvaluationRecord, RunRecord, Summary
from ersm_lab.statistics.intervals import (
    FEW_SEEDS,
    Interval,
    interval_over_seeds,
    paired_bootstrap,
    paired_bootstrap_of_sums,
    widened_by_seeds,
)
from ersm_lab.vision.camvid import CAMVID
from ersm_lab.vision.cityscapes import CITYSCAPES

_LABELS = {"camvid": CAMVID, "cityscapes": CITYSCAPES, "toy_streets": CITYSCAPES}
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_UNITS = ("index", "image", "picture", "name")  # what a line per image calls it, the surest first


@dataclass(frozen=True)
class Numbers:
    """Where the numbers of one run lie: in itself, or in one of its evaluations."""

    run: Path
    evaluation: Path | None = None

    @property
    def path(self) -> Path:
        return self.evaluation or self.run

    @property
    def record(self) -> RunRecord | EvaluationRecord:
        """Of the evaluation if there is one, of the run otherwise."""
        if self.evaluation:
            return EvaluationDirectory(self.evaluation).record
        return RunDirectory.open(self.run).record

    @property
    def summary(self) -> Summary:
        return self.record.summary

    def number(self, key: str) -> float:
        """A number of the summary. Raises ``UserError`` when it is absent, or was not finite."""
        value = self.summary.get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise UserError(f"{self.path} reports no number '{key}'")
        return float(value)

    def table(self, name: str) -> pd.DataFrame:
        file = self.path / "artifacts" / f"{name}.parquet"
        if not file.is_file():
            raise UserError(f"{self.path} has no table '{name}'")
        try:
            return pd.read_parquet(file)
        except _DAMAGED as error:
            raise UserError(f"{file} cannot be read: {error}") from error


Arms = Mapping[str, Mapping[int, Numbers]]


def measure(effect: Mapping[str, Any], variant: str, arms: Arms, seeds: Sequence[int]) -> Interval:
    """The interval of one effect of a claim (see ``config.claims``), in the effect's unit, its threshold subtracted.

    ``seeds`` are those that every arm has. Raises ``UserError`` when a run lacks a number, or two were tested on different
    images.
    """
    sides = [effect["measure"]]
    if effect["against"] is not None:
        given = {key: value for key, value in effect["against"].items() if value not in (None, {})}
        where = {**effect["measure"]["where"], **given.pop("where", {})}
        sides.append({**effect["measure"], **given, "where": where})
    found = [[arms[side["arm"] or variant][seed] for seed in seeds] for side in sides]
    how = {"images": _images, "sums": _sums, "summary": _summary, "seeds": _seeds}[effect["test"]]
    interval = how(effect, sides, found)
    if not all(math.isfinite(end) for end in (interval.estimate, interval.low, interval.high)):
        raise UserError(f"{effect['label']}: the number is not defined for these runs")
    return interval


def _images(effect: Mapping[str, Any], sides: Sequence[Any], found: Sequence[Sequence[Numbers]]) -> Interval:
    columns = [
        [_per_image(numbers, side) for numbers in runs] for side, runs in zip(sides, found, strict=True)
    ]
    index = columns[0][0].index
    if effect.get("beyond") is not None:
        first = [[_per_image(numbers, effect["beyond"]) for numbers in runs] for runs in found]
        if any(not column.index.equals(index) for side in first for column in side):
            raise UserError(f"{effect['label']}: the runs were tested on different images")
        columns = [
            [column - own for column, own in zip(side, others, strict=True)]
            for side, others in zip(columns, first, strict=True)
        ]
    if any(not column.index.equals(index) for side in columns for column in side):
        raise UserError(f"{effect['label']}: the runs were tested on different images")
    values = [effect["scale"] * np.stack([column.to_numpy(float) for column in side]) for side in columns]
    second = values[1] if len(values) > 1 else np.full_like(values[0], effect["threshold"])
    try:
        interval = paired_bootstrap(values[0], second)
        return _with_seeds(interval, np.nanmean(values[0] - second, axis=1))
    except ValueError as error:
        raise UserError(f"{effect['label']}: {error}") from error


def _with_seeds(interval: Interval, per_seed: NDArray[np.float64]) -> Interval:
    """A claim is about a method: networks that were not trained are part of the interval, few seeds or many."""
    return widened_by_seeds(interval, per_seed) if 2 <= len(per_seed) < FEW_SEEDS else interval


def _per_image(numbers: Numbers, side: Mapping[str, Any]) -> pd.Series:
    frame = numbers.table(side["table"])
    unit = next((name for name in _UNITS if name in frame), None)
    for name in (*side["where"], side["column"]):
        if name not in frame or unit is None:
            raise UserError(
                f"{numbers.path}: the table '{side['table']}' has no column '{name if unit else _UNITS[0]}'"
            )
    for name, value in side["where"].items():
        frame = frame[frame[name] == value]
    series = frame.set_index(unit)[side["column"]].sort_index()
    if not len(series) or series.index.has_duplicates:
        what = "several lines" if len(series) else "no line"
        raise UserError(f"{numbers.path}: '{side['table']}' where {side['where']} has {what} per image")
    return series


def _sums(effect: Mapping[str, Any], sides: Sequence[Any], found: Sequence[Sequence[Numbers]]) -> Interval:
    layouts = {RunDirectory.open(numbers.run).config["data"]["layout"] for runs in found for numbers in runs}
    if len(layouts) > 1 or not layouts <= set(_LABELS):
        raise UserError(f"{effect['label']}: no labels per pixel are known for {', '.join(sorted(layouts))}")
    known = scores_of_sums(_LABELS[layouts.pop()])
    counts: list[NDArray[np.float64]] = []
    for side, runs in zip(sides, found, strict=True):
        arrays = [_counts(numbers, known[side["column"]][0]) for numbers in runs]
        if any(array.shape != arrays[0].shape for array in arrays):
            raise UserError(f"{effect['label']}: the runs were tested on different images")
        counts.append(np.stack(arrays))
    if counts[0].shape != counts[1].shape:
        raise UserError(f"{effect['label']}: the runs were tested on different images")
    if not all(array.any() for array in counts):
        raise UserError(
            f"{effect['label']}: these pixels were not counted; evaluate with evaluation.boundaries=true"
        )
    score = known[sides[0]["column"]][1]
    try:
        interval = paired_bootstrap_of_sums(counts[0], counts[1], score)
        per_seed = score(counts[0].sum(1)) - score(counts[1].sum(1))
        return _moved(_with_seeds(interval, per_seed), effect["scale"], 0.0)
    except ValueError as error:
        raise UserError(f"{effect['label']}: {error}") from error


def _counts(numbers: Numbers, name: str) -> NDArray[np.float64]:
    file = numbers.path / "artifacts" / "counts.npz"
    if not file.is_file():
        raise UserError(f"{numbers.path} has no counts of pixels (artifacts/counts.npz)")
    try:
        with np.load(file) as held:
            found: NDArray[np.float64] = held[name].astype(np.float64)
    except _DAMAGED as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    return found


def _summary(effect: Mapping[str, Any], sides: Sequence[Any], found: Sequence[Sequence[Numbers]]) -> Interval:
    if len(found[0]) != 1:
        raise UserError(
            f"{effect['label']}: an interval of one study is read, but there are {len(found[0])} runs"
        )
    numbers, key = found[0][0], sides[0]["key"]
    estimate, low, high = (numbers.number(f"{key}{ending}") for ending in ("", "_low", "_high"))
    count = effect["count"]
    images = (
        numbers.number(count)
        if count in numbers.summary
        else float(numbers.table(count).get("images", pd.Series([0])).max())
    )
    drawn = (RunDirectory.open(numbers.run).config.get("evaluation") or {}).get("seeds")
    seeds = drawn if isinstance(drawn, int) else 1
    what = f"the study's bootstrap over pictures{' and seeds' if seeds >= FEW_SEEDS else ''}"
    interval = Interval(estimate, low, high, 0.95, int(images), seeds, what)
    return _moved(interval, effect["scale"], effect["threshold"])


def _seeds(effect: Mapping[str, Any], sides: Sequence[Any], found: Sequence[Sequence[Numbers]]) -> Interval:
    values = [
        np.array([numbers.number(side["key"]) for numbers in runs])
        for side, runs in zip(sides, found, strict=True)
    ]
    if effect["relative"] and not values[1].all():
        raise UserError(f"{effect['label']}: '{sides[1]['key']}' is 0, which nothing can be divided by")
    if effect["relative"]:
        difference = values[0] / values[1] - 1
    else:
        difference = values[0] - values[1] if len(values) > 1 else values[0]
    interval = interval_over_seeds(difference)
    split = str(sides[0]["key"]).partition("/")[0]
    images = min(int(numbers.summary.get(f"{split}/images") or 0) for runs in found for numbers in runs)
    interval = dataclasses.replace(interval, n_images=images)
    return _moved(interval, effect["scale"], effect["threshold"] or 0.0)


def _moved(interval: Interval, scale: float, threshold: float) -> Interval:
    ends = {name: scale * getattr(interval, name) - threshold for name in ("estimate", "low", "high")}
    return dataclasses.replace(interval, **ends)


def read_from(effect: Mapping[str, Any]) -> str:
    """In which file of a run, or of its evaluation, the numbers of an effect lie."""
    side, other = effect["measure"], effect["against"] or {}
    if effect["test"] == "images":
        where = "".join(f", {key}={value}" for key, value in side["where"].items())
        minus = ", ".join(f"{key}={value}" for key, value in (other.get("where") or {}).items())
        text = (
            f"artifacts/{side['table']}.parquet: {side['column']}{where}{' minus ' if minus else ''}{minus}"
        )
        beyond = effect.get("beyond")
        return f"{text} minus artifacts/{beyond['table']}.parquet: {beyond['column']}" if beyond else text
    if effect["test"] == "sums":
        return f"artifacts/counts.npz: {side['column']}"
    keys = f"{side['key']} with _low and _high" if effect["test"] == "summary" else side["key"]
    second = other.get("key")
    return f"summary of the record: {keys}{f' minus {second}' if second else ''}"


def is_embedded(data: Mapping[str, Any]) -> bool:
    """Whether a run's ``data`` were generated, or come with a library: no set that anyone else would test on.

    So are composites of photographs: the objects are real, where they stand and what surrounds them is not.
    """
    return data["layout"] in generated()
