"""A table as Markdown, LaTeX (booktabs) and tidy rows. The paper's figures stand right of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ersm_lab.tables.summary import verdict

NOTHING_REPORTED = "No published figure is known for these rows: the column for reported figures stays empty."
ALL_EQUAL = "Where no ± follows a number, every seed gave the same."
_TEX = {
    "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "#": "\\#", "_": "\\_", "$": "\\$", "{": "\\{", "}": "\\}",
    "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "×": "$\\times$", "–": "--", "−": "$-$",
    "†": "$\\dagger$", "‡": "$\\ddagger$", "§": "\\S{}", "¶": "\\P{}", "<": "$<$", ">": "$>$", "|": "$|$",
}  # fmt: skip


def markdown(summary: Mapping[str, Any]) -> str:
    """The table, what it lacks, its daggers, comparisons and tuning as Markdown."""
    head, body = _grid(summary, _plain, "**{}**")
    lines = [
        f"**{summary['title']}** (`{summary['experiment']}`, {summary['split']} split, mean ± standard deviation over seeds, n)",
        "",
        f"| {' | '.join(head)} |",
        "| --- |" + " ---: |" * (len(head) - 1),
        *(f"| {' | '.join(row)} |" for row in body),
    ]
    if summary["missing"]:
        lines += ["", "**Incomplete:**", "", *(f"- {line}" for line in summary["missing"])]
    lines += ["", "\n\n".join(_footnotes(summary))]
    if summary["comparisons"]:
        lines += [
            "",
            "| difference | in | estimate | 95 % interval | verdict | images | seeds |",
            "| --- | --- | ---: | ---: | --- | ---: | ---: |",
        ]
        for item in summary["comparisons"]:
            lines.append(_comparison(item, summary))
        methods = {item["interval"].method for item in summary["comparisons"] if item["interval"]}
        lines += ["", f"Intervals: {'; '.join(sorted(methods)) or 'none'}."]
    if summary["tuning"]:
        lines += ["", "Chosen on validation: " + "; ".join(
            f"{summary['labels'][name]} `{' '.join(tuned['chosen'])}` (of {len(tuned['trials'])} trials)"
            for name, tuned in summary["tuning"].items()
        ) + "."]  # fmt: skip
    if summary["note"]:
        lines += ["", summary["note"]]
    return "\n".join(lines) + "\n"


def latex(summary: Mapping[str, Any]) -> str:
    """The table alone, for booktabs; what it lacks and its daggers stand below the rule."""
    head, body = _grid(summary, _tex, "\\textbf{{{}}}")
    lines = [
        f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        "\\toprule",
        " & ".join(head) + " \\\\",
        "\\midrule",
    ]
    lines += [" & ".join(row) + " \\\\" for row in body]
    lines.append("\\bottomrule")
    below = [_tex(note) for note in _footnotes(summary)]
    if summary["missing"]:
        below.insert(0, "\\textbf{Incomplete:} " + _tex("; ".join(summary["missing"])))
    lines += [
        f"\\multicolumn{{{len(head)}}}{{@{{}}p{{\\linewidth}}@{{}}}}{{\\footnotesize {note}}} \\\\"
        for note in below
    ]
    return "\n".join([*lines, "\\end{tabular}"]) + "\n"


def frame(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Tidy: one line per row and column, with the paper's figure, why it is not comparable, and the cell's state."""
    reasons = {item["mark"]: item["why"] for item in summary["daggers"]}
    lines = []
    for name, row in summary["cells"].items():
        for key, cell in row.items():
            theirs = summary["reported"].get(name, {}).get(key, {})
            lines.append({
                "row": name, "column": key, "mean": cell["mean"], "std": cell["std"], "n": cell["n"],
                "seeds": len(summary["seeds"]) if name in summary["built"] else 0, "state": cell["state"],
                "reported": theirs.get("value"), "not_comparable": reasons.get(theirs.get("mark")),
            })  # fmt: skip
    return pd.DataFrame(lines)


def _grid(
    summary: Mapping[str, Any], text: Callable[[str], str], bold: str
) -> tuple[list[str], list[list[str]]]:
    """Heading and rows; a column of the paper's figures follows each of ours that it has any for."""
    columns, reported = summary["columns"], summary["reported"]
    paired = {key for figures in reported.values() for key in figures}
    head = [""]
    for key, column in columns.items():
        head += [text(column["label"]), text("reported")] if key in paired else [text(column["label"])]
    head += ["n"] if paired else [text("reported"), "n"]
    body = []
    for name, row in summary["cells"].items():
        built = name in summary["built"]
        most = max(cell["n"] for cell in row.values())
        line = [text(summary["labels"][name])]
        for key, cell in row.items():
            shown = text(_shown(cell, columns[key]["digits"], most)) if built else ""
            line.append(bold.format(shown) if cell["best"] else shown)
            if key in paired:
                line.append(text(_theirs(reported.get(name, {}).get(key))))
        line += [] if paired else [""]
        of = len(summary["seeds"])
        body.append([*line, "" if not built else str(most) if most == of else f"{most} of {of}"])
    return head, body


def _shown(cell: Mapping[str, Any], digits: int, most: int) -> str:
    if cell["mean"] is None:
        return "missing" if cell["state"] == "missing" else "–"
    deviation = "" if not cell["std"] else f" ± {cell['std']:.{digits}f}"
    count = "" if cell["n"] == most else f" (n = {cell['n']})"
    return f"{cell['mean']:.{digits}f}{deviation}{count}"


def _theirs(item: Mapping[str, Any] | None) -> str:
    # no digit that the paper does not print
    return "" if item is None else f"{item['value']:g}{item['mark'] or ''}"


def _footnotes(summary: Mapping[str, Any]) -> list[str]:
    notes = [f"{item['mark']} not comparable: {item['why']}" for item in summary["daggers"]]
    if not summary["reported"]:
        notes.append(NOTHING_REPORTED)
    if any(cell["std"] == 0 for row in summary["cells"].values() for cell in row.values()):
        notes.append(ALL_EQUAL)
    return notes


def _comparison(item: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    labels, interval = summary["labels"], item["interval"]
    what = f"| {labels[item['row']]} − {labels[item['against']]} | {item['label']} |"
    if interval is None:
        return f"{what} missing | | | | |"
    return (
        f"{what} {interval.estimate:+.2f} | {interval.low:+.2f} to {interval.high:+.2f} | {verdict(interval, item['margin'])} | "
        f"{interval.n_images} | {interval.n_seeds} |"
    )


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
