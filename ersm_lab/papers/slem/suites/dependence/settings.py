"""Settings of the suite ``slem_dependence``: the values of each factor."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.settings import setting
from ersm_lab.papers.slem.schema import TRAVERSALS
from ersm_lab.papers.slem.suites.settings import SlemPointStudyConfig

FACTORS = ("traversal", "seed", "window_size", "hidden")


@dataclass
class SlemDependenceConfig(SlemPointStudyConfig):
    """Maps under settings that could have been others; each list is compared in pairs, an empty one not at all."""

    traversal: list[str] = setting(list(TRAVERSALS), "orders in which pixels are visited", choices=TRAVERSALS)
    seed: list[int] = setting([0, 1, 2, 3, 4], "seeds of the learner", ge=0)
    window_size: list[int] = setting([3, 5, 7, 9], "sides of the window, odd", ge=3)
    hidden: list[int] = setting([4, 8, 16, 32, 64], "units of one hidden layer", ge=1)
