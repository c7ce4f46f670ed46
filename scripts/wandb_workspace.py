"""Builds the lab's W&B workspace and report as code: `python scripts/wandb_workspace.py --entity NAME`, after `wandb login`.

Panels group runs by the configuration keys that every run sends (paper, experiment, variant, dataset, seed), draw means with
a standard deviation over seeds, and show the figures of each paper. `--out FILE` writes both as JSON and asks nobody.
Needs the extra `wandb`: pip install 'ersm-lab[wandb]'.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

from ersm_lab.core.errors import UserError
from ersm_lab.tracking.sync import has_key

STEP = "trainer/global_step"


class Model(Protocol):
    """A pydantic model."""

    def model_dump_json(self, *, by_alias: bool, exclude_none: bool) -> str: ...


class Saved(Protocol):
    """What W&B has taken."""

    url: str


class Sendable(Protocol):
    """A workspace or a report of W&B's library."""

    def save(self) -> Saved: ...
    def _to_model(self) -> Model: ...


@dataclass(frozen=True)
class Paper:
    """What is drawn of one paper's runs, by the keys that runs log: history, summary, and names of figures."""

    name: str
    title: str
    about: str
    curves: tuple[str, ...]
    numbers: tuple[str, ...]
    figures: tuple[str, ...]


PAPERS = (
    Paper(
        "ersm",
        "ERSM",
        "Classification from the tokens that an energy mask keeps. Compare variants of one experiment; the "
        "attention pool and position-only are the controls.",
        ("train/loss", "val/accuracy", "val/loss", "val/effective_share", "val/mean_keep"),
        ("test/accuracy", "test/effective_share", "test/mask_auroc", "test/pointing_game"),
        ("panels",),
    ),
    Paper(
        "fornet",
        "FoR-Net",
        "Segmentation with Top-K masks. K = 1 and random cells, under the same loss, are the controls.",
        ("train/loss", "train/selector", "val/loss", "val/miou", "val/thin_miou"),
        ("val/miou", "val/thin_iou", "val/boundary_iou", "val/iiou", "cost/parameters", "cost/multiply_adds"),
        ("overlays", "classes", "borders", "importance", "seams"),
    ),
    Paper(
        "slem",
        "SLEM",
        "Learners of single pictures: error and Learning Entropy per sweep, maps and points.",
        ("train/error", "train/entropy", "train/activity"),
        (
            "test/shannon_activity",
            "test/entropy_edge_precision",
            "test/entropy_edge_recall",
            "test/entropy_edge_auroc",
        ),
        ("pipeline", "panels", "epochs", "points"),
    ),
)


def _library() -> tuple[ModuleType, ModuleType]:
    try:
        import wandb_workspaces.reports.v2 as reports
        import wandb_workspaces.workspaces as workspaces
    except ImportError:
        raise UserError("wandb-workspaces is not installed: pip install 'ersm-lab[wandb]'") from None
    return workspaces, reports


def panels(paper: Paper) -> list[object]:
    """Learning curves and final numbers by variant, with a standard deviation over the runs of one, then the figures."""
    _, wr = _library()
    by_variant = {
        "groupby": wr.Config("variant"),
        "groupby_aggfunc": "mean",
        "groupby_rangefunc": "stddev",
    }
    found = [wr.LinePlot(title=key, x=STEP, y=[key], **by_variant) for key in paper.curves]
    found += [wr.BarPlot(title=key, metrics=[key], **by_variant) for key in paper.numbers]
    found += [
        wr.MediaBrowser(title=name, media_keys=[f"figures/{name}"], num_columns=2) for name in paper.figures
    ]
    return found


def workspace(entity: str, project: str) -> Sendable:
    """The saved view: a section per paper, runs grouped by experiment and variant."""
    ws, _ = _library()
    return ws.Workspace(
        entity=entity,
        project=project,
        name="Energy masks, FoR-Net and Learning Entropy",
        sections=[ws.Section(name=paper.title, panels=panels(paper), is_open=True) for paper in PAPERS],
        settings=ws.WorkspaceSettings(x_axis=STEP, max_runs=20, group_by_prefix="first"),
        runset_settings=ws.RunsetSettings(
            groupby=[ws.Config("paper"), ws.Config("experiment"), ws.Config("variant")],
            order=[ws.Ordering(ws.Metric("CreatedTimestamp"), ascending=False)],
        ),
    )


def report(entity: str, project: str) -> Sendable:
    """The same as a text to read: what is compared, panels over each paper's runs, and where the claims are tested."""
    _, wr = _library()
    blocks: list[object] = [
        wr.TableOfContents(),
        wr.P(
            "Means and standard deviations are over the runs that share a variant. Paired intervals, tables and verdicts come "
            "from run directories: ersm-lab table, ersm-lab claims and ersm-lab report."
        ),
    ]
    for paper in PAPERS:
        # without a project of its own, a run set is of the report's
        runs = wr.Runset(
            name=paper.title,
            filters=f"Config('paper') = '{paper.name}'",
            groupby=["config.experiment", "config.variant"],
        )
        blocks += [
            wr.H1(paper.title),
            wr.P(paper.about),
            wr.PanelGrid(runsets=[runs], panels=panels(paper)),
        ]
    return wr.Report(
        entity=entity,
        project=project,
        title="ersm_lab: three methods, their controls and their figures",
        description="Built by scripts/wandb_workspace.py",
        blocks=blocks,
        width="fluid",
    )


def as_json(built: Sendable) -> dict[str, object]:
    """What would be sent to W&B."""
    found: dict[str, object] = json.loads(built._to_model().model_dump_json(by_alias=True, exclude_none=True))
    return found


def main(argv: list[str] | None = None) -> int:
    """Saves both and prints their addresses; or writes them to a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--entity", default="", help="user or team; the default one of your key when left out"
    )
    parser.add_argument("--project", default="ersm_lab", help="as in logger.project (%(default)s)")
    parser.add_argument("--out", type=Path, help="write both as JSON here and save nothing")
    words = parser.parse_args(argv)
    try:
        _library()
        if words.out:
            made = {
                "workspace": as_json(workspace(words.entity or "ENTITY", words.project)),
                "report": as_json(report(words.entity or "ENTITY", words.project)),
            }
            try:
                words.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
            except OSError as error:
                raise UserError(f"--out {words.out} cannot be written: {error.strerror}") from error
            print(words.out)
            return 0
        if not has_key():
            raise UserError(
                "no W&B key: log in with `wandb login` or set WANDB_API_KEY, or give --out FILE to look at both"
            )
        import wandb

        entity = words.entity or wandb.Api().default_entity
        for built in (workspace(entity, words.project), report(entity, words.project)):
            print(built.save().url)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # whatever W&B answers: one line
        print(
            f"error: W&B: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
