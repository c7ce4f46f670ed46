"""Composition and its check: what is wrong is told in one line, with the nearest valid key, without torch."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore

from ersm_lab.config.composer import compose_cells, compose_experiment
from ersm_lab.config.store import conf_dir, options
from ersm_lab.config.targets import build, check_keywords, resolve
from ersm_lab.config.words import split_jobs
from ersm_lab.core.errors import UserError
from ersm_lab.papers.ersm.schema import ERSMConfig

EXPERIMENTS = options("experiment")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_composes_and_says_what_it_is(name):
    """A new experiment is tested without an edit here: it composes, and its header states source, command and numbers."""
    experiment = compose_experiment([f"experiment={name}"])
    assert f"{experiment.paper}/{experiment.name}" == name
    header = (conf_dir() / "experiment" / f"{name}.yaml").read_text()
    for word in ("# Source:", "# Command:", "# Cost:", "# Expected:"):
        assert word in header


@pytest.mark.parametrize(
    "group", ["data", "optimizer", "trainer", "logger", "callbacks", "evaluation", "paths", "model"]
)
def test_every_option_of_every_group_composes(group):
    for option in options(group):
        compose_experiment([f"{group}={option}"])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.max_epoch=3", "unknown key 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?"),
        ("+trainer.max_epoch=3", "unknown key 'trainer.max_epoch'; did you mean 'trainer.max_epochs'?"),
        ("+typo=1", "unknown key 'typo'"),
        ("max_epochs=3", "did you mean 'trainer.max_epochs'?"),
        ("mask.pairwise=l1", "unknown key 'mask'; did you mean 'model.mask'?"),
        (
            "trainer.max_epochs=abc",
            "'trainer.max_epochs': value 'abc' of type 'str' could not be converted to Integer",
        ),
        ("model.mask.patch_size=1.5", "could not be converted to Integer"),
        ("trainer.max_epochs=0", "'trainer.max_epochs' is 0, but must be at least 1"),
        ("model.mask.temperature=0", "must be above 0"),
        ("trainer.precision=bf16", "must be one of 32-true"),
        ("model.mask.pairwise=potts", "must be one of redundancy, coherence, l1, none"),
        ("model=ersm/publishd", "did you mean 'ersm/published'?"),
        ("experiment=ersm/digit", "did you mean 'ersm/digits'?"),
        ("dta=cifar10", "did you mean 'data'?"),
        ("data.train_range=[0.5,0.2]", "LOW < HIGH"),
        ("optimizer._target_=os.system", "may not be built"),
        ("optimizer._target_=pytorch_lightning.callbacks.Timer", "may not be built; allowed: timm.optim., "),
        ("model._target_=torch.optim.SGD", "may not be built; allowed: ersm_lab.data., "),
        ("data._target_=torch.optim.SGD", "may not be built; allowed: ersm_lab.data., "),
        ("evaluation.suite=ocllusion", "'evaluation.suite' is 'ocllusion', but must be one of "),
        ("evaluation.suite=ocllusion", "did you mean 'occlusion'?"),
        ("evaluation.suite=slem", "these are ClassifierEvaluationConfig; write evaluation=slem"),
        ("optimizer.kwargs.betas=[0.9,0.99]", "write +optimizer.kwargs.betas=VALUE"),
        ("model.mask.refine_steps=11", "must be at most 10"),
        ("seed", "cannot read the override 'seed'"),
        ("seed=-1", "must be at least 0"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_key(override, words):
    with pytest.raises(UserError) as caught:
        compose_experiment([override])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_extra_is_open():
    """The one place for keys of one's own."""
    assert compose_experiment(["+extra.note=hello"]).config.extra == {"note": "hello"}


def test_trained_features_are_not_cached():
    with pytest.raises(UserError, match="freeze_backbone"):
        compose_experiment(["trainer.feature_cache.enabled=true", "model.freeze_backbone=false"])


def test_variants_are_those_of_the_method():
    """Breaks when a variant drifts from its definition: the published bias is untrained, the controls control."""
    models = {name: compose_experiment([f"model=ersm/{name}"]).config.model for name in options("model/ersm")}
    assert all(isinstance(model, ERSMConfig) for model in models.values())
    published, recommended = models["published"], models["recommended"]
    mask = published.mask
    assert (mask.pairwise, mask.bias, mask.bias_init, mask.train_bias) == (
        "redundancy",
        "position",
        6.0,
        False,
    )
    assert (mask.lambda_unary, mask.gamma_pairwise, published.pool) == (1e-3, 1e-3, "mean")
    assert published.mask_lr_factor == 1
    assert recommended.mask.bias == "shared"
    assert recommended.pool == "masked_mean"
    attention = models["attention_pool"].mask
    assert attention.lambda_unary == attention.gamma_pairwise == 0
    assert models["position_only"].mask.train_weight is False
    assert models["baseline"].mask.enabled is False
    assert compose_experiment([]).config.model.variant == "recommended"


def test_library_keywords_are_checked_before_building():
    adam = resolve("torch.optim.AdamW", "optimizer.")
    with pytest.raises(UserError, match="did you mean 'betas'"):
        check_keywords(adam, {"beta": (0.9, 0.99)}, "optimizer.kwargs.")
    with pytest.raises(UserError, match="did you mean 'AdamW'"):
        resolve("torch.optim.AdamWW", "optimizer.")


def test_a_class_is_given_what_it_takes_and_refused_without_what_it_needs(monkeypatch):
    """Breaks when a model must take whatever data say of themselves, or ends in a traceback where they do not say enough."""
    monkeypatch.setattr(
        "ersm_lab.config.targets.resolve", lambda target, where: lambda size, depth=1: (size, depth)
    )
    assert build({"_target_": "any", "depth": 2}, "model.", size=3, class_names=["a"]) == (3, 2)
    with pytest.raises(UserError, match=r"^'model._target_' is any, which needs size: nothing gives it$"):
        build({"_target_": "any"}, "model.", class_names=["a"])


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("torch.optim.optimizer.defaultdict", "optimizer."),
        ("pytorch_lightning.callbacks.timer.timedelta", "callbacks.extra.timer."),
        ("ersm_lab.papers.slem.command.Path", "model."),
    ],
)
def test_what_a_module_only_hands_on_is_not_built(target, where):
    """Breaks when the allow-list looks at the path alone: what a module imports comes from elsewhere."""
    with pytest.raises(UserError, match=r"in truth .*which may not be built"):
        resolve(target, where)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "trainer.max_epoch=3"],
        ["train", "--cfg", "job"],
        ["__complete", "train", "model="],
        ["trian"],
    ],
)
def test_help_and_config_errors_import_no_torch(arguments, lab):
    """Breaks when a module on the way to an answer imports torch: the answer would take seconds."""
    code = (
        f"import sys; from ersm_lab.cli import main; main({arguments!r}); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_completion_knows_verbs_options_and_keys(lab, capsys):
    from ersm_lab.cli import main

    for words, expected in [
        (["tr"], "train"),
        (["train", "model=ersm/pub"], "model=ersm/published"),
        (["train", "trainer.max_e"], "trainer.max_epochs="),
        (["train", "experiment=ersm/dig"], "experiment=ersm/digits"),
    ]:
        assert main(["__complete", *words]) == 0
        assert expected in capsys.readouterr().out.split()
    assert main(["completion", "bash"]) == 0
    assert "complete -F" in capsys.readouterr().out


def test_sweep_composes_every_cell_before_the_first_starts(lab):
    cells = compose_cells(["seed=0,1", "model=ersm/baseline,ersm/published"])
    found = [(cell.config.seed, cell.config.model.variant) for cell in cells]
    assert found == [(0, "baseline"), (0, "published"), (1, "baseline"), (1, "published")]
    with pytest.raises(UserError, match="at least 1"):
        compose_cells(["trainer.max_epochs=1,0"])
    assert split_jobs(["seed=0,1", "jobs=2"]) == (["seed=0,1"], 2)
    with pytest.raises(UserError, match="whole number of at least 1"):
        split_jobs(["jobs=0"])


def test_a_composition_leaves_the_schemas_as_they_are(lab):
    """Breaks when the shared store of schemas is copied whole again (each composition, and each line of Hydra's help, then
    takes a tenth of a second more), or when what is composed can write to it."""
    compose_experiment([])
    store = ConfigStore.instance()
    assert copy.deepcopy(store) is store
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        before = compose("config").trainer
        compose("config").trainer.clip_norm = 7
        assert compose("config").trainer == before
        assert before.clip_norm is None
