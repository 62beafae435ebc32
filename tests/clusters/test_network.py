"""The network and its training on a toy problem."""

import numpy as np
import pytest
import torch

from helpers.clusters import network


@pytest.fixture(scope="module")
def toy():
    """Discs, rings, stripes and spots, 16 of each."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40] - 19.5
    r = np.hypot(x, y)
    kinds = [r < 12, abs(r - 10) < 2, (r < 14) & (x % 8 < 3), (r < 14) & (x % 8 < 3) & (y % 8 < 3)]
    images = [k * rng.uniform(0.5, 1.5) for k in kinds for _ in range(16)]
    return np.array(images, np.float32), np.repeat(np.arange(4), 16)


def noisy(rng, images, side=40, lowest_dose=None):
    frames = np.rot90(network.in_field(images, side), rng.integers(4), axes=(1, 2))
    return frames + rng.normal(0, 0.3, frames.shape)


def test_small_enough():
    assert sum(p.numel() for p in network.IsomerNet().parameters()) < 400_000


def test_any_field_will_do():
    net = network.IsomerNet().eval()
    for shape in [(52, 52), (64, 64), (41, 77)]:
        assert network.logits(net, torch.randn(3, 1, *shape)).shape == (3, 4)


def test_logits_do_not_depend_on_the_batch():
    net, x = network.IsomerNet().eval(), torch.randn(5, 1, 40, 40)
    together = network.logits(net, x, 5)
    assert torch.allclose(together, network.logits(net, x, 2), atol=1e-5)


def test_standardised_frames_forget_gain_and_offset():
    frames = np.random.default_rng(1).normal(size=(3, 20, 20))
    first, second = network.standardised(frames), network.standardised(5 * frames + 7)
    assert torch.allclose(first, second, atol=1e-5)
    assert first.mean((1, 2, 3)).abs().max() < 1e-6
    assert torch.isfinite(network.standardised(np.ones((1, 20, 20)))).all()


@pytest.mark.parametrize("shape", [(64, 64), (52, 58)])
def test_power_spectrum_is_that_of_the_fourier_transform(shape):
    x = network.standardised(np.random.default_rng(2).normal(size=(40, *shape)))
    found = network.power_spectrum(x)
    k = network.HIGHEST
    assert found.shape == (40, 1, 2 * k + 1, k + 1)
    whole = np.fft.fft2(x[:, 0], s=(64, 64))
    expected = np.log1p(abs(whole) ** 2 / np.prod(shape))
    assert found[:, 0, k:].numpy() == pytest.approx(expected[:, : k + 1, : k + 1], abs=1e-3)
    assert found[:, 0, :k].numpy() == pytest.approx(expected[:, -k:, : k + 1], abs=1e-3)
    # noise alone has power 1, the least frequencies apart, which standardising takes away
    assert found[:, :, :, 3:].expm1().mean() == pytest.approx(1, abs=0.03)


def test_lattice_planes_are_spots():
    y, x = np.mgrid[:64, :64]
    planes = np.cos(2 * np.pi * (10 * x + 6 * y) / 64)[None]
    spectrum = network.power_spectrum(network.standardised(planes))[0, 0]
    assert divmod(int(spectrum.argmax()), spectrum.shape[1]) == (network.HIGHEST + 6, 10)


def test_images_lie_in_the_middle_of_their_field():
    images = np.ones((1, 40, 40), np.float32)
    field = network.in_field(images, 64)
    assert field.sum() == 1600 and (field[0, 12:52, 12:52] == 1).all()
    assert (network.in_field(field, 40) == images).all()


def test_training_learns_and_is_reproducible(toy, monkeypatch):
    images, classes = toy
    monkeypatch.setattr(network, "BATCHES", 6)
    monkeypatch.setattr(network, "BATCH", 16)
    monkeypatch.setattr(network, "FIELDS_PX", (32, 40))
    rng = np.random.default_rng(2)
    frames = noisy(rng, images)

    def run(seed, epochs):
        return network.train(
            [images], [classes], noisy, (frames, classes), seed, epochs, progress=False
        )

    net, history = run(0, 4)
    right = network.logits(net, network.standardised(frames)).argmax(1).numpy() == classes
    assert right.mean() > 0.9
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0] / 2
    monkeypatch.setattr(network, "BATCHES", 1)
    first, again, other = (run(seed, 1)[0].state_dict()["head.weight"] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
