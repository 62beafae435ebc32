"""Networks as published, training, baselines, latent space."""

import numpy as np
import pytest
import torch

from helpers.data import DataError
from helpers.plasmons import baselines, errors, latent, learn, networks


def size(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    "network, expected",
    [
        (lambda: networks.Im2Spec(2, 2048), 550_983),
        (lambda: networks.Im2Spec(10, 2048), 1_730_639),
        (lambda: networks.Spec2Im(2, 2048), 280_199),
        (lambda: networks.Spec2Im(10, 2048), 353_935),
    ],
)
def test_networks_have_the_published_sizes(network, expected):
    assert size(network()) == expected


def test_the_pyramid_adds_up_all_its_layers():
    pyramid = networks.DilatedPyramid(1).eval()
    x = torch.randn(2, 64, 30)
    kept = []
    for block in pyramid.blocks:
        for layer in block:
            layer.register_forward_hook(lambda *found: kept.append(found[2]))
    total = pyramid(x)
    assert len(kept) == 12
    assert torch.allclose(total, sum(kept), atol=1e-5)
    assert [block[0].dilation for block in pyramid.blocks] == [(1,), (2,), (3,), (4,)]


def test_activation_comes_before_normalisation():
    kinds = [type(layer).__name__ for layer in networks.Im2Spec(2, 32).features[0]]
    assert kinds == ["Conv2d", "LeakyReLU", "BatchNorm2d"]
    assert networks.Im2Spec(2, 32).features[0][1].negative_slope == 0.1


def test_shapes():
    im2spec, spec2im = networks.Im2Spec(3, 200).eval(), networks.Spec2Im(3, 200, 8).eval()
    assert im2spec(torch.randn(4, 16, 16)).shape == (4, 200)
    assert im2spec.encode(torch.randn(4, 16, 16)).shape == (4, 3)
    assert spec2im(torch.randn(4, 200)).shape == (4, 8, 8)
    with pytest.raises(ValueError, match="multiple of 4"):
        networks.Spec2Im(2, 200, 10)


@pytest.fixture(scope="module")
def toy():
    """Spectra whose peak is where the spot in the image is."""
    rng = np.random.default_rng(0)
    place = rng.uniform(2, 6, 240)
    y, x = np.mgrid[:8, :8]
    images = np.exp(-((x - place[:, None, None]) ** 2 + (y - 4) ** 2) / 4).astype(np.float32)
    spectra = np.exp(-((np.arange(32) / 4 - place[:, None]) ** 2) / 2).astype(np.float32)
    return images, spectra, place


def test_training_learns_and_repeats(toy):
    images, spectra, _ = toy
    kinds = (
        (lambda: networks.Im2Spec(2, 32, 8), images, spectra),
        (lambda: networks.Spec2Im(2, 32, 8), spectra, images),
    )
    for make, x, y in kinds:
        options = dict(progress=False, validation=(x[180:], y[180:]), cycle=True)
        network, history = learn.train(make, x[:180], y[:180], epochs=5, **options)
        assert history.loss.iloc[-1] < 0.5 * history.loss.iloc[0]
        kept = ((learn.predict(network, x[180:]) - y[180:]) ** 2).mean()
        assert kept == pytest.approx(history.validation_loss.min(), rel=1e-4)
        first, again = (
            learn.train(make, x[:65], y[:65], epochs=1, progress=False)[0] for _ in range(2)
        )
        assert (learn.predict(first, x) == learn.predict(again, x)).all()
        assert learn.predict(network, x).shape == y.shape
        found = learn.decode(network, learn.encode(network, x))
        assert found == pytest.approx(learn.predict(network, x), abs=1e-5)


def test_a_rate_that_rises_and_falls_learns_faster(toy):
    images, spectra, _ = toy
    loss = [
        learn.train(
            lambda: networks.Spec2Im(2, 32, 8), spectra, images, epochs=5, cycle=cycle,
            progress=False,
        )[1].loss.iloc[-1]
        for cycle in (False, True)
    ]  # fmt: skip
    assert loss[1] < 0.3 * loss[0]
    rates = [learn._rate(done) for done in np.linspace(0, 1, 50)]
    assert max(rates) == pytest.approx(learn.HIGHEST_RATE, rel=0.01)
    assert rates[-1] < 1e-4 < rates[0]


def test_the_relative_loss_is_the_relative_error(toy):
    _, spectra, _ = toy
    found, true = torch.tensor(spectra[:50]), torch.tensor(spectra[50:100])
    expected = errors.relative_error(found, true).mean() / 100
    assert float(learn.relative_loss(found, true)) == pytest.approx(expected, rel=1e-3)
    options = dict(epochs=3, cycle=True, relative=True, progress=False)
    options |= dict(validation=(spectra[180:], toy[0][180:]))
    network, history = learn.train(
        lambda: networks.Spec2Im(2, 32, 8), spectra[:180], toy[0][:180], **options
    )
    error = errors.relative_error(learn.predict(network, spectra[180:]), toy[0][180:], (1, 2))
    assert history.validation_loss.min() == pytest.approx(error.mean() / 100, rel=1e-3)


def test_few_pairs_are_drawn_several_times(toy):
    images, spectra, _ = toy
    seen = []
    forward = networks.Im2Spec.forward

    class Counting(networks.Im2Spec):
        def forward(self, x):
            seen.append(len(x))
            return forward(self, x)

    make = lambda: Counting(1, 32, 8)  # noqa: E731
    learn.train(make, images[:50], spectra[:50], epochs=2, per_epoch=120, progress=False)
    assert sum(seen) == 240


def test_symmetries_make_a_network_indifferent_to_them(toy):
    images, _, _ = toy
    turning = np.transpose(images, (0, 2, 1))
    bright = images.sum((1, 2))[:, None].repeat(4, 1)
    network, _ = learn.train(
        lambda: networks.Im2Spec(2, 4, 8), images, bright, epochs=3, progress=False,
        symmetries=True,
    )  # fmt: skip
    plain, turned = learn.predict(network, images), learn.predict(network, turning)
    assert np.abs(plain - turned).mean() < 0.5 * bright.std() + 0.5
    with pytest.raises(DataError, match="these inputs are spectra"):
        learn.train(None, bright, bright, epochs=1, symmetries=True)
    with pytest.raises(DataError, match="as many"):
        learn.train(None, bright, bright[1:], epochs=1)


def test_relative_loss_is_the_relative_error():
    rng = np.random.default_rng(2)
    found, image = rng.random((2, 5, 8, 8)).astype(np.float32)
    loss = float(learn.relative_loss(torch.from_numpy(found), torch.from_numpy(image)))
    error = errors.relative_error(found, image, (-2, -1)).mean()
    assert 100 * loss == pytest.approx(error, rel=1e-3)


def test_half_precision_learns_as_well(toy):
    images = toy[0]
    bright = images.sum((1, 2))[:, None].repeat(4, 1)
    bright = bright / bright.max()
    whole, half = (
        learn.train(
            lambda: networks.Im2Spec(2, 4, 8), images, bright, epochs=3, progress=False,
            half=half, relative=True, cycle=True,
        )[1].loss.iloc[-1]
        for half in (False, True)
    )  # fmt: skip
    assert half == pytest.approx(whole, rel=0.3)


@pytest.mark.parametrize("method", baselines.METHODS)
def test_baselines_beat_nothing_or_the_mean(toy, method, monkeypatch):
    monkeypatch.setattr(baselines, "TREES", 30)
    monkeypatch.setattr(baselines, "LEAVES", (7,))
    images, spectra, _ = toy
    for x, y in ((images, spectra), (spectra, images)):
        axes = tuple(range(1, y.ndim))
        predict, setting = baselines.fit_baseline(
            method, x[:140], y[:140], (x[140:180], y[140:180])
        )
        found = predict(x[180:])
        assert found.shape == y[180:].shape
        mean = np.broadcast_to(y[:140].mean(0), found.shape)
        error = errors.relative_error(found, y[180:], axes).mean()
        if method == "mean":
            assert found == pytest.approx(mean)
        else:
            assert error < 0.5 * errors.relative_error(mean, y[180:], axes).mean()
            assert setting
    with pytest.raises(ValueError, match="one of"):
        baselines.candidates("magic", 3, 3)


def test_grid_and_back_projection(toy):
    images, spectra, place = toy
    network, _ = learn.train(
        lambda: networks.Im2Spec(2, 32, 8), images, spectra, epochs=2, progress=False
    )
    found = learn.encode(network, images)
    grid_x, grid_y, decoded = latent.decoded_grid(network, found, 5)
    assert decoded.shape == (5, 5, 32)
    corner = learn.decode(network, [[grid_x[4], grid_y[0]]])[0]
    assert decoded[0, 4] == pytest.approx(corner, abs=1e-5)
    with pytest.raises(DataError, match="two latent variables"):
        latent.decoded_grid(network, np.zeros((4, 3)))
    mean, distance = latent.back_project(found[:6], found, images, 1)
    assert (mean == images[:6]).all() and (distance == 0).all()
    true = np.stack([place, 0 * place], 1)
    good = latent.consistency(true, images)
    bad = latent.consistency(np.random.default_rng(0).normal(size=true.shape), images)
    assert good["ratio"] < 0.1 < 0.8 < bad["ratio"] < 1.2
    assert good["rank_correlation"] > 0.9 > abs(bad["rank_correlation"]) + 0.5


def test_clusters_are_numbered_by_size():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(k * 10, 1, (n, 2)) for k, n in enumerate((10, 60, 30))])
    found = latent.clusters(points, 3)
    assert (found[10:70] == 0).all() and (found[70:] == 1).all() and (found[:10] == 2).all()


def test_relative_neighbours_have_less_relative_error_than_their_mean():
    rng = np.random.default_rng(0)
    bars = np.zeros((2, 5, 5), np.float32)
    bars[0, 2], bars[1, :, 2] = 1, 1
    targets = bars[(rng.random(400) < 0.7).astype(int)].reshape(400, 25) + 0.05
    inputs = rng.normal(size=(400, 3))
    close, mean = (
        relative_error_of(kind(200), inputs, targets)
        for kind in (baselines.RelativeNeighbours, baselines.KNeighborsRegressor)
    )
    assert close < 0.95 * mean
    one = baselines.RelativeNeighbours(1).fit(inputs, targets).predict(inputs)
    assert np.allclose(one, targets, atol=1e-3)


def relative_error_of(model, inputs, targets):
    return errors.relative_error(model.fit(inputs, targets).predict(inputs), targets).mean()
