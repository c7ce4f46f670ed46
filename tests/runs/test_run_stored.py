"""What a stored configuration says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ersm_lab.runs.stored import StoredConfig, StoredData, StoredEvaluation, read_config


def test_a_stored_configuration_says_what_it_has() -> None:
    """Breaks when a configuration of another version, which lacks a group or has another kind of one, raises."""
    nothing = StoredConfig("", "", StoredData(), StoredEvaluation())
    assert StoredConfig.of({}) == StoredConfig.of({"model": None, "data": 3, "callbacks": []}) == nothing
    found = StoredConfig.of(
        {
            "model": {"variant": "small"},
            "data": {"name": "x", "layout": "digits", "options": {"size": 3}},
            "evaluation": {"suite": "speed", "split": "val", "seeds": 2},
            "callbacks": {"checkpoint": {"monitor": "val/accuracy"}},
        }
    )
    assert (found.variant, found.monitor) == ("small", "val/accuracy")
    assert found.data == StoredData("x", "digits", options={"size": 3})
    assert (found.evaluation.suite, found.evaluation.settings["seeds"]) == ("speed", 2)


def test_a_file_that_is_no_yaml_is_a_value_error(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(ValueError, match="no YAML"):
        read_config(tmp_path)
