"""What every verb answers in the same way: help, a reader that leaves, a package that is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import ersm_lab
import ersm_lab.cli.entry as cli
from ersm_lab.bench.run import NAMES
from ersm_lab.cli import doctor, table
from ersm_lab.cli.output import answering
from ersm_lab.cli.verbs import all_verbs, command_line, read
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.describe import keys_of
from ersm_lab.config.store import options, run_groups
from ersm_lab.core.plugins import forget
from ersm_lab.papers.slem.schema import TRAVERSALS

VERBS = list(all_verbs())


def page(verb: str) -> str:
    return command_line(all_verbs())[1][verb].format_help()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in ([verb, "--help"], [verb, "-h"], ["help", verb]):
        assert cli.main(words) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]
    for part in (f"ersm-lab {verb}: ", "\nusage: ", "\nwrites: ", "\nexit codes: ", "\nexamples:\n"):
        assert part in said[0]
    assert "{" not in said[0]
    assert max(map(len, said[0].splitlines())) <= 120


def test_help_of_verbs_imports_no_torch(lab: Path) -> None:
    """Breaks when a module on the way to a page imports torch: help would take seconds."""
    code = (
        "import sys; from ersm_lab.cli import main; "
        f"assert not any(main([verb, '--help']) for verb in {VERBS!r}); "
        "sys.exit(bool({'torch', 'numba', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pages_name_what_there_is(lab: Path) -> None:
    words = set(page("train").replace(",", " ").split())
    assert {*options("experiment"), *options("model"), *options("sweep"), *options("launcher")} <= words
    assert set(options("claim")) <= set(page("claims").replace(",", " ").split())
    assert f"{', '.join(NAMES)}; without one, all" in " ".join(page("bench").split())
    assert {"logger=NAME", "trainer.accelerator=NAME"} <= set(page("claims").split())
    assert 'eval "$(ersm-lab completion bash)"' in " ".join(page("completion").split())
    assert ", ".join(TRAVERSALS) in page("slem")


def test_help_of_an_experiment_explains_its_keys(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Breaks when a key, its value, what it means or the options of its group are left out."""
    assert cli.main(["train", "experiment=fornet/toy_streets", "seed=7", "--help"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    words = " ".join(said.split())
    for key in keys_of(compose_experiment(["experiment=fornet/toy_streets", "seed=7"]).config):
        assert f" {key.name} = {' '.join(key.written.split())}" in words
        assert " ".join(f"{key.meaning} [{key.kind}".split()) in words
    for group in run_groups():
        assert f"{group}={', '.join(options(group))}" in words
    assert "model=ersm/attention_pool, " in words
    assert " taken: fornet/fornet " in words
    assert " taken: toy_streets " in words
    assert (
        "trainer.precision = bf16-mixed (schema: 32-true) of the arithmetic [text, one of 32-true," in words
    )
    assert cli.main(["train", "sweep=ersm/search", "--help"]) == 0
    assert "usage: ersm-lab train" in capsys.readouterr().out


def test_the_configuration_is_printed(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "experiment=ersm/digits", "seed=3", "--cfg", "job"]) == 0
    said = yaml.safe_load(capsys.readouterr().out)
    assert (said["seed"], said["paths"]["cache"]) == (3, "outputs/.cache")
    assert cli.main(["train", "-m", "seed=3,4", "--cfg", "job"]) == 0
    cells = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [cell["seed"] for cell in cells] == [3, 4]
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == ersm_lab.__version__


@pytest.mark.parametrize("words", [["--help"], ["train", "--cfg", "job"]])
def test_a_reader_that_leaves_ends_it_quietly(words: list[str], lab: Path) -> None:
    """`ersm-lab ... | head -1`: no traceback, and the exit code that a shell gives for SIGPIPE."""
    code = f"import sys; from ersm_lab.cli import main; sys.exit(main({words!r}))"
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    assert (run.stderr.read(), run.wait(60)) == (b"", 141)


def test_a_pipe_of_another_kind_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when a failure inside a run is taken for a reader that left, and ends in silence."""

    def fail(arguments: Namespace) -> int:
        raise BrokenPipeError("a worker is gone")

    monkeypatch.setattr(doctor, "run", fail)
    with pytest.raises(BrokenPipeError):
        cli.main(["doctor"])


def test_a_package_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: Namespace) -> int:
        raise ModuleNotFoundError("No module named 'timm'", name="timm")

    monkeypatch.setattr(table, "run", fail)
    assert cli.main(["table", "x"]) == 1
    assert capsys.readouterr().err == "error: no module timm; ersm-lab doctor says what is missing\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["table", "slem_st"], ["slem_structures"]),
        (["claims", "ersm_sp"], ["ersm_sparsity"]),
        (["claims", "PROFILE="], ["PROFILE=demo", "PROFILE=full"]),
        (["train", "sweep=sl"], ["sweep=slem/windows"]),
        (["train", "launcher=s"], ["launcher=slurm"]),
        (["train", "--dry"], ["--dry-run"]),
        (["train", "model=fornet/fornet", "model.head.topk_r"], ["model.head.topk_ratios="]),
        (["train", "trainer.precision=bf16-t"], ["trainer.precision=bf16-true"]),
        (["evaluate", "evaluation=stress", "evaluation.occlusion.ar"], ["evaluation.occlusion.areas="]),
        (["runs", "--so"], ["--sort"]),
        (["list", "exp"], ["experiments"]),
        (["new", ""], ["--into", "paper"]),
        (["train", "experi"], ["experiment="]),
        (["data", "make", "toy"], ["toy_streets"]),
        (["bench", "sl"], ["slem"]),
        (["evaluate", "run=here/r"], ["run=here/run1/"]),
        (["evaluate", "run=here/run1,he"], ["run=here/run1,here/"]),
        (["evaluate", "evaluation=segm"], ["evaluation=segmentation", "evaluation=segmentation_multiscale"]),
        (["report", "he"], ["here/"]),
        (["slem", "here", "window"], ["window_size="]),
        (["wandb", "sync", "--"], ["--dry-run"]),
        (["completion", "z"], ["zsh"]),
        (["help", "wa"], ["wandb"]),
    ],
)
def test_completion_knows_the_words_of_every_verb(
    words: list[str], expected: list[str], lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (lab / "here" / "run1").mkdir(parents=True)
    assert cli.main(["__complete", *words]) == 0
    assert capsys.readouterr().out.split() == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "unknown verb 'trian'; did you mean 'train'? (see ersm-lab --help)"),
        (["report", "-v"], "report has no option -v (see ersm-lab report --help)"),
        (["train", "--info", "seed=1"], "train has no option --info (see ersm-lab train --help)"),
        (["train", "--cfg", "hydra"], "argument --cfg: invalid choice: 'hydra'"),
        (["runs", "--sort"], "argument --sort: expected one argument"),
        (["table", "x", "--json", "--dry-run"], "--json prints what is written"),
    ],
)
def test_what_no_parser_takes_is_one_line_and_exit_code_2(
    words: list[str], message: str, lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1


def test_options_stand_anywhere_among_words() -> None:
    words = ["table", "--refresh", "a", "jobs=2", "--dry-run", "seed=-1", "b"]
    arguments, _ = read(words, all_verbs())
    assert (arguments.words, arguments.refresh, arguments.dry_run) == (
        ["a", "jobs=2", "seed=-1", "b"],
        True,
        True,
    )
    assert arguments.said == words[1:]


def test_json_is_all_that_stands_on_standard_output(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["claims", "ersm_accuracy", "--json"]) == 1  # nothing has run
    said = capsys.readouterr()
    assert {claim["claim"] for claim in json.loads(said.out)["claims"]} == {"ersm_accuracy"}
    assert "ersm_accuracy" in said.err
    with answering(True) as answer:
        print("for people")
        answer({"score": float("nan"), "path": Path("a")})
    said = capsys.readouterr()
    assert json.loads(said.out) == {"score": None, "path": "a"}
    assert said.err == "for people\n"


PLUGIN = """
from ersm_lab.core.plugins import Plugin

PLUGIN = Plugin(name="{name}", package="{name}", summary="an example", verbs={{"{verb}": "{name}.verb"}})
"""
VERB = """
SUMMARY = "greet"


def add_arguments(parser):
    parser.description = "Greets whom you name."
    parser.add_argument("words", nargs="*")
    parser.add_argument("--loud", action="store_true")


def completions():
    return ["name="]


def run(arguments, compose):
    seed = compose(["seed=4"]).config.seed
    print(arguments.words, arguments.loud, seed)
    return 0
"""


@pytest.fixture
def plugin_folder(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a plug-in that has a verb, and some whose verbs do not work."""
    for name, verb, text in (
        ("greeter", "greeter", VERB),
        ("imports_nothing", "absent", "import no_such_module"),
        ("adds_nothing", "broken", VERB.replace("parser.description =", "parser.no_such_method()  #")),
        ("takes_ours", "train", VERB),
    ):
        (lab / "own" / name).mkdir(parents=True)
        (lab / "own" / name / "__init__.py").touch()
        (lab / "own" / name / "plugin.py").write_text(PLUGIN.format(name=name, verb=verb))
        (lab / "own" / name / "verb.py").write_text(text)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("ERSM_LAB_PLUGINS", "")  # set back after the test, which exports one
    yield lab / "own"
    forget()


def test_a_folder_of_plugins_is_a_word_of_every_verb(
    plugin_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"paths.plugins={plugin_folder}"
    assert cli.main(["greeter", "--loud", "a", said, "b=1"]) == 0
    answer = capsys.readouterr()
    assert answer.out == "['a', 'b=1'] True 4\n"
    assert answer.err.splitlines() == [
        "the verb broken of adds_nothing is left out: 'VerbParser' object has no attribute 'no_such_method'",
        "the verb absent of imports_nothing is left out: No module named 'no_such_module'",
        "the verb train of takes_ours is left out: there is a verb of that name already",
    ]
    assert cli.main(["list", "plugins", said]) == 0
    assert "greeter" in capsys.readouterr().out
    assert cli.main(["train", said, "--cfg", "job"]) == 0
    assert f"plugins: {plugin_folder}\n" in capsys.readouterr().out
    assert cli.main(["__complete", "greeter", "na"]) == 0
    assert capsys.readouterr().out.split() == ["name="]
    assert cli.main(["greeter", "--help"]) == 0
    assert "Greets whom you name." in capsys.readouterr().out
    assert cli.main(["list", f"{said}/nowhere"]) == 1
    assert "no such folder" in capsys.readouterr().err
