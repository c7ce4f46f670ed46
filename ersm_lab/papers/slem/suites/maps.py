"""Learning Entropy maps of a set of pictures: per epoch as arrays and figures, the pipeline, and what activity follows.

The paper's question over a set: does a picture of more Shannon entropy make the learner move more? Cumulative adaptation
activity is the sum of |dw| over all weights and pixels of a sweep; as it grows with the number of pixels, its mean per pixel
stands beside it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ersm_lab.core.errors import UserError
from ersm_lab.data.pictures import Pixels
from ersm_lab.evaluation.subject import Subject, each
from ersm_lab.papers.slem.outputs import write_map
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.suites.figures import epochs_figure, maps_figure, pipeline_figure, shannon_figure
from ersm_lab.papers.slem.suites.subject import Learnt, chosen, learnt_pictures, stand_in_note
from ersm_lab.statistics.correlation import rank_correlation


@each
def evaluate(subject: Subject) -> dict[str, Any]:
    """Writes the tables ``pictures`` and ``epochs``, arrays ``maps_<picture>``, 16-bit PNGs ``map_<picture>_e<epoch>``, figures ``panels``, ``epochs``, ``pipeline``, ``shannon``.

    Returns ``<split>/<metric>``: ``pictures``; means over pictures of the last sweep's ``error`` (e^2) and ``entropy``; and
    Spearman's correlation of the first sweep's activity with Shannon entropy, ``shannon_activity`` (mean per pixel) and
    ``shannon_activity_total`` (sum), each with ``_low`` and ``_high`` of a 95 % bootstrap interval over pictures.
    """
    pictures = list(learnt_pictures(subject))
    if not pictures:
        raise UserError("no picture was learnt: the training ended before its first step")
    frame = pd.DataFrame([_row(picture) for picture in pictures])
    epochs = pd.DataFrame([row for picture in pictures for row in _epoch_rows(picture)])
    store, split, note = subject.store, subject.split, stand_in_note(pictures)
    what = f"One row per picture ({len(frame)}); shannon in bits, of 256 grey levels; activity of the first sweep."
    store.table("pictures", frame, "Pictures", f"{what} {note}".strip())
    store.table("epochs", epochs, "Maps over epochs", "`kept` is Spearman's correlation with the first map.")
    for picture in chosen(pictures, subject.settings["arrays"]):
        store.array(
            f"maps_{picture.name.replace('/', '_')}", f"Maps of {picture.name}",
            f"(epochs, h, w); the first pixel is row and column {picture.window_size // 2} of the picture.",
            entropy=picture.entropy, activity=picture.activity, error=picture.error,
        )  # fmt: skip
        _pictures_of_maps(store, picture)
    _figures(subject, pictures, frame, note)
    last = epochs.groupby("index").last()
    summary: dict[str, Any] = {f"{split}/pictures": len(frame)}
    summary |= {f"{split}/{name}": float(last[name].mean()) for name in ("error", "entropy")}
    for name, column in (("shannon_activity", "activity_mean"), ("shannon_activity_total", "activity_total")):
        found = rank_correlation(frame["shannon"], frame[column])
        if found is not None:
            summary |= {
                f"{split}/{name}": found.estimate, f"{split}/{name}_low": found.low, f"{split}/{name}_high": found.high
            }  # fmt: skip
    return summary


def _pictures_of_maps(store: Any, picture: Learnt) -> None:
    """``map_<picture>_e<epoch>``, 16-bit PNGs."""
    with tempfile.TemporaryDirectory() as folder:
        for epoch, entropy in enumerate(picture.entropy, 1):
            path = Path(folder) / "map.png"
            low, high = write_map(entropy, picture.window_size, path)
            store.file(
                f"map_{picture.name.replace('/', '_')}_e{epoch}", path, f"Map of {picture.name}, epoch {epoch}",
                f"16 bits: black is {low:g}, white {high:g}.",
            )  # fmt: skip


def shannon_entropy(grey: Pixels) -> float:
    """Shannon entropy, in bits, of the histogram of 256 grey levels of ``grey (H, W)`` in [0, 1]."""
    counts = np.bincount(np.rint(grey * 255).astype(int).ravel(), minlength=256)
    shares = counts[counts > 0] / grey.size
    return float(-(shares * np.log2(shares)).sum())


def _row(picture: Learnt) -> dict[str, Any]:
    rows, columns = picture.grey.shape
    first = picture.activity[0].astype(np.float64)
    return {
        "index": picture.index, "name": picture.name, "rows": rows, "columns": columns,
        "shannon": shannon_entropy(picture.grey), "activity_total": float(first.sum()), "activity_mean": float(first.mean()),
    }  # fmt: skip


def _epoch_rows(picture: Learnt) -> list[dict[str, Any]]:
    rows = []
    for epoch, (entropy, activity, error) in enumerate(
        zip(picture.entropy, picture.activity, picture.error, strict=True), 1
    ):
        varied = np.ptp(entropy) > 0 and np.ptp(picture.entropy[0]) > 0
        kept = float(spearmanr(picture.entropy[0].ravel(), entropy.ravel())[0]) if varied else np.nan
        rows.append({
            "index": picture.index, "name": picture.name, "epoch": epoch,
            "error": float(np.square(error.astype(np.float64)).mean()), "entropy": float(entropy.mean()),
            "activity_mean": float(activity.mean()), "kept": kept,
        })  # fmt: skip
    return rows


def _figures(subject: Subject, pictures: list[Learnt], frame: pd.DataFrame, note: str) -> None:
    store, settings = subject.store, subject.settings
    points = settings["points"]
    shown = chosen(pictures, settings["panels"])
    if shown:
        found = [
            entropy_points(
                picture.map_of(min(points["epoch"], len(picture.entropy))),
                picture.window_size,
                points["quantile"],
                points["min_distance"],
            )
            for picture in shown
        ]
        what = f"The brightest colour is the map's 99.5 % quantile. Points: above {points['quantile']:g} of their map."
        store.figure(
            "panels",
            maps_figure(shown, found, points["epoch"]),
            "Picture, map, points",
            f"{what} {note}".strip(),
        )
        store.figure(
            "epochs", epochs_figure(shown), "Maps over epochs",
            "One scale per picture, up to its first map's 99.5 % quantile. Above each: mean squared error of its sweep.",
        )  # fmt: skip
        example = next((picture for picture in pictures if picture.name == "camera"), shown[len(shown) // 2])
        store.figure(
            "pipeline",
            pipeline_figure(example, points),
            "From a picture to points",
            f"{example.name}, first sweep.",
        )
    if len(frame) > 1:
        store.figure(
            "shannon", shannon_figure(frame), "Adaptation activity against Shannon entropy",
            f"Each point a picture, first sweep; rho is Spearman's, with a 95 % bootstrap interval. {note}".strip(),
        )  # fmt: skip
