"""The one exception that a user is meant to read."""


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
