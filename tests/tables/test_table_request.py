"""Which tables a command line means: names, papers, profiles."""

from __future__ import annotations

import pytest

from ersm_lab.config.store import options
from ersm_lab.core.errors import UserError
from ersm_lab.tables.request import select_tables, table_request
from ersm_lab.tables.schema import load_table

TABLES = {name: load_table(name) for name in options("table")}


def test_a_profile_without_names_has_all_its_tables() -> None:
    """Breaks when a new table has to be listed anywhere to be made."""
    quick = {name for name, table in TABLES.items() if table.profile == "demo"}
    assert set(select_tables([], "demo")) == quick
    assert set(select_tables([], "full")) == set(TABLES) > quick


def test_the_quick_tables_of_a_profile_come_first() -> None:
    profiles = [table.profile for table in select_tables([], "full").values()]
    assert profiles == sorted(profiles)


@pytest.mark.parametrize("paper", sorted({table.paper for table in TABLES.values()}))
def test_a_paper_stands_for_its_tables(paper: str) -> None:
    own = {name: table.profile for name, table in TABLES.items() if table.paper == paper}
    assert set(select_tables([paper], "full")) == set(own)
    assert set(select_tables([paper])) == {name for name, profile in own.items() if profile == "demo"}


def test_names_and_papers_may_stand_together() -> None:
    """A table that is named is made, whatever its profile; papers bring those of the profile."""
    assert set(select_tables(["fornet", "ersm_pets"])) == {"fornet_toy_streets", "ersm_pets"}
    assert list(select_tables(["ersm_pets", "ersm_digits"])) == ["ersm_pets", "ersm_digits"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs a name, or PROFILE=demo or full"),
        (["PROFILE=quick"], "PROFILE is 'quick', but must be demo or full"),
        (["ersm_pets", "PROFILE=demo"], "ersm_pets belongs to the profile full, not to demo"),
        (["ersm_pets", "slem", "PROFILE=demo"], "ersm_pets belongs to the profile full, not to demo"),
        (["ersm_digit"], "no table or paper named 'ersm_digit'; did you mean 'ersm_digits'"),
        (["fornett"], "did you mean 'fornet'"),
        (["ersm", "sweep=ersm/search"], "takes no 'sweep=ersm/search'"),
        (["ersm", "--multirun"], "takes no '--multirun'"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        table_request(words)
    assert "\n" not in str(caught.value)


def test_the_other_words_say_how_runs_are_made() -> None:
    request = table_request(["slem", "trainer.max_epochs=2", "jobs=3", "--refresh", "PROFILE=full"])
    assert {table.paper for table in request.tables.values()} == {"slem"}
    assert (request.overrides, request.launch.jobs) == (["trainer.max_epochs=2"], 3)
    assert (request.launch.refresh, request.launch.dry_run) == (True, False)
