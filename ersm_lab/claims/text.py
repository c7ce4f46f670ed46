"""Verdicts in a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ersm_lab.claims.verdict import NO_RUNS, Part, Source, Verdict
from ersm_lab.core.words import counted
from ersm_lab.runs.hashing import package_digest

_HEAD = (
    "| claim | variant | data | profile | verdict | effect | estimate | interval | must be | images | seeds |",
    "| --- | --- | --- | --- | --- | --- | ---: | ---: | --- | ---: | ---: |",
)


def lines_of(verdict: Verdict) -> str:
    """One verdict for a terminal: every effect, what was looked at, and where the numbers come from."""
    claim = verdict.claim
    of = f"{claim.name} ({verdict.variant}, {claim.study.data}, {claim.profile})"
    found = [f"{verdict.said:28s} {of}: {claim.config.statement}"]
    found += [_in_words(part) for part in verdict.parts]
    found += [verdict.reason] if verdict.reason else []
    if verdict.parts:
        found.append(f"on {_looked_at(verdict)}")
        found += [f"from {where}" for where in dict.fromkeys(part.read for part in verdict.parts)]
    found += [f"of {folder}: {', '.join(names)}" for folder, names in _by_folder(verdict.runs).items()]
    found += [verdict.command] if _needs_runs(verdict) else []
    return "\n    ".join(found)


def caution(verdicts: Sequence[Verdict]) -> str:
    """What to keep in mind when reading several verdicts at once."""
    decided = sum(verdict.decided for verdict in verdicts)
    return (
        f"{counted(len(verdicts), 'verdict')}: {decided} decided (holds or fails), {len(verdicts) - decided} open. Each interval "
        "is a 95 % one by itself, not corrected for their number: of twenty, one misses its truth by chance."
    )


def markdown(verdicts: Sequence[Verdict]) -> str:
    """All verdicts in one table, then each with its effects and the runs that it rests on."""
    lines = [
        "# Claims",
        "",
        "Written by `ersm-lab claims`. Effects have 95 % intervals; each was to lie where *must be* says.",
        caution(verdicts),
        "`holds` is about the data that are named, and about no others.",
        "",
        *_HEAD,
        *(_row(verdict) for verdict in verdicts),
    ]
    for verdict in verdicts:
        lines += _section(verdict)
    return "\n".join(lines) + "\n"


def _row(verdict: Verdict) -> str:
    claim, part = verdict.claim, verdict.shown
    cells = [claim.name, verdict.variant, claim.study.data, claim.profile, f"**{verdict.said}**"]
    if part is None:
        cells += [verdict.reason, *[""] * 5]
    else:
        ends = part.interval
        cells += [part.effect.label, f"{ends.estimate:+.3g}", f"{ends.low:+.3g} to {ends.high:+.3g}"]
        cells += [part.must_be, str(ends.n_images), str(ends.n_seeds)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _section(verdict: Verdict) -> list[str]:
    claim, config = verdict.claim, verdict.claim.config
    least = [counted(config.minimum.images, "image"), counted(config.minimum.seeds, "seed")]
    lines = [
        "",
        f"## {claim.name}: {verdict.variant}, {claim.study.data} ({claim.profile})",
        "",
        f"{config.statement} *{verdict.said}*",
        "",
        f"- source: {config.source}",
        f"- population: {_looked_at(verdict)}",
        f"- minimum: {', '.join(least)}",
        *(f"- {_in_words(part)}; from `{part.read}`" for part in verdict.parts),
    ]
    lines += [f"- why: {verdict.reason}"] if verdict.reason else []
    lines += [f"- to make the runs: `{verdict.command}`"] if _needs_runs(verdict) else []
    lines += [f"- {source.arm}, seed {source.seed}: {source.path}" for source in verdict.sources]
    lines += [f"- {_versions(verdict.sources)}"] if verdict.sources else []
    return lines


def _in_words(part: Part) -> str:
    interval = part.interval
    images = [counted(interval.n_images, "image")] if interval.n_images else []
    of = ", ".join([*images, counted(interval.n_seeds, "seed"), interval.method])
    numbers = f"{interval.estimate:+.3g} [{interval.low:+.3g}, {interval.high:+.3g}], {of}"
    return f"{part.effect.label}: {numbers}; must be {part.must_be}: {part.outcome}"


def _looked_at(verdict: Verdict) -> str:
    population, note = verdict.claim.config.population, verdict.claim.study.note
    return f"{population}; {note}" if note else population


def _needs_runs(verdict: Verdict) -> bool:
    return verdict.outcome == NO_RUNS or bool(verdict.missing)


def _by_folder(runs: Sequence[Path]) -> dict[Path, list[str]]:
    """Run directories by the folder that they lie in; evaluations lie two levels below theirs."""
    found: dict[Path, list[str]] = {}
    for path in runs:
        folder = path.parents[2] if path.parent.name == "evaluations" else path.parent
        found.setdefault(folder, []).append(str(path.relative_to(folder)))
    return found


def _versions(sources: Sequence[Source]) -> str:
    made = {source.package for source in sources}
    many = "one version" if len(made) == 1 else f"{len(made)} versions"
    now = " (this one)" if made == {package_digest()[:12]} else ""
    return f"these runs were made by {many} of ersm_lab{now}: {', '.join(sorted(made))}"
