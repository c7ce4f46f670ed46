"""The Triton engine against the compiled one: in Triton's interpreter everywhere, on a device where there is one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from ersm_lab.papers.slem import spatial_learning_entropies, spatial_learning_entropy
from ersm_lab.papers.slem.checks import InputError
from ersm_lab.papers.slem.schema import LearnerSettings

CASES = {
    "multiscale": {},
    "direct, order 2": {"alphas": None, "order": 2, "traversal": "hilbert", "step": "normalised"},
    "relu, sums": {"activation": "relu", "aggregate": "sum", "traversal": "random", "seed": 3},
}
SMALL = {
    "window_size": 3,
    "hidden": 5,
    "memory": 7,
    "dtype": "float64",
    "pretrain_epochs": 1,
    "pretrain_batch": 8,
}


def pictures(count=2, height=7, width=9):
    images = np.random.default_rng(0).random((count, height, width)) / 2
    images[:, 3:, 4:] += 0.5
    return images


def settings_of(**settings):
    return LearnerSettings.of({**SMALL, "hidden": [SMALL["hidden"]], **settings})


def compare(device):
    """Breaks when a window is one sample off, a tail is read twice, a mini-batch differs, or images mix."""
    from ersm_lab.papers.slem.maps import _on_cuda

    for settings in CASES.values():
        found = list(_on_cuda(pictures(), settings_of(**settings), epochs=2, device=device))
        for image, ours in zip(pictures(), found, strict=True):
            expected = spatial_learning_entropy(image, epochs=2, **SMALL, **settings)
            assert expected.entropy.any()
            for name in ("entropy", "activity", "error"):
                assert np.abs(getattr(ours, name) - getattr(expected, name)).max() < 1e-9, (settings, name)
            for a, b in zip(ours.weights, expected.weights, strict=True):
                assert np.abs(a - b).max() < 1e-12
    for learning_rate in (0.0,):
        (still,) = _on_cuda(pictures(1), settings_of(learning_rate=learning_rate), device=device)
        assert not still.entropy.any()
        assert not still.activity.any()
    with pytest.raises(InputError, match="image 0 diverges at row"):
        list(_on_cuda(pictures(1), settings_of(learning_rate=1e6), device=device))


def test_in_the_interpreter():
    """The kernels' own code, run by Triton on the CPU; in a process of its own, as Triton reads the variable at import."""
    pytest.importorskip("triton", reason="Triton comes with torch on Linux only")
    code = "from tests.papers.slem.test_cuda_engine import compare; compare('cpu')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_device():
    compare("cuda")


def test_auto_and_what_cannot_be():
    images = pictures()
    settings = {**SMALL, "pretrain_epochs": 0}
    for ours, image in zip(spatial_learning_entropies(images, **settings), images, strict=True):
        expected = spatial_learning_entropy(image, **settings)
        assert np.allclose(ours.entropy, expected.entropy, atol=1e-9)
    with pytest.raises(InputError, match="engine is 'gpu'"):
        list(spatial_learning_entropies(images, engine="gpu"))
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device"):
            list(spatial_learning_entropies(images, engine="cuda"))
