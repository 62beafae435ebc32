"""Simulated micrographs of ultra-high-density single-atom catalysts, with their truth.

The images of Rossi et al. 2024 are not public in a form that can be read here; these take their
place. From the paper: an ARM-200F at 30 mrad, detector 80-280 mrad, Ni at 200 kV and Rh, Pd, Pt and
mixtures at 80 kV, metal on carbonised ZIF-8 whose surfaces are "predominantly flat", images in
which single atoms stand out of the carrier. Assumed, because the paper does not say:

- the flake is 5 to 11 nm thick and the metal lies within a few tenths of nm of its upper surface,
  which is in focus, so that depth hides nothing (in chapter 1 it hides half of the atoms);
- source size and vibration blur by about 0.060 nm (80 kV) and 0.050 nm (200 kV), standard
  deviation, so that an atom is 0.16 and 0.13 nm wide at half height;
- the operator chooses the dose for visible atoms: 2000 counted electrons per pixel at 80 kV and
  10 000 at 200 kV, where every atom scatters four times less; Ni stays the faintest;
- every image differs: thickness, pores, dose and blur are drawn from the spreads in `conditions`.

Scan noise is that of the measured images of chapter 1, and so is the pixel size (34 px/nm), at
which the published network works.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import fft

from helpers.atoms.microscope import Microscope
from helpers.atoms.preprocess import NETWORK_PIXEL_NM
from helpers.atoms.simulate import MARGIN_PX, Simulated, acstem
from helpers.atoms.support import SOLID_NM, Specimen, make_support

__all__ = ["SETTINGS", "conditions", "dense_image", "on_specimen", "uniform"]

_AT_80_KV = Microscope(
    voltage_kv=80, convergence_mrad=30.0, inner_mrad=80, outer_mrad=280,
    pixel_size_nm=NETWORK_PIXEL_NM, electrons_per_pixel=2000.0, source_blur_nm=0.060,
    stray_electrons=4.0,
)  # fmt: skip
_AT_200_KV = replace(_AT_80_KV, voltage_kv=200, electrons_per_pixel=1e4, source_blur_nm=0.050)
SETTINGS = {"Ni": _AT_200_KV, "Rh": _AT_80_KV, "Pd": _AT_80_KV, "Pt": _AT_80_KV}
MIXTURE = _AT_80_KV
FLAKE = Specimen(
    thickness_nm=8.0,
    coverage=1.0,
    edge_width_nm=0.0,
    relief=0.015,
    texture=0.12,
    undulation_nm=0.3,
    top_share=1.0,
    depth_nm=0.1,
)


def uniform(rng, n, box_nm):
    """Uniform random positions (n, 2) in a box of (width, height) nm."""
    return rng.random((n, 2)) * box_nm


def conditions(rng, metals):
    """Draw a specimen and a microscope for one image.

    Parameters
    ----------
    rng : numpy.random.Generator
    metals : iterable of str
        One metal has its entry of `SETTINGS`; several are imaged at 80 kV.

    Returns
    -------
    tuple
        (`Specimen`, `Microscope`).

    Raises
    ------
    ValueError
        A metal that is not in `SETTINGS`.
    """
    metals = list(metals)
    unknown = sorted(set(metals) - set(SETTINGS))
    if unknown:
        raise ValueError(
            f"no imaging conditions for {', '.join(unknown)}: use {', '.join(SETTINGS)}."
        )
    microscope = SETTINGS[metals[0]] if len(metals) == 1 else MIXTURE
    dose = rng.uniform(0.8, 1.25)
    specimen = replace(FLAKE, thickness_nm=rng.uniform(5, 11), texture=rng.uniform(0.08, 0.16))
    return specimen, replace(
        microscope,
        electrons_per_pixel=microscope.electrons_per_pixel * dose,
        stray_electrons=microscope.stray_electrons * dose,
        source_blur_nm=microscope.source_blur_nm * rng.uniform(0.9, 1.15),
    )


def dense_image(
    rng, densities, arrangement=None, specimen=None, microscope=None, shape=(512, 512)
) -> Simulated:
    """
    Simulate one micrograph of metal atoms on the upper surface of a thin flake.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        Source of randomness, or a seed.
    densities : dict
        Atoms per nm^2 of every metal, such as ``{"Ni": 2.0, "Pd": 1.0}``.
    arrangement : callable, optional
        ``arrangement(rng, n, (width_nm, height_nm))`` gives the positions (n, 2), columns x and y,
        from 0 to width and height; or a tuple of positions and elements (n), when the metals are
        not to be mixed at random. Uniform random by default. The box reaches 0.9 nm beyond the
        image on every side, so that atoms at the border have their neighbours.
    specimen, microscope : Specimen, Microscope, optional
        Drawn by `conditions` when None.
    shape : tuple of int
        Rows and columns of the image.

    Returns
    -------
    Simulated
        ``atoms`` are those in the field. Atoms that the arrangement puts where there is no support
        are left out; `on_specimen` is the area to which a density refers.

    Raises
    ------
    ValueError
        An unknown metal, a negative density, or positions outside the box.
    """
    rng = np.random.default_rng(rng)
    if not densities or not all(0 <= value < np.inf for value in densities.values()):
        raise ValueError(
            f"densities are {densities}: expected a metal and zero or more atoms per nm^2."
        )
    drawn = conditions(rng, densities)
    specimen, microscope = specimen or drawn[0], microscope or drawn[1]
    pixel = microscope.pixel_size_nm
    box = (np.array(shape[::-1]) + 2 * MARGIN_PX - 1) * pixel
    counts = {metal: round(value * box[0] * box[1]) for metal, value in densities.items()}
    placed = (arrangement or uniform)(rng, sum(counts.values()), tuple(box))
    if isinstance(placed, tuple):
        positions, elements = np.asarray(placed[0], float), np.asarray(placed[1])
    else:
        positions = np.asarray(placed, float).reshape(-1, 2)
        share = np.array(list(counts.values())) / max(sum(counts.values()), 1)
        cuts = np.rint(np.cumsum(share) * len(positions)).astype(int)[:-1]
        elements = np.empty(len(positions), dtype=object)
        order = rng.permutation(len(positions))
        for metal, chosen in zip(counts, np.split(order, cuts), strict=True):
            elements[chosen] = metal
    if len(positions) and (positions.min() < 0 or (positions > box).any()):
        raise ValueError(
            f"the arrangement put atoms outside its box of {box[0]:.2f} x {box[1]:.2f} nm."
        )

    # The generator draws the support before anything else: the same seed shows beforehand where
    # it will be solid.
    seed = int(rng.integers(2**63))
    padded = tuple(fft.next_fast_len(int(n) + 2 * MARGIN_PX, real=True) for n in shape)
    support = make_support(np.random.default_rng(seed), specimen, padded, pixel)
    x, y = np.rint(positions / pixel).astype(int).T
    solid = support.thickness[y, x] > SOLID_NM
    positions, elements = positions[solid] / pixel - MARGIN_PX, elements[solid]
    metal = pd.DataFrame(
        {"x_px": positions[:, 0], "y_px": positions[:, 1], "element": elements.astype(str)}
    )
    return acstem(seed, specimen, microscope, shape, metal)


def on_specimen(simulated):
    """Where a simulated image shows the support, bool (H, W)."""
    return simulated.thickness_nm > SOLID_NM
