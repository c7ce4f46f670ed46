"""``conf/claim/<name>.yaml``: what a paper says, in numbers that can turn out otherwise, fixed before the runs are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING, DictConfig

from ersm_lab.config.check import check_config
from ersm_lab.config.documents import load_document
from ersm_lab.config.store import options
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import Settings, setting
from ersm_lab.core.words import nearest
from ersm_lab.tables.schema import PROFILES, load_table

# what `measure` must say for each test, besides the arm
NEEDED = {"images": ("table", "column"), "sums": ("column",), "summary": ("key",), "seeds": ("key",)}


@dataclass
class MeasureConfig(Settings):
    """One number per image, or one of a whole run."""

    arm: str | None = setting(None, "a row of the table; null: the variant that is judged")
    table: str | None = setting(None, "images: the artifact that holds a line per image, such as predictions")
    column: str | None = setting(None, "images: its column; sums: a score of the suite")
    where: dict[str, Any] = setting({}, "images: the lines that count, column: value")
    key: str | None = setting(None, "summary and seeds: a key of the run's summary")


@dataclass
class EffectConfig(Settings):
    """A difference, or a number against a threshold, with what it must be."""

    label: str = setting(MISSING, "what it is, with its unit")
    test: str = setting("images", "how its interval is made", choices=tuple(NEEDED))
    measure: MeasureConfig = setting(MeasureConfig)
    against: MeasureConfig | None = setting(None, "what is subtracted; what it leaves out is as in `measure`")
    beyond: MeasureConfig | None = setting(
        None, "images: taken from either side first, of the same run, such as accuracy without occluders"
    )
    threshold: float | None = setting(None, "subtracted in place of `against`, in the effect's unit")
    scale: float = setting(1.0, "100 for percent", gt=0)
    relative: bool = setting(False, "seeds: measure / against - 1 in place of their difference")
    says: str = setting(
        MISSING, "of the effect; kept: not lower by more than the margin", choices=("higher", "lower", "kept")
    )
    margin: float = setting(0.0, "in the effect's unit: what is smaller is of no consequence", ge=0)
    count: str | None = setting(
        None, "summary: where n is, a key of the summary or a table with a column `images`"
    )

    @property
    def sides(self) -> list[MeasureConfig]:
        """``measure``, and ``against`` with what it leaves out."""
        first, other = self.measure, self.against
        if other is None:
            return [first]
        second = MeasureConfig(
            arm=other.arm or first.arm,
            table=other.table or first.table,
            column=other.column or first.column,
            where={**first.where, **other.where},
            key=other.key or first.key,
        )
        return [first, second]

    @staticmethod
    def check(node: EffectConfig) -> str | None:
        if (node.against is None) == (node.threshold is None):
            return "needs one of against and threshold"
        sides = [node.measure, *([] if node.against is None else [node.against])]
        if node.beyond is not None and (
            node.test != "images" or node.beyond.arm or not (node.beyond.table and node.beyond.column)
        ):
            return "has beyond, which needs test images, a table and a column, and takes no arm"
        for name in NEEDED[node.test]:
            if getattr(node.measure, name) is None:
                return f"with test {node.test} needs measure.{name}"
        for name in sorted({"table", "column", "key"} - set(NEEDED[node.test])):
            if any(getattr(side, name) for side in sides):
                return f"with test {node.test} takes no {name}"
        if node.test != "images" and any(side.where for side in sides):
            return f"with test {node.test} takes no where"
        if node.test == "sums" and (problem := _unknown_score(sides)):
            return problem
        if node.test == "sums" and node.against is None:
            return "with test sums compares two arms: it needs against"
        if node.test == "summary" and (node.against is not None or node.count is None):
            return "with test summary reads the interval of one key: it needs threshold and count"
        if node.relative and (node.test != "seeds" or node.against is None):
            return "is relative, which needs test seeds and against"
        if node.says == "kept" and node.margin == 0:
            return "says kept, which needs a margin above 0"
        return None


@dataclass
class MinimumConfig(Settings):
    """Below these no verdict is given but undecided."""

    images: int = setting(MISSING, "test images, or pictures; 0: none are involved", ge=0)
    seeds: int = setting(MISSING, "runs of each arm, or learners per picture of a study", ge=1)


@dataclass
class ProfileConfig(Settings):
    """On which data, and which runs: the rows of a table with its seeds, or an experiment."""

    data: str = setting(MISSING, "data.name of the runs")
    table: str | None = setting(None, "a name in conf/table")
    experiment: str | None = setting(
        None, "a name in conf/experiment; the variant is its model=PAPER/VARIANT"
    )
    overrides: list[str] = setting([], "of the experiment")
    seeds: list[int] = setting([0], "of the experiment", ge=0)
    note: str = setting("", "what a reader should know about these data")

    @staticmethod
    def check(node: ProfileConfig) -> str | None:
        if (node.table is None) == (node.experiment is None):
            return "needs one of table and experiment"
        return None if node.seeds else "needs seeds"


@dataclass
class ClaimConfig(Settings):
    """One claim."""

    statement: str = setting(MISSING, "one sentence")
    source: str = setting(MISSING, "where it is made")
    paper: str = setting(MISSING, "whose claim it is; its variants are models of this paper")
    population: str = setting(MISSING, "of what it is said")
    variants: list[str] = setting(MISSING, "each is judged by itself")
    evaluation: str | None = setting(
        None, "a name in conf/evaluation whose numbers are read; null: the run's own"
    )
    minimum: MinimumConfig = setting(MinimumConfig)
    effects: dict[str, EffectConfig] = setting({}, "all must hold; the first is the headline")
    profiles: dict[str, ProfileConfig] = setting({}, "demo: embedded data; full: real data")

    @staticmethod
    def check(node: ClaimConfig) -> str | None:
        if not node.effects or not node.profiles or not node.variants:
            return "a claim needs variants, effects and profiles"
        tests = {effect.test for effect in node.effects.values()}
        if node.minimum.seeds < 2 and tests != {"summary"}:
            return "minimum.seeds is 1, but one run says nothing about the next: at least 2"
        if unknown := [name for name in node.profiles if name not in PROFILES]:
            return f"profiles holds '{unknown[0]}', but may hold {' and '.join(PROFILES)}"
        if node.evaluation is not None and node.evaluation not in options("evaluation"):
            return (
                f"names the evaluation '{node.evaluation}'{nearest(node.evaluation, options('evaluation'))}"
            )
        for name, profile in node.profiles.items():
            if problem := _arm_problem(node, name, profile):
                return problem
        return None


def _arm_problem(claim: ClaimConfig, name: str, profile: ProfileConfig) -> str | None:
    arms = set(arms_of(claim))
    if profile.table is not None:
        rows = load_table(profile.table).rows
        for arm in sorted(arms - set(rows)):
            return f"names the arm '{arm}', which table {profile.table} lacks{nearest(arm, rows)}"
        return None
    experiments = options("experiment")
    if profile.experiment not in experiments:
        near = nearest(str(profile.experiment), experiments)
        return f"names the experiment '{profile.experiment}'{near}"
    if unknown := sorted(arm for arm in arms if f"{claim.paper}/{arm}" not in options("model")):
        return f"profiles.{name}: there is no model={claim.paper}/{unknown[0]}"
    return None


def _unknown_score(sides: Sequence[MeasureConfig]) -> str | None:
    from ersm_lab.claims.sums import score_names  # numpy, which few claims need

    known = score_names()
    for side in sides:
        if side.column not in (None, *known):
            return f"has the score {side.column!r}, but must have one of {', '.join(known)}"
    return None


def named_arms(claim: ClaimConfig, variant: str) -> list[str]:
    """The arms that the effects of a claim name, ``variant`` where they name none."""
    sides = (side for effect in claim.effects.values() for side in (effect.measure, effect.against))
    return list(dict.fromkeys(side.arm or variant for side in sides if side is not None))


def arms_of(claim: ClaimConfig) -> list[str]:
    """Every arm whose runs a claim needs: its variants, and what its effects name."""
    named = [arm for variant in claim.variants for arm in named_arms(claim, variant)]
    return list(dict.fromkeys([*claim.variants, *named]))


def load_claim(name: str, changes: Sequence[str] = ()) -> ClaimConfig:
    """The checked claim ``name``; ``changes`` are ``key=value`` of the claim itself.

    Raises
    ------
    UserError: an unknown claim or key, wrong types or values, arms that its tables lack.
    """
    return load_document("claim", name, ClaimConfig, changes, _check_parts)


def _check_parts(claim: DictConfig) -> None:
    for group in ("effects", "profiles"):
        for key, node in getattr(claim, group).items():
            try:
                check_config(node)
            except UserError as error:
                raise UserError(f"{group}.{key}: {error}") from error
