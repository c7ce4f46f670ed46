"""Commands that docs/ shows are ones that the lab takes: experiments, groups, keys, tables and settings exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ersm_lab import cli
from ersm_lab.config.cells import compose_cells
from ersm_lab.config.command_line import compose_all, split_jobs
from ersm_lab.config.compose import compose_experiment
from ersm_lab.config.slem_request import slem_request
from ersm_lab.config.space import split_space
from ersm_lab.config.store import options
from ersm_lab.config.sweeps import is_sweep, sweep_request
from ersm_lab.config.tables import load_table

DOCS = Path(__file__).parents[1] / "docs"
VERBS = (
    "train",
    "evaluate",
    "table",
    "claims",
    "sweeps",
    "slem",
    "data",
    "bench",
    "wandb",
    "report",
    "doctor",
)


def commands() -> list[str]:
    """Indented lines of the pages without the synopses, which hold brackets around what may be left out."""
    found = []
    for page in sorted(DOCS.glob("*.md")):
        for line in re.findall(r"^ {4}(ersm-lab .*)$", page.read_text(), flags=re.M):
            if not re.search(r"\[[A-Za-z.-]|\bNAME\b|DIR\]|=DIR$", line) or "run=DIR " in line:
                found.append(line)
    return sorted(set(found))


def test_every_verb_has_a_page() -> None:
    pages = {page.stem for page in DOCS.glob("*.md")}
    assert set(VERBS) <= pages
    assert "methods" in pages


@pytest.mark.parametrize("line", commands())
def test_commands_are_ones_that_the_lab_takes(line: str, lab: Path) -> None:
    _, verb, *words = shlex.split(line, comments=True)
    assert verb in cli._VERBS
    (lab / "photo.png").write_bytes(b"")
    if verb == "train" and is_sweep(words):
        request = sweep_request(words)
        fixed, space = split_space(request.words)
        assert compose_cells(fixed if request.search is not None else request.words)
        assert space
    elif verb == "train":
        assert compose_all(words)[0]
    elif verb == "table":
        words, _ = split_jobs(words)
        overrides = [word for word in words if "=" in word]
        for name in (word for word in words if "=" not in word and word != "--refresh"):
            compose_experiment([f"experiment={load_table(name)['experiment']}", *overrides])
    elif verb == "evaluate":
        named = [word.removeprefix("table=") for word in words if word.startswith("table=")]
        assert set(named) <= set(options("table"))
        rest = [word for word in words if not word.startswith(("run=", "table=", "export=", "predictions="))]
        compose_experiment([*rest, *(f"evaluation.{word}" for word in words if word.startswith("export=")),
                            *(["evaluation=segmentation"] if any("export=" in word for word in words) else [])])  # fmt: skip
    elif verb == "slem":
        slem_request(words)
    elif verb == "data":
        assert words == ["list"] or (words[0] in ("make", "pack") and words[1] in options("data"))
    elif verb == "bench":
        from ersm_lab.bench.run import NAMES

        assert set(words) <= set(NAMES)


def test_a_page_that_shows_a_wrong_command_would_be_found(lab: Path) -> None:
    with pytest.raises(Exception, match="no model named 'ersm/recomended'"):
        compose_all(["experiment=ersm/digits", "model=ersm/recomended"])
