"""A rough, porous carbon flake and the metal atoms on it, as numbers of atoms in space.

The light atoms are independent of each other (Poisson numbers). In a real solid they keep their
distance, so that its fine speckle is weaker; part of what the calibrated pores stand for.

Lengths in nm. Heights are measured along the beam; the focal plane is at height 0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import fft

# Atoms per nm^3 and the composition: amorphous N-doped carbon of 1.9 g/cm^3 with 8 % N, and
# graphitic carbon nitride of 2.0 g/cm^3.
SUPPORTS = {
    "NC": (95.0, {"C": 0.92, "N": 0.08}),
    "C3N4": (92.0, {"C": 3 / 7, "N": 4 / 7}),
}

# A flake ends with a step of this share of its full thickness.
EDGE_STEP = 0.2
# Metal atoms sit where the support is at least this thick (nm), not on the fringe of its edge.
SOLID_NM = 1.0


@dataclass(frozen=True)
class Specimen:
    """What lies in the beam. The defaults resemble the public Pt on N-doped carbon images.

    Attributes
    ----------
    element : str
        The metal.
    density_per_nm2 : float
        Metal atoms per projected area of the support, at all heights; 0 for a metal-free support.
    support : str
        "NC" or "C3N4", see `SUPPORTS`.
    thickness_nm : float
        Thickness of the flake far from its edge.
    coverage : float
        Share of the field of view that the flake covers, 0 to 1; the rest is vacuum.
    edge_width_nm : float
        Distance from the edge over which the thickness rises.
    second_layer : float
        Thickness of a second flake behind the first that covers a corner, as a share of
        `thickness_nm`.
    relief : float
        Relative standard deviation of the thickness on lengths up to 8 nm.
    texture : float
        Relative standard deviation of the thickness on lengths up to 1.6 nm (pores).
    undulation_nm : float
        Standard deviation of the height of the upper surface.
    top_share : float
        Share of the metal atoms near the upper surface, the rest is near the lower one.
    depth_nm : float
        Mean depth of a metal atom below its surface.
    """

    element: str = "Pt"
    density_per_nm2: float = 0.75
    support: str = "NC"
    thickness_nm: float = 45.0
    coverage: float = 0.85
    edge_width_nm: float = 6.0
    second_layer: float = 0.0
    relief: float = 0.015
    texture: float = 0.22
    undulation_nm: float = 3.0
    top_share: float = 0.6
    depth_nm: float = 4.0

    def __post_init__(self):
        """Refuse values that mean nothing."""
        if self.support not in SUPPORTS:
            raise ValueError(f"support {self.support!r} is unknown: use {' or '.join(SUPPORTS)}.")
        for name in ("coverage", "top_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected a share from 0 to 1.")
        for name in (
            "density_per_nm2", "thickness_nm", "edge_width_nm", "second_layer", "relief",
            "texture", "undulation_nm", "depth_nm",
        ):  # fmt: skip
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: expected zero or more.")


@dataclass(frozen=True)
class Support:
    """The flake on the pixel grid: heights of its lower and upper surface (nm), (H, W) each."""

    bottom: np.ndarray
    top: np.ndarray

    @property
    def thickness(self):
        """Thickness (nm), 0 in vacuum."""
        return self.top - self.bottom

    def number_per_pixel(self, low, high, atoms_per_nm3, pixel_size_nm):
        """Mean number of support atoms per pixel between two heights (nm)."""
        inside = np.minimum(self.top, high) - np.maximum(self.bottom, low)
        return np.clip(inside, 0, None) * (atoms_per_nm3 * pixel_size_nm**2)


def random_field(rng, shape, pixel_size_nm, exponent, longest_nm, shortest_nm=0.0):
    """Isotropic random field, mean 0 and standard deviation 1.

    Its power falls as frequency^-exponent between the frequencies 1/longest and 1/shortest.
    """
    k2 = (
        fft.fftfreq(shape[0], pixel_size_nm)[:, None] ** 2
        + fft.rfftfreq(shape[1], pixel_size_nm) ** 2
    )
    amplitude = (k2 + longest_nm**-2) ** (-exponent / 4) * np.exp(-k2 * shortest_nm**2 / 2)
    noise = fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    field = fft.irfft2(noise * amplitude.astype(np.float32), s=shape)
    return (field - field.mean()) / field.std()


def make_support(rng, specimen, shape, pixel_size_nm):
    """A random flake with an edge, in focus at the median height of its upper surface.

    Parameters
    ----------
    rng : numpy.random.Generator
    specimen : Specimen
    shape : tuple of int
        Rows and columns.
    pixel_size_nm : float

    Returns
    -------
    Support
    """
    rise = _rise(rng, specimen, shape, pixel_size_nm, specimen.coverage)
    thickness = specimen.thickness_nm * rise
    if specimen.second_layer:
        behind = _rise(rng, specimen, shape, pixel_size_nm, 0.3)
        thickness += specimen.second_layer * specimen.thickness_nm * behind * rise
    relief = specimen.relief * random_field(rng, shape, pixel_size_nm, 3.0, 8, 0.3)
    pores = specimen.texture * random_field(rng, shape, pixel_size_nm, 2.4, 1.6, 0.1)
    thickness = np.clip(thickness * (1 + relief + pores), 0, None)
    # The flake hangs from an undulating upper surface, where the operator focuses: a fifth of
    # the thickness lies above that surface, so that edges and pores lower it as well.
    surface = specimen.undulation_nm * random_field(rng, shape, pixel_size_nm, 3.5, 20, 0.5)
    top = surface + 0.2 * thickness
    solid = thickness > SOLID_NM
    if solid.any():
        top = top - np.median(top[solid])
    return Support(bottom=top - thickness, top=top)


def place_metal(rng, specimen, support, pixel_size_nm):
    """Metal atoms by a Poisson process over the support.

    Returns
    -------
    pandas.DataFrame
        ``x_px``, ``y_px`` (pixel centres are whole numbers), ``height_nm`` (above the focal
        plane), ``element``.
    """
    rows, columns = np.nonzero(support.thickness > SOLID_NM)
    number = rng.poisson(specimen.density_per_nm2 * len(rows) * pixel_size_nm**2)
    chosen = rng.integers(len(rows), size=number) if len(rows) else np.empty(0, int)
    x, y = columns[chosen], rows[chosen]
    return pd.DataFrame(
        {
            "x_px": x + rng.uniform(-0.5, 0.5, len(chosen)),
            "y_px": y + rng.uniform(-0.5, 0.5, len(chosen)),
            "height_nm": surface_heights(rng, specimen, support, x, y),
            "element": specimen.element,
        }
    )


def given_metal(rng, positions, specimen, support, margin):
    """The caller's atoms on a grid with a margin, with heights and elements filled in.

    Raises
    ------
    ValueError
        A position outside the grid.
    """
    metal = pd.DataFrame(
        {
            "x_px": np.asarray(positions["x_px"], float) + margin,
            "y_px": np.asarray(positions["y_px"], float) + margin,
        }
    )
    rows, columns = support.top.shape
    inside = metal["x_px"].between(0, columns - 1) & metal["y_px"].between(0, rows - 1)
    if not inside.all():
        raise ValueError(f"{(~inside).sum()} of {len(metal)} positions lie outside the field.")
    if "height_nm" in positions:
        metal["height_nm"] = np.asarray(positions["height_nm"], float)
    else:
        x, y = metal["x_px"].round().astype(int), metal["y_px"].round().astype(int)
        metal["height_nm"] = surface_heights(rng, specimen, support, x, y)
    metal["element"] = (
        np.asarray(positions["element"]) if "element" in positions else specimen.element
    )
    return metal


def surface_heights(rng, specimen, support, x, y):
    """Heights (nm) of atoms near one of the two surfaces at the pixels (x, y)."""
    x, y = np.asarray(x, int), np.asarray(y, int)
    top, bottom = support.top[y, x], support.bottom[y, x]
    depth = np.minimum(rng.exponential(specimen.depth_nm, len(x)), (top - bottom) / 2)
    above = rng.random(len(x)) < specimen.top_share
    return np.where(above, top - depth, bottom + depth)


def _rise(rng, specimen, shape, pixel_size_nm, coverage):
    """Thickness relative to the interior: 0 outside a ragged edge, a step, then a slow rise."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.ogrid[: shape[0], : shape[1]]
    along = (np.cos(angle) * x + np.sin(angle) * y) * pixel_size_nm
    along = along + 1.3 * random_field(rng, shape, pixel_size_nm, 5.0, 10, 2.0)
    # The rough edge of a flake that covers the whole field lies outside it.
    edge = np.quantile(along, 1 - coverage) if coverage < 1 else along.min() - 5
    depth = along - edge
    slope = 1 - np.exp(-np.clip(depth, 0, None) / max(specimen.edge_width_nm, 1e-3))
    return (EDGE_STEP + (1 - EDGE_STEP) * slope) / (1 + np.exp(-depth / 0.1))
