"""A finished run's configuration is read back as the settings that it was made with, whatever has changed since."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.schema import RunConfig
from ersm_lab.config.store import options
from ersm_lab.config.typed import typed_config
from ersm_lab.core.errors import UserError
from ersm_lab.core.settings import plain


@pytest.fixture(scope="module")
def composed() -> RunConfig:
    return compose_experiment(
        ["experiment=ersm/digits", "optimizer.lr=0.5", "+extra.note=[1, {a: b}]"]
    ).config


@pytest.fixture
def record(composed: RunConfig) -> dict[str, Any]:
    held: dict[str, Any] = copy.deepcopy(plain(composed))
    return held


@pytest.mark.parametrize(
    "name", [name for name in options("experiment") if "pets" in name or "/s" in name or "toy" in name]
)
def test_what_was_written_is_read_back(name: str) -> None:
    config = compose_experiment([f"experiment={name}"]).config
    assert plain(typed_config(plain(config))) == plain(config)


def test_keys_that_are_gone_are_left_out_and_new_ones_take_their_defaults(
    record: dict[str, Any], composed: RunConfig
) -> None:
    record["trainer"]["of_another_version"] = 1
    record["model"]["mask"]["gone"] = {"deep": 2}
    record["gone"] = 3
    del record["trainer"]["tf32"], record["callbacks"]["patience"], record["paths"]["plugins"]
    config = typed_config(record)
    assert config == composed
    assert config.extra == {"note": [1, {"a": "b"}]}
    assert config.data.options["source"]["layout"] == "digits"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "evaluation.suite",
            "classificatoin",
            "no suite named 'classificatoin'; did you mean 'classification'",
        ),
        ("model._target_", "gone.Model", "'model._target_' is gone.Model, which no plug-in has"),
        ("data._target_", "gone.Data", "'data._target_' is gone.Data, which no plug-in has"),
        ("logger.name", None, "'logger.name' is missing"),
        ("trainer.max_epochs", "many", "'trainer.max_epochs': value 'many'"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_file(
    path: str, value: object, message: str, record: dict[str, Any]
) -> None:
    group, key = path.split(".")
    record[group][key] = value
    with pytest.raises(UserError) as caught:
        typed_config(record, "outputs/x/config.yaml")
    assert str(caught.value).startswith("outputs/x/config.yaml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
