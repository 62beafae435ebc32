"""The equivariant autoencoder: its size, its geometry and its training."""

import numpy as np
import pytest
import torch

from helpers.atoms import equivariant
from helpers.atoms.equivariant import (
    EquivariantVae,
    decode,
    encode,
    grid,
    moved,
    rotation_response,
    train,
)
from helpers.data import DataError
from helpers.training import seeded


@pytest.fixture(scope="module")
def model():
    with seeded(0):
        return EquivariantVae().eval()


def spots(n=60, seed=0):
    """Gaussian spots of two heights near the centre of a crop."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-10:11, -10:11]
    dx, dy = rng.normal(0, 0.7, (2, n, 1, 1))
    height = np.where(np.arange(n) % 2, 0.8, 0.3)[:, None, None]
    image = height * np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / 12)
    return np.clip(image + rng.normal(0, 0.05, (n, 21, 21)), 0, 1).astype(np.float32)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_those_of_the_published_networks(model):
    assert parameters(model.encoder) == 86_762
    assert parameters(model.decoder) == 39_937


def test_content_dimensions_are_an_argument():
    small = EquivariantVae(2)
    assert parameters(small.decoder) == 39_937 - 48 * 128
    assert encode(small.eval(), spots(4)).shape == (4, 5)


def test_grid_is_in_reading_order_with_y_up():
    places = grid(3)
    assert places[0].tolist() == [-1, 1]
    assert places[2].tolist() == [1, 1]
    assert places[7].tolist() == [0, -1]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_decoder_turns_with_the_angle_exactly(model, quarters):
    latent = np.random.default_rng(1).normal(size=(5, 53)).astype(np.float32)
    turned = latent.copy()
    turned[:, 0] += quarters * np.pi / 2
    drawn, again = decode(model, latent), decode(model, turned)
    expected = np.rot90(drawn, quarters, axes=(1, 2))
    assert np.ptp(drawn, axis=(1, 2)).min() > 1e-3  # not a constant, which turns into itself
    np.testing.assert_allclose(again, expected, atol=1e-5)


def test_decoder_shifts_with_the_shift_exactly(model):
    # one unit is 0.1 of half a crop: one pixel, along the frame of the atom
    latent = np.random.default_rng(2).normal(size=(4, 53)).astype(np.float32)
    latent[:, :3] = 0
    shifted = latent.copy()
    shifted[:, 1] = 2
    drawn, again = decode(model, latent), decode(model, shifted)
    np.testing.assert_allclose(again[:, :, :-2], drawn[:, :, 2:], atol=1e-5)


def test_places_of_no_pose_are_the_grid(model):
    assert torch.equal(moved(grid(), torch.zeros(2, 3))[1], grid())


def test_training_is_deterministic_and_leaves_the_random_state_alone():
    crops = spots(20)
    state = torch.get_rng_state()
    first, history = train(crops, seed=3, content=2, epochs=2)
    second, again = train(crops, seed=3, content=2, epochs=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert history.equals(again)
    np.testing.assert_array_equal(encode(first, crops), encode(second, crops))
    other, _ = train(crops, seed=4, content=2, epochs=2)
    assert not np.allclose(encode(first, crops), encode(other, crops))


def test_training_learns_to_redraw(monkeypatch):
    monkeypatch.setattr(equivariant, "BATCH", 10)
    crops = spots(100)
    model, history = train(crops, seed=0, content=2, epochs=40, most_steps=None)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    redrawn = decode(model, encode(model, crops))
    error = ((redrawn - crops) ** 2).mean()
    assert error < 0.5 * crops.var()


def test_steps_are_bounded(monkeypatch):
    monkeypatch.setattr(equivariant, "BATCH", 10)
    _, history = train(spots(30), seed=0, content=2, epochs=20, most_steps=7)
    assert len(history) == 2  # of 3 steps each


def test_redrawing_some_pixels_estimates_the_sum_over_all(model, monkeypatch):
    crops = torch.from_numpy(spots(20))
    with torch.no_grad(), seeded(5):
        some = np.mean([float(model.negative_elbo(model(crops), crops)) for _ in range(60)])
        monkeypatch.setattr(equivariant, "PIXELS", 441)
        full = np.mean([float(model.negative_elbo(model(crops), crops)) for _ in range(10)])
    assert some == pytest.approx(full, rel=1e-2)


@pytest.mark.parametrize(
    ("crops", "sentence"),
    [
        (np.zeros((3, 20, 20)), r"found shape \(3, 20, 20\), expected \(N, 21, 21\)"),
        (np.zeros((0, 21, 21)), r"found shape \(0, 21, 21\)"),
        (np.full((2, 21, 21), np.nan), "found NaN"),
        (np.full((2, 21, 21), 3.0), "expected 0 to 1; pass the image through"),
    ],
)
def test_unusable_crops_are_refused(crops, sentence):
    with pytest.raises(DataError, match=sentence):
        train(crops, seed=0)


class Moments(torch.nn.Module):
    """An encoder that is equivariant by construction: angle of the long axis, total intensity."""

    def __init__(self, sign):
        super().__init__()
        self.sign = sign

    def encoder(self, crops):
        x, y = (grid().T.reshape(2, 21, 21) * (grid().norm(dim=1).reshape(21, 21) < 0.9))[:, None]
        total = crops.sum((1, 2))
        xx, xy, yy = ((crops * a * b).sum((1, 2)) for a, b in ((x, x), (x, y), (y, y)))
        angle = 0.5 * torch.atan2(2 * xy, xx - yy)
        zero = torch.zeros_like(total)
        return torch.stack([self.sign * angle, zero, zero, total / 100], 1), None


def test_rotation_moves_only_the_angle_of_an_equivariant_encoder():
    y, x = np.mgrid[-15:16, -15:16]
    wide = []
    for angle, height in ((0.2, 0.4), (1.0, 0.8), (2.2, 0.6)):
        u, v = 4 * np.cos(angle), -4 * np.sin(angle)
        wide.append(
            height * sum(np.exp(-((x - s * u) ** 2 + (y - s * v) ** 2) / 8) for s in (-1, 1))
        )
    wide, turns = np.array(wide), [0, 15, 40, 90, 130, 180]
    response = rotation_response(Moments(1), wide, turns)
    assert response["rotation_deg"].tolist() == turns
    assert response["angle_error_deg"].max() < 2
    assert response["content_share"].max() < 0.05
    wrong = rotation_response(Moments(-1), wide, [15, 40])
    assert wrong["angle_error_deg"].to_numpy() == pytest.approx([30, 80], abs=3)
