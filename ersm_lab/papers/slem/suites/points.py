"""Entropy points beside Harris, Shi-Tomasi and Canny, the learner's own error, and chance: equally many of each, per picture.

Where edges and corners are known (generated structures), precision, recall and the area under the ROC curve say who finds
them. A picture of noise has neither: what lies there under one threshold for all pictures is a false alarm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ersm_lab.core.errors import UserError
from ersm_lab.data.pictures import Pixels
from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.suites.figures import scores_figure, sheet_figure
from ersm_lab.papers.slem.suites.interest import chance_map, detector_map, top_points
from ersm_lab.papers.slem.suites.means import mean_interval, means_by
from ersm_lab.papers.slem.suites.subject import STAND_INS, Learnt, chosen, learnt_pictures, stand_in_note
from ersm_lab.papers.slem.suites.truth import MEASURES, against_truth, edge_auroc

CLASSICAL = ("harris", "shi_tomasi", "canny")
SOURCES = ("entropy", "error", *CLASSICAL, "random")


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes the tables ``points`` (picture, source, rank, row, column) and ``point_counts``, and the figure ``points``.

    With known structure also the tables ``point_scores`` (picture, source, measure, value), ``point_means`` (with 95 % intervals over
    pictures) and ``point_differences`` (entropy minus each other source, paired), and the figure ``point_scores``.
    Returns ``<split>/<metric>``: ``points`` per picture, and with known structure ``<source>_<measure>``, and ``<source>_noise_share``: of
    the pixels above one threshold for all pictures, the share that lies on pictures of pure noise.
    """
    settings = subject.settings["points"]
    coordinates, scores, counts, drawn = [], [], [], []
    above = _Pool(settings["quantile"])
    pictures = list(learnt_pictures(subject))
    if not pictures:
        raise UserError("no picture was learnt: the training ended before its first step")
    shown = {picture.index for picture in _shown(pictures, subject.settings["panels"])}
    for picture in pictures:
        maps, valid = maps_of(picture, settings["epoch"])
        found = points_of(maps, valid, picture, settings)
        counts.append({"picture": picture.name, **{source: len(points) for source, points in found.items()}})
        for source, points in found.items():
            coordinates.append(
                pd.DataFrame(points, columns=["row", "column"], dtype=np.int32)
                .assign(picture=picture.name, source=source, rank=np.arange(1, len(points) + 1))
            )  # fmt: skip
            if picture.truth is not None:
                scores += _scores(picture, source, points, maps[source], valid, settings["radius"])
        if picture.truth is not None:
            above.add(picture, maps, valid)
        if picture.index in shown:
            drawn.append((picture, found))
    store, note = subject.store, stand_in_note(pictures)
    columns = ["picture", "source", "rank", "row", "column"]
    store.table("points", pd.concat(coordinates)[columns], "Points", "In the picture's pixels, strongest first.")  # fmt: skip
    store.table("point_counts", pd.DataFrame(counts), "Numbers of points", "As many as entropy points, where there are.")  # fmt: skip
    if drawn:
        what = f"As many points from every source as entropy points above {settings['quantile']:g} of their map, no two within {settings['min_distance']} pixels."
        store.figure("points", sheet_figure(drawn, SOURCES[:-1]), "Points beside classical detectors", f"{what} {note}".strip())  # fmt: skip
    summary: dict[str, Any] = {f"{subject.split}/points": float(np.mean([row["entropy"] for row in counts]))}
    if scores:
        summary |= _judged(subject, pd.DataFrame(scores), above)
    return summary


def maps_of(picture: Learnt, epoch: int) -> tuple[dict[str, Pixels], Pixels]:
    """The map of each source ``(H, W)``, high where it finds something, and where points may lie ``(H, W)`` bool.

    Those are the centres of windows whose Learning Entropy is defined (its statistics were full, which raster orders leave
    open in the first rows): the same for every source.
    """
    half, (h, w) = picture.window_size // 2, picture.entropy.shape[1:]
    inner = (slice(half, half + h), slice(half, half + w))
    valid = np.zeros(picture.grey.shape, bool)
    valid[inner] = True
    maps = {name: np.zeros(picture.grey.shape) for name in ("entropy", "error")}
    maps["entropy"][inner] = picture.map_of(epoch)
    maps["error"][inner] = np.abs(picture.error[epoch - 1])
    for name in CLASSICAL:
        maps[name] = detector_map(name, picture.grey, picture.window_size)
    maps["random"] = chance_map(picture.grey, np.random.default_rng(picture.index))
    return maps, valid


def points_of(
    maps: dict[str, Pixels], valid: Pixels, picture: Learnt, settings: dict[str, Any]
) -> dict[str, Pixels]:
    """``(P, 2)`` points of each source: entropy points, and as many of the others at the same least distance."""
    distance = settings["min_distance"]
    entropy = entropy_points(
        picture.map_of(settings["epoch"]), picture.window_size, settings["quantile"], distance
    )
    others = {
        name: top_points(maps[name], len(entropy), valid, distance).astype(np.int64) for name in SOURCES[1:]
    }
    return {"entropy": entropy, **others}


def _scores(
    picture: Learnt, source: str, points: Pixels, score: Pixels, valid: Pixels, radius: float
) -> list[dict[str, Any]]:
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


def _judged(subject: Subject, frame: pd.DataFrame, above: _Pool) -> dict[str, Any]:
    store, radius = subject.store, subject.settings["points"]["radius"]
    near = f"Within {radius:g} pixels; pictures are the units of 95 % intervals. Harris is negative on straight edges by design."
    store.table("point_scores", frame, "Points against known structure", near)
    means = means_by(
        frame.rename(columns={"picture": "image"}).dropna(subset="value"), ["source", "measure"], "value"
    )
    store.table("point_means", means, "Means over pictures", near)
    wide = frame.pivot(index="picture", columns=["measure", "source"], values="value")
    differences = [
        {"source": "entropy", "minus": other, "measure": measure, **mean_interval(wide[measure]["entropy"], wide[measure][other])}
        for measure in dict.fromkeys(frame["measure"])
        for other in SOURCES[1:]
        if wide[measure].notna().any(axis=None)
    ]  # fmt: skip
    store.table("point_differences", pd.DataFrame(differences), "Entropy minus the others, paired", near)
    store.figure("point_scores", scores_figure(means, SOURCES, MEASURES), "Who finds edges and corners", near)
    summary = {
        f"{subject.split}/{row['source']}_{row['measure']}": float(row["estimate"])
        for row in means.to_dict("records")
    }
    for source in SOURCES:
        share = above.noise_share(source)
        if share is not None:
            summary[f"{subject.split}/{source}_noise_share"] = share
    return summary


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
