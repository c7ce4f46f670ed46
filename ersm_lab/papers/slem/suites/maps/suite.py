"""Learning Entropy maps of a set of pictures: per epoch as arrays and figures, the pipeline, and what activity follows.

The paper's question over a set: does a picture of more Shannon entropy make the learner move more? Cumulative adaptation
activity is the sum of |dw| over all weights and pixels of a sweep; as it grows with the number of pixels, its mean per pixel
stands beside it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ersm_lab.core.protocols import Summary
from ersm_lab.files.pixels import Pixels
from ersm_lab.papers.slem.outputs import write_map
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.suites.maps.figures import (
    epochs_figure,
    maps_figure,
    pipeline_figure,
    shannon_figure,
)
from ersm_lab.papers.slem.suites.settings import SlemEvaluationConfig
from ersm_lab.papers.slem.suites.subject import (
    Learnt,
    PictureSubject,
    PictureSuite,
    chosen,
    every_learnt_picture,
    stand_in_note,
)
from ersm_lab.runs.artifacts import ArtifactStore
from ersm_lab.statistics.correlation import rank_correlation


class MapsSuite(PictureSuite[SlemEvaluationConfig]):
    """Maps per epoch as arrays and figures, the pipeline, and activity against Shannon entropy."""

    def measure(self, subject: PictureSubject[SlemEvaluationConfig]) -> Summary:
        """Writes the tables ``pictures`` and ``epochs``, arrays ``maps_<picture>``, 16-bit PNGs ``map_<picture>_e<epoch>``, figures ``panels``, ``epochs``, ``pipeline``, ``shannon``.

        Returns ``<split>/<metric>``: ``pictures``; means over pictures of the last sweep's ``error`` (e^2) and ``entropy``; and
        Spearman's correlation of the first sweep's activity with Shannon entropy, ``shannon_activity`` (mean per pixel) and
        ``shannon_activity_total`` (sum), each with ``_low`` and ``_high`` of a 95 % bootstrap interval over pictures.
        """
        settings, store, split = subject.settings, subject.store, subject.split
        pictures = every_learnt_picture(subject)
        frame = pd.DataFrame([_row(picture) for picture in pictures])
        epochs = pd.DataFrame([row for picture in pictures for row in _epoch_rows(picture)])
        note = stand_in_note(pictures)
        what = f"One row per picture ({len(frame)}); shannon in bits, of 256 grey levels; activity of the first sweep."
        store.table("pictures", frame, "Pictures", f"{what} {note}".strip())
        kept = "`kept` is Spearman's correlation with the first map."
        store.table("epochs", epochs, "Maps over epochs", kept)
        for picture in chosen(pictures, settings.arrays):
            _arrays(store, picture)
            _pictures_of_maps(store, picture)
        _figures(store, settings, pictures, note)
        if len(frame) > 1:
            rho = "Each point a picture, first sweep; rho is Spearman's, with a 95 % bootstrap interval."
            title = "Adaptation activity against Shannon entropy"
            store.figure("shannon", shannon_figure(frame), title, f"{rho} {note}".strip())
        last = epochs.groupby("index").last()
        means = {f"{split}/{name}": float(last[name].mean()) for name in ("error", "entropy")}
        return {f"{split}/pictures": len(frame), **means, **_correlations(split, frame)}


def _correlations(split: str, frame: pd.DataFrame) -> Summary:
    """Of activity with Shannon entropy, mean per pixel and sum."""
    summary: Summary = {}
    for name, column in (("shannon_activity", "activity_mean"), ("shannon_activity_total", "activity_total")):
        found = rank_correlation(frame["shannon"], frame[column])
        if found is not None:
            label = f"{split}/{name}"
            summary |= {label: found.estimate, f"{label}_low": found.low, f"{label}_high": found.high}
    return summary


def _arrays(store: ArtifactStore, picture: Learnt) -> None:
    """``maps_<picture>``, the maps of every epoch."""
    half = picture.window_size // 2
    what = f"(epochs, h, w); the first pixel is row and column {half} of the picture."
    maps = {"entropy": picture.entropy, "activity": picture.activity, "error": picture.error}
    store.array(f"maps_{_file_name(picture)}", f"Maps of {picture.name}", what, **maps)


def _file_name(picture: Learnt) -> str:
    return picture.name.replace("/", "_")


def _pictures_of_maps(store: ArtifactStore, picture: Learnt) -> None:
    """``map_<picture>_e<epoch>``, 16-bit PNGs."""
    with tempfile.TemporaryDirectory() as folder:
        for epoch, entropy in enumerate(picture.entropy, 1):
            path = Path(folder) / "map.png"
            low, high = write_map(entropy, picture.window_size, path)
            title, what = (
                f"Map of {picture.name}, epoch {epoch}",
                f"16 bits: black is {low:g}, white {high:g}.",
            )
            store.file(f"map_{_file_name(picture)}_e{epoch}", path, title, what)


def shannon_entropy(grey: Pixels) -> float:
    """Shannon entropy, in bits, of the histogram of 256 grey levels of ``grey (H, W)`` in [0, 1]."""
    counts = np.bincount(np.rint(grey * 255).astype(int).ravel(), minlength=256)
    shares = counts[counts > 0] / grey.size
    return float(-(shares * np.log2(shares)).sum())


def _row(picture: Learnt) -> dict[str, object]:
    """Of the table ``pictures``."""
    rows, columns = picture.grey.shape
    first = picture.activity[0].astype(np.float64)
    named = {"index": picture.index, "name": picture.name, "rows": rows, "columns": columns}
    activity = {"activity_total": float(first.sum()), "activity_mean": float(first.mean())}
    return {**named, "shannon": shannon_entropy(picture.grey), **activity}


def _epoch_rows(picture: Learnt) -> list[dict[str, object]]:
    """Of the table ``epochs``."""
    rows: list[dict[str, object]] = []
    maps = zip(picture.entropy, picture.activity, picture.error, strict=True)
    for epoch, (entropy, activity, error) in enumerate(maps, 1):
        varied = np.ptp(entropy) > 0 and np.ptp(picture.entropy[0]) > 0
        kept = float(spearmanr(picture.entropy[0].ravel(), entropy.ravel())[0]) if varied else np.nan
        squared = float(np.square(error.astype(np.float64)).mean())
        means = {"error": squared, "entropy": float(entropy.mean()), "activity_mean": float(activity.mean())}
        rows.append({"index": picture.index, "name": picture.name, "epoch": epoch, **means, "kept": kept})
    return rows


def _figures(store: ArtifactStore, settings: SlemEvaluationConfig, pictures: list[Learnt], note: str) -> None:
    """``panels``, ``epochs`` and ``pipeline``, of as many pictures as the settings ask for."""
    points, shown = settings.points, chosen(pictures, settings.panels)
    if not shown:
        return
    found = [
        entropy_points(
            picture.map_of(min(points.epoch, len(picture.entropy))),
            picture.window_size,
            points.quantile,
            points.min_distance,
        )
        for picture in shown
    ]
    what = (
        f"The brightest colour is the map's 99.5 % quantile. Points: above {points.quantile:g} of their map."
    )
    panels = maps_figure(shown, found, points.epoch)
    store.figure("panels", panels, "Picture, map, points", f"{what} {note}".strip())
    scale = "One scale per picture, up to its first map's 99.5 % quantile. Above each: mean squared error of its sweep."
    store.figure("epochs", epochs_figure(shown), "Maps over epochs", scale)
    example = next((picture for picture in pictures if picture.name == "camera"), shown[len(shown) // 2])
    pipeline = pipeline_figure(example, points)
    store.figure("pipeline", pipeline, "From a picture to points", f"{example.name}, first sweep.")
