"""The reference pages are those of today's parsers and schemas, and leave nothing unexplained."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from ersm_lab.cli.reference import DOCUMENTS, pages, write_pages
from ersm_lab.config.describe import schema_keys, summary_line
from ersm_lab.config.store import options, run_groups, schemas
from ersm_lab.core.settings import Settings

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
KINDS = [*schemas().values(), *(kind for kind in DOCUMENTS.values() if kind is not None)]


def test_the_pages_are_not_stale() -> None:
    """Breaks when a parser or a schema has changed since; `make reference` writes them anew."""
    made = pages()
    assert {file.name for file in FOLDER.glob("*.md")} == set(made)
    stale = [name for name, text in made.items() if (FOLDER / name).read_text() != text]
    assert not stale, "run make reference"


def test_a_page_that_is_left_over_goes(tmp_path: Path) -> None:
    write_pages(tmp_path)
    text = (tmp_path / "trainer.md").read_text()
    (tmp_path / "gone.md").write_text(text)
    (tmp_path / "own.md").write_text("# of somebody's own\n")
    write_pages(tmp_path)
    assert {file.name for file in tmp_path.glob("*.md")} == {*pages(), "own.md"}


def within(kind: type[Settings]) -> Iterator[type[Settings]]:
    """A settings class and those of its fields."""
    yield kind
    for hint in typing.get_type_hints(kind).values():
        for part in (hint, *typing.get_args(hint)):
            if isinstance(part, type) and issubclass(part, Settings):
                yield from within(part)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_says_what_it_means(kind: type[Settings]) -> None:
    assert not [key.name for key in schema_keys(kind) if not key.meaning]
    undocumented = [
        part.__name__ for part in within(kind) if (part.__doc__ or "").startswith(f"{part.__name__}(")
    ]
    assert not undocumented, "a dataclass without a docstring has its signature for one"


@pytest.mark.parametrize("group", [*run_groups(), *DOCUMENTS])
def test_every_file_says_what_it_is(group: str) -> None:
    assert not [name for name in options(group) if not summary_line(group, name)]
