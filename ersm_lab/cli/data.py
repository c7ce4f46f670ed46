"""``ersm-lab data``: which data sets there are, and generating or packing one."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from ersm_lab.cli.parser import VerbParser, names_in
from ersm_lab.cli.values import first, options_of
from ersm_lab.core.errors import UserError

SUMMARY = "list the data sets, and what is missing; generate or pack one"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "list",
        "make NAME [data.key=value]",
        "pack NAME [data.key=value]",
        writes="list nothing; make the folder that list names; pack below outputs/.cache/",
        exit_codes="0 done; 1 a mistake in a word, or a data set that is not there; 2 no such option",
        examples=["list", "make toy_streets"],
    )
    parser.add_word("list", "which are there, and where each belongs", first("list"))
    parser.add_word(
        "make", "generates an embedded set now, or reads a real one and counts its pictures", first("make")
    )
    parser.add_word(
        "pack",
        "writes the cache of raw pixels that crops are read from, of a data set with labels per pixel",
        first("pack"),
    )
    parser.add_word("NAME", "a data set", _name)
    parser.add_section(names_in("data", "data sets"))


def run(arguments: Namespace) -> int:
    from ersm_lab.config.composer import compose_experiment
    from ersm_lab.config.store import options

    words = arguments.words
    if words == ["list"]:
        from ersm_lab.data.listing import show

        show({name: compose_experiment([f"data={name}"]).config.data for name in options("data")})
        return 0
    if len(words) < 2 or words[0] not in ("make", "pack"):
        raise UserError("data needs one of: data list, data make NAME, data pack NAME [data.key=value]")
    config = compose_experiment([f"data={words[1]}", *words[2:]]).config
    from ersm_lab.data import listing

    (listing.make if words[0] == "make" else listing.pack)(words[1], config.data)
    return 0


def _name(before: Sequence[str], last: str) -> list[str]:
    return list(options_of("data")(before, last)) if before in (["make"], ["pack"]) else []
