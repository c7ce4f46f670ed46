"""``conf/sweep/<name>.yaml``: an experiment, overrides of every cell, and a grid or the space of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ersm_lab.core.settings import Settings, setting


@dataclass
class SearchConfig(Settings):
    """A search by Optuna in place of a full grid. Trials are judged on validation and never read the test split."""

    metric: str = setting("val/accuracy", "a key of the run's summary")
    mode: str = setting("max", "which way is better", choices=("max", "min"))
    trials: int = setting(20, "finished trials that the search is to have", ge=1)
    sampler: str = setting("tpe", "how the next trial is chosen", choices=("tpe", "random"))
    startup: int = setting(8, "random trials before tpe begins", ge=1)
    seed: int = setting(0, "of the sampler", ge=0)


@dataclass
class SweepConfig(Settings):
    """A sweep preset."""

    title: str = setting("", "one line for people")
    experiment: str | None = setting(None, "of every cell, unless the command line names one")
    overrides: list[str] = setting([], "of every cell")
    grid: dict[str, Any] = setting(
        {}, "key: [values], or a string of Hydra's grammar: range(1,4), or interval(1e-4,1) for a search"
    )
    search: SearchConfig | None = setting(None, "null: every combination of the grid")

    @staticmethod
    def check(node: SweepConfig) -> str | None:
        return None if node.grid else "a sweep needs a grid"

    def words(self) -> list[str]:
        """The preset as words of the command line."""
        first = [f"experiment={self.experiment}"] if self.experiment else []
        return [*first, *self.overrides, *(f"{key}={_values(value)}" for key, value in self.grid.items())]


def _values(value: object) -> str:
    """A grid entry in Hydra's grammar: a list is a choice, anything else is taken as it is."""
    return ",".join(_written(item) for item in value) if isinstance(value, list) else _written(value)


def _written(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(_written(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_written(item)}' for key, item in value.items())}}}"
    return str(value)
