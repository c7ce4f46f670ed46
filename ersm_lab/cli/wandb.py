"""``ersm-lab wandb``: uploads to W&B what was recorded offline."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ersm_lab.cli.parser import VerbParser
from ersm_lab.cli.values import first, paths
from ersm_lab.core.errors import UserError

SUMMARY = "upload to W&B what was recorded offline"


def add_arguments(parser: VerbParser) -> None:
    parser.explain(
        "sync [FOLDER ...] [--dry-run] [paths.outputs=DIR]",
        writes="W&B's own mark beside what was uploaded",
        exit_codes="0 all uploaded; 1 no key, or a run was not uploaded; 2 no such option",
        examples=["sync --dry-run", "sync outputs"],
    )
    parser.add_word("sync", "uploads them one after the other", first("sync"))
    parser.add_word("FOLDER", "runs at or below it; without one, all below outputs", paths)
    parser.add_key("paths.outputs=DIR", "where the runs lie", paths)
    parser.add_argument("--dry-run", action="store_true", help="list what would be uploaded; needs no key")


def run(arguments: Namespace) -> int:
    if arguments.words[:1] != ["sync"]:
        raise UserError("wandb needs: wandb sync [FOLDER ...] [--dry-run] [paths.outputs=DIR]")
    from ersm_lab.config.composer import outputs_of
    from ersm_lab.tracking.sync import sync

    folders = [Path(word) for word in arguments.words[1:] if not word.startswith("paths.")]
    return sync(folders or [outputs_of(arguments.words)], arguments.dry_run)
