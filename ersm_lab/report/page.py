"""One self-contained HTML page over many runs: it opens offline and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import ersm_lab
from ersm_lab.core.errors import UserError
from ersm_lab.core.words import counted
from ersm_lab.files.atomic import write_text
from ersm_lab.files.strict_json import json_value
from ersm_lab.report.extras import read_claims, read_comparisons, read_tables
from ersm_lab.report.payload import (
    class_sets,
    count_curves,
    curve_sets,
    link,
    points_for,
    run_rows,
    selections,
)
from ersm_lab.report.pictures import Picture, embed, figures, in_turns
from ersm_lab.report.views import RunView

CURVE_BYTES = 9_000_000
PICTURE_BYTES = 14_000_000
SCRIPTS = (
    "base.js",
    "query.js",
    "table.js",
    "chart.js",
    "runs.js",
    "detail.js",
    "series.js",
    "curves.js",
    "classes.js",
    "gallery.js",
    "results.js",
    "main.js",
)


@dataclass(frozen=True)
class Written:
    """A page: where, its size in bytes, and how many pictures it holds of how many there are."""

    path: Path
    size: int
    runs: int
    pictures: int
    of_pictures: int
    notes: tuple[str, ...]


def write_page(
    out: Path,
    views: Sequence[RunView],
    outputs: Path,
    picture_bytes: int = PICTURE_BYTES,
    curve_bytes: int = CURVE_BYTES,
) -> Written:
    """Writes the page of these runs to ``out``, atomically, with tables, comparisons and claims below ``outputs``.

    Pictures are embedded while ``picture_bytes`` last, first those of the runs that an experiment opens with, in turns; curves
    get as many points as ``curve_bytes`` allow. Raises ``UserError`` when ``out`` cannot be written.
    """
    notes: list[str] = []
    points = points_for(views, curve_bytes, count_curves)
    chosen = selections(views)
    payload: dict[str, Any] = {
        **run_rows(views, out),
        **curve_sets(views, points),
        "classes": class_sets(views),
        "selections": chosen,
        "selected": next(iter(chosen.values()), []),
        "tables": read_tables(outputs, out, notes),
        "claims": read_claims(outputs, notes),
    }
    comparisons = list(read_comparisons(outputs, out, notes))
    payload["comparisons"] = [item for item, _ in comparisons]
    of_runs = [
        [picture for source, entries in view.sources.items() for picture in figures(entries, place, source)]
        for place, view in enumerate(views)
    ]
    of_comparisons = [
        list(figures(entries, None, f"comparison {i}")) for i, (_, entries) in enumerate(comparisons)
    ]
    # what the page opens with, then what each experiment opens with
    first, *second = [[of_runs[place] for place in places] for places in chosen.values()] or [[]]
    shown = {place for places in chosen.values() for place in places}
    others = [group for place, group in enumerate(of_runs) if place not in shown]
    pictures = [
        picture for groups in (first, of_comparisons, chain(*second), others) for picture in in_turns(groups)
    ]
    embed(pictures, picture_bytes)
    held = sum(picture.data is not None for picture in pictures)
    notes = [note for view in views for note in view.notes] + notes
    payload["meta"] = {
        "created": datetime.now().astimezone().isoformat(timespec="minutes"),
        "version": ersm_lab.__version__,
        "outputs": str(outputs),
        "points": points,
        "pictures": [held, len(pictures)],
        "notes": notes[:50],
    }
    text = render(payload, [_picture(picture, out) for picture in pictures])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, text)
    except OSError as error:
        raise UserError(f"out={out} cannot be written: {error.strerror}") from error
    return Written(out, len(text.encode()), len(views), held, len(pictures), tuple(notes))


def render(payload: dict[str, Any], pictures: list[dict[str, Any]]) -> str:
    """The HTML text. Whatever is data stands in JSON, in which nothing can end the script element.

    The policy in its head forbids every request and every script but ours, whatever a run's name holds.
    """
    assets = files("ersm_lab.report") / "assets"
    style = (assets / "page.css").read_text(encoding="utf-8")
    parts = "\n".join((assets / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{parts}\n}})();\n'
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    count = len(payload["runs"])
    fill = {
        "POLICY": html.escape(policy),
        "TITLE": f"{counted(count, 'run')} · ersm-lab",
        "STYLE": style,
        "DATA": _json(payload),
        "PICTURES": _json(pictures),
        "SCRIPT": script,
    }
    # split, not replace in turns: data that holds a placeholder's name stays data
    pieces = (assets / "page.html").read_text(encoding="utf-8").split("{{")
    done = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        done += [fill[name], rest]
    return "".join(done)


def _json(value: object) -> str:
    """JSON that is safe within a script element; NaN becomes null."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    except ValueError:
        text = json.dumps(json_value(value), ensure_ascii=False, separators=(",", ":"))
    # a lone surrogate, as odd file names give, cannot be encoded
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _picture(picture: Picture, page: Path) -> dict[str, Any]:
    entry = picture.artifact
    return {
        "run": picture.run,
        "source": picture.source,
        "name": entry.name,
        "title": entry.title or entry.name,
        "description": entry.description,
        "href": link(picture.path, page),
        "data": picture.data,
        "size": picture.size,
    }
