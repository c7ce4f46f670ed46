"""The runs of claims: finds them, evaluates them where a claim's numbers are missing, and launches them only when told to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.schema import arms_of, load_claim
from ersm_lab.claims.shelf import Found, Shelf, evaluation_of, experiment_words
from ersm_lab.claims.text import write_claims
from ersm_lab.claims.verdict import judge, spec_of
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.store import conf_dir, options
from ersm_lab.core.errors import UserError
from ersm_lab.launch.gpus import visible_gpus
from ersm_lab.launch.local import LocalLauncher
from ersm_lab.launch.run import run_cells
from ersm_lab.launch.status import Status
from ersm_lab.plan.cells import Cell, short_names
from ersm_lab.plan.planner import Planner
from ersm_lab.plan.states import missing_backbones
from ersm_lab.runs.hashing import package_digest
from ersm_lab.tables.files import write_table
from ersm_lab.tables.plan import TablePlan
from ersm_lab.tables.run import run_table
from ersm_lab.tables.schema import load_table
from ersm_lab.tables.summary import summarise

Evaluate = Callable[[Sequence[Path], Mapping[str, Any], Sequence[str]], Any]
_NO_RESULT = {"claim", "sweep", "launcher", "logger", "paths"}  # groups of conf/ that change no number


def check_claims(
    names: Sequence[str],
    profile: str,
    overrides: Sequence[str],
    launch: bool,
    jobs: int,
    evaluate: Evaluate,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Path]]:
    """Judges claims, and writes ``claims/claims.{json,md}`` below the outputs.

    Parameters
    ----------
    names: claims, or none for all that have ``profile``.
    overrides: of paths, logger and where runs happen. launch: run what is missing, ``jobs`` at a time.
    evaluate: ``training.evaluate.evaluate_runs``, called for runs whose evaluation a claim reads and that lack it.

    Returns the verdicts in order, an entry per effect, and the files by ending. What cannot be read, run or evaluated leaves the
    claims that need it without a verdict, with the reason, and the others alone.

    Raises
    ------
    UserError: an unknown claim, or one that is named and has no such profile.
    """
    basis = {"package": package_digest(), "conf": _conf_digest()}
    every = {name: {**load_claim(name), "basis": basis} for name in options("claim")}
    wanted = list(dict.fromkeys(names)) or [name for name in every if profile in every[name]["profiles"]]
    for name in wanted:
        if name not in every:
            load_claim(name)  # says what there is
        if profile not in every[name]["profiles"]:
            raise UserError(
                f"claim {name} has no profile {profile}, but {' and '.join(every[name]['profiles'])}"
            )
    claims = [every[name] for name in wanted]
    outputs = Path(compose_experiment(list(overrides)).config["paths"]["outputs"])
    shelf = Shelf(outputs, overrides)
    if launch and _launch(claims, profile, list(overrides), shelf, jobs):
        shelf = Shelf(outputs, overrides)
    found = {claim["name"]: shelf.of_claim(claim, profile) for claim in claims}
    numbers = _evaluated(claims, found, list(overrides), evaluate)
    records, parts, sources = [], [], []
    for claim in claims:
        where = found[claim["name"]]
        for variant in claim["variants"]:
            named = arms_of({**claim, "variants": [variant]})
            missing = [line for arm in named for line in where.missing.get(arm, [])]
            command = " ".join(["ersm-lab claims", claim["name"], f"PROFILE={profile}", *overrides, "--run"])
            record, own, read = judge(claim, profile, variant, numbers[claim["name"]], missing, command)
            records.append(record)
            parts += own
            sources += read
    specs = {name: spec_of(claim) for name, claim in every.items()}
    return records, parts, write_claims(outputs / "claims", records, parts, sources, specs)


def _conf_digest() -> str:
    """Of every YAML that a run or a table is made of: with another one, an earlier verdict is judged again."""
    digest, root = hashlib.sha256(), conf_dir()
    for file in sorted(root.rglob("*.yaml")):
        if file.relative_to(root).parts[0] not in _NO_RESULT:
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _launch(
    claims: Sequence[Mapping[str, Any]], profile: str, overrides: list[str], shelf: Shelf, jobs: int
) -> bool:  # fmt: skip
    """Runs what the claims lack, each table and each run once however many claims need it; whether anything was lacking."""
    lacking = [claim for claim in claims if not shelf.of_claim(claim, profile).complete]
    launcher = LocalLauncher(jobs, visible_gpus())
    tables = dict.fromkeys(claim["profiles"][profile]["table"] for claim in lacking)
    for name in [name for name in tables if name is not None]:
        table = load_table(name)
        plan = TablePlan(table, overrides)
        with Status(0, jobs, plan.names) as status:
            rows = run_table(plan, launcher, watcher=status)
        write_table(shelf.outputs / "tables" / name, summarise(table, rows))
    planner, found = Planner(), dict[str, Cell]()
    for claim in lacking:
        spec = claim["profiles"][profile]
        for arm in arms_of(claim) if spec["table"] is None else ():
            for seed in spec["seeds"]:
                words = experiment_words(claim, spec, arm)
                if shelf.find(words, seed) is not None:
                    continue
                try:
                    experiment = compose_experiment([*words, *overrides, f"seed={seed}"])
                    cell = planner.plan(experiment)
                    found[cell.config_hash] = cell  # once, however many claims need it
                except UserError as error:  # no data: the others go on
                    print(f"not run: {' '.join(words)} seed={seed}: {error}", flush=True)
    if cells := list(found.values()):
        below = missing_backbones(cells)
        with Status(len(cells) + len(below), jobs, short_names([*below, *cells])) as status:
            run_cells(cells, launcher, watcher=status)
    return bool(lacking)


def _evaluated(
    claims: Sequence[Mapping[str, Any]], found: Mapping[str, Found], overrides: list[str], evaluate: Evaluate
) -> dict[str, dict[str, dict[int, Numbers]]]:
    """Where each claim's numbers lie; runs that lack an evaluation get it, those of one experiment together.

    A run whose evaluation cannot be made (its data are not here) counts as missing, and says why.
    """
    composed = {
        name: compose_experiment([f"evaluation={name}", *overrides]).config
        for name in dict.fromkeys(claim["evaluation"] for claim in claims if claim["evaluation"])
    }
    lacking: dict[tuple[str, Path], list[Path]] = {}
    for claim in claims:
        name = claim["evaluation"]
        for runs in found[claim["name"]].runs.values() if name else ():
            for path in runs.values():
                group = lacking.setdefault((name, path.parent), [])
                if path not in group and evaluation_of(path, composed[name]["evaluation"]) is None:
                    group.append(path)
    failed: dict[str, str] = {}
    for (name, folder), paths in lacking.items():
        if not paths:
            continue
        print(f"evaluating {len(paths)} runs of {folder} ({name})", flush=True)
        try:
            evaluate(paths, composed[name], [f"evaluation={name}", *overrides])
        except UserError as error:
            failed[name] = str(error)
    numbers: dict[str, dict[str, dict[int, Numbers]]] = {}
    for claim in claims:
        name, where = claim["evaluation"], found[claim["name"]]
        numbers[claim["name"]] = own = {}
        for arm, runs in where.runs.items():
            places = {
                seed: evaluation_of(path, composed[name]["evaluation"]) if name else None
                for seed, path in runs.items()
            }
            own[arm] = {
                seed: Numbers(path, places[seed]) for seed, path in runs.items() if places[seed] or not name
            }
            if lost := ", ".join(str(seed) for seed in runs if seed not in own[arm]):
                why = failed.get(name, "it did not finish")
                where.missing[arm].append(f"no evaluation '{name}': {arm}, seed {lost}: {why}")
    return numbers
