"""One training loop, and reproducible seeds."""

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from helpers.data import DataError


@contextlib.contextmanager
def seeded(seed: int):
    """Seed PyTorch inside the block and restore its state afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def device(name: str = "auto") -> torch.device:
    """Turn "auto" into the fastest device present (cuda, mps, cpu); keep any other name."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fit(
    model: nn.Module,
    batches: Callable[[int], Iterable],
    loss: Callable,
    *,
    epochs: int,
    lr: float = 1e-4,
    optimiser: Callable | None = None,
    validate: Callable[[nn.Module], dict] | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
    device: str = "auto",
) -> pd.DataFrame:
    """
    Train a model in place.

    Parameters
    ----------
    model : Module
        Ends in evaluation mode, with the best weights when ``patience`` is set, else the last.
    batches : callable
        ``batches(epoch)`` gives the (input, target) tensors of one epoch. Let what it draws depend
        on the epoch alone, and a resumed run equals an uninterrupted one.
    loss : callable
        ``loss(output, target)`` gives a scalar.
    epochs : int
    lr : float
        For the default optimiser, Adam in its AMSGrad variant.
    optimiser : callable, optional
        Takes the parameters, returns another optimiser.
    validate : callable, optional
        Takes the model in evaluation mode, returns numbers for the history; "loss" among them is
        what ``patience`` watches.
    patience : int, optional
        Stop after this many epochs without a lower validation loss.
    checkpoint : path, optional
        Written after every epoch; when it exists, training continues from it.
    progress : bool
        Show a progress bar.
    device : str

    Returns
    -------
    DataFrame
        One row per epoch: ``epoch``, ``loss`` (mean over the samples of the epoch) and
        ``validation_*``.

    Raises
    ------
    DataError
        If the checkpoint belongs to another model.
    ValueError
        If ``patience`` is set without a validation loss, or an epoch has no batches.
    FloatingPointError
        If the loss stops being finite.
    """
    target_device = globals()["device"](device)
    model.to(target_device)
    make = optimiser or (lambda parameters: torch.optim.Adam(parameters, lr=lr, amsgrad=True))
    optimiser = make(model.parameters())
    state = {"history": [], "best": None, "best_loss": float("inf"), "stale": 0}
    if checkpoint is not None and Path(checkpoint).exists():
        state = _resume(checkpoint, model, optimiser)
    start = len(state["history"])
    stopped = patience is not None and state["stale"] >= patience
    for epoch in tqdm(range(start, epochs), "training", disable=not progress or stopped):
        if stopped:
            break
        row = {"epoch": epoch, "loss": _one_epoch(model, batches(epoch), loss, optimiser)}
        if validate is not None:
            model.eval()
            with torch.no_grad():
                row |= {f"validation_{k}": float(v) for k, v in validate(model).items()}
        if patience is not None:
            if "validation_loss" not in row:
                raise ValueError("patience needs validate to return a 'loss'")
            if row["validation_loss"] < state["best_loss"]:
                best = {k: v.detach().clone() for k, v in model.state_dict().items()}
                state |= {"best": best, "best_loss": row["validation_loss"], "stale": 0}
            else:
                state["stale"] += 1
            stopped = state["stale"] >= patience
        state["history"].append(row)
        if checkpoint is not None:
            _write(checkpoint, model, optimiser, state)
    if state["best"] is not None:
        model.load_state_dict(state["best"])
    model.eval()
    return pd.DataFrame(state["history"])


def _one_epoch(model, batches, loss, optimiser) -> float:
    model.train()
    target_device = next(model.parameters()).device
    total, count = 0.0, 0
    for x, y in batches:
        value = loss(model(x.to(target_device)), y.to(target_device))
        if not torch.isfinite(value):
            raise FloatingPointError(f"training: the loss became {value.item()}; lower lr")
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        total += value.item() * len(x)
        count += len(x)
    if not count:
        raise ValueError("training: batches(epoch) gave no batches")
    return total / count


def _write(path, model, optimiser, state) -> None:
    # written beside and renamed: a run that is killed leaves the previous epoch intact
    temporary = Path(f"{path}.part")
    temporary.parent.mkdir(parents=True, exist_ok=True)
    saved = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "state": state}
    torch.save(saved | {"rng": torch.get_rng_state()}, temporary)
    os.replace(temporary, path)


def _resume(path, model, optimiser) -> dict:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["rng"])
        return saved["state"]
    except Exception as error:
        raise DataError(
            f"{path}: found no checkpoint of this model and optimiser ({type(error).__name__});"
            " delete it to train from the start."
        ) from error
