"""How figures of SLEM's studies look: a name, a colour and a marker for each arm, and means with 95 % intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ersm_lab.papers.slem.checks import Array
from ersm_lab.vision.figures import PALETTE

GREY = "#888888"


class Look(NamedTuple):
    """Of one arm or map, in every figure."""

    name: str
    colour: str = GREY
    marker: str = "o"


LOOKS = {
    "entropy": Look("Learning Entropy", PALETTE[1], "o"),
    "error": Look("|error|", PALETTE[0], "s"),
    "harris": Look("Harris", PALETTE[2], "^"),
    "shi_tomasi": Look("Shi-Tomasi", PALETTE[3], "v"),
    "canny": Look("Canny", PALETTE[4], "D"),
    "gradient": Look("gradient", PALETTE[5], "P"),
    "variance": Look("local variance"),
    "shannon": Look("local Shannon entropy"),
    "random": Look("random", GREY, "x"),
    "all": Look("all pixels", "#000000", "*"),
    "top_entropy": Look("top Learning Entropy", PALETTE[1], "o"),
    "top_error": Look("top |error|", PALETTE[0], "s"),
    "bottom_entropy": Look("bottom Learning Entropy", PALETTE[4], "^"),
    "bottom_error": Look("bottom |error|", PALETTE[5], "v"),
}


def draw_line(axis: Axes, rows: pd.DataFrame, x: str, arm: str) -> None:
    """Means over ``x`` as a line, their intervals as a band."""
    (name, colour, marker), dashes = LOOKS[arm], ":" if arm == "random" else "-"
    values, middle = rows[x], rows["estimate"]
    axis.plot(values, middle, color=colour, marker=marker, ms=3, lw=1.1, label=name, ls=dashes)
    axis.fill_between(values, rows["low"], rows["high"], color=colour, alpha=0.13, lw=0)


def draw_dots(axis: Axes, places: Array, rows: pd.DataFrame, label: str, colour: str) -> None:
    """A mean per row of the axis with its interval; rows without one stay empty."""
    middle = rows["estimate"].to_numpy(float)
    reach = np.stack([middle - rows["low"].to_numpy(float), rows["high"].to_numpy(float) - middle])
    axis.errorbar(middle, places, xerr=np.nan_to_num(reach), fmt="o", ms=3, lw=1, color=colour, label=label)


def name_rows(axis: Axes, names: list[str]) -> None:
    """A name per row of the axis, the first on top."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)


def draw_legend(figure: Figure, axis: Axes, columns: int) -> None:
    """The legend of ``axis``, below the figure."""
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns, frameon=False)
