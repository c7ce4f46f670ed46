"""``ersm-lab new paper NAME``: a small paper that works, to begin with."""

from __future__ import annotations

import keyword
import re
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import first
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import plugins

SUMMARY = "write a small paper that works, as a package of its own"
_TEMPLATE = Path(__file__).parent / "template" / "paper"
_TAKEN = ("tests", "conf", "outputs", "data")  # folders of a lab


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "paper NAME [--into DIR]",
        text="The package holds a method, its module, schema, suite, experiment, table, claim and tests, all of which work.",
        writes="the folder NAME",
        exit_codes="0 written; 1 a name that cannot be taken; 2 no such option",
        examples=["paper my_paper", "paper my_paper --into ../papers"],
    )
    parser.add_word("paper", "what to write", first("paper"))
    parser.add_word("NAME", "of the paper: lower case, a word that Python can import")
    parser.add_argument(
        "--into", metavar="DIR", default=".", help="where the folder is made; here without it"
    )


def run(arguments: Namespace) -> int:
    """Writes the package, and says what to do next."""
    if len(arguments.words) != 2 or arguments.words[0] != "paper":
        raise UserError("new needs: new paper NAME [--into DIR]")
    name = arguments.words[1]
    folder = write_paper(name, Path(arguments.into))
    print(f"wrote {folder}: a method, its module, schema, suite, experiment, table, claim and tests")
    print(f"  export ERSM_LAB_PLUGINS={folder}    (or: pip install -e {folder})")
    print(f"  ersm-lab train experiment={name}/digits")
    print(f"  python -m pytest {folder}")
    return 0


def write_paper(name: str, into: Path) -> Path:
    """The folder ``into/name`` with a package ``name``, its tests and its ``pyproject.toml``.

    Raises ``UserError`` for a name that cannot be imported or is taken, and for a folder that exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(f"new paper {name}: a name is lower case letters, digits and _, such as my_paper")
    folder = into.absolute() / name
    if folder.exists():
        raise UserError(f"new paper {name}: {folder} exists already")
    if name in plugins() or name in _TAKEN or find_spec(name) is not None:
        raise UserError(f"new paper {name}: that name is taken, and would hide what has it; choose another")
    title = "".join(part.capitalize() for part in name.split("_"))
    for source in sorted(
        path for path in _TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ):
        place = folder / str(source.relative_to(_TEMPLATE)).replace("newpaper", name)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8").replace("newpaper", name).replace("NewPaper", title)
        place.write_text(text, encoding="utf-8")
    return folder
