"""Settings of deletion (no torch)."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.plugins import registered
from ersm_lab.core.settings import Settings, setting
from ersm_lab.evaluation.plugin import PLUGIN
from ersm_lab.vision.names import PIXEL_FILLS


@dataclass
class DeletionConfig(Settings):
    """The deletion protocol, at the level of tokens."""

    enabled: bool = setting(False, "asked for by the suites that read it")
    rankings: list[str] = setting(
        list(PLUGIN.rankings), "those that a model has are used", choices=registered("rankings")
    )
    draws: int = setting(5, "of the random ranking", ge=1)
    controls: list[str] | None = setting(
        None,
        "other models that rankings look at, each ROLE:RUN with a run directory, such as baseline:outputs/...; "
        "null: those of the same seed, data and backbone among the runs that are evaluated together",
    )

    @staticmethod
    def check(node: DeletionConfig) -> str | None:
        """What no single setting can tell, in words."""
        wrong = [control for control in node.controls or () if not all(control.partition(":"))]
        return f"has the control {wrong[0]!r}, which must be ROLE:RUN" if wrong else None

    @property
    def runs_of_controls(self) -> dict[str, str]:
        """The run directories that ``controls`` names, by role."""
        return {role: run for role, _, run in (control.partition(":") for control in self.controls or ())}


@dataclass
class PixelDeletionConfig(Settings):
    """Deletion and insertion of pixels."""

    enabled: bool = setting(False, "with the suites deletion and stress")
    ranking: str = setting("grad_cam", "upsampled from tokens to pixels", choices=registered("rankings"))
    steps: int = setting(20, "points of the curve besides its start", ge=1)
    fills: list[str] = setting(["mean"], "what deleted pixels become", choices=PIXEL_FILLS)
    images: int = setting(500, "of the split, evenly spread", ge=1)
