"""im2spec and spec2im: encoder, a few latent variables, decoder.

Layers, their order and their numbers are those of the paper's network and of its published code
[Kalinin, Vasudevan and Ziatdinov 2020; AtomAI]: every convolution is followed by a leaky ReLU and
only then by batch normalisation, and the pyramid adds up the outputs of all its layers, not of its
convolutions alone.
"""

import torch
from torch import nn

FILTERS = 64
SLOPE = 0.1
POOLING = 16  # channels of a spectrum that spec2im averages
DILATIONS = (1, 2, 3, 4)

_CONV = {1: nn.Conv1d, 2: nn.Conv2d}
_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def _block(dimensions, before, after, dilation=1):
    """Convolution of width 3, leaky ReLU, batch normalisation."""
    return nn.Sequential(
        _CONV[dimensions](before, after, 3, padding=dilation, dilation=dilation),
        nn.LeakyReLU(SLOPE),
        _NORM[dimensions](after),
    )


class DilatedPyramid(nn.Module):
    """Four dilated blocks one after the other; the sum of all twelve layer outputs comes out."""

    def __init__(self, dimensions: int):
        super().__init__()
        self.blocks = nn.Sequential(
            *(_block(dimensions, FILTERS, FILTERS, dilation) for dilation in DILATIONS)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape."""
        total = 0
        for block in self.blocks:
            for layer in block:
                x = layer(x)
                total = total + x
        return total


def _encoder(dimensions, depth):
    widths = [1] + [FILTERS] * depth
    return [_block(dimensions, *pair) for pair in zip(widths, widths[1:])]


def _head(dimensions):
    return [_block(dimensions, FILTERS, 1), _CONV[dimensions](1, 1, 1)]


class Im2Spec(nn.Module):
    """
    Spectra from images.

    Parameters
    ----------
    latent : int
        Number of latent variables.
    channels : int
        Of a spectrum; 2048 in the paper (550 983 parameters with 2 latents, 1 730 639 with 10).
    window : int
        Width of an image in pixels.

    Input (N, w, w), output (N, channels).
    """

    def __init__(self, latent: int, channels: int, window: int = 16):
        super().__init__()
        self.latent, self.channels, self.window = latent, channels, window
        self.features = nn.Sequential(*_encoder(2, 3), nn.Flatten())
        self.to_latent = nn.Linear(FILTERS * window**2, latent)
        self.from_latent = nn.Linear(latent, FILTERS * channels)
        self.decoder = nn.Sequential(DilatedPyramid(1), *_head(1))

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Latent variables (N, latent) of images (N, w, w)."""
        return self.to_latent(self.features(images[:, None]))

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Spectra (N, channels) of latent variables (N, latent)."""
        wide = self.from_latent(latent).unflatten(1, (FILTERS, self.channels))
        return self.decoder(wide)[:, 0]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Spectra (N, channels)."""
        return self.decode(self.encode(images))


class Spec2Im(nn.Module):
    """
    Images from spectra.

    The spectrum is averaged over `POOLING` channels before the first convolution; two
    enlargements by two (nearest pixel) bring the image to its width.

    Parameters
    ----------
    latent : int
    channels : int
        Of a spectrum; 2048 in the paper (280 199 parameters with 2 latents, 353 935 with 10).
    window : int
        Width of an image in pixels, a multiple of 4.

    Input (N, channels), output (N, w, w).
    """

    def __init__(self, latent: int, channels: int, window: int = 16):
        if window % 4:
            raise ValueError(f"window must be a multiple of 4, got {window}")
        super().__init__()
        self.latent, self.channels, self.window = latent, channels, window
        self.features = nn.Sequential(nn.AvgPool1d(POOLING), *_encoder(1, 4), nn.Flatten())
        self.to_latent = nn.Linear(FILTERS * (channels // POOLING), latent)
        self.from_latent = nn.Linear(latent, FILTERS * (window // 4) ** 2)
        enlarge = [layer for _ in range(2) for layer in (_block(2, FILTERS, FILTERS), _Twice())]
        self.decoder = nn.Sequential(*enlarge, DilatedPyramid(2), *_head(2))

    def encode(self, spectra: torch.Tensor) -> torch.Tensor:
        """Latent variables (N, latent) of spectra (N, channels)."""
        return self.to_latent(self.features(spectra[:, None]))

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Images (N, w, w) of latent variables (N, latent)."""
        side = self.window // 4
        return self.decoder(self.from_latent(latent).unflatten(1, (FILTERS, side, side)))[:, 0]

    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        """Images (N, w, w)."""
        return self.decode(self.encode(spectra))


def size(network: nn.Module) -> int:
    """Number of trained parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


class _Twice(nn.Upsample):
    def __init__(self):
        super().__init__(scale_factor=2, mode="nearest")
