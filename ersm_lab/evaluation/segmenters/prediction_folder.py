"""Scores of predictions that lie in a folder as label pictures, whoever made them, under the official evaluator's rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ersm_lab.core.errors import UserError
from ersm_lab.data.scenes import SceneSplit, read_labels
from ersm_lab.metrics.cityscapes_scores import CityscapesScores
from ersm_lab.metrics.street_scores import class_table


def find_predictions(folder: Path, split: SceneSplit) -> list[Path]:
    """The file of each picture: the PNG, at any depth, whose name begins with the picture's.

    Raises ``UserError``: no folder, pictures without a prediction, pictures with two.
    """
    if not folder.is_dir():
        raise UserError(
            f"no folder {folder}: predictions=DIR names one with a label picture (PNG) for each picture"
        )
    files = sorted(folder.rglob("*.png"))
    # pictures' names are no prefixes of one another in a data set, but 0001 is one of 00011: what follows must end the name
    found: dict[str, list[Path]] = {name: [] for name in split.names}
    for path in files:
        stem = path.stem
        while stem and stem not in found:
            stem = stem.rpartition("_")[0]
        if stem:
            found[stem].append(path)
    if missing := [name for name, paths in found.items() if not paths]:
        more = f" (and {len(missing) - 1} more pictures)" if len(missing) > 1 else ""
        raise UserError(f"{folder} has no prediction {missing[0]}*.png{more}; {len(files)} files are there")
    if double := next((paths for paths in found.values() if len(paths) > 1), None):
        raise UserError(
            f"{folder} has two predictions for one picture: {double[0].name} and {double[1].name}; keep one"
        )
    return [paths[0] for paths in found.values()]


def score_folder(
    folder: Path, split: SceneSplit, boundaries: bool = True
) -> tuple[dict[str, float], pd.DataFrame]:
    """Means by name, and one row per class, of labelId pictures in ``folder`` against the labels of ``split``.

    Raises ``UserError`` as ``find_predictions`` does, for pictures of another size than their labels, and for labels outside the table;
    trainIds in place of labelIds are recognised and named.
    """
    if split.labels is None:
        raise UserError(
            "this split has no published labels; predictions=DIR needs one that has, such as evaluation.split=val"
        )
    scores = CityscapesScores(split.table, boundaries=boundaries)
    for place, path in enumerate(find_predictions(folder, split)):
        predicted, truth = read_labels(path), split.label_ids(place)
        split.table.train_ids(truth, str(split.labels[place]))
        split.table.train_ids(predicted, str(path))
        if predicted.shape != truth.shape:
            raise UserError(
                f"{path} has {predicted.shape[1]}x{predicted.shape[0]} pixels, but its labels {truth.shape[1]}x{truth.shape[0]}"
            )
        instances = split.instance_ids(place)
        held = None if instances is None else _batch(instances)
        scores.update(_batch(predicted), _batch(truth), held, [str(path)])
    found = scores.compute()
    means = {key: float(value) for key, value in found.items() if "/" not in key}
    return means, pd.DataFrame(class_table(found, split.table))


def _batch(picture: NDArray[np.integer]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture))[None]
