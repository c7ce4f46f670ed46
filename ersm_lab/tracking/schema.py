"""Settings of trackers."""

from __future__ import annotations

from dataclasses import dataclass

from ersm_lab.core.schema import LoggerConfig
from ersm_lab.core.settings import Settings, setting


@dataclass
class WandbConfig(LoggerConfig):
    """Weights & Biases. `auto` never asks and never calls out: it records offline."""

    mode: str = setting("auto", "online is opt-in", choices=("auto", "offline", "online", "disabled"))
    project: str = setting("ersm_lab", "of the account at W&B")
    entity: str | None = setting(None, "user or team; null: the account's default")
    group: str | None = setting(None, "null: <paper>/<experiment>")
    job_type: str | None = setting(None, "null: train or evaluate")
    tags: list[str] = setting([], "of every run, to filter by")
    init_timeout: int = setting(30, "seconds to wait for the server before going offline", ge=1)
    finish_timeout: int = setting(60, "seconds to wait for the last uploads", ge=1)
    log_checkpoints: bool = setting(True, "as model artifacts")


def of_name(name: str) -> type[LoggerConfig]:
    """The settings of the tracker ``name``."""
    return WandbConfig if name == "wandb" else LoggerConfig


SCHEMAS: dict[tuple[str, str], type[Settings]] = {
    ("logger", "schema"): LoggerConfig,
    ("logger", "schema_wandb"): WandbConfig,
}
