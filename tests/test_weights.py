import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from helpers import weights
from helpers.data import DataError


def test_weights_travel_with_their_header(tmp_path):
    path = tmp_path / "w.safetensors"
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    weights.save_weights(path, model, seed=3, threshold=0.5, trained_on=["021"])
    header = weights.read_header(path)
    assert (header["network"], header["seed"], header["trained_on"]) == ("Sequential", 3, ["021"])
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert weights.load_weights(path, other) == header
    x = torch.randn(5, 3)
    assert torch.equal(model.eval()(x), other(x))


def test_other_damaged_or_missing_weights_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    model = nn.Linear(3, 4)
    weights.save_weights(path, model)
    with pytest.raises(DataError, match="other layer sizes"):
        weights.load_weights(path, nn.Linear(3, 5))
    values = load_file(path)
    values["bias"][0] += 1
    save_file(values, path, {"header": json.dumps(weights.read_header(path))})
    with pytest.raises(DataError, match="differ"):
        weights.load_weights(path, model)
    save_file(values, path)
    with pytest.raises(DataError, match="header"):
        weights.read_header(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="damaged"):
        weights.read_header(path)
    with pytest.raises(DataError, match="not found"):
        weights.load_weights(tmp_path / "none", model)


def test_onnx_gives_the_same_numbers(tmp_path):
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra 'export')")
    import onnxruntime

    from helpers.atoms.networks import SacCnn

    model, path = SacCnn().eval(), tmp_path / "net.onnx"
    weights.export_onnx(path, model, torch.rand(2, 1, 21, 21))
    x = torch.rand(7, 1, 21, 21)
    output = onnxruntime.InferenceSession(path).run(None, {"image": x.numpy()})[0]
    np.testing.assert_allclose(output, model(x).detach().numpy(), atol=1e-5)
