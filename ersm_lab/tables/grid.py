"""The grid that Markdown and LaTeX share: heading and rows as text. The paper's figures stand right of ours."""

from __future__ import annotations

from collections.abc import Callable

from ersm_lab.tables.entries import Entry
from ersm_lab.tables.summary import Reported, TableSummary

NOTHING_REPORTED = "No published figure is known for these rows: the column for reported figures stays empty."
ALL_EQUAL = "Where no ± follows a number, every seed gave the same."


def grid(summary: TableSummary, escape: Callable[[str], str], bold: str) -> tuple[list[str], list[list[str]]]:
    """Heading and rows; a column of the paper's figures follows each of ours that it has any for.

    Parameters
    ----------
    escape: makes plain text fit for the format. bold: ``{}`` stands for the text.
    """
    paired = {key for figures in summary.reported.values() for key in figures}
    head = [""]
    for key, column in summary.columns.items():
        head.append(escape(column.label))
        if key in paired:
            head.append(escape("reported"))
    head += ["n"] if paired else [escape("reported"), "n"]
    return head, [_line(summary, name, paired, escape, bold) for name in summary.cells]


def footnotes(summary: TableSummary) -> list[str]:
    """What stands below the grid in every format."""
    notes = [f"{dagger.mark} not comparable: {dagger.why}" for dagger in summary.daggers]
    if not summary.reported:
        notes.append(NOTHING_REPORTED)
    if any(entry.std == 0 for row in summary.cells.values() for entry in row.values()):
        notes.append(ALL_EQUAL)
    return notes


def _line(
    summary: TableSummary, name: str, paired: set[str], escape: Callable[[str], str], bold: str
) -> list[str]:
    row, figures = summary.cells[name], summary.reported.get(name, {})
    built, of = name in summary.built, len(summary.seeds)
    most = max(entry.n for entry in row.values())
    line = [escape(summary.labels[name])]
    for key, entry in row.items():
        shown = escape(_ours(entry, summary.columns[key].digits, most)) if built else ""
        line.append(bold.format(shown) if entry.best else shown)
        if key in paired:
            line.append(escape(_theirs(figures.get(key))))
    if not paired:
        line.append("")
    count = str(most) if most == of else f"{most} of {of}"
    return [*line, count if built else ""]


def _ours(entry: Entry, digits: int, most: int) -> str:
    if entry.mean is None:
        return "missing" if entry.state == "missing" else "–"
    deviation = f" ± {entry.std:.{digits}f}" if entry.std else ""
    count = "" if entry.n == most else f" (n = {entry.n})"
    return f"{entry.mean:.{digits}f}{deviation}{count}"


def _theirs(figure: Reported | None) -> str:
    # no digit that the paper does not print
    return "" if figure is None else f"{figure.value:g}{figure.mark or ''}"
