import pickle

import pytest
import torch
from torch import nn

from helpers import data
from helpers.atoms.networks import ResNet18, SacCnn, UNet, load_published
from helpers.data import DataError


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_sac_cnn_has_the_published_size():
    assert parameters(SacCnn()) == 257_474
    assert SacCnn()(torch.rand(5, 1, 21, 21)).shape == (5, 2)


def test_resnet18_is_the_standard_one():
    # 11 689 512 parameters for three channels and 1000 classes
    assert parameters(ResNet18()) == 11_689_512 - 2 * 64 * 49 - 513_000 + 513 * 2
    assert ResNet18()(torch.rand(3, 1, 21, 21)).shape == (3, 2)


@pytest.mark.parametrize("shape", [(64, 64), (21, 50), (37, 101), (5, 4)])
def test_unet_takes_any_image(shape):
    network = UNet(width=4, channels=2).eval()
    assert network(torch.rand(1, 2, *shape)).shape == (1, 1, *shape)


def test_unet_follows_a_shift_of_its_input():
    network = UNet(width=4).eval()
    image = torch.rand(1, 1, 160, 160)
    with torch.no_grad():
        whole, shifted = network(image), network(image[..., 8:, 12:])
    inner = slice(48, 100)
    torch.testing.assert_close(
        whole[..., 56:108, 60:112], shifted[..., inner, inner], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("network", [SacCnn, ResNet18])
def test_classifiers_can_learn_a_bright_centre(network):
    torch.manual_seed(0)
    x = torch.rand(64, 1, 21, 21) * 0.3
    y = torch.arange(64) % 2
    x[y == 1, :, 8:13, 8:13] += 0.6
    model = network().train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(12):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    model.train()
    assert (model(x).argmax(1) == y).float().mean() > 0.95


class Payload:
    def __reduce__(self):
        return (open, ("attacked", "w"))


def test_checkpoints_that_run_code_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": SacCnn().state_dict(), "extra": Payload()}, "bad.ckpt")
    with pytest.raises(DataError, match="bad.ckpt"):
        load_published("bad.ckpt")
    with open("plain.ckpt", "wb") as file:
        pickle.dump(Payload(), file)
    with pytest.raises(DataError):
        load_published("plain.ckpt")
    assert not (tmp_path / "attacked").exists()


def test_missing_and_foreign_checkpoints_are_named(tmp_path):
    with pytest.raises(DataError, match="not found"):
        load_published(tmp_path / "none.ckpt")
    torch.save({"state_dict": ResNet18().state_dict()}, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match="no SAC-CNN weights"):
        load_published(tmp_path / "other.ckpt")


@pytest.mark.measured
@pytest.mark.skipif(not data.available("pt-nc"), reason="public data set pt-nc is not available")
def test_published_checkpoint_loads():
    network = load_published(data.fetch("pt-nc") / "models" / "model_existing.ckpt")
    assert not network.training
    assert network.features[1].num_batches_tracked == 240
