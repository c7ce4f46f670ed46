"""Commands that pages and help show are ones that the lab takes: experiments, groups, keys, tables and settings exist."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from ersm_lab.bench.run import NAMES
from ersm_lab.claims.request import claims_request
from ersm_lab.cli.completion import script
from ersm_lab.cli.runs import KEYS as RUN_KEYS
from ersm_lab.cli.verbs import all_verbs, command_line, read
from ersm_lab.config.composer import compose_cells, compose_experiment
from ersm_lab.config.store import options
from ersm_lab.config.words import split, split_jobs
from ersm_lab.core.plugins import plugins
from ersm_lab.papers.slem.verb import request
from ersm_lab.sweeps.request import is_sweep, sweep_request
from ersm_lab.sweeps.space import split_space
from ersm_lab.tables.request import table_request

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *DOCS.rglob("*.md"), *(ROOT / "ersm_lab/papers").glob("*/README.md")]
TUTORIAL = "my_paper"  # what the tutorial lets its reader write
VERBS = all_verbs()
PARSERS = command_line(VERBS)[1]


def commands() -> list[str]:
    """Lines of code of the pages, behind a prompt or not, without those that are shown to fail, and
    without the synopses, which hold brackets around what may be left out."""
    found = []
    for page in PAGES:
        for line in re.findall(r"^(?: {4}|\$ )?(ersm-lab .*)$(?!\nerror: )", page.read_text(), flags=re.M):
            if (
                not re.search(r"\[[A-Za-z.-]|\bNAME\b|DIR\]|=DIR$|IMAGE_OR| \| |\.\.\.", line)
                or "run=DIR " in line
            ) and TUTORIAL not in line:
                found.append(line)
    for parser in PARSERS.values():
        found += re.findall(
            r"^ {2}(ersm-lab .*)$", parser.format_help().partition("examples:")[2], flags=re.M
        )
    return sorted(set(found))


def test_every_verb_has_its_part_of_the_reference() -> None:
    reference = (DOCS / "reference" / "command_line.md").read_text()
    assert all(f"\n## ersm-lab {verb}\n" in reference for verb in VERBS)


def test_every_page_is_on_the_site() -> None:
    """Breaks when a page is added that no menu leads to, or a menu leads to one that is gone."""
    menu = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    of_elsewhere = {page for page in menu if page.startswith(("papers/", "project/"))}
    assert menu - of_elsewhere == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


@pytest.mark.parametrize("line", commands())
def test_commands_are_ones_that_the_lab_takes(line: str, lab: Path) -> None:
    arguments, _ = read(shlex.split(line, comments=True)[1:], VERBS)
    if arguments.verb == "slem":
        (lab / arguments.words[0]).write_bytes(b"")
    if not arguments.help:
        CHECKS.get(arguments.verb, lambda words, said: None)(arguments.words, arguments.said)


def _train(words: list[str], said: list[str]) -> None:
    words, _ = split_jobs(words)
    if any(word.startswith("resume=") for word in words):
        assert len(words) == 1
    elif is_sweep(said):
        request = sweep_request(words)
        fixed, space = split_space(request.words)
        assert compose_cells(fixed if request.search is not None else request.words)
        assert space
    else:
        compose_experiment(words)


def _table(words: list[str], said: list[str]) -> None:
    request = table_request(words)
    for table in request.tables.values():
        compose_experiment([f"experiment={table.experiment}", *request.overrides])


def _evaluate(words: list[str], said: list[str]) -> None:
    named, rest = split(words, "run", "table", "export", "predictions")
    assert set(named["table"]) <= set(options("table"))
    segmentation = ["evaluation=segmentation"] if named["export"] else []
    exports = [f"evaluation.export={name}" for name in named["export"]]
    compose_experiment([*segmentation, *rest, *exports])


def _claims(words: list[str], said: list[str]) -> None:
    assert claims_request([word for word in said if word != "--json"]).claims


def _data(words: list[str], said: list[str]) -> None:
    assert words == ["list"] or words[0] in ("make", "pack")
    if words != ["list"]:
        compose_experiment([f"data={words[1]}", *words[2:]])


def _bench(words: list[str], said: list[str]) -> None:
    assert set(words) <= set(NAMES)


def _report(words: list[str], said: list[str]) -> None:
    assert all(word.startswith(("outputs/", "out=", "pictures=", "paths.")) for word in words)


def _wandb(words: list[str], said: list[str]) -> None:
    assert words[0] == "sync"


def _runs(words: list[str], said: list[str]) -> None:
    assert {word.partition("=")[0] for word in words} <= set(RUN_KEYS)


CHECKS: dict[str, Callable[[list[str], list[str]], object]] = {
    "train": _train,
    "table": _table,
    "evaluate": _evaluate,
    "claims": _claims,
    "slem": lambda words, said: request(words, compose_experiment),
    "data": _data,
    "bench": _bench,
    "report": _report,
    "runs": _runs,
    "wandb": _wandb,
    "doctor": lambda words, said: compose_experiment(words),
    "completion": lambda words, said: script(*words),
}


# where a person reads them: pages, headers of YAML, and texts in code
_NAME = re.compile(
    r"\b(experiment|model|data|evaluation|sweep|launcher|logger|trainer|optimizer|table|claim)=([a-z0-9_]+(?:/[a-z0-9_]+)?)(?![\w/*{])"
)
_PAPERS = [name for name, plugin in plugins().items() if plugin.smoke]
_FOLDER = re.compile(rf"\boutputs/((?:{'|'.join(_PAPERS)})/[a-z0-9_]+)/\d{{8}}_")


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
    for pattern in ("*.md", "docs/**/*.md", "Makefile", "conf/**/*.yaml", "ersm_lab/**/*", "scripts/*.py"):
        for path in ROOT.glob(pattern):
            if path.suffix not in (".py", ".md", ".yaml", ".txt", "") or not path.is_file():
                continue
            if "template" in path.parts:  # of a paper that is not there yet
                continue
            text = texts(path)
            named = [*_NAME.findall(text), *(("experiment", name) for name in _FOLDER.findall(text))]
            named = [(group, name) for group, name in named if TUTORIAL not in name]
            wrong += [f"{path}: {group}={name}" for group, name in named if name not in options(group)]
    assert not wrong


def test_a_page_that_shows_a_wrong_command_would_be_found(lab: Path) -> None:
    with pytest.raises(Exception, match="no model named 'ersm/recomended'"):
        _train(["experiment=ersm/digits", "model=ersm/recomended"], [])
