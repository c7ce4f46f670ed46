"""Commands that pages and help show are ones that the lab takes: experiments, groups, keys, tables and settings exist."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import ersm_lab.cli.entry as cli
from ersm_lab.bench.run import NAMES
from ersm_lab.claims.schema import claims_request
from ersm_lab.cli.completion import script
from ersm_lab.cli.help import page as help_page
from ersm_lab.config.command_line import compose_all
from ersm_lab.config.composer import compose_cells, compose_experiment
from ersm_lab.config.store import options
from ersm_lab.papers.slem.verb import request
from ersm_lab.report.query import parse
from ersm_lab.sweeps.request import is_sweep, sweep_request
from ersm_lab.sweeps.space import split_space
from ersm_lab.tables.request import table_request

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
VERBS = tuple(verb for verb in cli._VERBS if not verb.startswith("_"))


def commands() -> list[str]:
    """Indented lines of the pages without the synopses, which hold brackets around what may be left out."""
    found = []
    for page in (ROOT / "README.md", *DOCS.glob("*.md"), *(ROOT / "ersm_lab/papers").glob("*/README.md")):
        for line in re.findall(r"^ {4}(ersm-lab .*)$", page.read_text(), flags=re.M):
            if (
                not re.search(r"\[[A-Za-z.-]|\bNAME\b|DIR\]|=DIR$|IMAGE_OR| \| |\.\.\.", line)
                or "run=DIR " in line
            ):
                found.append(line)
    for verb in VERBS:
        found += re.findall(r"^ {2}(ersm-lab .*)$", help_page(verb).partition("examples:")[2], flags=re.M)
    return sorted(set(found))


def test_every_verb_has_a_page() -> None:
    assert {*VERBS, "sweeps", "methods"} <= {page.stem for page in DOCS.glob("*.md")}


@pytest.mark.parametrize("verb", VERBS)
def test_pages_and_help_give_the_same_usage(verb: str) -> None:
    """Breaks when a verb learns a word and one of the two is forgotten; `train -m` has a page of its own."""
    block = re.search(r"^usage: (.*?)\n\n", help_page(verb), flags=re.M | re.S)
    synopsis = re.search(r"^ {4}(ersm-lab .*?)\n\n", (DOCS / f"{verb}.md").read_text(), flags=re.M | re.S)
    assert block is not None
    assert synopsis is not None
    said = [line.strip() for line in block[1].splitlines()]
    assert [line.strip() for line in synopsis[1].splitlines()] == said


@pytest.mark.parametrize("line", commands())
def test_commands_are_ones_that_the_lab_takes(line: str, lab: Path) -> None:
    _, verb, *words = shlex.split(line, comments=True)
    assert verb in VERBS
    if verb == "slem":
        (lab / words[0]).write_bytes(b"")
    if verb in CHECKS:
        CHECKS[verb](words)
    else:
        assert not words


def _train(words: list[str]) -> None:
    if any(word.startswith("resume=") for word in words):
        assert len(words) == 1
    elif is_sweep(words):
        request = sweep_request(words)
        fixed, space = split_space(request.words)
        assert compose_cells(fixed if request.search is not None else request.words)
        assert space
    else:
        assert compose_all(words)[0]


def _table(words: list[str]) -> None:
    request = table_request(words)
    for table in request.tables.values():
        compose_experiment([f"experiment={table.experiment}", *request.runs.words])


def _evaluate(words: list[str]) -> None:
    named = [word.removeprefix("table=") for word in words if word.startswith("table=")]
    assert set(named) <= set(options("table"))
    rest = [word for word in words if not word.startswith(("run=", "table=", "export=", "predictions="))]
    compose_experiment([*rest, *(f"evaluation.{word}" for word in words if word.startswith("export=")),
                        *(["evaluation=segmentation"] if any("export=" in word for word in words) else [])])  # fmt: skip


def _claims(words: list[str]) -> None:
    names, *_ = claims_request(words)
    assert set(names) <= set(options("claim"))


def _slem(words: list[str]) -> None:
    request(words, compose_experiment)


def _data(words: list[str]) -> None:
    assert words == ["list"] or words[0] in ("make", "pack")
    if words != ["list"]:
        compose_experiment([f"data={words[1]}", *words[2:]])


def _bench(words: list[str]) -> None:
    assert set(words) <= set(NAMES)


def _report(words: list[str]) -> None:
    for word in words:
        assert parse(word).value


def _wandb(words: list[str]) -> None:
    assert words[0] == "sync"


CHECKS: dict[str, Callable[[list[str]], object]] = {
    "train": _train, "table": _table, "evaluate": _evaluate, "claims": _claims, "slem": _slem, "data": _data,
    "bench": _bench, "report": _report, "wandb": _wandb, "doctor": compose_experiment,
    "completion": lambda words: script(*words),
}  # fmt: skip


# where a person reads them: pages, headers of YAML, and texts in code
_NAME = re.compile(
    r"\b(experiment|model|data|evaluation|sweep|launcher|logger|trainer|optimizer|table|claim)=([a-z0-9_]+(?:/[a-z0-9_]+)?)(?![\w/*{])"
)
_FOLDER = re.compile(r"\boutputs/((?:ersm|fornet|slem)/[a-z0-9_]+)/\d{8}_")


def texts(path: Path) -> str:
    if path.suffix != ".py":
        return path.read_text()
    tree = ast.walk(ast.parse(path.read_text()))
    return "\n".join(
        node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_names_in_pages_and_messages_exist() -> None:
    """Breaks when advice names an experiment, a model or a data set that is not there (any more)."""
    wrong = []
    for pattern in ("*.md", "docs/*.md", "Makefile", "conf/**/*.yaml", "ersm_lab/**/*", "scripts/*.py"):
        for path in ROOT.glob(pattern):
            if path.suffix not in (".py", ".md", ".yaml", ".txt", "") or not path.is_file():
                continue
            text = re.sub(r"ersm-lab report .*", "", texts(path))  # its conditions are of another kind
            named = [*_NAME.findall(text), *(("experiment", name) for name in _FOLDER.findall(text))]
            wrong += [f"{path}: {group}={name}" for group, name in named if name not in options(group)]
    assert not wrong


def test_a_page_that_shows_a_wrong_command_would_be_found(lab: Path) -> None:
    with pytest.raises(Exception, match="no model named 'ersm/recomended'"):
        compose_all(["experiment=ersm/digits", "model=ersm/recomended"])
