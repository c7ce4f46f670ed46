"""Do points lie on the edges and corners of a picture whose structure is known?"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.stats import rankdata

from ersm_lab.papers.slem.checks import Array
from ersm_lab.papers.slem.suites.interest import found_again

MEASURES = ("edge_precision", "edge_recall", "corner_precision", "corner_recall")


def against_truth(points: Array, edges: Array, corners: Array, radius: float) -> dict[str, float]:
    """Precision and recall of ``points (P, 2)``, each in [0, 1], high is good; NaN where there is nothing to divide by.

    edges (H, W) bool, corners (C, 2): what is there. radius: pixels, Euclidean, within which a point finds it. Precision is the share
    of points near an edge (corner), recall the share of edge pixels (corners) near a point. Without any edge (corner)
    there is no precision either.

    >>> edges = np.zeros((5, 5), bool)
    >>> edges[2] = True
    >>> against_truth(np.array([[2.0, 0.0], [0.0, 4.0]]), edges, np.zeros((0, 2)), 1)["edge_precision"]
    0.5
    """
    found = {}
    for name, there in (("edge", np.argwhere(edges).astype(float)), ("corner", np.asarray(corners, float))):
        found[f"{name}_precision"] = found_again(points, there, radius) if len(there) else float("nan")
        found[f"{name}_recall"] = found_again(there, points, radius)
    return found


def edge_auroc(score: Array, edges: Array, radius: float, valid: Array) -> float:
    """Probability that ``score (H, W)`` is higher on an edge than farther than ``radius`` from any, ties half; in [0, 1].

    valid (H, W) bool: pixels that count. 0.5 is chance; NaN where one of both kinds is missing.
    """
    on = edges & valid
    off = (distance_transform_edt(~edges) > radius) & valid if edges.any() else np.zeros_like(valid)
    positives, negatives = int(on.sum()), int(off.sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(np.concatenate([score[on], score[off]]))
    return float((ranks[:positives].sum() - positives * (positives + 1) / 2) / (positives * negatives))
