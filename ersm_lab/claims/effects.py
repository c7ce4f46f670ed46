"""The interval of one effect of a claim, by each of the four tests, and where its numbers are read.

``images``: paired bootstrap over images. ``sums``: the same for scores of a whole set, of counts that are summed over images.
``summary``: the interval that a study reports of itself. ``seeds``: Student's t over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.schema import EffectConfig, MeasureConfig
from ersm_lab.claims.sums import scores_of
from ersm_lab.core.errors import UserError
from ersm_lab.statistics.intervals import (
    FEW_SEEDS,
    Interval,
    interval_over_seeds,
    paired_bootstrap,
    paired_bootstrap_of_sums,
    widened_by_seeds,
)

Arms = Mapping[str, Mapping[int, Numbers]]  # by arm and seed
Runs = Sequence[Sequence[Numbers]]  # by side of the effect, then by seed


def measure(effect: EffectConfig, variant: str, arms: Arms, seeds: Sequence[int]) -> Interval:
    """The interval of one effect, in the effect's unit, its threshold subtracted.

    ``seeds``: those that every arm has. Raises ``UserError`` when a run lacks a number, or two were tested on different images.
    """
    found = [[arms[side.arm or variant][seed] for seed in seeds] for side in effect.sides]
    try:
        interval = _TESTS[effect.test](effect, found)
    except ValueError as error:
        raise UserError(f"{effect.label}: {error}") from error
    if not all(math.isfinite(end) for end in (interval.estimate, interval.low, interval.high)):
        raise UserError(f"{effect.label}: the number is not defined for these runs")
    return interval


def _of_images(effect: EffectConfig, found: Runs) -> Interval:
    columns = [
        [_per_image(run, side) for run in runs] for side, runs in zip(effect.sides, found, strict=True)
    ]
    index = columns[0][0].index
    _check_images(effect, columns, index)
    if effect.beyond is not None:
        first = [[_per_image(run, effect.beyond) for run in runs] for runs in found]
        _check_images(effect, first, index)
        columns = [
            [column - own for column, own in zip(*pair, strict=True)]
            for pair in zip(columns, first, strict=True)
        ]
    values = [effect.scale * np.stack([column.to_numpy(float) for column in side]) for side in columns]
    second = values[1] if len(values) > 1 else np.full_like(values[0], effect.threshold)
    return widened_by_seeds(paired_bootstrap(values[0], second), np.nanmean(values[0] - second, axis=1))


def _per_image(run: Numbers, side: MeasureConfig) -> pd.Series:
    return run.per_image(str(side.table), str(side.column), side.where)


def _check_images(effect: EffectConfig, columns: Sequence[Sequence[pd.Series]], index: pd.Index) -> None:
    if any(not column.index.equals(index) for side in columns for column in side):
        raise UserError(f"{effect.label}: the runs were tested on different images")


def _of_sums(effect: EffectConfig, found: Runs) -> Interval:
    kinds = {(run.measured.suite, run.data.layout) for runs in found for run in runs}
    if len(kinds) > 1:
        said = " and ".join(f"{suite} on {layout}" for suite, layout in sorted(kinds))
        raise UserError(f"{effect.label}: the runs are of different suites or data: {said}")
    ((suite, layout),) = kinds
    known, sides = scores_of(suite, layout), effect.sides
    if not known:
        raise UserError(f"{effect.label}: the suite {suite} gives no score of sums on {layout}")
    if missing := [str(side.column) for side in sides if side.column not in known]:
        raise UserError(f"{effect.label}: {layout} has no score '{missing[0]}', but {', '.join(known)}")
    arrays = [
        [run.counts(known[str(side.column)][0]) for run in runs]
        for side, runs in zip(sides, found, strict=True)
    ]
    if len({array.shape for side in arrays for array in side}) > 1:
        raise UserError(f"{effect.label}: the runs were tested on different images")
    first, second = (np.stack(side) for side in arrays)
    if not (first.any() and second.any()):
        switched = "evaluate with the setting of the suite that counts them"
        raise UserError(f"{effect.label}: a run counted nothing for '{sides[0].column}'; {switched}")
    score = known[str(sides[0].column)][1]
    interval = paired_bootstrap_of_sums(first, second, score)
    return _moved(widened_by_seeds(interval, score(first.sum(1)) - score(second.sum(1))), effect.scale, 0.0)


def _of_summary(effect: EffectConfig, found: Runs) -> Interval:
    if len(found[0]) != 1:
        raise UserError(
            f"{effect.label}: an interval of one study is read, but there are {len(found[0])} runs"
        )
    run, key, count = found[0][0], effect.measure.key, str(effect.count)
    estimate, low, high = (run.number(f"{key}{ending}") for ending in ("", "_low", "_high"))
    if count in run.record.summary:
        images = run.number(count)
    else:
        images = float(run.table(count).get("images", pd.Series([0])).max())
    seeds = run.study_seeds
    what = f"the study's bootstrap over pictures{' and seeds' if seeds >= FEW_SEEDS else ''}"
    interval = Interval(estimate, low, high, 0.95, int(images), seeds, what)
    return _moved(interval, effect.scale, effect.threshold or 0.0)


def _of_seeds(effect: EffectConfig, found: Runs) -> Interval:
    sides = effect.sides
    values = [
        np.array([run.number(str(side.key)) for run in runs]) for side, runs in zip(sides, found, strict=True)
    ]
    if effect.relative and not values[1].all():
        raise UserError(f"{effect.label}: '{sides[1].key}' is 0, which nothing can be divided by")
    if effect.relative:
        difference = values[0] / values[1] - 1
    else:
        difference = values[0] - values[1] if len(values) > 1 else values[0]
    split = str(sides[0].key).partition("/")[0]
    images = min(int(run.record.number(f"{split}/images") or 0) for runs in found for run in runs)
    interval = replace(interval_over_seeds(difference), n_images=images)
    return _moved(interval, effect.scale, effect.threshold or 0.0)


def _moved(interval: Interval, scale: float, threshold: float) -> Interval:
    return replace(
        interval,
        estimate=scale * interval.estimate - threshold,
        low=scale * interval.low - threshold,
        high=scale * interval.high - threshold,
    )


_TESTS: dict[str, Callable[[EffectConfig, Runs], Interval]] = {
    "images": _of_images,
    "sums": _of_sums,
    "summary": _of_summary,
    "seeds": _of_seeds,
}


def read_from(effect: EffectConfig) -> str:
    """In which file of a run, or of its evaluation, the numbers of an effect lie."""
    side, other = effect.measure, effect.against or MeasureConfig()
    if effect.test == "images":
        where = "".join(f", {key}={value}" for key, value in side.where.items())
        minus = ", ".join(f"{key}={value}" for key, value in other.where.items())
        text = f"artifacts/{side.table}.parquet: {side.column}{where}{' minus ' if minus else ''}{minus}"
        beyond = effect.beyond
        return f"{text} minus artifacts/{beyond.table}.parquet: {beyond.column}" if beyond else text
    if effect.test == "sums":
        return f"artifacts/counts.npz: {side.column}"
    keys = f"{side.key} with _low and _high" if effect.test == "summary" else side.key
    return f"summary of the record: {keys}{f' minus {other.key}' if other.key else ''}"
