"""How long a person waits for an answer of ``ersm-lab`` that needs no torch."""

from __future__ import annotations

import sys

import torch

from ersm_lab.bench.measure import alternate
from ersm_lab.bench.processes import lab, spend
from ersm_lab.bench.table import Row

# words, exit code, the goal in seconds
ANSWERS: tuple[tuple[tuple[str, ...], int, float | None], ...] = (
    (("--help",), 0, 1.0),
    (("train", "trainer.max_epoch=3"), 1, 1.0),
    (("train", "--help"), 0, None),
)


def run(rounds: int = 3) -> list[Row]:
    """A row per answer: the fastest of ``rounds`` new processes, taking turns with those of the references."""
    plain = [sys.executable, "-c", "pass"]
    torch_alone = [sys.executable, "-c", "import torch"]
    commands = [(plain, 0), (torch_alone, 0), *((lab(*words), code) for words, code, _ in ANSWERS)]
    seconds = alternate(
        [lambda command=command, code=code: spend(command, code, watch=False) for command, code in commands],  # type: ignore[misc]
        torch.device("cpu"),
        rounds,
    )
    floor, reference, *ours = seconds
    note = f"reference: python -c 'import torch'; python -c pass takes {floor:.3f} s; fastest of {rounds} processes"
    rows = []
    for (words, code, limit), cost in zip(ANSWERS, ours, strict=True):
        refused = ", a key that it refuses" if code else ""
        name = " ".join(("ersm-lab", *words)) + refused
        rows.append(Row(name, cost, reference, "s", limit=limit, note=note))
    return rows
