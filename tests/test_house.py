"""The house's own rules, which no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "ersm_lab").rglob("*.py"))
WRITTEN = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "scripts").rglob("*.py"))]
# numba and Triton: arguments have types of their own
ENGINE = ROOT / "ersm_lab" / "papers" / "slem" / "engine"
PAPERS = sorted(
    path.name for path in (ROOT / "ersm_lab" / "papers").iterdir() if (path / "plugin.py").is_file()
)
OF_PAPERS = ("papers", "bench", "cli")  # rooms that may name one; the help of a verb shows commands


def annotations(tree: ast.AST) -> Iterator[ast.expr]:
    """Of arguments, returned values and variables."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns:
            yield node.returns
        elif (isinstance(node, ast.arg) and node.annotation) or isinstance(node, ast.AnnAssign):
            yield node.annotation


def test_fewer_than_two_in_a_hundred_annotations_are_any():
    found = [
        (path, node)
        for path in SOURCES
        if not path.is_relative_to(ENGINE)
        for node in annotations(ast.parse(path.read_text(encoding="utf-8")))
    ]
    exact = [(path, node) for path, node in found if isinstance(node, ast.Name) and node.id == "Any"]
    where = [f"{path.relative_to(ROOT)}:{node.lineno}" for path, node in exact]
    assert len(exact) < 0.02 * len(found), f"{len(exact)} of {len(found)}: {', '.join(where)}"


def test_the_formatter_is_never_switched_off():
    here = Path(__file__)
    assert [
        path for path in WRITTEN if path != here and re.search(r"fmt: (skip|off)", path.read_text())
    ] == []


def test_no_file_is_longer_than_400_lines():
    scripts = sorted((ROOT / "ersm_lab").rglob("*.js"))
    long = {path.name: path.read_text().count("\n") for path in (*WRITTEN, *scripts)}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_shared_room_names_no_paper(paper):
    """Breaks when what belongs to one paper lands where all of them meet. Prose may give examples; code may not."""
    found = []
    for path in SOURCES:
        room = path.relative_to(ROOT / "ersm_lab").parts[0]
        if room in OF_PAPERS or "template" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            text = getattr(node, "id", "") or getattr(node, "module", "") or text
            if id(node) not in prose and re.search(rf"(?<![a-z]){paper}(?![_-]lab|[a-z])", str(text)):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {text!r}"[:120])
    assert found == []


def _has_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None
