import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from helpers import training
from helpers.data import DataError


def problem():
    """A small regression whose batches depend on the epoch alone, with dropout in the model."""
    with training.seeded(1):
        x = torch.randn(64, 3)
        model = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 1))
    y = x.sum(1, keepdim=True)

    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(64)
        return [(x[order[k : k + 16]], y[order[k : k + 16]]) for k in range(0, 64, 16)]

    return model, batches, lambda network: {"loss": mse_loss(network(x), y)}


def run(model, batches, validate=None, **settings):
    settings = {"epochs": 6, "lr": 1e-2, "progress": False, "device": "cpu"} | settings
    return training.fit(model, batches, mse_loss, validate=validate, **settings)


def test_fit_learns_and_keeps_a_history():
    model, batches, validate = problem()
    history = run(model, batches, validate, epochs=40)
    assert list(history.columns) == ["epoch", "loss", "validation_loss"]
    assert len(history) == 40
    assert history["validation_loss"].iloc[-1] < 0.1 * history["validation_loss"].iloc[0]
    assert not model.training


def test_default_optimiser_is_amsgrad_and_another_can_be_given():
    model, batches, _ = problem()
    made = []

    def sgd(parameters):
        made.append(torch.optim.SGD(parameters, lr=0.01))
        return made[0]

    before = [p.detach().clone() for p in model.parameters()]
    run(model, batches, optimiser=sgd, epochs=1)
    assert made
    assert any((a != b).any() for a, b in zip(before, model.parameters(), strict=True))


def test_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole, batches, validate = problem()
    with training.seeded(5):
        expected = run(whole, batches, validate)
    first, batches, validate = problem()
    path = tmp_path / "run" / "state.pt"
    with training.seeded(5):
        run(first, batches, validate, epochs=2, checkpoint=path)
    second, batches, validate = problem()
    with training.seeded(99):
        history = run(second, batches, validate, checkpoint=path)
    assert history.equals(expected)
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    again, batches, validate = problem()
    assert run(again, batches, validate, checkpoint=path).equals(expected)


def test_interruption_between_epochs_loses_nothing(tmp_path):
    model, batches, _ = problem()
    path = tmp_path / "state.pt"

    def interrupted(epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return batches(epoch)

    with training.seeded(5), pytest.raises(KeyboardInterrupt):
        run(model, interrupted, checkpoint=path)
    whole, batches, _ = problem()
    with training.seeded(5):
        expected = run(whole, batches)
    assert run(model, batches, checkpoint=path).equals(expected)


def test_early_stopping_returns_the_best_weights(tmp_path):
    model, batches, _ = problem()
    losses = iter([3.0, 2.0, 1.0, 1.5, 1.2, 1.1, 0.1])
    seen = []

    def validate(network):
        seen.append(network[0].weight.detach().clone())
        return {"loss": next(losses)}

    path = tmp_path / "state.pt"
    history = run(model, batches, validate, epochs=50, patience=3, checkpoint=path)
    assert len(history) == 6
    assert torch.equal(model[0].weight, seen[2])
    fresh, _, _ = problem()
    assert len(run(fresh, batches, validate, epochs=50, patience=3, checkpoint=path)) == 6
    assert torch.equal(fresh[0].weight, seen[2])


def test_misuse_is_named(tmp_path):
    model, batches, _ = problem()
    with pytest.raises(ValueError, match="patience"):
        run(model, batches, patience=2)
    with pytest.raises(ValueError, match="no batches"):
        run(model, lambda epoch: [])
    with pytest.raises(FloatingPointError):
        run(model, lambda epoch: [(torch.full((4, 3), torch.nan), torch.ones(4, 1))])
    path = tmp_path / "state.pt"
    run(nn.Linear(3, 1), batches, checkpoint=path)
    with pytest.raises(DataError, match="state.pt"):
        run(model, batches, checkpoint=path)


def test_progress_bar_is_silent_when_asked(capfd):
    model, batches, _ = problem()
    run(model, batches, epochs=1, progress=False)
    assert capfd.readouterr() == ("", "")
    run(model, batches, epochs=1, progress=True)
    assert "training" in capfd.readouterr().err


def test_seeded_repeats_and_leaves_the_outside_alone():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    with training.seeded(3):
        a = torch.rand(4)
    with training.seeded(3):
        assert torch.equal(a, torch.rand(4))
    assert torch.equal(torch.rand(2), expected)


def test_device_names():
    assert training.device("cpu") == torch.device("cpu")
    assert training.device().type in {"cpu", "cuda", "mps"}
