"""``ersm-lab report [FOLDER ...] [out=FILE] [pictures=MB]``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.core.words import counted
from ersm_lab.report.page import PICTURE_BYTES, write_page
from ersm_lab.report.selection import select


def command(words: Sequence[str], outputs: str) -> int:
    """Writes the page that the words of a command line ask for, and says where it is."""
    out, megabytes, named = Path(outputs) / "report.html", PICTURE_BYTES / 1e6, []
    for word in words:
        key, _, value = word.partition("=")
        if key == "out":
            out = Path(value)
            if not value or out.is_dir():
                raise UserError(f"out={value} is a folder, but must be a file such as out=report.html")
        elif key == "pictures":
            try:
                megabytes = float(value)
            except ValueError:
                raise UserError(
                    f"pictures={value}: how many megabytes of pictures the page may hold, such as 14"
                ) from None
            if not 0 <= megabytes <= 500:
                raise UserError(f"pictures={value} must lie between 0 and 500 megabytes")
        else:
            named.append(word)
    views = select(named, Path(outputs))
    page = write_page(out, views, Path(outputs), picture_bytes=int(megabytes * 1e6))
    for note in page.notes[:10]:
        print(f"left out: {note.encode(errors='replace').decode()}")
    if len(page.notes) > 10:
        print(f"left out: {len(page.notes) - 10} more, named on the page")
    of = f"{page.pictures} of {page.of_pictures} pictures" if page.of_pictures else "no pictures"
    print(f"{counted(page.runs, 'run')}, {of}, {page.size / 1e6:.1f} MB: {page.path}")
    return 0
