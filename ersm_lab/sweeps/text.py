"""What a search says: its space and its trials before it runs, and the best trial after."""

from __future__ import annotations

import shlex

from ersm_lab.sweeps.search import Search
from ersm_lab.sweeps.space import Dimension


def space_lines(search: Search) -> list[str]:
    """For ``--dry-run``: the space, and what its study has."""
    lines = [f"{one.key}: {_range(one)}" for one in search.space]
    study = search.study
    trials = study.finished()
    lines += [f"finished {trial.value:.6g}  {' '.join(trial.overrides)}  {trial.run}" for trial in trials]
    place = "search" if study.database.is_file() else "the search would be"
    return [*lines, f"{len(trials)} finished, {study.missing()} missing; {place}: {study.database}"]


def best_lines(search: Search) -> list[str]:
    """What a search has found, and the command that runs it on the test split."""
    best = search.study.best()
    if best is None:
        return ["no trial finished"]
    words = [word for word in search.fixed if not word.startswith("evaluation.split=")]
    command = " ".join(shlex.quote(word) for word in [*words, *best.overrides])
    count = len(search.study.finished())
    which = "the only trial" if count == 1 else f"best of {count} trials"
    return [
        f"{which}: {search.goal.metric} {best.value:.6g}  {best.run}",
        f"  ersm-lab train {command}",
    ]


def _range(one: Dimension) -> str:
    if one.choices:
        return ", ".join(one.choices)
    kind = " logarithmic" if one.log else ""
    step = f" by {one.step:g}" if one.step else ""
    return f"{one.written(one.low)} to {one.written(one.high)}{kind}{step}"
