"""Finished runs for claims, found by what they are: a file that once named them may be older than the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ersm_lab.claims.request import Claim
from ersm_lab.config.compose import Experiment
from ersm_lab.config.composer import Composer
from ersm_lab.core.errors import UserError
from ersm_lab.plan.cells import Cell, by_hash
from ersm_lab.plan.planner import Planner
from ersm_lab.plan.states import FinishedRuns
from ersm_lab.tables.files import chosen_by_table
from ersm_lab.tables.plan import RowPlan
from ersm_lab.tables.schema import load_table


@dataclass
class Found:
    """Runs by arm and seed, and by arm in words what is not there."""

    runs: dict[str, dict[int, Path]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not any(self.missing.values())

    def add(self, arm: str, runs: Mapping[int, Path | None], where: str, why: str = "") -> None:
        """The runs of an arm by seed, None where there is none. ``where``: of what they are. ``why``: none is there."""
        self.runs[arm] = {seed: path for seed, path in runs.items() if path is not None}
        lost = ", ".join(str(seed) for seed, path in runs.items() if path is None)
        self.missing[arm] = [f"no run: {arm}, seed {lost}, of {where}{why}"] if lost else []


class Shelf:
    """The finished runs that claims can be judged from, looked at once.

    overrides: of paths and the like, added to whatever is asked for. ``outputs``: the folder of the run directories.
    """

    def __init__(self, overrides: Sequence[str]) -> None:
        self._overrides = list(overrides)
        self._planner, self._compose = Planner(), Composer()
        self._rows: dict[str, RowPlan] = {}
        self.outputs = Path(self._compose(self._overrides).config.paths.outputs)
        self._finished = FinishedRuns({self.outputs})

    def of_claim(self, claim: Claim) -> Found:
        """The runs of every arm that a claim names: the newest of what it composes to today, on the data and backbone of today.

        Where the data are not at hand, a run's own record says on which data and backbone it stands.
        """
        study = claim.study
        if study.table is not None:
            return self._of_table(claim, study.table)
        found = Found()
        for arm in claim.arms:
            runs = {seed: self._find(claim.words(arm), seed) for seed in study.seeds}
            found.add(arm, runs, str(study.experiment))
        return found

    def _of_table(self, claim: Claim, name: str) -> Found:
        table = load_table(name)
        chosen = chosen_by_table(name, self.outputs, table)
        untuned = {arm for arm in claim.arms if table.rows[arm].tune and arm not in chosen}
        runs: dict[str, dict[int, Path | None]] = {arm: dict.fromkeys(table.seeds) for arm in claim.arms}
        if self._finished:
            if name not in self._rows:
                self._rows[name] = RowPlan(table, self._overrides)
            tuned = {arm: chosen.get(arm, []) for arm in claim.arms if arm not in untuned}
            for wanted in self._rows[name].finals(tuned):
                runs[wanted.row][wanted.seed] = self._run(wanted.experiment, wanted.cell)
        found = Found()
        for arm in claim.arms:
            found.add(arm, runs[arm], f"table {name}", ": not tuned yet" if arm in untuned else "")
        return found

    def lacking(self, claims: Iterable[Claim]) -> list[Cell]:
        """The cells that claims on experiments lack, each once however many claims need it.

        What cannot start, its data not being at hand, is said and left out.
        """
        cells: list[Cell] = []
        for claim in (claim for claim in claims if claim.study.table is None):
            for words, seed in ((claim.words(arm), seed) for arm in claim.arms for seed in claim.study.seeds):
                if self._find(words, seed) is not None:
                    continue
                try:
                    cells.append(self._planner.plan(self._experiment(words, seed)))
                except UserError as error:
                    print(f"not run: {' '.join(words)} seed={seed}: {error}", flush=True)
        return list(by_hash(cells).values())

    def _experiment(self, words: Sequence[str], seed: int) -> Experiment:
        return self._compose([*words, *self._overrides, f"seed={seed}"])

    def _find(self, words: Sequence[str], seed: int) -> Path | None:
        if not self._finished:
            return None
        experiment = self._experiment(words, seed)
        try:
            cell = self._planner.plan(experiment)
        except UserError:
            cell = None  # its data are not at hand
        return self._run(experiment, cell)

    def _run(self, experiment: Experiment, cell: Cell | None) -> Path | None:
        return self._finished.as_recorded(experiment) if cell is None else self._finished.of(cell)
