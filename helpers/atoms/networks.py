"""The networks of chapter 1: SAC-CNN, a ResNet18 for the same crops, and a small U-Net.

SAC-CNN and the choice of ResNet18 follow Mitchell et al. 2022 (Materials and Methods, Table S1);
parameter names equal those of the published checkpoint, so that it loads without translation.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from helpers.data import DataError


class SacCnn(nn.Module):
    """
    Classify 21 x 21 px crops as atom or background (257 474 parameters).

    Three valid 3 x 3 convolutions (32, 64, 128 channels), each with batch normalisation and ReLU,
    average over a 3 x 3 grid, then three fully connected layers. The paper mentions dropout; the
    published network has none, and neither has this one.

    Input (N, 1, 21, 21) in [0, 1]; output (N, 2) logits, of which class 1 is "atom".
    """

    def __init__(self):
        super().__init__()
        channels, layers = (1, 32, 64, 128), []
        for before, after in zip(channels[:-1], channels[1:], strict=True):
            layers += [nn.Conv2d(before, after, 3), nn.BatchNorm2d(after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.fc_layers = nn.Sequential(
            nn.Linear(128 * 9, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()
        )
        self.fc3 = nn.Linear(128, 2)
        for module in (*self.features, *self.fc_layers):
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
        # as published: the last layer starts near zero, so that training begins undecided
        nn.init.normal_(self.fc3.weight, 0, 0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2) of crops (N, 1, 21, 21)."""
        x = F.adaptive_avg_pool2d(self.features(x), 3)
        return self.fc3(self.fc_layers(x.flatten(1)))


class Dense(nn.Module):
    """
    Fully convolutional twin of a `SacCnn`, batch normalisation folded into the convolutions.

    Input (N, 1, H + 20, W + 20), output (N, H, W): the probability that a crop holds an atom.
    """

    def __init__(self, network: SacCnn):
        super().__init__()
        layers = []
        for conv, norm in zip(network.features[::3], network.features[1::3], strict=True):
            layers += [nn.utils.fuse_conv_bn_eval(conv, norm), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        first, second, last = network.fc_layers[0], network.fc_layers[2], network.fc3
        self.head = nn.Sequential(
            self._as_convolution(first, 3, dilation=5),
            nn.ReLU(),
            self._as_convolution(second, 1),
            nn.ReLU(),
            self._as_convolution(last, 1),
        )
        self.eval().requires_grad_(False)

    @staticmethod
    def _as_convolution(linear: nn.Linear, size: int, dilation: int = 1) -> nn.Conv2d:
        conv = nn.Conv2d(
            linear.in_features // size**2, linear.out_features, size, dilation=dilation
        )
        conv.weight.data = linear.weight.data.reshape(conv.weight.shape).clone()
        conv.bias.data = linear.bias.data.clone()
        return conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probability of class 1 at every pixel that has a whole crop around it."""
        logits = self.head(F.avg_pool2d(self.features(x), 5, stride=1))
        return torch.sigmoid(logits[:, 1] - logits[:, 0])


def load_published(path: str | Path) -> SacCnn:
    """
    Load the checkpoint that the authors published.

    The file is a pickle; it is read with PyTorch's restricted reader, which builds tensors and
    plain containers and runs no code from the file.

    Raises
    ------
    DataError
        If the file is missing, is no such checkpoint, or holds another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"{path}: not found; expected the published SAC-CNN checkpoint") from None
    except Exception as error:
        raise DataError(
            f"{path}: not readable as a checkpoint of tensors ({type(error).__name__});"
            " download it again, and do not open it with pickle."
        ) from error
    network = SacCnn()
    try:
        network.load_state_dict(content["state_dict"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"{path}: holds no SAC-CNN weights ({str(error)[:200]})") from error
    return network.eval()


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.skip = nn.Identity()
        if stride > 1 or before != after:
            self.skip = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + self.skip(x))


class ResNet18(nn.Module):
    """
    The standard 18-layer residual network (He et al. 2016), one input channel, two classes.

    Input (N, 1, 21, 21); output (N, 2) logits.
    """

    def __init__(self):
        super().__init__()
        stem = nn.Conv2d(1, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        stages, before = [], 64
        for after in (64, 128, 256, 512):
            stages += [_Residual(before, after, 1 + (after > 64)), _Residual(after, after, 1)]
            before = after
        self.layers = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1), *stages)
        self.fc = nn.Linear(512, 2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2) of crops (N, 1, 21, 21)."""
        return self.fc(self.layers(x).mean((2, 3)))


class _Double(nn.Sequential):
    def __init__(self, before: int, after: int):
        layers = []
        for channels in (before, after):
            layers += [
                nn.Conv2d(channels, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """
    Map an image to one logit per pixel with a small U-Net (Ronneberger et al. 2015).

    Parameters
    ----------
    width : int
        Channels of the finest level; the two below have twice and four times as many, deeper ones
        four times. The way up thins out one level earlier than the way down.
    levels : int
        Number of resolutions.
    channels : int
        Input channels.
    block : int
        The finest level sees blocks of this many pixels a side, their pixels as channels; the last
        layer unfolds them again. Atoms several pixels wide lose nothing, and 2 is four times
        faster than 1.

    Input (N, channels, H, W) of any H and W (padded inside to what the levels need); output
    (N, 1, H, W) logits.
    """

    def __init__(self, width: int = 12, levels: int = 3, channels: int = 1, block: int = 1):
        super().__init__()
        widths = [width * min(2**k, 4) for k in range(levels)]
        before = [channels * block**2, *widths[:-1]]
        after = [width, *widths[:-2]][: levels - 1]
        below = [*after[1:], widths[-1]]
        self.block = block
        self.down = nn.ModuleList(_Double(a, b) for a, b in zip(before, widths, strict=True))
        self.up = nn.ModuleList(
            _Double(a + b, c) for a, b, c in zip(widths[:-1], below, after, strict=True)
        )
        self.head = nn.Conv2d(width, block**2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 1, H, W) of images (N, channels, H, W)."""
        height, width = x.shape[-2:]
        unit = self.block * 2 ** (len(self.down) - 1)
        x = F.pad(x, (0, -width % unit, 0, -height % unit), mode="replicate")
        x = F.pixel_unshuffle(x, self.block)
        kept = []
        for k, layers in enumerate(self.down):
            x = layers(F.max_pool2d(x, 2) if k else x)
            kept.append(x)
        x = kept.pop()
        for layers in reversed(self.up):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = layers(torch.cat([kept.pop(), x], 1))
        return F.pixel_shuffle(self.head(x), self.block)[..., :height, :width]
