"""TensorBoard event files in the run directory, below ``tensorboard/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.core.protocols import Scalar
from ersm_lab.runs.artifacts import Artifact, ArtifactStore
from ersm_lab.runs.directory import ComparisonDirectory, EvaluationDirectory, RunDirectory
from ersm_lab.tracking.guard import Guard, GuardedLogger

# of a table, which TensorBoard shows as text
MAX_ROWS = 200


class TensorBoardTracker:
    """History, figures, tables as text and summary scalars; checkpoints stay where they are.

    Raises
    ------
    UserError: the package is missing.
    """

    def __init__(
        self,
        shown: Mapping[str, object],
        run: RunDirectory,
        evaluation: EvaluationDirectory | ComparisonDirectory | None = None,
    ) -> None:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise UserError(
                "logger=tensorboard needs a package: pip install tensorboard (or use logger=csv)"
            ) from error
        from omegaconf import OmegaConf
        from pytorch_lightning.loggers import TensorBoardLogger

        class Logger(GuardedLogger, TensorBoardLogger):
            """The history goes on, or not, without the trainer noticing."""

        self.name = "tensorboard"
        self._guard = Guard(self.name)
        place = (run if evaluation is None else evaluation).path
        self.lightning_logger = Logger(
            save_dir=str(place), name="tensorboard", version="", default_hp_metric=False
        )
        self.lightning_logger.guard = self._guard
        text = OmegaConf.to_yaml(OmegaConf.create(dict(shown)))
        self._writer = self.lightning_logger.experiment
        self._writer.add_text("config", "```yaml\n" + text + "```")

    def publish(
        self, artifacts: ArtifactStore, summary: Mapping[str, Scalar], checkpoints: Sequence[Path]
    ) -> None:
        """Numbers of ``summary`` below ``summary/``, figures as images, tables as text."""
        self._guard("the summary", self._summary, summary)
        for entry in artifacts.entries():
            if entry.kind == "figure":
                self._guard(f"figure {entry.name}", self._figure, entry)
            elif entry.kind == "table":
                self._guard(f"table {entry.name}", self._table, entry)
        self._guard("flushing", self._writer.flush)

    def _summary(self, summary: Mapping[str, Scalar]) -> None:
        for name, value in summary.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self._writer.add_scalar(f"summary/{name}", value)

    def _figure(self, entry: Artifact) -> None:
        import numpy as np
        from PIL import Image

        with Image.open(entry.paths[0]) as image:
            self._writer.add_image(entry.name, np.asarray(image.convert("RGB")), dataformats="HWC")

    def _table(self, entry: Artifact) -> None:
        import pandas

        csv = [path for path in entry.paths if path.suffix == ".csv"]
        frame = pandas.read_csv(csv[0]) if csv else pandas.read_parquet(entry.paths[0])
        shown = frame.head(MAX_ROWS)
        rows = [list(shown.columns), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
        text = "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)
        self._writer.add_text(entry.name, text)

    def close(self, status: str) -> None:
        self._guard("closing", self._writer.close)
