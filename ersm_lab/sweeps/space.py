"""The dimensions of a search, in Hydra's grammar: ``interval``, ``range``, choices, ``tag(log, ...)``, ``tag(int, ...)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from ersm_lab.config.translate import CONFIG_ERRORS, one_line
from ersm_lab.core.errors import UserError


@dataclass(frozen=True)
class Dimension:
    """What one key may be: numbers from ``low`` to ``high``, both included, or one of ``choices``."""

    key: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    whole: bool = False

    def ends(self) -> tuple[str, ...]:
        """Its values at both ends, or all its choices, as they are written on the command line."""
        return self.choices or (self.written(self.low), self.written(self.high))

    def written(self, value: float | str) -> str:
        return str(int(value)) if self.whole else str(value)


def split_space(words: Sequence[str]) -> tuple[list[str], list[Dimension]]:
    """The words that fix a value, and a dimension for each that does not. Raises ``UserError``."""
    fixed: list[str] = []
    space: list[Dimension] = []
    parser = OverridesParser.create()
    for word in words:
        try:
            override = parser.parse_override(word)
        except CONFIG_ERRORS as error:
            raise UserError(one_line(error)) from error
        if override.is_sweep_override():
            space.append(_dimension(word, override))
        else:
            fixed.append(word)
    return fixed, space


def _dimension(word: str, override: Override) -> Dimension:
    key, value = word.partition("=")[0], override.value()
    if isinstance(value, IntervalSweep):
        return _interval(key, value)
    if isinstance(value, RangeSweep) and not value.shuffle:
        numbers = [float(text) for text in override.sweep_string_iterator()]
        if not numbers:
            raise UserError(f"'{word}' is an empty range")
        whole = all(isinstance(number, int) for number in (value.start, value.stop, value.step))
        step = abs(float(value.step))
        return Dimension(key, low=min(numbers), high=max(numbers), step=step, whole=whole)
    return Dimension(key, choices=tuple(override.sweep_string_iterator()))


def _interval(key: str, value: IntervalSweep) -> Dimension:
    assert value.start is not None
    assert value.end is not None
    tags, low, high = set(value.tags), float(value.start), float(value.end)
    if unknown := tags - {"log", "int"}:
        raise UserError(f"'{key}' has the tag '{min(unknown)}'; known are log and int")
    if not low < high:
        raise UserError(f"'{key}' has the interval {low:g} to {high:g}, which is empty")
    if "log" in tags and low <= 0:
        raise UserError(f"'{key}' is logarithmic and starts at {low:g}; it must be above 0")
    return Dimension(key, low=low, high=high, log="log" in tags, whole="int" in tags)
