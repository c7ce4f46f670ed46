"""``ersm-lab claims [NAME ...] [PROFILE=demo|full] [--run]``: which claims are judged, on which data, and what may be run for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ersm_lab.claims.schema import ClaimConfig, ProfileConfig, arms_of, load_claim
from ersm_lab.config.store import options
from ersm_lab.config.words import split_jobs
from ersm_lab.core.errors import UserError
from ersm_lab.tables.request import split_profile
from ersm_lab.tables.schema import PROFILES

# what may be said of runs that conf/claim fixes: where they lie, and where and how they run
_FREE = ("paths.", "logger", "trainer.accelerator", "trainer.progress")


@dataclass(frozen=True)
class Claim:
    """A claim on the data of one profile. ``name``: of its file."""

    name: str
    config: ClaimConfig
    profile: str

    @property
    def study(self) -> ProfileConfig:
        """On which data, and which runs it is judged."""
        return self.config.profiles[self.profile]

    @property
    def arms(self) -> list[str]:
        return arms_of(self.config)

    def words(self, arm: str) -> list[str]:
        """What an arm of a study without a table is composed from, but for the seed."""
        own = self.study
        return [f"experiment={own.experiment}", f"model={self.config.paper}/{arm}", *own.overrides]


@dataclass(frozen=True)
class ClaimsRequest:
    """What a command line of ``claims`` asks for.

    ``overrides``: of paths, logger and where runs happen. ``launch``: run what is missing, ``jobs`` at a time.
    """

    claims: list[Claim]
    overrides: list[str]
    launch: bool = False
    jobs: int = 1


def claims_request(words: Sequence[str]) -> ClaimsRequest:
    """What ``words`` ask for.

    Raises
    ------
    UserError: an unknown word, an unknown claim, a claim that is named and has no such profile, or a mistake in one.
    """
    rest, jobs = split_jobs(words)
    profile, rest = split_profile(rest)
    names, overrides = [], []
    for word in rest:
        if "=" in word and word.startswith(_FREE):
            overrides.append(word)
        elif "=" in word or (word.startswith("-") and word != "--run"):
            raise UserError(
                f"claims takes no '{word}': their runs are fixed in conf/claim; PROFILE, jobs, --run, {', '.join(_FREE)} are free"
            )
        elif word != "--run":
            names.append(word)
    return ClaimsRequest(select_claims(names, profile or PROFILES[0]), overrides, "--run" in rest, jobs)


def select_claims(names: Sequence[str], profile: str) -> list[Claim]:
    """The claims that are named, each once; without names all that have the profile."""
    configs = {name: load_claim(name) for name in dict.fromkeys(names or options("claim"))}
    for name in names:
        if profile not in configs[name].profiles:
            has = " and ".join(configs[name].profiles)
            raise UserError(f"claim {name} has no profile {profile}, but {has}")
    return [Claim(name, config, profile) for name, config in configs.items() if profile in config.profiles]
