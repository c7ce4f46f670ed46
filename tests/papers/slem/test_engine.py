"""The compiled engine against an independent float64 learner, and what must not change its results."""

from __future__ import annotations

import numpy as np
import padasip
import pytest
from numba import njit

from ersm_lab.core.errors import UserError
from ersm_lab.papers.slem import learning_entropy, spatial_learning_entropies, spatial_learning_entropy
from ersm_lab.papers.slem.engine import plain
from ersm_lab.papers.slem.engine.activations import activate
from ersm_lab.papers.slem.engine.lanes import load, store
from ersm_lab.papers.slem.engine.learner import Engine, prepare
from ersm_lab.papers.slem.engine.network import Network
from ersm_lab.papers.slem.engine.spans import span
from ersm_lab.papers.slem.engine.traversal import visits
from ersm_lab.papers.slem.schema import ACTIVATIONS, TRAVERSALS, LearnerSettings
from tests.papers.slem import oracle

ALPHAS = (1.5, 2, 3, 5)
SHAPE, MEMORY = (14, 16), 12


def photograph(shape=SHAPE, seed=0):
    """Smooth shades, an edge, and noise, in [0, 1]."""
    rows, columns = np.indices(shape)
    noise = np.random.default_rng(seed).normal(size=shape) * 0.05
    return np.clip(0.3 + 0.2 * np.sin(rows / 3) + 0.3 * (columns > shape[1] // 2) + noise, 0, 1)


def maps_of(image, weights, window_size=5, order=1, alphas=ALPHAS, traversal="raster", seed=0, **learner):
    """(entropy, activity, error, weights) of the oracle, on the grid of windows."""
    height, width = (size - window_size + 1 for size in image.shape)
    visited = visits(traversal, height, width, seed)
    path, errors = oracle.learn(image, weights, visited, window_size, **learner)
    flat = oracle.entropy(path, MEMORY, order, alphas), np.abs(np.diff(path, axis=0)).sum(axis=1), errors
    maps = np.zeros((3, height, width))
    for values, map_ in zip(flat, maps, strict=True):
        map_[visited[:, 0], visited[:, 1]] = values
    return (*maps, path[-1])


@pytest.mark.parametrize("alphas", [ALPHAS, None], ids=["multiscale", "direct"])
@pytest.mark.parametrize(
    ("learner", "options"),
    [
        ({"activation": "tanh"}, {}),
        ({"activation": "sigmoid", "step": "normalised", "learning_rate": 0.3}, {"order": 2}),
        ({"activation": "relu"}, {"traversal": "hilbert"}),
        (
            {"activation": "tanh", "step": "normalised", "learning_rate": 0.5},
            {"order": 3, "traversal": "random"},
        ),
        ({"activation": "sigmoid", "hidden": (9, 20)}, {"traversal": "serpentine"}),
        ({"activation": "relu", "hidden": (20, 5, 3), "window_size": 3}, {"order": 2, "traversal": "column"}),
        ({"activation": "tanh", "hidden": (33,), "window_size": 7}, {}),
    ],
    ids=lambda chosen: "-".join(map(str, chosen.values())) or "plain",
)
def test_equals_padasip_on_an_independent_learners_path(learner, options, alphas):
    """Breaks when gradient, step, order of weights, window, or the place of a pixel is wrong in any way."""
    hidden = learner.get("hidden", (6,))
    window_size = learner.get("window_size", 5)
    image = photograph()
    weights = Network(window_size**2 - 1, hidden).start(3)
    found = spatial_learning_entropy(
        image,
        initial_weights=weights,
        memory=MEMORY,
        alphas=alphas,
        seed=4,
        **{"hidden": hidden, **learner, **options},
    )
    without_layers = {name: value for name, value in learner.items() if name != "hidden"}
    entropy, activity, error, last = maps_of(
        image, weights, alphas=alphas, seed=4, **without_layers, **options
    )
    assert found.entropy.dtype == np.float64  # as the weights
    assert entropy.any()
    np.testing.assert_allclose(found.error[0], error, atol=1e-12)
    np.testing.assert_allclose(found.activity[0], activity, atol=1e-12)
    np.testing.assert_allclose(np.concatenate([np.ravel(part) for part in found.weights]), last, atol=1e-12)
    # a unit of relu that begins to move has no spread behind it: entropies up to 1e6 there
    np.testing.assert_allclose(found.entropy[0], entropy, atol=1e-8, rtol=1e-8)


def test_epochs_restart_windows_and_keep_weights():
    """Breaks when a window reaches into the epoch before, or an epoch starts from other weights."""
    image, weights = photograph(), Network(24, (6,)).start(0)
    found = spatial_learning_entropy(
        image, hidden=6, memory=MEMORY, alphas=None, epochs=3, initial_weights=weights
    )
    for epoch in range(3):
        single = spatial_learning_entropy(
            image, hidden=6, memory=MEMORY, alphas=None, initial_weights=weights
        )
        np.testing.assert_array_equal(found.entropy[epoch], single.entropy[0])
        assert not found.entropy[epoch].ravel()[:MEMORY].any()
        assert found.entropy[epoch].ravel()[MEMORY]
        weights = single.weights


def test_sum_over_weights():
    """Breaks when the sum is not the mean times the weights (417 at the paper's size), or the default is not the mean."""
    image = photograph()
    for alphas in (ALPHAS, None):
        mean = spatial_learning_entropy(image, memory=MEMORY, alphas=alphas, dtype="float64")
        total = spatial_learning_entropy(
            image, memory=MEMORY, alphas=alphas, dtype="float64", aggregate="sum"
        )
        np.testing.assert_allclose(total.entropy, 417 * mean.entropy, rtol=1e-12)


def test_windows_forget_bursts_to_the_last_digit():
    """Breaks when a window's sums carry rounding of much larger increments that have left it.

    A learner with a step of 1 that is hit by one bright pixel, then sees almost nothing.
    """
    image = np.full((5, 400), 1e-6) * np.random.default_rng(0).random((5, 400))
    image[2, 20] = 1.0
    weights = Network(24, (3,)).start(0)
    visited = visits("raster", 1, 396)
    path, _ = oracle.learn(image, weights, visited, learning_rate=0.9)
    for alphas in (ALPHAS, None):
        found = spatial_learning_entropy(
            image, hidden=3, learning_rate=0.9, memory=MEMORY, alphas=alphas, initial_weights=weights
        ).entropy.ravel()
        assert np.isfinite(found).all()
        if alphas:
            np.testing.assert_allclose(found, oracle.entropy(path, MEMORY, 1, alphas), atol=0.02)


@pytest.mark.parametrize("alphas", [ALPHAS, None], ids=["multiscale", "direct"])
def test_windowed_statistics_to_one_part_in_a_billion(alphas):
    """Breaks when running windows drift from recomputed ones over thousands of samples.

    The increments are the engine's own: differences of its path would round off what is compared.
    """
    image, k = photograph((40, 130), seed=2), 3
    settings = LearnerSettings(
        window_size=k, hidden=[2], memory=MEMORY, alphas=alphas, dtype="float64", learning_rate=0.4
    )
    engine = Engine(image.shape, settings, weights := Network(8, (2,)).start(1))
    found = engine.sweep(image).entropy.ravel()
    path, _ = oracle.learn(image, weights, visits("raster", 38, 128), k, learning_rate=0.4)
    expected = learning_entropy(path, MEMORY, 1, alphas)[1:]
    expected = expected if alphas else expected.mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("alphas", [ALPHAS, None], ids=["multiscale", "direct"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_precision_agrees_with_double(activation, alphas):
    """Breaks when float32 loses more than its own rounding."""
    image = photograph((40, 44))
    weights = Network(24, (16,)).start(0)
    single, double = (
        spatial_learning_entropy(
            image, initial_weights=weights, alphas=alphas, activation=activation, dtype=dtype
        )
        for dtype in ("float32", "float64")
    )
    assert single.entropy.dtype == np.float32
    np.testing.assert_allclose(single.error, double.error, atol=2e-6)
    np.testing.assert_allclose(single.activity, double.activity, atol=2e-6)
    difference = np.abs(single.entropy - double.entropy)
    if alphas:  # a pair on the edge may fall on the other side: 1 of 417 x 4
        assert difference.max() < 5e-3
    else:
        assert (difference <= 2e-3 * (1 + np.abs(double.entropy))).all()


@pytest.mark.parametrize("traversal", TRAVERSALS)
def test_learning_rate_zero_learns_nothing(traversal):
    """Breaks when a step is taken, or noise is taken for entropy, without a learning rate."""
    weights = Network(24, (16,)).start(0)
    for alphas in (ALPHAS, None):
        found = spatial_learning_entropy(
            photograph(), learning_rate=0, initial_weights=weights, alphas=alphas, traversal=traversal
        )
        assert not found.entropy.any()
        assert not found.activity.any()
        for after, before in zip(found.weights, weights, strict=True):
            np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("alphas", [ALPHAS, None], ids=["multiscale", "direct"])
def test_constant_image(alphas):
    """Breaks when a window without spread divides by zero, or a learner that only settles is surprised."""
    found = spatial_learning_entropy(np.full((24, 24), 0.4), memory=MEMORY, alphas=alphas, learning_rate=0.01)
    assert np.isfinite(found.entropy).all()
    assert found.entropy.max() <= 0  # steps only shrink: none exceeds what was before
    assert np.abs(found.error).max() < 0.05
    black = spatial_learning_entropy(np.zeros((24, 24), np.uint8), memory=MEMORY, alphas=alphas)
    assert np.isfinite(black.entropy).all()


def test_pretraining_learns_and_is_seeded():
    """Breaks when the first phase does nothing, depends on anything but the seed, or runs though weights were given."""
    image = photograph((40, 40))
    error = {}
    for epochs in (0, 5):
        found = spatial_learning_entropy(image, pretrain_epochs=epochs, learning_rate=0)
        error[epochs] = np.square(found.error).mean()
    assert error[5] < 0.2 * error[0]
    assert error[5] < 0.02
    first, again = (spatial_learning_entropy(image, seed=7).entropy for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != spatial_learning_entropy(image, seed=8).entropy).any()
    weights = Network(24, (16,)).start(0)
    given = spatial_learning_entropy(image, initial_weights=weights, learning_rate=0)
    trained = spatial_learning_entropy(image, initial_weights=weights, learning_rate=0, pretrain_epochs=1)
    np.testing.assert_array_equal(given.weights[0], weights[0])
    assert (trained.weights[0] != weights[0]).any()


def test_threads_and_company_change_nothing():
    """Breaks when images share a learner, or come back in another order."""
    images = [photograph((20 + i, 24), seed=i) for i in range(5)]
    alone = [spatial_learning_entropy(image) for image in images]
    for threads in (1, 2, 4):
        together = list(spatial_learning_entropies(images, threads=threads))
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a.entropy, b.entropy)
            np.testing.assert_array_equal(a.weights[0], b.weights[0])


def test_kinds_of_images():
    """Breaks when bytes, words, floats and colours of the same picture differ."""
    grey = np.random.default_rng(0).integers(0, 256, (20, 20), np.uint8)
    expected = spatial_learning_entropy(grey).entropy
    for image in (grey / 255, grey.astype(np.uint16) * 257, (grey / 255).astype(np.float32)):
        np.testing.assert_array_equal(spatial_learning_entropy(image).entropy, expected)
    colour = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_allclose(
        spatial_learning_entropy(colour).error, spatial_learning_entropy(grey).error, atol=1e-5
    )
    red = np.zeros((20, 20, 3))
    red[..., 0] = grey / 255
    same = spatial_learning_entropy(red).error
    np.testing.assert_allclose(same, spatial_learning_entropy(0.299 * grey / 255).error, atol=1e-5)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"window_size": 4}, "odd"),
        ({"window_size": 21}, "20 x 20"),
        ({"memory": 256}, "256 windows"),
        ({"memory": 0}, "memory"),
        ({"order": 0}, "order"),
        ({"alphas": (2, -1)}, "positive"),
        ({"alphas": ()}, "positive"),
        ({"traversal": "spiral"}, "hilbert"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"hidden": ()}, "hidden"),
        ({"hidden": 0}, "hidden"),
        ({"epochs": 0}, "epochs"),
        ({"activation": "gelu"}, "relu"),
        ({"initial_weights": [np.zeros((16, 8))]}, "(16, 24)"),
        ({"initial_weights": [np.full((16, 24), np.nan), np.zeros(16), np.zeros(16), 0.0]}, "NaN"),
    ],
)
def test_bad_settings_are_one_line(bad, says):
    """Breaks when a setting out of range is not refused, or not named."""
    with pytest.raises(ValueError) as caught:
        spatial_learning_entropy(photograph((20, 20)), **bad)
    assert isinstance(caught.value, UserError)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_pixels_are_one_line():
    """Breaks when a pixel that is no intensity is learned from, or its place is not said."""
    image = photograph((20, 20))
    for value in (np.nan, np.inf):
        image[3, 7] = value
        with pytest.raises(UserError, match="row 3, column 7"):
            spatial_learning_entropy(image)
    for bad in (255 * photograph(), photograph()[None], np.zeros((20, 20), np.int64), np.zeros((20, 20, 4))):
        with pytest.raises(UserError):
            spatial_learning_entropy(bad)


def test_an_engine_is_for_one_shape():
    """Breaks when pixels beyond an image are read."""
    engine = Engine((20, 20), LearnerSettings())
    for shape in ((19, 20), (20, 21), (400,)):
        with pytest.raises(UserError, match="20 x 20"):
            engine.sweep(np.zeros(shape))


def test_divergence_names_the_pixel_and_a_step_that_works():
    """Breaks when a learner that runs away goes on, or the step that is proposed does not get through."""
    image = photograph((30, 30))
    with pytest.raises(
        UserError, match=r"diverges at row \d+, column \d+.*learning_rate=40.*gets through"
    ) as caught:
        spatial_learning_entropy(image, learning_rate=40)
    rate = float(str(caught.value).split("learning_rate=")[-1].split()[0])
    assert np.isfinite(spatial_learning_entropy(image, learning_rate=rate).entropy).all()
    weights = [np.full((16, 24), 1e4), np.zeros(16), np.full(16, 1e30), 0.0]
    with pytest.raises(UserError, match="weights that it starts from"):
        spatial_learning_entropy(image, initial_weights=weights)


@njit
def _activate(kind, values, slopes, one):
    source, sink = span(values), span(slopes)
    for at in range(0, values.shape[0], 16):
        value, slope = activate(kind, load(source, at), one)
        store(source, at, value)
        store(sink, at, slope)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2.5e-7), (np.float64, 5e-16)])
def test_activations(dtype, tolerance):
    """Breaks when an approximation is worse than stated, also far out and next to zero."""
    z = np.concatenate(
        [np.linspace(-30, 30, 4080), np.logspace(-30, 3, 2048), -np.logspace(-30, 3, 2048), np.zeros(16)]
    )
    z = z.astype(dtype)
    exact = z.astype(np.float64)
    with np.errstate(over="ignore"):
        values = [plain.activate(name, exact) for name in ACTIVATIONS]
    for kind, (value, slope) in enumerate(values):
        found, slopes = z.copy(), np.empty_like(z)
        _activate(kind, found, slopes, dtype(1))
        np.testing.assert_allclose(found, value, atol=tolerance, rtol=0)
        np.testing.assert_allclose(slopes, slope, atol=3 * tolerance, rtol=0)
        if kind == 0:  # next to zero, relative too
            np.testing.assert_allclose(found, value, rtol=4 * tolerance, atol=1e-38)


def test_prepare_compiles_once():
    """Breaks when something is compiled again although it was made ready."""
    prepare()
    assert prepare() < 0.5


def test_padasip_is_the_one_that_defines():
    """Breaks when the oracle's own reading of padasip is empty: a jump in a path is seen where it is."""
    path = np.cumsum(np.ones((50, 2)), axis=0)
    path[40:] += 10
    assert np.argmax(oracle.entropy(path, 10, alphas=[3])) == 39
    assert padasip.detection.learning_entropy(path, m=10, alpha=[3])[40] == 1
