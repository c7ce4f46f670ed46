"""``ersm-lab table [NAME ...] [PROFILE=demo|full]``: which tables are asked for, and how their runs are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ersm_lab.config.launch import DRY_RUN, REFRESH, LaunchRequest, launch_request
from ersm_lab.config.store import options
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import no_such
from ersm_lab.tables.schema import PROFILES, TableConfig, load_table

_FLAGS = (DRY_RUN, REFRESH)


@dataclass(frozen=True)
class TableRequest:
    """``tables`` by name, checked; ``overrides`` of every run of theirs; ``launch``: where and how these are made."""

    tables: dict[str, TableConfig]
    launch: LaunchRequest
    overrides: list[str]


def table_request(words: Sequence[str]) -> TableRequest:
    """What a command line of ``table`` asks for.

    Raises
    ------
    UserError: neither a name nor a profile, an unknown name, a mistake in any of the tables, or a word that sweeps know and
        tables do not.
    """
    names = [word for word in words if "=" not in word and not word.startswith("-")]
    profile, rest = split_profile([word for word in words if word not in names])
    for word in rest:
        if word.startswith(("sweep=", "sweep.")) or (word.startswith("-") and word not in _FLAGS):
            raise UserError(
                f"table takes no '{word}': NAME ..., PROFILE=NAME, key=value, jobs=N, launcher=NAME, {', '.join(_FLAGS)}"
            )
    return TableRequest(select_tables(names, profile), *launch_request(rest))


def split_profile(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The profile that ``PROFILE=NAME`` names (None: nobody named one), and the other words."""
    chosen = [word for word in words if word.partition("=")[0].upper() == "PROFILE"]
    profile = chosen[-1].partition("=")[2] if chosen else None
    if profile not in (None, *PROFILES):
        raise UserError(f"PROFILE is '{profile}', but must be {' or '.join(PROFILES)}")
    return profile, [word for word in words if word not in chosen]


def select_tables(names: Sequence[str], profile: str | None = None) -> dict[str, TableConfig]:
    """The tables that are meant, by name.

    Parameters
    ----------
    names: tables, or papers, which stand for all their tables of the profile; none of them: all papers.
    profile: ``full`` has the tables of ``demo`` too. None: ``demo``, and no limit to tables that are named.

    Raises
    ------
    UserError: no name and no profile, a name of neither a table nor a paper, or a table that the profile lacks.
    """
    known = options("table")
    if not names and profile is None:
        raise UserError(f"table needs a name, or PROFILE={' or '.join(PROFILES)}: {', '.join(known)}")
    only_tables = bool(names) and set(names) <= set(known)
    read = {name: load_table(name) for name in (names if only_tables else known)}
    papers = {table.paper for table in read.values()}
    for name in names:
        if name in read:
            own = read[name].profile
            if profile is not None and not _has(profile, own):
                raise UserError(f"table {name} belongs to the profile {own}, not to {profile}")
        elif name not in papers:
            raise UserError(no_such("table or paper", name, [*known, *papers]))
    if only_tables:
        return read
    wanted = {
        name: table
        for name, table in read.items()
        if name in names
        or (_has(profile or PROFILES[0], table.profile) and (not names or table.paper in names))
    }
    quick_first = sorted(wanted, key=lambda name: (PROFILES.index(wanted[name].profile), name))
    return {name: wanted[name] for name in quick_first}


def _has(profile: str, own: str) -> bool:
    """Whether a profile has the tables of the profile ``own``: each has those of the ones before it."""
    return PROFILES.index(own) <= PROFILES.index(profile)
