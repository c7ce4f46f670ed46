"""The pool: what is started when, and what one bad job does to the others."""

from __future__ import annotations

from pathlib import Path

from ersm_lab.launch.jobs import Answer, Watcher
from ersm_lab.launch.pool import drive
from ersm_lab.launch.work import ended, first_line
from ersm_lab.plan.cells import Cell
from tests.launch.cells import named_cell


class Instant:
    """Jobs that end at once; remembers how many were ever under way."""

    def __init__(self, slots: int) -> None:
        self.slots, self.under_way, self.most, self.cancelled = slots, 0, 0, []

    def start(self, cell: Cell, log: Path) -> str:
        if cell.experiment.name == "x":
            raise OSError("no more processes")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return cell.experiment.name

    def wait(self, jobs, seconds):
        return list(jobs)[:1]

    def result(self, job):
        self.under_way -= 1
        return Answer("done", job)

    def cancel(self, jobs):
        self.cancelled = list(jobs)


def test_the_next_cell_is_chosen_when_a_slot_is_free(tmp_path: Path) -> None:
    """Breaks when the pool reads ahead: an Optuna trial would be chosen before it can know the others' results."""
    launcher = Instant(2)
    seen: list[tuple[str, int]] = []
    ended: list[str] = []

    def source():
        for name in "abcd":
            seen.append((name, len(ended)))
            yield named_cell(name, tmp_path)

    for outcome in drive(source(), launcher, Watcher()):
        ended.append(outcome.cell.experiment.name)
    assert seen == [("a", 0), ("b", 0), ("c", 1), ("d", 2)]
    assert launcher.most == 2


def test_a_job_that_cannot_start_is_failed_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = {
        o.cell.experiment.name: o
        for o in drive([named_cell(n, tmp_path) for n in "axb"], Instant(1), Watcher())
    }
    assert {name: o.state for name, o in found.items()} == {"a": "done", "x": "failed", "b": "done"}
    assert "no more processes" in found["x"].message
    assert found["x"].path.is_file()


def test_leaving_early_ends_what_is_running(tmp_path: Path) -> None:
    launcher = Instant(3)
    stream = drive([named_cell(name, tmp_path) for name in "abc"], launcher, Watcher())
    next(stream)
    stream.close()
    assert launcher.cancelled == ["b", "c"]


def test_the_end_of_a_process_in_words() -> None:
    assert "SIGKILL" in ended(-9)
    assert "by hand or because memory ran out" in ended(-9)
    assert ended(-9, starved=True).startswith("out of memory: killed by the kernel")
    assert "memory" not in ended(-15, starved=True)
    assert ended(3) == "exit code 3"
    assert ended(-99) == "killed by signal 99 (signal 99)"


def test_lack_of_memory_is_named() -> None:
    """Breaks when one of the errors that mean it reads as any other failure in the final list."""

    class OutOfMemoryError(RuntimeError): ...

    for error in (
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried 9"
        ),
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
    ):
        assert first_line(error).startswith(f"out of memory: {type(error).__name__}")
        assert "\n" not in first_line(error)
    assert first_line(ValueError("memory_gb")) == "ValueError: memory_gb"
