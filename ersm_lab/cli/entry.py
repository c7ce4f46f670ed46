"""``ersm-lab VERB [overrides]``. Help, completion and configuration errors answer without importing torch."""

from __future__ import annotations

import difflib
import os
import select
import sys
from collections.abc import Callable, Sequence
from typing import Any

import ersm_lab
from ersm_lab.core.errors import UserError

_HELP = ("-h", "--help")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script. Returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    show_all = os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        code = _answer(words)
        sys.stdout.flush()  # now, while a reader that has left can still be noticed
        return code
    except UserError as error:
        if show_all:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if show_all or not error.name or error.name.startswith("ersm_lab"):
            raise
        print(f"error: no module {error.name}; ersm-lab doctor says what is missing", file=sys.stderr)
        return 1
    except BrokenPipeError:
        if not _reader_left():
            raise
        return 141  # as a shell reports SIGPIPE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _answer(words: list[str]) -> int:
    if words and words[0] in ("-V", "--version"):
        print(ersm_lab.__version__)
        return 0
    public = [verb for verb in _VERBS if not verb.startswith("_")]
    if words[:1] == ["help"] and words[1:]:  # help VERB is VERB --help
        words = [words[1], "--help"]
    if not words or words[0] in (*_HELP, "help"):
        from ersm_lab.cli.help import overview

        print(overview(public))
        return 0 if words else 2
    verb = _VERBS.get(words[0])
    if verb is None:
        near = difflib.get_close_matches(words[0], public, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        print(f"error: unknown verb '{words[0]}'{hint} (see ersm-lab --help)", file=sys.stderr)
        return 2
    if set(_HELP) & set(words) and words[0] in public and not _is_for_hydra(words):
        from ersm_lab.cli.help import page

        print(page(words[0]), end="")
        return 0
    return verb(words[1:])


def _is_for_hydra(words: list[str]) -> bool:
    """``train experiment=NAME --help`` lists every key of what the other words compose."""
    others = [word for word in words[1:] if word not in _HELP]
    return (
        words[0] == "train"
        and bool(others)
        and not any(word.startswith(("-", "sweep=", "resume=")) for word in others)
    )


def _reader_left() -> bool:
    """Whether it is our own output that nobody reads any more; what is left of it goes nowhere then."""
    waiting = select.poll()
    waiting.register(1, 0)
    if not waiting.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return True


def _train(words: list[str]) -> int:
    from contextlib import nullcontext

    from ersm_lab.config.command_line import compose_all, split_config_dir
    from ersm_lab.config.store import frozen
    from ersm_lab.sweeps.request import is_sweep

    if resume := [word for word in words if word.startswith("resume=")]:
        return _resume(resume[0].partition("=")[2], [word for word in words if word not in resume])
    if is_sweep(words):
        from ersm_lab.sweeps.command import command

        return command(words)
    words, own = split_config_dir(words)
    with frozen(own) if own else nullcontext():
        experiments, _, _ = compose_all(words)
        if not experiments:  # --help, --cfg and their like have answered
            return 0
        from ersm_lab.launch.run import with_backbone
        from ersm_lab.plan.planner import Planner

        cell = with_backbone(Planner().plan(experiments[0]))
    from ersm_lab.training.run import train

    print(f"run directory: {train(cell.experiment, cell.identity).path}")
    return 0


def _resume(folder: str, rest: list[str]) -> int:
    from pathlib import Path

    from ersm_lab.config.compose import Experiment
    from ersm_lab.config.typed import typed_config
    from ersm_lab.runs.directory import RunDirectory

    if rest:
        raise UserError(
            f"resume=DIR goes on with the configuration of that run; it takes no overrides, but got {rest[0]}"
        )
    run = RunDirectory.open(folder)
    if run.status in ("finished", "running"):
        raise UserError(f"{folder} is {run.status}; only a killed, failed or interrupted run can be resumed")
    if not (run.checkpoints / "last.ckpt").is_file():
        raise UserError(f"{folder} has no checkpoints/last.ckpt to go on from; start it anew")
    from ersm_lab.training.run import train

    record = run.record
    experiment = Experiment(
        record.paper,
        record.experiment,
        typed_config(run.config, str(run.path / "config.yaml")),
        record.overrides,
    )
    print(f"run directory: {train(experiment, record, resume=Path(folder)).path}")
    return 0


def _evaluate(words: list[str]) -> int:
    if folders := [word.partition("=")[2] for word in words if word.startswith("predictions=")]:
        return _evaluate_folder(folders[-1], [word for word in words if not word.startswith("predictions=")])
    from ersm_lab.config.command_line import evaluation_request

    runs, composed, overrides = evaluation_request(words)
    from ersm_lab.training.evaluate import evaluate_runs

    evaluations, comparison = evaluate_runs(runs, composed, overrides)
    for folder, summary in evaluations:
        for key, value in sorted(summary.items()):
            print(f"{key:52s} {value:.6g}" if isinstance(value, float) else f"{key:52s} {value}")
        print(f"evaluation: {folder}")
    if comparison is not None:
        print(f"comparison: {comparison}")
    return 0


def _evaluate_folder(folder: str, overrides: list[str]) -> int:
    from pathlib import Path

    from ersm_lab.config.composer import compose_experiment

    if not any(word.startswith("data=") for word in overrides):
        raise UserError(
            "predictions=DIR needs the data set that they are of: data=cityscapes, camvid or toy_streets"
        )
    config = compose_experiment(["evaluation=segmentation", *overrides]).config
    from ersm_lab.evaluation.segmenters.prediction_folder import score_folder
    from ersm_lab.training.build import build_data

    data = build_data(config)
    if not hasattr(data, "table"):
        raise UserError(
            f"data={config['data']['name']} has no labels per pixel; predictions=DIR takes cityscapes, camvid or toy_streets"
        )
    settings = config["evaluation"]
    means, classes = score_folder(Path(folder), data.split(settings["split"]), settings["boundaries"])
    print(classes.to_string(index=False, float_format=lambda value: f"{100 * value:.2f}"))
    for key, value in means.items():
        print(f"{settings['split']}/{key:48s} {value:.6g}")
    return 0


def _table(words: list[str]) -> int:
    from ersm_lab.tables.run import command

    return command(words)


def _claims(words: list[str]) -> int:
    from ersm_lab.claims.check import check_claims
    from ersm_lab.claims.schema import claims_request
    from ersm_lab.claims.text import caution, is_short, lines_of

    names, profile, overrides, launch, jobs = claims_request(words)

    def evaluate(runs: Any, composed: Any, changes: Any) -> Any:
        from ersm_lab.training.evaluate import evaluate_runs

        return evaluate_runs(runs, composed, changes)

    records, parts, paths = check_claims(names, profile, overrides, launch, jobs, evaluate)
    for record in records:
        print(lines_of(record, parts))
    print(caution(records))
    print(paths["md"])
    return 1 if any(is_short(record) for record in records) else 0


def _slem(words: list[str]) -> int:
    from argparse import Namespace

    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.papers.slem.verb import run

    return run(Namespace(words=words), compose_experiment)


def _data(words: list[str]) -> int:
    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.config.store import options

    if words == ["list"]:
        settings = {name: compose_experiment([f"data={name}"]).config["data"] for name in options("data")}
        from ersm_lab.data.listing import show

        show(settings)
        return 0
    if len(words) >= 2 and words[0] == "make":
        group = compose_experiment([f"data={words[1]}", *words[2:]]).config["data"]
        from ersm_lab.data.listing import make

        make(words[1], group)
        return 0
    if len(words) >= 2 and words[0] == "pack":
        group = compose_experiment([f"data={words[1]}", *words[2:]]).config["data"]
        from ersm_lab.data.listing import pack

        pack(words[1], group)
        return 0
    raise UserError("data needs one of: data list, data make NAME, data pack NAME [data.key=value]")


def _bench(words: list[str]) -> int:
    from ersm_lab.bench.run import command

    return command(words)


def _page(words: list[str]) -> int:
    from ersm_lab.report.command import command

    paths = [word for word in words if word.startswith("paths.")]
    from ersm_lab.config.composer import compose_experiment

    outputs = compose_experiment(paths).config["paths"]["outputs"]
    return command([word for word in words if word not in paths], outputs)


def _doctor(words: list[str]) -> int:
    from ersm_lab.cli.doctor import BROKEN, examine, python, show

    needed = python()
    if any(item.state == BROKEN for item in needed):  # nothing else can be asked before that is mended
        return show(needed)
    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.config.store import options

    paths = compose_experiment(words).config["paths"]
    data = {name: compose_experiment([f"data={name}", *words]).config["data"] for name in options("data")}
    return show([*needed, *examine(paths, data)])


def _wandb(words: list[str]) -> int:
    if words[:1] != ["sync"]:
        raise UserError("wandb needs: wandb sync [FOLDER ...] [--dry-run] [paths.outputs=DIR]")
    from pathlib import Path

    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.tracking.sync import sync

    dry_run = "--dry-run" in words
    paths = [word for word in words if word.startswith("paths.")]
    folders = [Path(word) for word in words[1:] if word not in (*paths, "--dry-run")]
    return sync(folders or [Path(compose_experiment(paths).config["paths"]["outputs"])], dry_run)


def _completion(words: list[str]) -> int:
    from ersm_lab.cli.completion import script

    print(script(words[0] if words else ""))
    return 0


def _complete(words: list[str]) -> int:
    from ersm_lab.cli.completion import candidates

    names: Sequence[str] = ()
    if words[:1] == ["bench"]:
        from ersm_lab.bench import run

        names = run.NAMES
    verbs = sorted([*(verb for verb in _VERBS if not verb.startswith("_")), "help"])
    print("\n".join(candidates(words, verbs, names)))
    return 0


_VERBS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "evaluate": _evaluate,
    "table": _table,
    "claims": _claims,
    "slem": _slem,
    "data": _data,
    "bench": _bench,
    "report": _page,
    "wandb": _wandb,
    "doctor": _doctor,
    "completion": _completion,
    "__complete": _complete,
}


if __name__ == "__main__":
    sys.exit(main())
