"""The autoencoder: layers as published, and a training that is too short to be good."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.picocavities import autoencoder
from helpers.picocavities.autoencoder import Autoencoder
from helpers.registry import DataError


def weights(network, kinds=(nn.Conv1d, nn.Linear)):
    layers = [one for one in network.modules() if isinstance(one, kinds)]
    return sum(part.numel() for one in layers for part in one.parameters())


def test_layers_are_the_published_ones():
    network = Autoencoder()
    assert weights(network.encoder) == 176_128
    assert weights(network.decoder) == 180_065
    assert weights(network) == 356_193
    convolutions = [one for one in network.modules() if isinstance(one, nn.Conv1d)]
    assert [one.kernel_size[0] for one in convolutions] == [15, 11, 7, 3, 3, 7, 11, 15]
    assert [one.out_channels for one in convolutions] == [16, 32, 64, 128, 64, 32, 16, 1]
    x = torch.rand(2, 512)
    assert network.encoder(x[:, None]).shape == (2, 32) and network(x).shape == x.shape


def test_with_norms_across_the_batch_it_has_the_weights_of_the_published_checkpoint():
    network = Autoencoder(across_batch=500)
    assert sum(part.numel() for part in network.parameters()) == 364_193


def test_spectra_do_not_see_each_other_unless_across_the_batch():
    x = torch.rand(6, 512, generator=torch.Generator().manual_seed(0))
    network = Autoencoder().eval()
    with torch.no_grad():
        torch.testing.assert_close(network(x)[:3], network(x[:3]), atol=1e-5, rtol=1e-4)
        across = Autoencoder(across_batch=6).eval()
        other = x.clone()
        other[3:] = 1 - x[3:]
        assert (across(x)[:3] - across(other)[:3]).abs().max() > 1e-3
        with pytest.raises(DataError, match="runs on exactly 6"):
            across(x[:3])


def test_norm_across_the_batch_is_per_channel_and_scaled_by_place():
    norm = autoencoder.AcrossBatch(3)
    x = torch.rand(3, 4, 8)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2, 3]))
        norm.bias.copy_(torch.tensor([0.0, 5, 0]))
        got = norm(x)
    plain = (x - x.mean((0, 2), keepdim=True)) / torch.sqrt(
        x.var((0, 2), correction=0, keepdim=True) + 1e-3
    )
    torch.testing.assert_close(got[1], 2 * plain[1] + 5)


def test_noise_is_uniform_and_grows_with_the_root_of_the_signal():
    rng = np.random.default_rng(0)
    signal = np.repeat([[0.0], [0.25], [1.0]], 4000, axis=1).astype(np.float32)
    added = autoencoder.noisy(rng, signal, 0.1) - signal
    assert not added[0].any()
    np.testing.assert_allclose(np.abs(added).max(1)[1:], [0.05, 0.1], rtol=0.01)
    np.testing.assert_allclose(added.std(1)[1:], np.array([0.05, 0.1]) / np.sqrt(3), rtol=0.05)


@pytest.fixture(scope="module")
def few():
    """Four scans of one broad hump that moves a little."""
    rng = np.random.default_rng(0)
    x = np.arange(512)
    places = 200 + rng.normal(0, 20, (4, 20, 1))
    humps = 0.2 + 0.6 * np.exp(-(((x - places) / 60) ** 2))
    return (humps + rng.normal(0, 0.02, humps.shape)).astype(np.float32)


def test_training_lowers_the_loss_and_goes_on_where_it_stopped(few, tmp_path):
    settings = dict(epochs=3, batch=20, progress=False)
    network, history = autoencoder.train(few, few[:1], **settings)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    path = tmp_path / "run.ckpt"

    class Stop(Exception):
        pass

    calls = []

    def stopping(rng, spectra, amount):
        calls.append(1)
        if len(calls) > 8:  # four batches an epoch
            raise Stop
        return plain(rng, spectra, amount)

    plain = autoencoder.noisy
    autoencoder.noisy = stopping
    try:
        with pytest.raises(Stop):
            autoencoder.train(few, few[:1], checkpoint=path, **settings)
    finally:
        autoencoder.noisy = plain
    again, resumed = autoencoder.train(few, few[:1], checkpoint=path, **settings)
    assert len(resumed) == 3
    got, expected = (autoencoder.reconstruct(one, few[0]) for one in (again, network))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_fine_tuning_goes_on_from_a_network(few):
    network, first = autoencoder.train(few, few[:1], epochs=2, batch=20, progress=False)
    tuned, more = autoencoder.train(
        few, few[:1], epochs=2, batch=20, network=network, highest_rate=1e-3, progress=False
    )
    assert tuned is network
    assert more["validation_loss"].iloc[-1] < first["validation_loss"].iloc[0]


def test_training_as_published_takes_contiguous_parts_of_a_scan(few):
    network, _ = autoencoder.train(
        few, few[:1], epochs=1, batch=10, published=True, across_batch=True, progress=False
    )
    assert autoencoder.reconstruct(network, few[0]).shape == few[0].shape
    with pytest.raises(DataError, match="do not part into batches of 15"):
        autoencoder.train(few, few[:1], epochs=1, batch=15, published=True)
    with pytest.raises(DataError, match="expected"):
        autoencoder.train(few[0], few[:1], epochs=1)
    with pytest.raises(DataError, match="fewer than one batch"):
        autoencoder.train(few[:1, :5], few[:1], epochs=1)


def test_reconstructing_means_of_steps_is_the_same_where_nothing_changes():
    network = Autoencoder().eval()
    still = np.tile(np.random.default_rng(0).random(512, np.float32), (11, 1))
    np.testing.assert_allclose(
        autoencoder.reconstruct(network, still, every=4),
        autoencoder.reconstruct(network, still),
        atol=1e-5,
    )


def test_between_known_steps_is_a_straight_line():
    known = np.array([[0.0], [4.0]], np.float32)
    got = autoencoder._between(known, np.array([1.5, 5.5]), 8)[:, 0]
    np.testing.assert_allclose(got, [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4])
    assert autoencoder._between(known[:1], np.array([1.0]), 3).shape == (3, 1)


@pytest.mark.parametrize(("name", "published"), [("first", 2.5e-3), ("second", 5.1e-4)])
def test_shipped_networks_were_trained_to_a_loss_of_the_published_order(name, published):
    network, header = autoencoder.shipped(name)
    assert weights(network) == 356_193
    assert header["loss"] < 1.5 * published
    assert header["loss_truth"] < 0.1 * header["floor"]  # what is left is noise


def test_names_of_shipped_networks():
    with pytest.raises(DataError, match="No autoencoder is called 'third'"):
        autoencoder.shipped("third")
