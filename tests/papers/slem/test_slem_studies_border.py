"""Detectors at the border of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from ersm_lab.papers.slem.suites.interest import DETECTORS, detector_map


@pytest.mark.parametrize("name", DETECTORS)
def test_a_bright_picture_has_no_border(name):
    """Breaks when what lies outside is taken for black: a constant picture would then be all border."""
    response = detector_map(name, np.full((24, 30), 0.8))
    assert response.shape == (24, 30)
    assert np.ptp(response) <= 1e-9


@pytest.mark.parametrize("name", ["harris", "shi_tomasi", "canny", "gradient", "variance"])
def test_inside_nothing_changes(name):
    """Far from the border a response is the same whatever the picture is embedded in."""
    rng = np.random.default_rng(0)
    image = rng.random((60, 60))
    whole, part = detector_map(name, image), detector_map(name, image[10:50, 10:50])
    assert np.allclose(part[12:-12, 12:-12], whole[22:-22, 22:-22])
