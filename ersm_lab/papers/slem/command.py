"""``ersm-lab slem``: Learning Entropy of a picture, a stack or a folder of them, into a folder of files."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from ersm_lab.core.errors import UserError
from ersm_lab.core.machine import cores
from ersm_lab.core.words import counted
from ersm_lab.data.pictures import Picture, names_of, picture_files, read_pictures
from ersm_lab.files.atomic import write_text
from ersm_lab.papers.slem.checks import luminance
from ersm_lab.papers.slem.engine.learner import newly_compiled, prepare
from ersm_lab.papers.slem.maps import learn
from ersm_lab.papers.slem.outputs import SHOWN, Done, Row, write_picture, write_summary
from ersm_lab.papers.slem.points import entropy_points
from ersm_lab.papers.slem.request import LEARNT_WITH, Request


def learn_pictures(asked: Request) -> int:
    """Learns every picture of ``asked.source`` and writes into ``asked.out`` what ``outputs`` names; the exit code.

    A failed picture among others is named and the rest is done: the exit code is 1 then. Raises ``UserError`` for an empty
    folder, a single picture that fails, and a folder that cannot be written to.
    """
    source, out = asked.source, asked.out
    files = [source] if source.is_file() else _inputs(source, out)
    names = [source.stem] if source.is_file() else names_of(files, source)
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "settings.json", json.dumps(_record(asked), indent=1) + "\n")
    rows: list[Row] = []
    shown: list[Done] = []
    with _progress(len(files)) as (say, advance):
        seconds = prepare(asked.learner.dtype)
        if newly_compiled():
            say(f"compiled in {seconds:.0f} s, once: it is kept on disk")
        start = time.perf_counter()
        workers = asked.learner.workers or cores()
        for number, (done, row) in _in_order(files, names, asked.channels, partial(_learn, asked), workers):
            rows.append(row)
            if done is None:
                if source.is_file() and row["picture"] == source.stem:  # all that was asked for
                    raise UserError(row["problem"])
                say(f"[{number}/{len(files)}] failed: {row['problem']}")
            else:
                size = f"{row['rows']}x{row['columns']}"
                took = f"{done.seconds:.2f} s  {row['points']} points"
                say(f"[{number}/{len(files)}] {done.name}  {size}  {took}")
                if len(shown) < SHOWN:
                    shown.append(done)
            advance(number)
        with _writing(out):
            write_summary(rows, shown, out)
    bad = [row["picture"] for row in rows if row["problem"]]
    print(
        f"{counted(len(rows) - len(bad), 'picture')} in {time.perf_counter() - start:.1f} s: {out / 'summary.png'}"
    )
    if bad:
        print(
            f"error: {len(bad)} of {counted(len(rows), 'picture')} failed: {', '.join(bad[:10])}",
            file=sys.stderr,
        )
    return 1 if bad else 0


def _record(asked: Request) -> dict[str, object]:
    """What ``settings.json`` says."""
    learner = {name: getattr(asked.learner, name) for name in LEARNT_WITH}
    points = {"quantile": asked.quantile, "min_distance": asked.min_distance}
    how = {**learner, "epochs": asked.epochs, "channels": asked.channels}
    return {"source": str(asked.source), **how, **points}


def _learn(asked: Request, picture: Picture) -> tuple[Done | None, Row]:
    """Learns one picture and writes its files; its row of the summary, and nothing else where it failed."""
    begin = time.perf_counter()
    try:
        grey = luminance(picture.pixels)
        result = learn(grey, asked.learner, asked.epochs)
        k = asked.learner.window_size
        points = [entropy_points(map_, k, asked.quantile, asked.min_distance) for map_ in result.entropy]
    except UserError as error:
        return None, _failed(picture.name, f"{picture.name}: {error}")
    took = time.perf_counter() - begin
    done = Done(picture.name, picture.pixels, grey, result, points, k, took)
    with _writing(asked.out):
        return done, write_picture(done, asked.out)


def _inputs(source: Path, out: Path) -> list[Path]:
    """The pictures of a folder, without what an earlier call has written there."""
    found = [path for path in picture_files(source) if out.resolve() not in path.resolve().parents]
    if not found:
        raise UserError(f"{source} holds no picture but those that were written to {out}")
    return found


def _in_order(
    files: Sequence[Path],
    names: Sequence[str],
    channels: str,
    learn: Callable[[Picture], tuple[Done | None, Row]],
    workers: int,
) -> Iterator[tuple[int, tuple[Done | None, Row]]]:
    """What ``learn`` makes of every picture, in order, with the number of its file; few pictures are held at a time."""
    waiting: deque[tuple[int, Future[tuple[Done | None, Row]]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for number, (file, name) in enumerate(zip(files, names, strict=True), 1):
            try:
                pictures = read_pictures(file, name, channels)
            except UserError as error:
                future: Future[tuple[Done | None, Row]] = Future()
                future.set_result((None, _failed(name, str(error))))
                waiting.append((number, future))
                continue
            for picture in pictures:
                waiting.append((number, pool.submit(learn, picture)))
                while len(waiting) > workers:
                    first, future = waiting.popleft()
                    yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def _failed(name: str, problem: str) -> Row:
    return Row(picture=name, problem=problem)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}; say out=FOLDER") from error


@contextmanager
def _progress(total: int) -> Iterator[tuple[Callable[[str], None], Callable[[int], None]]]:
    """A line per picture, and in a terminal a bar below: what says a line, and what moves the bar."""
    console = Console()
    if not console.is_terminal:
        yield lambda text: print(text, flush=True), lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("learning", total=total)
        yield (
            lambda text: bar.console.print(text, highlight=False, markup=False, soft_wrap=True),
            lambda number: bar.update(task, completed=number),
        )
