"""``ersm-lab train``: one run, a sweep of many, or a run that goes on."""

from __future__ import annotations

from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from ersm_lab.cli.parser import Section, VerbParser, names_in
from ersm_lab.cli.values import groups, keys, options_of, paths
from ersm_lab.core.errors import UserError

SUMMARY = "train and evaluate an experiment: one run, or a sweep of many"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "[experiment=NAME] [group=option] [key=value]",
        "-m [sweep=NAME] [key=a,b,c] [jobs=N] [launcher=NAME] [--dry-run] [--refresh]",
        "resume=DIR",
        "experiment=NAME --help",
        text="With other words, --help explains every key of the configuration that they give.",
        writes="outputs/<paper>/<experiment>/<date_time>-<id>/, a folder for each run; a sweep also "
        "outputs/sweeps/<name>-<hash>/",
        exit_codes="0 finished; 1 a mistake in a word, or a failed run; 2 no such option; 130 interrupted; "
        "143 terminated",
        examples=[
            "experiment=ersm/digits model=ersm/recommended seed=1",
            "-m experiment=ersm/digits model=ersm/baseline,ersm/published seed='range(0,3)' jobs=2",
            "-m sweep=ersm/lambda_gamma_patch --dry-run",
        ],
    )
    parser.add_key(
        "experiment=NAME",
        "what is trained: conf/experiment/NAME.yaml; the other words change it",
        options_of("experiment"),
    )
    parser.add_word("group=option", "takes another file of a group, as in model=ersm/published", groups)
    parser.add_word("key=value", "changes one key; +key=value adds one inside an open dictionary", keys())
    parser.add_key(
        "sweep=NAME",
        "a preset: conf/sweep/NAME.yaml; your own words replace its words",
        options_of("sweep"),
    )
    parser.add_key("jobs=N", "processes at a time")
    parser.add_key(
        "launcher=NAME",
        "where they run: local, slurm, ray; launcher.KEY=VALUE changes it",
        options_of("launcher"),
    )
    parser.add_key(
        "resume=DIR",
        "goes on with a killed, failed or interrupted run, with the configuration it had",
        paths,
    )
    several = "a run for every combination of comma-separated values and ranges"
    parser.add_argument("-m", "--multirun", action="store_true", help=several)
    parser.add_argument(
        "--dry-run", action="store_true", help="list the cells and what is finished; nothing runs"
    )
    parser.add_argument("--refresh", action="store_true", help="run finished cells again")
    parser.add_argument("--cfg", choices=["job"], metavar="job", help="print the configuration and stop")
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="add a folder of your own YAML files")
    parser.add_section(names_in("experiment", "experiments"))
    parser.add_section(_groups)
    parser.own_help = _keys_in_words


def run(arguments: Namespace) -> int:
    from ersm_lab.config.words import split, split_jobs

    found, others = split(arguments.words, "resume")
    if found["resume"]:
        return _resume(found["resume"][-1], others)
    from ersm_lab.sweeps.request import is_sweep

    if is_sweep(arguments.said):
        return _sweep(arguments)
    with _own_folder(arguments.config_dir):
        from ersm_lab.config.composer import compose_experiment

        experiment = compose_experiment(split_jobs(arguments.words)[0])
        if arguments.cfg:
            print(_yaml(experiment.config), end="")
            return 0
        from ersm_lab.launch.run import with_backbone
        from ersm_lab.plan.planner import Planner

        cell = with_backbone(Planner().plan(experiment))
    from ersm_lab.training.run import train

    print(f"run directory: {train(cell.experiment, cell.identity).path}")
    return 0


def _sweep(arguments: Namespace) -> int:
    from ersm_lab.config.composer import compose_cells
    from ersm_lab.config.store import frozen
    from ersm_lab.sweeps.command import command
    from ersm_lab.sweeps.request import sweep_request

    flags = [flag for flag in ("--dry-run", "--refresh") if flag in arguments.said]
    with frozen(_folder(arguments.config_dir)):
        request = replace(sweep_request([*arguments.words, *flags]), said=arguments.said)
        if arguments.cfg:
            print(
                "---\n".join(_yaml(experiment.config) for experiment in compose_cells(request.words)), end=""
            )
            return 0
        return command(request)


def _resume(folder: str, others: list[str]) -> int:
    from ersm_lab.config.compose import Experiment
    from ersm_lab.config.typed import typed_config
    from ersm_lab.runs.directory import RunDirectory

    if others:
        raise UserError(
            f"resume=DIR goes on with the configuration of that run; it takes no overrides, but got {others[0]}"
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


def _folder(config_dir: str | None) -> Path | None:
    if config_dir is None:
        return None
    if not Path(config_dir).is_dir():
        raise UserError(f"--config-dir {config_dir} is no folder")
    return Path(config_dir)


def _own_folder(config_dir: str | None) -> AbstractContextManager[None]:
    """What ``--config-dir`` adds to the folders of YAML while the block runs."""
    from ersm_lab.config.store import frozen

    own = _folder(config_dir)
    return frozen(own) if own else nullcontext()


def _groups() -> Section:
    from ersm_lab.config.store import options, run_groups

    groups = [*run_groups(), "sweep", "launcher"]
    return Section("groups", rows=[(f"{group}=", ", ".join(options(group))) for group in groups])


def _keys_in_words(arguments: Namespace) -> str | None:
    """Every key of the configuration that the words give; None where they are a sweep's, or none at all."""
    from ersm_lab.sweeps.request import is_sweep

    if not arguments.words or is_sweep(arguments.said) or arguments.words[0].startswith("resume="):
        return None
    from ersm_lab.cli.keys import explained
    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.config.words import split_jobs

    with _own_folder(arguments.config_dir):
        return explained(compose_experiment(split_jobs(arguments.words)[0]))


def _yaml(config: object) -> str:
    from omegaconf import OmegaConf

    from ersm_lab.core.settings import plain

    return OmegaConf.to_yaml(OmegaConf.create(plain(config)))
