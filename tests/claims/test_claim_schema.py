"""Claims are checked before anything is read."""

from __future__ import annotations

import pytest

from ersm_lab.claims.request import Claim, claims_request
from ersm_lab.claims.schema import load_claim
from ersm_lab.config.composer import compose_experiment
from ersm_lab.config.store import options
from ersm_lab.core.errors import UserError
from ersm_lab.core.plugins import plugins


@pytest.mark.parametrize("name", options("claim"))
def test_every_claim_is_sound_and_its_runs_compose(name: str) -> None:
    config = load_claim(name)
    assert name.startswith(f"{config.paper}_")
    for profile, study in config.profiles.items():
        claim = Claim(name, config, profile)
        for arm in claim.arms if study.experiment else ():
            assert compose_experiment(claim.words(arm)).config.data.name == study.data
    if config.evaluation:
        compose_experiment([f"evaluation={config.evaluation}"])


def test_claims_are_about_papers_that_are_here() -> None:
    assert {load_claim(name).paper for name in options("claim")} <= set(plugins())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("statment=x", "unknown key 'statment'"),
        ("effects.accuracy.says=better", "'says' is 'better', but must be one of higher, lower, kept"),
        ("effects.accuracy.margin=-1", "'margin' is -1.0, but must be at least 0"),
        ("effects.accuracy.margin=0", "a margin above 0"),
        ("effects.accuracy.threshold=1", "one of against and threshold"),
        ("effects.accuracy.measure.key=test/accuracy", "takes no key"),
        ("effects.accuracy.test=sums", "takes no table"),
        ("effects.accuracy.test=seeds", "needs measure.key"),
        ("effects.accuracy.relative=true", "needs test seeds"),
        ("effects.accuracy.against.arm=basline", "did you mean 'baseline'"),
        (
            "effects.accuracy={test: sums, measure: {column: speed, table: null}}",
            "has the score 'speed', but must",
        ),
        ("effects.accuracy.beyond.table=predictions", "needs test images, a table and a column"),
        ("minimum.images=-1", "must be at least 0"),
        ("minimum.seeds=1", "one run says nothing about the next"),
        ("evaluation=stres", "did you mean 'stress'"),
        ("profiles.demo.experiment=ersm/digits", "one of table and experiment"),
        ("profiles.demo.table=ersm_digit", "no table named 'ersm_digit'"),
        ("profiles.tiny={data: digits, table: ersm_digits}", "may hold demo and full"),
        ("variants=[]", "needs variants"),
    ],
)
def test_mistakes_are_one_line(change: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_claim("ersm_accuracy", [change])
    assert "\n" not in str(caught.value)
    assert "conf/claim/ersm_accuracy.yaml" in str(caught.value)


def test_an_unknown_claim_is_named() -> None:
    with pytest.raises(UserError, match="did you mean 'ersm_accuracy'"):
        load_claim("ersm_acuracy")


def test_the_command_line_of_claims() -> None:
    request = claims_request(["ersm_accuracy", "PROFILE=full", "jobs=2", "--run", "paths.outputs=x"])
    assert [(claim.name, claim.profile) for claim in request.claims] == [("ersm_accuracy", "full")]
    assert (request.overrides, request.launch, request.jobs) == (["paths.outputs=x"], True, 2)
    twice = claims_request(["ersm_accuracy", "ersm_sparsity", "ersm_accuracy"])
    assert [claim.name for claim in twice.claims] == ["ersm_accuracy", "ersm_sparsity"]
    for word, message in (
        ("PROFILE=fast", "must be demo or full"),
        ("seed=3", "takes no 'seed=3'"),
        ("--runs", "takes no"),
    ):
        with pytest.raises(UserError, match=message):
            claims_request([word])


def test_without_names_all_claims_of_the_profile_are_judged() -> None:
    for profile in ("demo", "full"):
        having = {name for name in options("claim") if profile in load_claim(name).profiles}
        request = claims_request([f"PROFILE={profile}"])
        assert {claim.name for claim in request.claims} == having
    assert {claim.profile for claim in claims_request([]).claims} == {"demo"}


def test_a_named_claim_without_the_profile_is_said() -> None:
    with pytest.raises(UserError, match="slem_edges has no profile full, but demo"):
        claims_request(["ersm_accuracy", "slem_edges", "PROFILE=full"])
