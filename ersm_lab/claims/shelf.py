"""Finished runs for claims, found by what they are: a file that once named them may be older than the configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ersm_lab.claims.schema import arms_of
from ersm_lab.config.composer import Composer
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain
from ersm_lab.plan.planner import Planner
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory
from ersm_lab.runs.hashing import canonical_hash, config_hash
from ersm_lab.runs.index import find_runs
from ersm_lab.runs.record import RunRecord
from ersm_lab.tables.schema import combinations, load_table


@dataclass
class Found:
    """Runs by arm and seed, and in words what is not there."""

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
        experiment = self._compose([*words, *self._overrides, f"seed={seed}"])
        runs = self._held.get((experiment.paper, experiment.name, seed), [])
        today = None
        if runs:
            try:
                today = self._planner.plan(experiment).config_hash
            except UserError:
                today = None  # no data here
        for path, record in runs:
            wanted = today or config_hash(experiment.config, record.data_fingerprint, record.upstream)
            if record.config_hash == wanted:
                return path
        return None

    def of_claim(self, claim: Mapping[str, Any], profile: str) -> Found:
        """The runs of every arm that a claim names."""
        spec = claim["profiles"][profile]
        if spec["table"] is None:
            words = {arm: experiment_words(claim, spec, arm) for arm in arms_of(claim)}
            return self._arms(words, spec["seeds"], str(spec["experiment"]), {})
        table = load_table(spec["table"])
        chosen, lacking = self._chosen(spec["table"], table), {}
        words = {}
        for arm in arms_of(claim):
            row = table["rows"][arm]
            words[arm] = [f"experiment={row.get('experiment') or table['experiment']}", *table["overrides"]]
            words[arm] += [*row["overrides"], *chosen.get(arm, [])]
            if row["tune"] and arm not in chosen:
                lacking[arm] = ": not tuned yet"
        return self._arms(words, table["seeds"], f"table {spec['table']}", lacking)

    def _arms(
        self,
        words: Mapping[str, Sequence[str]],
        seeds: Sequence[int],
        where: str,
        lacking: Mapping[str, str],
    ) -> Found:
        found = Found()
        for arm, said in words.items():
            paths = {seed: None if arm in lacking else self.find(said, seed) for seed in seeds}
            found.runs[arm] = {seed: path for seed, path in paths.items() if path is not None}
            missing = ", ".join(str(seed) for seed, path in paths.items() if path is None)
            found.missing[arm] = (
                [f"no run: {arm}, seed {missing}, of {where}{lacking.get(arm, '')}"] if missing else []
            )
        return found

    def _chosen(self, name: str, table: Mapping[str, Any]) -> dict[str, list[str]]:
        """What the trials of each tuned row chose, as the table that was written last says; only what could be chosen today."""
        file = self.outputs / "tables" / name / "table.json"
        try:
            tuning = json.loads(file.read_text(encoding="utf-8"))["tuning"]
            held = {arm: [str(word) for word in item["chosen"]] for arm, item in tuning.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # not written yet, or not by us: as if nothing had been tuned
        return {
            arm: words
            for arm, words in held.items()
            if arm in table["rows"] and words in combinations(table["rows"][arm]["tune"])
        }


def experiment_words(claim: Mapping[str, Any], spec: Mapping[str, Any], arm: str) -> list[str]:
    """What an arm of a claim on an experiment is composed from, but for the seed."""
    return [f"experiment={spec['experiment']}", f"model={claim['paper']}/{arm}", *spec["overrides"]]


def evaluation_of(run: Path, settings: Mapping[str, Any]) -> Path | None:
    """The run's newest finished evaluation with exactly these settings, on the data that it was trained for, or None."""
    wanted = canonical_hash(plain(settings))
    found: list[tuple[str, Path]] = []
    for file in sorted((run / "evaluations").glob(f"*/{EvaluationDirectory.record_name}")):
        try:
            record = EvaluationDirectory(file.parent).record
        except ValueError:
            continue
        if record.status != "finished" or canonical_hash(record.spec.get("evaluation")) != wanted:
            continue
        own, other = RunDirectory.open(run).config["data"], record.spec.get("data")
        if isinstance(other, dict) and all(own.get(key) == other.get(key) for key in ("layout", "options")):
            found.append((str(record.timings.finished), file.parent))
    return max(found)[1] if found else None
