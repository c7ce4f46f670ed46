"""``ersm-lab evaluate``: finished runs again, several side by side, or label pictures whoever made them."""

from __future__ import annotations

import glob
import os
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ersm_lab.cli.output import answering
from ersm_lab.cli.parser import VerbParser, names_in
from ersm_lab.cli.values import keys, options_of, paths, these
from ersm_lab.core.errors import UserError
from ersm_lab.vision.names import EXPORTS

if TYPE_CHECKING:
    from ersm_lab.config.schema import RunConfig

SUMMARY = "evaluate finished runs again, and compare several"
# of a finished run only these may be changed: the evaluation, and where and how fast it runs
KEYS = (
    "evaluation",
    "trainer.accelerator",
    "data.num_workers",
    "data.eval_batch_size",
    "data.root",
    "logger",
    "paths.",
)


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "run=DIR[,DIR ...] | table=NAME [evaluation=NAME] [evaluation.key=value] [--json]",
        "predictions=DIR data=NAME [--json]",
        text="A finished run keeps its configuration: only the evaluation, and where and how fast it runs, can be changed.",
        writes="evaluations/<name>-<hash>/ inside each run; outputs/<paper>/comparisons/ for several; predictions= "
        "only prints",
        exit_codes="0 done; 1 a mistake in a word, or a run that cannot be evaluated; 2 no such option",
        examples=[
            "run=outputs/ersm/digits/20260101_120000-1a2b3c",
            "run='outputs/ersm/digits/*' evaluation=stress",
            "predictions=FOLDER data=cityscapes",
        ],
    )
    parser.add_key("run=DIR", "run directories, with commas between them; patterns with * too", paths)
    parser.add_key(
        "table=NAME", "the runs of a table that `ersm-lab table NAME` has written", options_of("table")
    )
    parser.add_key(
        "evaluation=NAME",
        "what is measured; without it, what the first run was evaluated with",
        options_of("evaluation"),
    )
    parser.add_key(
        f"export={'|'.join(EXPORTS)}",
        "writes the predicted label pictures for the official evaluator",
        these(*EXPORTS),
    )
    parser.add_key(
        "predictions=DIR",
        "scores label pictures, whoever made them, on a data set with labels per pixel",
        paths,
    )
    parser.add_key("data=NAME", "with predictions=DIR: the data set that they are of", options_of("data"))
    parser.add_word("key=value", f"a key that begins with {', '.join(KEYS)}", keys(*KEYS))
    parser.add_argument(
        "--json", action="store_true", help="print folders and numbers as JSON, and nothing else"
    )
    parser.add_section(names_in("evaluation", "evaluations"))


def run(arguments: Namespace) -> int:
    from ersm_lab.config.words import split

    found, others = split(arguments.words, "predictions")
    with answering(arguments.json) as answer:
        if found["predictions"]:
            answer(_score_folder(found["predictions"][-1], others))
        else:
            answer(_evaluate(arguments.words))
    return 0


class EvaluationRequest(NamedTuple):
    """What the words of ``evaluate`` ask for.

    arms: what each run is called, by its folder: the row of the table that it is from; None for the variant of its model.
    config: composed under ``overrides``.
    """

    arms: dict[str, str | None]
    config: RunConfig
    overrides: list[str]


def evaluation_request(words: Sequence[str]) -> EvaluationRequest:
    """Reads the words; ``UserError`` for one that a finished run does not take.

    ``run=`` takes folders separated by commas, and patterns such as ``outputs/ersm/digits/*``; it may be said again.
    ``export=FORMAT`` is short for ``evaluation.export=FORMAT``.
    """
    from ersm_lab.config.composer import compose_experiment, outputs_of
    from ersm_lab.config.words import split

    found, others = split(words, "run", "table", "export")
    overrides = [*others, *(f"evaluation.export={name}" for name in found["export"])]
    named = [os.path.normpath(folder) for text in found["run"] for folder in _matching(text)]
    arms: dict[str, str | None] = dict.fromkeys(named)
    for name in found["table"]:
        arms |= _arms_of_table(name, outputs_of(overrides))
    if not arms:
        raise UserError(
            "evaluate needs run=DIR, a run directory such as outputs/ersm/digits/20260101_120000-1a2b3c"
        )
    for word in overrides:
        if not word.lstrip("+~").startswith(KEYS):
            raise UserError(
                f"evaluate does not take '{word}': a finished run keeps its configuration, except {', '.join(KEYS)}"
            )
    chosen = any(word.startswith("evaluation=") for word in overrides)
    own = [] if chosen else _own_evaluation(next(iter(arms)))
    return EvaluationRequest(arms, compose_experiment([*own, *overrides]).config, overrides)


def _evaluate(words: Sequence[str]) -> dict[str, object]:
    request = evaluation_request(words)
    from ersm_lab.training.evaluate import evaluate_runs

    runs, arms = list(request.arms), list(request.arms.values())
    evaluations, comparison = evaluate_runs(runs, request.config, request.overrides, arms)
    for folder, summary in evaluations:
        for key, value in sorted(summary.items()):
            print(f"{key:52s} {value:.6g}" if isinstance(value, float) else f"{key:52s} {value}")
        print(f"evaluation: {folder}")
    if comparison is not None:
        print(f"comparison: {comparison}")
    found = [{"folder": str(folder), "summary": summary} for folder, summary in evaluations]
    return {"evaluations": found, "comparison": comparison}


def _score_folder(folder: str, overrides: Sequence[str]) -> dict[str, object]:
    from ersm_lab.config.composer import compose_experiment

    if not any(word.startswith("data=") for word in overrides):
        raise UserError(
            "predictions=DIR needs the data set that they are of, one with labels per pixel: data=NAME"
        )
    config = compose_experiment(["evaluation=segmentation", *overrides]).config
    settings = config.evaluation
    from ersm_lab.data.segmentation import SegmentationDataModule
    from ersm_lab.evaluation.segmenters.prediction_folder import score_folder
    from ersm_lab.evaluation.segmenters.settings import SegmentationEvaluationConfig
    from ersm_lab.training.build import build_data

    data = build_data(config)
    if not isinstance(data, SegmentationDataModule):
        raise UserError(f"data={config.data.name} has no labels per pixel, which predictions=DIR needs")
    if not isinstance(settings, SegmentationEvaluationConfig):
        raise UserError(
            f"evaluation={settings.name} measures no labels per pixel, which predictions=DIR needs"
        )
    split = settings.split
    means, classes = score_folder(Path(folder), data.split(split), settings.boundaries)
    print(classes.to_string(index=False, float_format=lambda value: f"{100 * value:.2f}"))
    for key, value in means.items():
        print(f"{split}/{key:48s} {value:.6g}")
    return {"folder": folder, "split": split, "summary": means, "classes": classes.to_dict("records")}


def _matching(text: str) -> list[str]:
    """The folders of ``a,b`` and of patterns such as ``outputs/ersm/digits/*``."""
    folders = []
    for part in filter(None, text.split(",")):
        found = sorted(glob.glob(part)) if any(sign in part for sign in "*?[") else [part]
        if not found:
            raise UserError(f"run={part} matches no folder")
        folders += found
    return folders


def _own_evaluation(folder: str) -> list[str]:
    """The evaluation that the run was made with, so that one key of it can be changed; none where it has no name any more."""
    from omegaconf import OmegaConf

    from ersm_lab.config.store import options

    config = Path(folder) / "config.yaml"
    if not config.is_file():  # opening the run says so
        return []
    name = OmegaConf.select(OmegaConf.load(config), "evaluation.name")
    return [f"evaluation={name}"] if name in options("evaluation") else []


def _arms_of_table(name: str, outputs: Path) -> dict[str, str | None]:
    """Every run of a written table by its folder, with the row that it is of."""
    from ersm_lab.tables.files import arms_of_table

    return {os.path.normpath(run): row for run, row in arms_of_table(name, outputs).items()}
