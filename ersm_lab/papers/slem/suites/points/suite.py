"""Entropy points beside Harris, Shi-Tomasi and Canny, the learner's own error, and chance: equally many of each, per picture.

Where edges and corners are known (generated structures), precision, recall and the area under the ROC curve say who finds
them. A picture of noise has neither: what lies there under one threshold for all pictures is a false alarm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ersm_lab.core.protocols import Summary
from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.suites.means import mean_interval, means_by
from ersm_lab.papers.slem.suites.points.figures import scores_figure, sheet_figure
from ersm_lab.papers.slem.suites.points.sources import SOURCES, maps_of, points_of
from ersm_lab.papers.slem.suites.points.truth import MEASURES, against_truth, edge_auroc
from ersm_lab.papers.slem.suites.settings import SlemEvaluationConfig
from ersm_lab.papers.slem.suites.subject import (
    STAND_INS,
    Learnt,
    PictureSubject,
    PictureSuite,
    chosen,
    every_learnt_picture,
    stand_in_note,
)


class PointsSuite(PictureSuite[SlemEvaluationConfig]):
    """Entropy points beside as many of other sources, and who finds edges and corners where these are known."""

    def measure(self, subject: PictureSubject[SlemEvaluationConfig]) -> Summary:
        """Writes the tables ``points`` (picture, source, rank, row, column) and ``point_counts``, and the figure ``points``.

        With known structure also the tables ``point_scores`` (picture, source, measure, value), ``point_means`` (with 95 % intervals over
        pictures) and ``point_differences`` (entropy minus each other source, paired), and the figure ``point_scores``.
        Returns ``<split>/<metric>``: ``points`` per picture, and with known structure ``<source>_<measure>``, and ``<source>_noise_share``: of
        the pixels above one threshold for all pictures, the share that lies on pictures of pure noise.
        """
        settings, store = subject.settings, subject.store
        points, pictures = settings.points, every_learnt_picture(subject)
        shown = {picture.index for picture in _shown(pictures, settings.panels)}
        coordinates, scores, counts, drawn = [], [], [], []
        above = _Pool(points.quantile)
        for picture in pictures:
            maps, valid = maps_of(picture, points.epoch)
            found = points_of(maps, valid, picture, points)
            counts.append({"picture": picture.name, **{source: len(at) for source, at in found.items()}})
            coordinates += [_coordinates(picture, source, at) for source, at in found.items()]
            if picture.truth is not None:
                above.add(picture, maps, valid)
                for source, at in found.items():
                    scores += _scores(picture, source, at, maps[source], valid, points.radius)
            if picture.index in shown:
                drawn.append((picture, found))
        table = pd.concat(coordinates, ignore_index=True)
        store.table("points", table, "Points", "In the picture's pixels, strongest first.")
        many = "As many as entropy points, where there are."
        store.table("point_counts", pd.DataFrame(counts), "Numbers of points", many)
        if drawn:
            what = (
                f"As many points from every source as entropy points above {points.quantile:g} of their map,"
                f" no two within {points.min_distance} pixels. {stand_in_note(pictures)}"
            )
            sheet = sheet_figure(drawn, SOURCES[:-1])
            store.figure("points", sheet, "Points beside classical detectors", what.strip())
        mean = float(np.mean([row["entropy"] for row in counts]))
        judged = _judged(subject, points.radius, pd.DataFrame(scores), above) if scores else {}
        return {f"{subject.split}/points": mean, **judged}


def _coordinates(picture: Learnt, source: str, points: Pixels) -> pd.DataFrame:
    """Rows of the table ``points``."""
    of = {"picture": picture.name, "source": source, "rank": np.arange(1, len(points) + 1)}
    places = points.astype(np.int32)
    return pd.DataFrame({**of, "row": places[:, 0], "column": places[:, 1]})


def _scores(
    picture: Learnt, source: str, points: Pixels, score: Pixels, valid: Pixels, radius: float
) -> list[dict[str, object]]:
    """Rows of the table ``point_scores``."""
    assert picture.truth is not None
    edges, corners = picture.truth["edges"] & valid, picture.truth["corners"]
    at = np.rint(corners).astype(int)
    corners = corners[valid[at[:, 0], at[:, 1]]] if len(corners) else corners
    values = against_truth(points, edges, corners, radius)
    values["edge_auroc"] = edge_auroc(score, picture.truth["edges"], radius, valid)
    kind = picture.name.partition("/")[0]
    return [
        {"picture": picture.name, "kind": kind, "source": source, "measure": measure, "value": value}
        for measure, value in values.items()
    ]


class _Pool:
    """All values of each source, split by whether their picture is pure noise."""

    def __init__(self, quantile: float) -> None:
        self.quantile = quantile
        self.held: dict[str, tuple[list[Pixels], list[Pixels]]] = {name: ([], []) for name in SOURCES}

    def add(self, picture: Learnt, maps: dict[str, Pixels], valid: Pixels) -> None:
        assert picture.truth is not None
        for name, (structured, noise) in self.held.items():
            (structured if picture.truth["edges"].any() else noise).append(maps[name][valid])

    def noise_share(self, source: str) -> float | None:
        """Of the pixels above the pooled quantile, the share on noise; None without noise or without structure."""
        structured, noise = self.held[source]
        if not structured or not noise:
            return None
        signal, false = np.concatenate(structured), np.concatenate(noise)
        least = np.quantile(np.concatenate([signal, false]), self.quantile)
        alarms, hits = int((false > least).sum()), int((signal > least).sum())
        return alarms / (alarms + hits) if alarms + hits else None


def _judged(
    subject: PictureSubject[SlemEvaluationConfig], radius: float, frame: pd.DataFrame, above: _Pool
) -> Summary:
    """Writes means and differences of the scores, and their figure; the summary of them."""
    store, split = subject.store, subject.split
    near = f"Within {radius:g} pixels; pictures are the units of 95 % intervals. Harris is negative on straight edges by design."
    store.table("point_scores", frame, "Points against known structure", near)
    named = frame.rename(columns={"picture": "image"}).dropna(subset="value")
    means = means_by(named, ["source", "measure"], "value")
    store.table("point_means", means, "Means over pictures", near)
    differences = pd.DataFrame(_differences(frame))
    store.table("point_differences", differences, "Entropy minus the others, paired", near)
    store.figure("point_scores", scores_figure(means, SOURCES, MEASURES), "Who finds edges and corners", near)
    summary: Summary = {
        f"{split}/{row['source']}_{row['measure']}": float(row["estimate"])
        for row in means.to_dict("records")
    }
    for source in SOURCES:
        share = above.noise_share(source)
        if share is not None:
            summary[f"{split}/{source}_noise_share"] = share
    return summary


def _differences(scores: pd.DataFrame) -> list[dict[str, object]]:
    """Entropy minus each other source, paired by picture, of every measure that is defined anywhere."""
    wide = scores.pivot(index="picture", columns=["measure", "source"], values="value")
    rows: list[dict[str, object]] = []
    for measure in dict.fromkeys(scores["measure"]):
        values = wide[measure]
        for other in SOURCES[1:] if values.notna().any(axis=None) else ():
            found = mean_interval(values["entropy"], values[other])
            rows.append({"source": "entropy", "minus": other, "measure": measure, **found})
    return rows


def _shown(pictures: list[Learnt], count: int) -> list[Learnt]:
    """One of each kind of structure; the photographs that stand in for industrial ones; else evenly spread."""
    kinds: dict[str, Learnt] = {}
    for picture in pictures:
        if picture.truth is not None:
            kinds.setdefault(picture.name.partition("/")[0], picture)
    industrial = [picture for picture in pictures if picture.name in STAND_INS]
    first = list(kinds.values()) or industrial
    rest = [picture for picture in pictures if picture not in first] if not kinds else []
    return (first + chosen(rest, max(0, count - len(first))))[:count]
