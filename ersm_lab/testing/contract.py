"""The contract of every paper, as one call: what scikit-learn's ``check_estimator`` is to an estimator.

Runs are those of the plug-in's ``smoke`` test, in a temporary folder: seconds on embedded data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from ersm_lab.claims.numbers import Numbers
from ersm_lab.claims.request import Claim
from ersm_lab.claims.schema import load_claim, named_arms
from ersm_lab.claims.verdict import judge
from ersm_lab.cli import main
from ersm_lab.config.composer import Composer, compose_experiment
from ersm_lab.config.store import options, said
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import Plugin, load, merged, plugins
from ersm_lab.core.settings import plain
from ersm_lab.core.words import nearest
from ersm_lab.runs.directory import RunDirectory
from ersm_lab.runs.index import run_folders
from ersm_lab.tables.files import table_folder, write_table
from ersm_lab.tables.rows import RowRuns
from ersm_lab.tables.schema import load_table
from ersm_lab.tables.summary import summarise

SEEDS = (0, 1)


@dataclass
class Paper:
    """The paper that is checked, and where its runs lie."""

    plugin: Plugin
    folder: Path
    arms: dict[tuple[str, ...], Path] = dataclasses.field(default_factory=dict)

    @cached_property
    def experiment(self) -> str:
        """What the smoke test trains, as ``experiment=NAME`` takes it."""
        return compose_experiment(self.words()).options["experiment"]

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def words(self, *more: str) -> list[str]:
        """The words of its smoke test, on this folder."""
        where = [f"paths.{name}={self.folder / name}" for name in ("data", "outputs", "cache")]
        quiet = ["logger=csv", "trainer.progress=none", "trainer.accelerator=cpu", "trainer.threads=1"]
        return [*self.plugin.smoke, *quiet, *where, *more]

    def train(self, *more: str) -> RunDirectory:
        """A finished run of the smoke test. Raises ``UserError`` with what the command line said."""
        return self._run(self.words(*more))

    def seeds_of(self, study: Sequence[str]) -> dict[int, Path]:
        """Runs of an arm of a study, two steps each, as small as the smoke test; each arm is trained once."""
        own = [word for word in self.words() if word.partition("=")[0] not in ("experiment", "model")]
        found = {}
        for seed in SEEDS:
            words = (*study, *own, "trainer.max_steps=2", f"seed={seed}")
            if words not in self.arms:
                self.arms[words] = self._run(words).path
            found[seed] = self.arms[words]
        return found

    def _run(self, words: Sequence[str]) -> RunDirectory:
        # the last line names it; before it there may be a backbone, which is a run too
        return RunDirectory.open(_said(["train", *words]).rpartition("run directory: ")[2].strip())


def check_paper(name: str) -> None:
    """Checks that the paper ``name`` keeps the contract: it composes, trains, resumes bit for bit, loads safely, is measured,
    compared, tabulated and shown.

    Raises
    ------
    UserError: with one line that names the step and what is broken.
    """
    if name not in plugins():
        raise UserError(f"check_paper: no plug-in {name!r}{nearest(name, plugins())}")
    plugin = plugins()[name]
    if not plugin.smoke:
        raise UserError(
            f"check_paper({name!r}): the plug-in has no smoke test: the words of a run that takes seconds"
        )
    with tempfile.TemporaryDirectory(prefix="ersm_lab-check-") as folder:
        paper = Paper(plugin, Path(folder))
        for step in STEPS:
            try:
                step(paper)
            except Exception as error:
                what = " ".join(str(error).split()) or type(error).__name__
                kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
                raise UserError(f"check_paper({name!r}), {step.__name__}: {kind}{what}") from error


def loads_without_torch(paper: Paper) -> None:
    """The plug-in's own module imports no torch: help and completion stay quick."""
    code = (
        "import sys; from ersm_lab.core.plugins import plugins; from ersm_lab.config.store import register; "
        f"register(); assert {paper.plugin.name!r} in plugins(), 'it is not found in a new process'; "
        "assert 'torch' not in sys.modules, 'importing it imports torch'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError((done.stderr.strip().splitlines() or ["it cannot be loaded"])[-1])


def composes(paper: Paper) -> None:
    """Every experiment and every variant of it composes; each has a header, each setting a description."""
    compose, name = Composer(), paper.plugin.name
    experiments = [option for option in options("experiment") if option.startswith(f"{name}/")]
    if not experiments:
        raise UserError(f"there is no conf/experiment/{name}/*.yaml")
    for experiment in experiments:
        config = compose([f"experiment={experiment}"]).config
        for model in (option for option in options("model") if option.startswith(f"{name}/")):
            compose([f"experiment={experiment}", f"model={model}"])
        if config.evaluation.suite not in merged("suites"):
            raise UserError(f"experiment={experiment}: no plug-in has the suite {config.evaluation.suite!r}")
    for (group, schema), target in paper.plugin.schemas.items():
        kind = load(target)
        for field in dataclasses.fields(kind):  # type: ignore[arg-type]
            # settings of their own, which their class describes
            nested = isinstance(field.default_factory, type)
            if not field.metadata.get("help") and not field.name.startswith("_") and not nested:
                raise UserError(f"{group}/{schema}: the setting {field.name} has no description")


def trains_two_steps(paper: Paper) -> None:
    """A run of two steps ends as finished, with a summary."""
    run = paper.train("trainer.max_steps=2")
    if run.status != "finished":
        raise UserError(f"the run is {run.status}, not finished")
    if not run.record.summary:
        raise UserError("the run has no summary: the suite returned nothing")


def resumes_bit_for_bit(paper: Paper) -> None:
    """A run that was killed between two epochs and resumed ends with the weights and the summary of one that was not."""
    import torch

    whole = paper.train("trainer.max_epochs=2")
    state = torch.load(whole.checkpoints / "last.ckpt", map_location="cpu", weights_only=True)
    before = set(run_folders(paper.outputs))
    half = str(int(state["global_step"]) // 2)
    words = paper.words("trainer.max_epochs=2")
    code = [sys.executable, "-m", "ersm_lab.testing.stopped", half, *words]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    if done.returncode != 9:
        raise UserError(
            f"training did not reach step {half}: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
        )
    (left,) = set(run_folders(paper.outputs)) - before
    _said(["train", f"resume={left}"])
    resumed = RunDirectory.open(left)
    again = torch.load(resumed.checkpoints / "last.ckpt", map_location="cpu", weights_only=True)
    if different := _first_difference(state["state_dict"], again["state_dict"]):
        raise UserError(f"after a resume {different} differs from an uninterrupted run's")
    if resumed.record.summary != whole.record.summary:
        raise UserError("after a resume the summary differs from an uninterrupted run's")


def evaluates_alike(paper: Paper) -> None:
    """Evaluated later, a run has the summary of its end of training: its checkpoint loads with ``weights_only``."""
    run = paper.train("seed=1")
    _said(["evaluate", f"run={run.path}", f"paths.outputs={paper.outputs}"])
    (file,) = (run.path / "evaluations").glob("*/evaluation.json")
    later = json.loads(file.read_text(encoding="utf-8"))["summary"]
    if plain(later) != plain(run.record.summary):
        raise UserError("evaluated later, the summary differs from the end of training")


def compares(paper: Paper) -> None:
    """Two arms of two seeds are compared on the same items."""
    runs = [
        paper.train(f"model.variant={arm}", f"seed={seed}", "trainer.max_steps=2")
        for arm in ("one", "other")
        for seed in (0, 1)
    ]
    places = ",".join(str(run.path) for run in runs)
    _said(["evaluate", f"run={places}", f"paths.outputs={paper.outputs}"])
    if not list(paper.outputs.glob("*/comparisons/*/artifacts/means.csv")):
        raise UserError("comparing two arms wrote no table of means")


def tabulates(paper: Paper) -> None:
    """Tables of the paper are valid, one of profile demo is planned, and one on the smoke test's experiment is made of two seeds of its first two rows."""
    own = f"{paper.plugin.name}/"
    tables = [name for name in options("table") if str(said("table", name, "experiment")).startswith(own)]
    paths = [word for word in paper.words() if word.startswith("paths.")]
    loaded = {name: load_table(name) for name in tables}
    for name in [name for name, table in loaded.items() if table.profile == "demo"][:1]:
        _said(["table", name, "--dry-run", *paths])
    fitting = [name for name, table in loaded.items() if table.experiment == paper.experiment]
    for name in fitting[:1]:
        table = loaded[name]
        rows = dict(islice(table.built.items(), 2))
        runs = {row: RowRuns(runs=paper.seeds_of(table.words(row))) for row in rows}
        known = {key for row in runs.values() for key in RunDirectory.open(row.runs[0]).record.summary}
        columns = {
            key: column
            for key, column in table.columns.items()
            if all(column.metric.format(**row.words) in known for row in rows.values())
        }
        if not columns:
            raise UserError(f"table {name}: runs of the smoke test report none of its columns")
        summary = summarise(
            dataclasses.replace(table, rows=rows, columns=columns, seeds=list(SEEDS), compare=[]), runs
        )
        if summary.missing:
            raise UserError(f"table {name}: {summary.missing[0]}")
        write_table(table_folder(paper.outputs, name), summary)


def judges(paper: Paper) -> None:
    """Claims of the paper are valid, and the one with the fewest arms on the smoke test's experiment is judged by two seeds."""
    names = [name for name in options("claim") if said("claim", name, "paper") == paper.plugin.name]
    demo = [Claim(name, config, "demo") for name in names if "demo" in (config := load_claim(name)).profiles]
    fitting = [claim for claim in demo if _study(claim) == paper.experiment and not claim.config.evaluation]
    for claim in sorted(fitting, key=lambda claim: len(claim.arms))[:1]:
        variant, table = claim.config.variants[0], claim.study.table
        words = claim.words if table is None else load_table(table).words
        arms = dict.fromkeys([variant, *named_arms(claim.config, variant)])
        numbers = {
            arm: {seed: Numbers(run) for seed, run in paper.seeds_of(words(arm)).items()} for arm in arms
        }
        verdict = judge(claim, variant, numbers, [], "")
        if verdict.is_short:
            raise UserError(f"claim {claim.name}: {verdict.reason}")


def _study(claim: Claim) -> str | None:
    """The experiment whose runs a claim is judged by."""
    table = claim.study.table
    return claim.study.experiment if table is None else load_table(table).experiment


def shows_up(paper: Paper) -> None:
    """The runs of the paper stand on the report page."""
    page = paper.folder / "report.html"
    _said(["report", f"paths.outputs={paper.outputs}", f"out={page}"])
    if f"{paper.plugin.name}/" not in page.read_text(encoding="utf-8"):
        raise UserError("its runs are not on the report page")


STEPS: tuple[Callable[[Paper], None], ...] = (
    loads_without_torch,
    composes,
    trains_two_steps,
    resumes_bit_for_bit,
    evaluates_alike,
    compares,
    tabulates,
    judges,
    shows_up,
)


def _said(words: list[str]) -> str:
    """What the command line prints; raises ``UserError`` with its last line when it fails."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        before = os.environ.pop("HYDRA_FULL_ERROR", None)
        try:
            code = main(words)
        finally:
            if before is not None:
                os.environ["HYDRA_FULL_ERROR"] = before
    if code:
        lines = err.getvalue().strip().splitlines() or out.getvalue().strip().splitlines() or ["no message"]
        raise UserError(f"ersm-lab {words[0]}: {lines[-1].removeprefix('error: ')}")
    return out.getvalue()


def _first_difference(one: object, other: object, where: str = "state_dict") -> str | None:
    """The place of the first value in which two states differ, or None."""
    import torch

    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return f"the keys of {where}"
        found = (_first_difference(one[key], other[key], f"{where}[{key!r}]") for key in one)
        return next((place for place in found if place), None)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            return f"the length of {where}"
        pairs = enumerate(zip(one, other, strict=True))
        found = (_first_difference(a, b, f"{where}[{place}]") for place, (a, b) in pairs)
        return next((place for place in found if place), None)
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return None if torch.equal(one, other) else where
    return None if one == other else where
