"""A line per run, and the removal of one."""

from __future__ import annotations

import pytest

from ersm_lab.core.errors import UserError
from ersm_lab.runs.overview import remove_run, run_lines
from tests.runs.conftest import make


def test_a_run_that_lacks_its_settings_is_listed_as_unreadable(run, tmp_path):
    (line,) = run_lines(tmp_path)
    assert (line.run, line.status, line.score) == (str(run.path), "unreadable", None)


def test_a_running_run_is_never_removed(run, tmp_path):
    """Breaks when what was read before a question decides: the run may have been resumed meanwhile."""
    with pytest.raises(UserError, match="is running; it is not removed"):
        remove_run(run.path)
    run.finish("failed")
    remove_run(run.path)
    damaged = make(tmp_path)
    (damaged.path / "run.json").write_text("{")
    remove_run(damaged.path)
    assert not run.path.exists()
    assert not damaged.path.exists()
