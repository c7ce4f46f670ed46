"""A table as Markdown, as LaTeX (booktabs), and as tidy data with a line per entry."""

from __future__ import annotations

import pandas as pd

from ersm_lab.core.words import counted
from ersm_lab.tables.comparisons import Comparison, verdict
from ersm_lab.tables.grid import footnotes, grid
from ersm_lab.tables.summary import TableSummary

_COMPARISONS = (
    "| difference | in | estimate | 95 % interval | verdict | images | seeds |",
    "| --- | --- | ---: | ---: | --- | ---: | ---: |",
)
_MATHS = {
    "±": r"\pm",
    "×": r"\times",
    "−": "-",
    "†": r"\dagger",
    "‡": r"\ddagger",
    "<": "<",
    ">": ">",
    "|": "|",
}
_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "§": r"\S{}",
    "¶": r"\P{}",
    **{sign: f"\\{sign}" for sign in "&%#_${}"},
    **{sign: f"${maths}$" for sign, maths in _MATHS.items()},
}


def markdown(summary: TableSummary) -> str:
    """The table, what it lacks, its daggers, comparisons and tuning as Markdown."""
    head, body = grid(summary, _plain, "**{}**")
    what = f"`{summary.experiment}`, {summary.split} split, mean ± standard deviation over seeds, n"
    lines = [
        f"**{summary.title}** ({what})",
        "",
        f"| {' | '.join(head)} |",
        "| --- |" + " ---: |" * (len(head) - 1),
        *(f"| {' | '.join(row)} |" for row in body),
    ]
    if summary.missing:
        lines += ["", "**Incomplete:**", "", *(f"- {line}" for line in summary.missing)]
    lines += ["", "\n\n".join(footnotes(summary))]
    if summary.comparisons:
        lines += ["", *_COMPARISONS, *(_comparison(item, summary.labels) for item in summary.comparisons)]
        methods = {item.interval.method for item in summary.comparisons if item.interval}
        lines += ["", f"Intervals: {'; '.join(sorted(methods)) or 'none'}."]
    if summary.tuning:
        chosen = [
            f"{summary.labels[name]} `{' '.join(tuning.chosen)}` (of {counted(len(tuning.trials), 'trial')})"
            for name, tuning in summary.tuning.items()
        ]
        lines += ["", f"Chosen on validation: {'; '.join(chosen)}."]
    if summary.note:
        lines += ["", summary.note]
    return "\n".join(lines) + "\n"


def latex(summary: TableSummary) -> str:
    """The table alone, for booktabs; what it lacks and its daggers stand below the rule."""
    head, body = grid(summary, _tex, r"\textbf{{{}}}")
    below = [_tex(note) for note in footnotes(summary)]
    if summary.missing:
        below.insert(0, r"\textbf{Incomplete:} " + _tex("; ".join(summary.missing)))
    notes = (
        rf"\multicolumn{{{len(head)}}}{{@{{}}p{{\linewidth}}@{{}}}}{{\footnotesize {note}}} \\"
        for note in below
    )
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in body),
        r"\bottomrule",
        *notes,
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def frame(summary: TableSummary) -> pd.DataFrame:
    """Tidy: one line per row and column, with the paper's figure, why it is not comparable, and the state."""
    reasons = {dagger.mark: dagger.why for dagger in summary.daggers}
    lines: list[dict[str, object]] = []
    for name, row in summary.cells.items():
        for key, entry in row.items():
            theirs = summary.reported.get(name, {}).get(key)
            lines.append(
                {
                    "row": name,
                    "column": key,
                    "mean": entry.mean,
                    "std": entry.std,
                    "n": entry.n,
                    "seeds": len(summary.seeds) if name in summary.built else 0,
                    "state": entry.state,
                    "reported": theirs.value if theirs else None,
                    "not_comparable": reasons.get(theirs.mark) if theirs and theirs.mark else None,
                }
            )
    return pd.DataFrame(lines)


def _comparison(item: Comparison, labels: dict[str, str]) -> str:
    interval = item.interval
    what = f"| {labels[item.row]} − {labels[item.against]} | {item.label} |"
    if interval is None:
        return f"{what} missing | | | | |"
    ends = f"{interval.low:+.2f} to {interval.high:+.2f}"
    said = verdict(interval, item.margin)
    return f"{what} {interval.estimate:+.2f} | {ends} | {said} | {interval.n_images} | {interval.n_seeds} |"


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
