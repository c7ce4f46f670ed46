"""An error in one line."""

from __future__ import annotations

from ersm_lab.core.errors import kind_and_message, message_of


def test_an_error_in_one_line() -> None:
    """Breaks when an error without a message raises another, or a message begins with an empty line."""
    error = ValueError("\n  first \n\nsecond\nthird")
    assert message_of(error) == "first"
    assert message_of(error, lines=2) == "first second"
    assert message_of(KeyError()) == kind_and_message(KeyError()) == "KeyError"
    assert kind_and_message(error, limit=3) == "ValueError: fir"
    assert kind_and_message(error, limit=None) == "ValueError: first"
