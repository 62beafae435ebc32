"""The network and its training on a toy problem."""

import numpy as np
import pytest
import torch

from helpers.clusters import network
from helpers.clusters.library import SIZES, library
from helpers.clusters.recording import record


@pytest.fixture(scope="module")
def toy():
    """Discs, rings, stripes and spots, 16 of each."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40] - 19.5
    r = np.hypot(x, y)
    kinds = [r < 12, abs(r - 10) < 2, (r < 14) & (x % 8 < 3), (r < 14) & (x % 8 < 3) & (y % 8 < 3)]
    images = [k * rng.uniform(0.5, 1.5) for k in kinds for _ in range(16)]
    return np.array(images, np.float32), np.repeat(np.arange(4), 16)


def noisy(rng, images, side=40):
    frames = np.rot90(network.in_field(images, side), rng.integers(4), axes=(1, 2))
    return frames + rng.normal(0, 0.3, frames.shape)


def test_small_enough():
    assert sum(p.numel() for p in network.IsomerNet().parameters()) < 300_000


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


def blob(centre, side=60):
    """Frames (1, 1, side, side) of an uneven cluster, centre (x, y) in px from the middle."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    x, y = x - centre[0], y - centre[1]
    inside = np.hypot(x, y) < 18
    return network.standardised((inside * (2 + np.cos(0.6 * x) + x * y / 100))[None])


@pytest.mark.parametrize("centre", [(0, 0), (3.0, -2.0), (-4.5, 1.5)])
def test_the_middle_of_a_disc_is_found(centre):
    y, x = np.mgrid[:60, :64] - np.array([29.5, 31.5])[:, None, None]
    disc = np.hypot(x - centre[0], y - centre[1]) < 18
    noise = np.random.default_rng(3).normal(0, 0.3, (60, 64))
    found, size = network.located(network.standardised((disc + noise)[None]))
    assert found[0].numpy() == pytest.approx(centre, abs=0.5)
    assert size in (0, 1)


def test_faint_clusters_are_found_and_their_size_is_told():
    for number, atoms in enumerate(SIZES):
        clean = network.in_field(library(atoms).only("validation").images, 64)
        still = {"turn": False, "shift_px": 0, "jitter_px": 0, "drift_px": 0, "magnification": 0}
        faint, clear = (
            network.located(
                network.standardised(record(np.random.default_rng(4), clean, d, **still))
            )
            for d in (1e2, 1e6)
        )
        away = (faint[0] - clear[0]).norm(dim=1)
        assert away.median() < 1.4  # px; columns are 4.7 apart
        assert (faint[1] == number).float().mean() > 0.95


def test_a_frame_goes_through_the_branch_of_its_size():
    net = network.IsomerNet().eval()
    y, x = np.mgrid[:64, :64] - 31.5
    radii = np.array(network.RADII_PX)[:, None, None]
    frames = network.standardised((np.hypot(x, y) < radii) * 1.0)
    assert network.located(frames)[1].tolist() == [0, 1, 2]
    before = network.logits(net, frames)
    with torch.no_grad():
        net.branches[1].head.bias += 1
    after = network.logits(net, frames)
    assert (after - before).numpy() == pytest.approx(np.repeat([[0], [1], [0]], 4, axis=1))


def test_circles_hold_what_lies_at_their_radius_and_angle():
    y, x = np.mgrid[:60, :60] - 29.5
    here = torch.zeros(1, 2)
    radius = network.polar(torch.tensor(np.hypot(x, y))[None, None].float(), here)[0]
    expected = np.arange(network.CIRCLES) + 0.5
    assert radius.mean(1).numpy() == pytest.approx(expected, abs=0.25)
    across = network.polar(torch.tensor(x)[None, None].float(), here)[0]
    angle = 2 * np.pi * np.arange(network.ANGLES) / network.ANGLES
    assert across[20].numpy() == pytest.approx(20.5 * np.cos(angle), abs=0.05)


def test_a_turn_is_a_shift_along_the_angle_and_changes_no_score():
    frame = blob((3, -1))
    turned = torch.rot90(frame, 1, (2, 3))  # from y to x, a quarter of the angles back
    first, second = (network.polar(f, network.located(f)[0]) for f in (frame, turned))
    assert torch.allclose(second, first.roll(-network.ANGLES // 4, 2), atol=1e-2)
    net = network.IsomerNet().eval()
    assert torch.allclose(network.logits(net, frame), network.logits(net, turned), atol=1e-2)


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
    assert len(net.branches) == 1
    right = network.logits(net, network.standardised(frames)).argmax(1).numpy() == classes
    assert right.mean() > 0.9
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0] / 2
    monkeypatch.setattr(network, "BATCHES", 1)
    first, again, other = (run(seed, 1)[0].branches[0].head.weight for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
