"""One training loop, reproducible seeds, and weights that say where they come from."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
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


def _fingerprint(model: nn.Module) -> str:
    shapes = [(name, list(value.shape)) for name, value in sorted(model.state_dict().items())]
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()


def _digest(weights: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()


def save_weights(path: str | Path, model: nn.Module, **provenance) -> None:
    """
    Write weights as safetensors with a JSON header.

    Parameters
    ----------
    path : path
    model : Module
    provenance
        What a reader must know, JSON-serialisable: architecture arguments, training data and its
        hash, seed, epochs, validation score, threshold.
    """
    weights = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    header = {
        "network": type(model).__name__,
        "architecture_sha256": _fingerprint(model),
        "weights_sha256": _digest(weights),
        "code_version": version("atoms-to-spectra"),
        "torch_version": torch.__version__,
        **provenance,
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path, metadata={"header": json.dumps(header)})


def read_header(path: str | Path) -> dict:
    """
    Read the header that `save_weights` wrote.

    Raises
    ------
    DataError
        If the file is missing, damaged or has no such header.
    """
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["header"])
    except FileNotFoundError:
        raise DataError(f"{path}: not found; expected network weights") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not weights with a header, or damaged ({error})") from error


def load_weights(path: str | Path, model: nn.Module) -> dict:
    """
    Load weights into a model of the same architecture and set it to evaluation mode.

    Returns
    -------
    dict
        The header.

    Raises
    ------
    DataError
        If the file is missing or damaged, belongs to another architecture, or its weights are not
        those that the header describes.
    """
    header = read_header(path)
    name = type(model).__name__
    if (header["network"], header["architecture_sha256"]) != (name, _fingerprint(model)):
        raise DataError(
            f"{path}: holds weights of a {header['network']} with other layer sizes or of another"
            f" kind than the given {name}; build the network with the arguments in the header."
        )
    with safe_open(path, "pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    if _digest(weights) != header["weights_sha256"]:
        raise DataError(f"{path}: the weights differ from those described in the header")
    model.load_state_dict(weights)
    model.eval()
    return header


def export_onnx(path: str | Path, model: nn.Module, example: torch.Tensor) -> None:
    """
    Write a model as ONNX, for programs without PyTorch; the batch size stays free.

    Parameters
    ----------
    path : path
    model : Module
    example : tensor
        An input; its shape but for the first axis is fixed in the file.
    """
    # the older exporter writes the same graph and needs no package beside torch and onnx
    torch.onnx.export(
        model.eval().cpu(),
        (example.cpu(),),
        str(path),
        input_names=["image"],
        output_names=["output"],
        dynamic_axes={"image": {0: "n"}, "output": {0: "n"}},
        dynamo=False,
    )
