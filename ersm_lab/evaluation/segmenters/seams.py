"""The seam test of one network, beside its control where that was evaluated too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ersm_lab.core.protocols import Summary
from ersm_lab.evaluation.segmenters.figures import seam_figure
from ersm_lab.evaluation.segmenters.measuring import SceneSubject
from ersm_lab.evaluation.segmenters.predictions import Predictions
from ersm_lab.metrics.seams import DISTANCES, SeamTest


def measure_seams(subject: SceneSubject, kept: Predictions, control: Predictions | None) -> Summary:
    """Writes the array, the table and the figure ``seams``, and returns what ``SeamTest`` computes.

    Nothing where pictures were not seen whole: windows have masks of their own.
    """
    split, test = subject.data.split(subject.split), SeamTest(per_sample=True)
    for place in range(len(split)):
        classes, masks = kept.load(place)
        if not masks:
            return {}
        target = torch.from_numpy(split.train_ids(place))[None]
        other = None if control is None else control.load(place)[0][None]
        test.update(classes[None], target, masks, other)
    counts = {name: values.numpy().astype(np.int32) for name, values in test.samples().items()}
    shape = "(pictures, distance bins, off and on, pixels and errors)"
    subject.store.array("seams", "Errors on and off seams", shape, **counts)
    frame = _by_distance(counts)
    what = "Errors by distance to the true border, on and off the masks' borders (1 pixel on either side)."
    subject.store.table("seams", frame, "Do the masks leave seams?", what)
    subject.store.figure("seams", seam_figure(frame), "Do the masks leave seams?", what)
    return {f"{subject.split}/{name}": float(value) for name, value in test.compute().items()}


def _by_distance(counts: Mapping[str, NDArray[np.int32]]) -> pd.DataFrame:
    """A row per network, distance and side of the seams, from counts ``(n, bins, 2, 2)`` by network."""
    names = [*(f"up to {limit} px" for limit in DISTANCES), f"beyond {DISTANCES[-1]} px"]
    rows = []
    for network, held in counts.items():
        total = held.sum(0, dtype=np.int64)
        for place, name in enumerate(names):
            for seam in (False, True):
                pixels, errors = total[place, int(seam)]
                rate = errors / pixels if pixels else np.nan
                row = {"network": network, "distance": name, "seam": seam}
                rows.append({**row, "pixels": int(pixels), "error_rate": rate})
    return pd.DataFrame(rows)
