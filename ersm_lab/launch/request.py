"""The words of a command line that say where and how runs are launched: of sweeps and of tables alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ersm_lab.config.documents import load_document
from ersm_lab.config.words import split_jobs
from ersm_lab.launch.schema import LauncherConfig

DRY_RUN, REFRESH = "--dry-run", "--refresh"


@dataclass(frozen=True)
class LaunchRequest:
    """Where runs are launched, how many at a time, and how.

    ``dry_run``: list what would run in place of running it. ``refresh``: run finished cells again.
    """

    launcher: LauncherConfig
    jobs: int
    dry_run: bool = False
    refresh: bool = False


def launch_request(words: Sequence[str]) -> tuple[LaunchRequest, list[str]]:
    """Reads ``launcher=NAME launcher.key=VALUE jobs=N --dry-run --refresh``; returns the other words too.

    Raises ``UserError`` for an unknown launcher or key.
    """
    counted, count = split_jobs(words)
    name, changes, rest = "local", list[str](), list[str]()
    for word in counted:
        key, equals, value = word.partition("=")
        if key == "launcher" and equals:
            name = value
        elif key.startswith("launcher.") and equals:
            changes.append(word.removeprefix("launcher."))
        elif word not in (DRY_RUN, REFRESH):
            rest.append(word)
    launcher = load_document("launcher", name, LauncherConfig, changes)
    jobs = count if any(word.startswith("jobs=") for word in words) else launcher.jobs
    return LaunchRequest(launcher, jobs, DRY_RUN in words, REFRESH in words), rest
