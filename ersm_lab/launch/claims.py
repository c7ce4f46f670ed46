"""The runs of claims: finds them, evaluates them where a claim's numbers are missing, and launches them only when told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ersm_lab.config.claims import arms_of, load_claim
from ersm_lab.config.compose import compose_experiment
from ersm_lab.config.store import options
from ersm_lab.config.tables import load_table
from ersm_lab.errors import UserError
from ersm_lab.launch.cells import Cell, prepare
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.pool import Outcome, run_cells, run_one
from ersm_lab.launch.tables import TablePlan
from ersm_lab.reports.claim_numbers import Numbers
from ersm_lab.reports.claims import judge, spec_of
from ersm_lab.reports.claims_text import write_claims
from ersm_lab.reports.tables import summarise
from ersm_lab.reports.write import write_table
from ersm_lab.runs.directory import EvaluationDirectory, RunDirectory

Report = Callable[[Outcome, int, int], None]
Evaluate = Callable[[Sequence[Path], Mapping[str, Any], Sequence[str]], Any]


@dataclass
class Found:
    """Runs by arm and seed, and in words what is not there."""

    runs: dict[str, dict[int, Path]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not any(self.missing.values())


def check_claims(
    names: Sequence[str],
    profile: str,
    overrides: Sequence[str],
    launch: bool,
    jobs: int,
    evaluate: Evaluate,
    report: Report | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Path]]:
    """Judges claims, and writes ``claims/claims.{json,md}`` below the outputs.

    Parameters
    ----------
    names: claims, or none for all. Those without ``profile`` are left out.
    overrides: of paths, logger and where runs happen. launch: run what is missing, ``jobs`` at a time.
    evaluate: ``training.evaluate.evaluate_runs``, called for runs whose evaluation a claim reads and that lack it.

    Returns the verdicts in order, and the files by ending.
    """
    every = {name: load_claim(name) for name in options("claim")}
    wanted = [load_claim(name) for name in names or every]
    claims = [claim for claim in wanted if profile in claim["profiles"]]
    if not claims:
        raise UserError(f"none of these claims has the profile {profile}: {', '.join(names)}")
    outputs = Path(compose_experiment(list(overrides)).config["paths"]["outputs"])
    found = {
        claim["name"]: _find(claim, profile, list(overrides), outputs, launch, jobs, report)
        for claim in claims
    }
    numbers = _evaluated(claims, found, list(overrides), evaluate)
    records, parts = [], []
    for claim in claims:
        where = found[claim["name"]]
        for variant in claim["variants"]:
            missing = [
                line
                for arm in arms_of({**claim, "variants": [variant]})
                for line in where.missing.get(arm, [])
            ]
            command = " ".join(["ersm-lab claims", claim["name"], f"PROFILE={profile}", *overrides, "--run"])
            record, own = judge(claim, profile, variant, numbers[claim["name"]], missing, command)
            records.append(record)
            parts += own
    specs = {name: spec_of(claim) for name, claim in every.items()}
    return records, write_claims(outputs / "claims", records, parts, specs)


def _find(
    claim: Mapping[str, Any], profile: str, overrides: list[str], outputs: Path, launch: bool, jobs: int,
    report: Report | None,
) -> Found:  # fmt: skip
    spec = claim["profiles"][profile]
    if spec["table"] is None:
        return _of_experiment(claim, spec, overrides, launch, jobs, report)
    found = runs_of_table(spec["table"], outputs, arms_of(claim))
    if launch and not found.complete:
        table = load_table(spec["table"])
        rows = TablePlan(table, overrides).run(LocalLauncher(jobs, visible_gpus()))
        write_table(outputs / "tables" / spec["table"], summarise(table, rows))
        found = runs_of_table(spec["table"], outputs, arms_of(claim))
    return found


def runs_of_table(name: str, outputs: Path, arms: Sequence[str]) -> Found:
    """The finished runs of rows of a table that ``ersm-lab table`` has written, if they are still what the table says."""
    table = load_table(name)
    file = outputs / "tables" / name / "table.json"
    held: Mapping[str, Any] = {}
    if file.is_file():
        try:
            held = json.loads(file.read_text(encoding="utf-8"))["runs"]
        except (ValueError, KeyError) as error:
            raise UserError(f"{file} is no table of runs; make it with ersm-lab table {name}") from error
    found = Found()
    for arm in arms:
        found.runs[arm], lacking = {}, []
        for seed in table["seeds"]:
            text = held.get(arm, {}).get(str(seed))
            said = [*table["overrides"], *table["rows"][arm]["overrides"], f"seed={seed}"]
            path = None if text is None else _finished(Path(text), outputs, said)
            if path is None:
                lacking.append(str(seed))
            else:
                found.runs[arm][seed] = path
        found.missing[arm] = [f"{arm}, seed {', '.join(lacking)}, of table {name}"] if lacking else []
    return found


def _finished(path: Path, outputs: Path, said: Sequence[str]) -> Path | None:
    """The run if it is finished and was made with these overrides; tables may have been written from another folder."""
    for place in (path, outputs / Path(*path.parts[-3:])):
        try:
            run = RunDirectory.open(place)
        except UserError:
            continue
        same = set(said) <= set(run.record["overrides"])
        return place if same and run.record["status"] == "finished" else None
    return None


def _of_experiment(
    claim: Mapping[str, Any], spec: Mapping[str, Any], overrides: list[str], launch: bool, jobs: int,
    report: Report | None,
) -> Found:  # fmt: skip
    found = Found()
    wanted: list[tuple[str, int, Cell]] = []
    for arm in arms_of(claim):
        found.runs[arm], found.missing[arm] = {}, []
        for seed in spec["seeds"]:
            words = [f"experiment={spec['experiment']}", f"model={claim['paper']}/{arm}", *spec["overrides"]]
            experiment = compose_experiment([*words, *overrides, f"seed={seed}"])
            try:
                cell = prepare(experiment, run_one if launch else _refuse)
                path = cell.finished()
            except UserError as error:  # no data, or no backbone: a claim without runs, not a mistake
                if launch:
                    raise
                found.missing[arm].append(f"{arm}, seed {seed}, of {spec['experiment']}: {error}")
                continue
            if path is not None:
                found.runs[arm][seed] = path
            elif launch:
                wanted.append((arm, seed, cell))
            else:
                found.missing[arm].append(f"{arm}, seed {seed}, of {spec['experiment']}")
    outcomes = run_cells([cell for _, _, cell in wanted], jobs, False, report) if wanted else []
    for (arm, seed, _), outcome in zip(wanted, outcomes, strict=True):
        if outcome.state == "failed":
            found.missing[arm].append(f"{arm}, seed {seed}: {outcome.message} (log: {outcome.path})")
        else:
            found.runs[arm][seed] = outcome.path
    return found


def _refuse(cell: Cell) -> Path:
    raise UserError(f"no finished run of {cell.label}")


def _evaluated(
    claims: Sequence[Mapping[str, Any]], found: Mapping[str, Found], overrides: list[str], evaluate: Evaluate
) -> dict[str, dict[str, dict[int, Numbers]]]:
    """Where each claim's numbers lie; runs that lack an evaluation get it, those of one experiment together."""
    composed: dict[str, dict[str, Any]] = {}
    lacking: dict[tuple[str, Path], list[Path]] = {}
    for claim in claims:
        name = claim["evaluation"]
        if name is None:
            continue
        if name not in composed:
            composed[name] = compose_experiment([f"evaluation={name}", *overrides]).config
        for runs in found[claim["name"]].runs.values():
            for path in runs.values():
                group = lacking.setdefault((name, path.parent), [])
                if path not in group and evaluation_of(path, composed[name]["evaluation"]) is None:
                    group.append(path)
    for (name, _), paths in lacking.items():
        if paths:
            evaluate(paths, composed[name], [f"evaluation={name}", *overrides])
    return {
        claim["name"]: {
            arm: {seed: _numbers(path, claim["evaluation"], composed) for seed, path in runs.items()}
            for arm, runs in found[claim["name"]].runs.items()
        }
        for claim in claims
    }


def _numbers(path: Path, name: str | None, composed: Mapping[str, Mapping[str, Any]]) -> Numbers:
    if name is None:
        return Numbers(path)
    evaluation = evaluation_of(path, composed[name]["evaluation"])
    if evaluation is None:
        raise UserError(f"{path}: its evaluation {name} did not finish")
    return Numbers(path, evaluation)


def evaluation_of(run: Path, settings: Mapping[str, Any]) -> Path | None:
    """The run's finished evaluation with exactly these settings, on the data that it was trained for, or None."""
    for file in sorted((run / "evaluations").glob(f"*/{EvaluationDirectory.record_name}")):
        try:
            record = EvaluationDirectory(file.parent).record
        except ValueError:
            continue
        spec = record.get("spec") or {}
        if record.get("status") != "finished" or spec.get("evaluation") != settings:
            continue
        own, other = RunDirectory.open(run).config["data"], spec.get("data") or {}
        if all(own.get(key) == other.get(key) for key in ("layout", "options")):
            return file.parent
    return None
