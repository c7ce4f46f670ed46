"""The nearest name is the one that was meant, or none."""

from __future__ import annotations

import pytest

from ersm_lab.core.words import nearest, no_such, wrapped

NAMES = ["ersm/digits", "ersm/digits_backbone", "ersm/pets", "fornet/camvid", "slem/structures"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("ersm/digit", "ersm/digits"),
        ("erms/digits", "ersm/digits"),
        ("digits", "ersm/digits"),
        ("fornet/camvit", "fornet/camvid"),
        ("ersm/demo", None),  # as like to ersm/pets as two names of one paper are
        ("slem/pets", None),  # not every name that ends so is meant
        ("demo", None),
    ],
)
def test_a_name_with_a_slash_is_compared_part_by_part(word: str, meant: str | None) -> None:
    assert nearest(word, NAMES) == ("" if meant is None else f"; did you mean '{meant}'?")


def test_what_there_is_is_listed_whole() -> None:
    """Breaks when a list is cut, or a paper is lost from it."""
    assert no_such("experiment", "x", NAMES) == f"no experiment named 'x'. There are: {', '.join(NAMES)}"
    said = no_such("experiment", "ersm/digit", NAMES)
    assert said == (
        "no experiment named 'ersm/digit'; did you mean 'ersm/digits'? "
        "There are: ersm/digits, ersm/digits_backbone, ersm/pets"
    )
    assert no_such("experiment", "new/x", NAMES).endswith(f"There are: {', '.join(NAMES)}")
    assert no_such("table", "x", []) == "no table named 'x'. There are: none"


def test_lines_are_bounded() -> None:
    lines = wrapped("  names: ", NAMES, 30, indent=9).splitlines()
    assert max(map(len, lines)) <= 30
    assert all(line.startswith(" " * 9) for line in lines[1:])
    assert " ".join("".join(lines).split()) == f"names: {', '.join(NAMES)}"
