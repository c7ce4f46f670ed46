"""Figures of runs, made small and embedded, as many as a budget of bytes allows; the others stay links."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ersm_lab.core.plugins import SuiteSpec, merged
from ersm_lab.report.curves import families
from ersm_lab.runs.artifacts import Artifact

WIDTH = 1000  # pixels: sheets of six pictures stay legible
QUALITY = 72
_MISSES = 8  # so many pictures too large for what is left: the budget is as good as spent
_READABLE = (".png", ".jpg", ".jpeg", ".webp")


@dataclass
class Picture:
    """A figure of a run (``run`` is its place in the page's list) or of a comparison (``run`` is None)."""

    run: int | None
    source: str
    artifact: Artifact
    path: Path
    data: str | None = None
    size: tuple[int, int] | None = None


def figures(entries: dict[str, Artifact], run: int | None, source: str) -> Iterator[Picture]:
    """The pictures among the artifacts, without those that the page draws itself."""
    replaced = {figure: family.table for family in families() for figure in family.replaces}
    specs: Iterable[SuiteSpec] = merged("suites").values()
    replaced |= {figure: figure for spec in specs for figure in spec.drawn}
    for name, entry in entries.items():
        drawn = entries.get(replaced.get(name, ""))
        if entry.kind == "figure" and not (drawn and drawn.paths[0].with_name(f"{drawn.name}.csv").is_file()):
            for path in entry.paths:
                if path.suffix.lower() in _READABLE and path.is_file():
                    yield Picture(run, source, entry, path)


def in_turns(groups: Iterable[Sequence[Picture]]) -> Iterator[Picture]:
    """One picture of each group, then the next of each: no run takes the whole budget."""
    queues = [list(group) for group in groups]
    for place in range(max((len(queue) for queue in queues), default=0)):
        yield from (queue[place] for queue in queues if place < len(queue))


def embed(pictures: Iterable[Picture], budget: int) -> int:
    """Encodes pictures in the order given while ``budget`` bytes of page last; returns the bytes used.

    A picture met again (the same bytes in several places) is encoded once, but costs its bytes each time. A file that
    is no picture stays a link.
    """
    used, misses = 0, 0
    known: dict[bytes, Future[tuple[str, tuple[int, int]] | None]] = {}
    queue = iter(pictures)
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:  # encoders leave the interpreter's lock
        while misses < _MISSES and (batch := list(islice(queue, 4 * workers))):
            waiting = []
            for picture in batch:
                try:
                    raw = picture.path.read_bytes()
                except OSError:
                    continue
                digest = hashlib.sha256(raw).digest()
                if digest not in known:
                    known[digest] = pool.submit(_encode, raw)
                waiting.append((picture, known[digest]))
            for picture, future in waiting:
                made = future.result()
                if made is None:
                    continue
                if used + len(made[0]) > budget:
                    misses += 1
                else:
                    picture.data, picture.size = made
                    used += len(made[0])
    return used


def _encode(raw: bytes) -> tuple[str, tuple[int, int]] | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(raw)) as opened:
            image: Image.Image = (
                opened.convert("RGBA") if opened.mode in ("RGBA", "LA", "P") else opened.convert("RGB")
            )
            if image.mode == "RGBA":  # figures are made for white paper
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
            if image.width > WIDTH:
                height = max(1, round(image.height * WIDTH / image.width))
                image = image.resize((WIDTH, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", quality=QUALITY, method=2)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/webp;base64,{data}", image.size
