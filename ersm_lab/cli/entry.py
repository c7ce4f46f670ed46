"""``ersm-lab VERB [words]``: from words to a verb, and from whatever happens to an exit code.

0 done; 1 a mistake in a word, or something failed; 2 no such verb or option; 130 interrupted; 141 the reader of our output has
left; 143 terminated. Help, completion and configuration errors answer without importing torch.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path

import ersm_lab
from ersm_lab.cli.parser import UsageError
from ersm_lab.core import plugins
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import nearest

_HELP = ("-h", "--help", "help")
_PLUGINS = "paths.plugins="


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script. Returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    show_all = os.environ.get("HYDRA_FULL_ERROR") == "1"
    try:
        code = _answer(_look_for_plugins(words))
        sys.stdout.flush()  # now, while a reader that has left can still be noticed
        return code
    except UserError as error:
        if show_all:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except ModuleNotFoundError as error:
        if show_all or not error.name or error.name.startswith("ersm_lab"):
            raise
        print(f"error: no module {error.name}; ersm-lab doctor says what is missing", file=sys.stderr)
        return 1
    except BrokenPipeError:
        if not _reader_left():
            raise
        return 141  # as a shell reports SIGPIPE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _answer(words: list[str]) -> int:
    if words and words[0] in ("-V", "--version"):
        print(ersm_lab.__version__)
        return 0
    from ersm_lab.cli.verbs import all_verbs, command_line, overview, read

    verbs = all_verbs()
    if words[:1] == ["__complete"]:
        from ersm_lab.cli.completion import candidates

        print("\n".join(candidates(words[1:], command_line(verbs)[1])))
        return 0
    if words[:1] == ["help"] and words[1:]:  # help VERB is VERB --help
        words = [words[1], "--help"]
    if not words or words[0] in _HELP:
        print(overview(verbs))
        return 0 if words else 2
    if words[0] not in verbs:
        raise UsageError(f"unknown verb '{words[0]}'{nearest(words[0], verbs)} (see ersm-lab --help)")
    arguments, parser = read(words, verbs)
    if arguments.help:
        print(parser.help_of(arguments), end="")
        return 0
    return verbs[arguments.verb].run(arguments)


def _look_for_plugins(words: list[str]) -> list[str]:
    """The words without ``paths.plugins=DIR``, which has to be known before anything is composed; child processes inherit it."""
    said = [word.removeprefix(_PLUGINS) for word in words if word.startswith(_PLUGINS)]
    if said:
        folder = Path(said[-1])
        if not folder.is_dir():
            raise UserError(f"{_PLUGINS}{folder}: no such folder")
        os.environ[plugins.FOLDER] = str(folder.absolute())
        plugins.forget()
    return [word for word in words if not word.startswith(_PLUGINS)]


def _reader_left() -> bool:
    """Whether it is our own output that nobody reads any more; what is left of it goes nowhere then."""
    waiting = select.poll()
    waiting.register(1, 0)
    if not waiting.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return True


if __name__ == "__main__":
    sys.exit(main())
