"""The pages of ``docs/reference/``: the command line from the parsers, the configuration from the schemas.

``python -m ersm_lab.cli.reference docs/reference`` (``make reference``) writes them; a test fails when they are stale.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from omegaconf import MISSING

from ersm_lab.claims.schema import ClaimConfig
from ersm_lab.cli.parser import Section, VerbParser
from ersm_lab.cli.verbs import all_verbs, command_line
from ersm_lab.config.describe import Key, schema_keys, summary_line, written
from ersm_lab.config.launch import LauncherConfig
from ersm_lab.config.schema import RunConfig
from ersm_lab.config.store import options, run_groups, schemas
from ersm_lab.core.settings import Settings
from ersm_lab.files.atomic import write_text
from ersm_lab.sweeps.schema import SweepConfig
from ersm_lab.tables.schema import TableConfig

_MADE = "<!-- made by `make reference` from the parsers and the schemas; edit those -->\n\n"
# groups of YAML that are read for themselves, and no part of a run's configuration
DOCUMENTS: dict[str, type[Settings] | None] = {
    "experiment": None,
    "table": TableConfig,
    "claim": ClaimConfig,
    "sweep": SweepConfig,
    "launcher": LauncherConfig,
}


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    verbs = all_verbs()
    parsers = command_line(verbs)[1]
    made = {"command_line.md": "\n".join(_command_line(parsers)), "configuration.md": "\n".join(_root())}
    for group in run_groups():
        kinds = {name: kind for (own, name), kind in schemas().items() if own == group}
        made[f"{group}.md"] = "\n".join(_group(group, kinds))
    for group, kind in DOCUMENTS.items():
        made[f"{group}.md"] = "\n".join(_group(group, {} if kind is None else {"": kind}))
    return {name: f"{_MADE}{text.rstrip()}\n" for name, text in made.items()}


def write_pages(folder: Path) -> None:
    """Writes every page into ``folder``, and removes others of ours that are left from before."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for name, text in made.items():
        write_text(folder / name, text)
    for file in folder.glob("*.md"):
        if file.name not in made and file.read_text(encoding="utf-8").startswith(_MADE):
            file.unlink()


def _command_line(parsers: dict[str, VerbParser]) -> Iterator[str]:
    yield "# Command line\n"
    yield "`ersm-lab VERB [words]`. Options, which begin with a dash, may stand anywhere among the words.\n"
    yield from _table(
        ("verb", ""), ((f"[{name}](#ersm-lab-{name})", parser.summary) for name, parser in parsers.items())
    )
    yield "`paths.plugins=DIR` is a word of every verb: plug-ins are looked for in that folder too.\n"
    for parser in parsers.values():
        yield f"## {parser.prog}\n\n{parser.summary[:1].upper()}{parser.summary[1:]}.\n"
        yield f"```text\n{parser.format_usage().rstrip()}\n```\n"
        if parser.description:
            yield f"{' '.join(parser.description.split())}\n"
        for part in parser.sections():
            yield from _section(part)
        if parser.epilog:
            yield f"```text\n{parser.epilog}\n```\n"


def _section(part: Section) -> Iterator[str]:
    title = part.title.capitalize()
    if part.sentence:
        yield f"{title}: {part.sentence}\n"
        return
    yield f"{title}:\n"
    if part.rows:
        yield from _table(("", ""), ((f"`{term}`", meaning) for term, meaning in part.rows))
    if part.names:
        yield ", ".join(f"`{name}`" for name in part.names) + "\n"
    if part.lines:
        yield "\n".join(["```bash", *part.lines, "```\n"])


def _root() -> Iterator[str]:
    kinds = typing.get_type_hints(RunConfig)
    yield "# Configuration\n"
    yield "`key=value` changes a key, `group=option` takes another file of `conf/<group>/` for a whole group.\n"
    yield from _table(("group", ""), ((f"[{name}]({name}.md)", _about(kinds[name])) for name in run_groups()))
    yield "Files that are read for themselves:\n"
    yield from _table(
        ("folder of `conf/`", ""),
        (
            (f"[{name}]({name}.md)", "What can be trained." if kind is None else _about(kind))
            for name, kind in DOCUMENTS.items()
        ),
    )
    yield "## Keys outside of groups\n"
    groups = tuple(f"{name}." for name in run_groups())
    own = (
        key
        for key in schema_keys(RunConfig)
        if not key.name.startswith(groups) and key.name not in run_groups()
    )
    yield from _keys(own)


def _group(group: str, kinds: dict[str, type[Settings]]) -> Iterator[str]:
    yield f"# {group}\n"
    taken = {"table": "ersm-lab table NAME", "claim": "ersm-lab claims NAME"}.get(group, f"{group}=NAME")
    yield f"Files of `conf/{group}/`, taken with `{taken}`:\n"
    yield from _table(("name", ""), ((f"`{name}`", summary_line(group, name)) for name in options(group)))
    prefix = f"{group}." if group in run_groups() else ""
    for name, kind in kinds.items():
        yield f"## Keys of `{name}`\n\n{_about(kind)}\n" if len(kinds) > 1 else f"## Keys\n\n{_about(kind)}\n"
        yield from _keys(schema_keys(kind, prefix))


def _about(kind: type[Settings]) -> str:
    return " ".join((kind.__doc__ or "").split()).replace("``", "`")


def _keys(keys: Iterable[Key]) -> Iterator[str]:
    yield from _table(("key", "type", "default", "meaning"), (_row(key) for key in keys))


def _row(key: Key) -> tuple[str, str, str, str]:
    kind = f"{key.kind}: {', '.join(key.choices)}" if key.choices else key.kind
    default = "required" if key.default == MISSING else f"`{written(key.default)}`"
    meaning = key.meaning if key.changes_result else f"{key.meaning} (changes no result)"
    return f"`{key.name}`", kind, default, meaning


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    yield (
        "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
        + "\n"
    )


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
