"""Orders in which pixels are visited, in plain Python: the twin of ``traversal``, with whole lists, and recursion where that walks."""

from __future__ import annotations

from collections.abc import Iterator

from ersm_lab.papers.slem.engine.traversal import key_of


def visits(traversal: str, height: int, width: int, seed: int = 0) -> list[tuple[int, int]]:
    """(row, column) of all pixels of a grid, in the order of a traversal."""
    if traversal == "hilbert":
        sides = (width * 1j, height + 0j) if width >= height else (height + 0j, width * 1j)
        return [(int(at.real), int(at.imag)) for at in _hilbert(0j, *sides)]
    if traversal == "column":
        return [(row, column) for column in range(width) for row in range(height)]
    places = [(row, column) for row in range(height) for column in range(width)]
    if traversal == "serpentine":
        return [(row, width - 1 - column if row % 2 else column) for row, column in places]
    if traversal == "random":
        return [places[permuted(i, len(places), int(key_of(seed)))] for i in range(len(places))]
    return places


def permuted(index: int, size: int, key: int) -> int:
    """Where ``index`` goes under the permutation of ``range(size)`` named by ``key``: a Feistel network of six rounds."""
    bits, wrap = 1, 2**64
    while 4**bits < size:
        bits += 1
    while True:
        left, right = divmod(index, 2**bits)
        for turn in range(1, 7):
            mixed = ((right ^ (key + turn * 0x9E3779B97F4A7C15) % wrap) * 0xBF58476D1CE4E5B9) % wrap
            mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) % wrap
            left, right = right, left ^ (mixed ^ mixed >> 31) % 2**bits
        index = left * 2**bits + right
        if index < size:
            return index


def _hilbert(at: complex, along: complex, across: complex) -> Iterator[complex]:
    """Pixels, row + column i, of a rectangle that starts at a corner, runs along one side and grows across it."""
    long, wide = abs(along), abs(across)
    ahead, aside = along / long, across / wide
    if wide == 1 or long == 1:
        for i in range(int(long if wide == 1 else wide)):
            yield at + i * (ahead if wide == 1 else aside)
        return
    half = complex(along.real // 2, along.imag // 2)
    if 2 * long > 3 * wide:  # two in a row
        if abs(half) % 2 and long > 2:
            half += ahead
        yield from _hilbert(at, half, across)
        yield from _hilbert(at + half, along - half, across)
        return
    up = complex(across.real // 2, across.imag // 2)
    if abs(up) % 2 and wide > 2:
        up += aside
    yield from _hilbert(at, up, half)  # up, over, and down again
    yield from _hilbert(at + up, along, across - up)
    yield from _hilbert(at + (along - ahead) + (up - aside), -up, -(along - half))
