"""The one exception that a user is meant to read, and any other error in one line."""

from __future__ import annotations


class UserError(Exception):
    """Bad input: one line that says what is wrong, where (key, file, index), and what would be right.

    The command line prints it without a traceback and exits with 1; the traceback is kept in ``run.log``, and shown
    on the terminal when ``HYDRA_FULL_ERROR=1``.
    """

    def __init__(self, message: str = "") -> None:
        # torch hands on what a loader's worker raised as the text of its traceback, which ends with our one line
        text = str(message)
        _, handed_on, line = text.rpartition(f"{__name__}.UserError: ")
        super().__init__(line.strip())
        if handed_on:
            self.add_note(text)  # tracebacks show it


def message_of(error: BaseException, lines: int = 1) -> str:
    """The first ``lines`` of an error's message that are not empty, joined by spaces; its kind where it has no message."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(said[:lines]) or type(error).__name__


def kind_and_message(error: BaseException, limit: int | None = 200) -> str:
    """``Kind: first line of the message``, at most ``limit`` characters of it (None: all); the kind alone where there is no message."""
    kind, said = type(error).__name__, message_of(error)
    return f"{kind}: {said[:limit]}" if str(error).strip() else kind
