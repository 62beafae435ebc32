"""Files of network weights that say where they come from."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from helpers.data import DataError


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
