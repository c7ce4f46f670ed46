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
from ersm_lab.runs.hashing import config_hash
from ersm_lab.runs.index import find_runs
from ersm_lab.runs.record import RunRecord
from ersm_lab.tables.files import chosen_by_table
from ersm_lab.tables.schema import load_table


@dataclass
class Found:
    """Runs by arm and seed, and by arm in words what is not there."""

    runs: dict[str, dict[int, Path]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not any(self.missing.values())


class Shelf:
    """The finished runs below ``outputs``, looked at once.

    overrides: of paths and the like, added to whatever is asked for.
    """

    def __init__(self, outputs: Path, overrides: Sequence[str]) -> None:
        self.outputs = outputs
        self._overrides = list(overrides)
        self._planner, self._compose = Planner(), Composer()
        self._held: dict[tuple[str, str, int], list[tuple[Path, RunRecord]]] = {}
        for run in find_runs(outputs):
            record = run.record
            if record.status == "finished" and record.seed is not None:
                key = (record.paper, record.experiment, record.seed)
                self._held.setdefault(key, []).append((run.path, record))

    def find(self, words: Sequence[str], seed: int) -> Path | None:
        """The newest finished run of what ``words`` compose to today with ``seed``, on the data and the backbone of today.

        Where the data are not at hand, a run's own record says on which data and backbone it stands.
        """
        if not self._held:
            return None
        experiment = self._experiment(words, seed)
        runs = self._held.get((experiment.paper, experiment.name, seed), [])
        today = self._hash_of_today(experiment) if runs else None
        for path, record in runs:
            wanted = today or config_hash(experiment.config, record.data_fingerprint, record.upstream)
            if record.config_hash == wanted:
                return path
        return None

    def of_claim(self, claim: Claim) -> Found:
        """The runs of every arm that a claim names."""
        study = claim.study
        if study.table is None:
            words = {arm: claim.words(arm) for arm in claim.arms}
            return self._arms(words, study.seeds, str(study.experiment), set())
        table = load_table(study.table)
        chosen = chosen_by_table(study.table, self.outputs, table)
        untuned = {arm for arm in claim.arms if table.rows[arm].tune and arm not in chosen}
        words = {arm: [*table.words(arm), *chosen.get(arm, [])] for arm in claim.arms}
        return self._arms(words, table.seeds, f"table {study.table}", untuned)

    def lacking(self, claims: Iterable[Claim]) -> list[Cell]:
        """The cells that claims on experiments lack, each once however many claims need it.

        What cannot start, its data not being at hand, is said and left out.
        """
        cells: list[Cell] = []
        for claim in (claim for claim in claims if claim.study.table is None):
            for words, seed in ((claim.words(arm), seed) for arm in claim.arms for seed in claim.study.seeds):
                if self.find(words, seed) is not None:
                    continue
                try:
                    cells.append(self._planner.plan(self._experiment(words, seed)))
                except UserError as error:
                    print(f"not run: {' '.join(words)} seed={seed}: {error}", flush=True)
        return list(by_hash(cells).values())

    def _experiment(self, words: Sequence[str], seed: int) -> Experiment:
        return self._compose([*words, *self._overrides, f"seed={seed}"])

    def _hash_of_today(self, experiment: Experiment) -> str | None:
        try:
            return self._planner.plan(experiment).config_hash
        except UserError:
            return None  # its data are not at hand

    def _arms(
        self, words: Mapping[str, Sequence[str]], seeds: Sequence[int], where: str, untuned: set[str]
    ) -> Found:
        found = Found()
        for arm, said in words.items():
            paths = {seed: None if arm in untuned else self.find(said, seed) for seed in seeds}
            found.runs[arm] = {seed: path for seed, path in paths.items() if path is not None}
            lost = ", ".join(str(seed) for seed, path in paths.items() if path is None)
            why = ": not tuned yet" if arm in untuned else ""
            found.missing[arm] = [f"no run: {arm}, seed {lost}, of {where}{why}"] if lost else []
        return found
