"""A scanning transmission electron microscope: from atoms in space to counted electrons.

Incoherent imaging: every atom adds its dark-field cross-section, spread over the probe at its
height. Multiple scattering is left out. Lengths in nm, frequencies in 1/nm.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates
from scipy.signal import lfilter

from helpers.atoms.cross_sections import cross_section_nm2
from helpers.atoms.support import SUPPORTS
from helpers.probe import probe_transfer, wavelength_nm

# Slabs in which the height of an atom is not resolved: 1 nm near focus, coarser further away,
# where the probe hardly changes any more.
_EDGES_NM = np.concatenate(
    [np.arange(-60, -20, 10), np.arange(-20, -6, 2), np.arange(-6, 6), np.arange(6, 20, 2),
     np.arange(20, 61, 10)]
).astype(float)  # fmt: skip
_CENTRES_NM = np.concatenate([[-65.0], (_EDGES_NM[1:] + _EDGES_NM[:-1]) / 2, [65.0]])


@dataclass(frozen=True)
class Microscope:
    """How the image is taken. The defaults resemble the public Pt on N-doped carbon images.

    Attributes
    ----------
    voltage_kv, convergence_mrad, inner_mrad, outer_mrad : float
        Voltage, probe semi-angle and detector angles; must be in the cross-section table.
    pixel_size_nm : float
    electrons_per_pixel : float
        Electrons that reach the specimen and would be counted, per pixel. 40 pA for 38.7 us are
        9660; the brightness of labelled atoms says that about a third of them count.
    source_blur_nm : float
        Standard deviation of the Gaussian blur by source size and vibration.
    stray_electrons : float
        Electrons counted per pixel in vacuum, where nothing scatters.
    gain, offset : float
        Counts per electron and counts without any.
    row_noise : float
        Relative standard deviation of the current from row to row.
    current_noise, current_memory_px : float
        Relative standard deviation and correlation length (pixels of the scan) of the flicker.
    slow_current : float
        Relative standard deviation of the current over several rows.
    jitter_px, drift_px : float
        Standard deviations of a row's displacement along x: on its own, and as a random walk
        (per row, both axes).
    """

    voltage_kv: float = 60
    convergence_mrad: float = 32.0
    inner_mrad: float = 90
    outer_mrad: float = 185
    pixel_size_nm: float = 15 / 512
    electrons_per_pixel: float = 3000.0
    source_blur_nm: float = 0.075
    stray_electrons: float = 8.0
    gain: float = 1.02e4
    offset: float = 1.72e5
    row_noise: float = 0.007
    current_noise: float = 0.03
    current_memory_px: float = 4.0
    slow_current: float = 0.015
    jitter_px: float = 0.4
    drift_px: float = 0.02

    def __post_init__(self):
        """Refuse values that mean nothing."""
        for name in ("pixel_size_nm", "electrons_per_pixel", "gain", "current_memory_px"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: expected a positive number.")

    def cross_section(self, element):
        """Dark-field cross-section of one atom (nm^2)."""
        return cross_section_nm2(
            element, self.voltage_kv, self.convergence_mrad, self.inner_mrad, self.outer_mrad
        )


def peak_electrons(element, height_nm, microscope):
    """Expected electrons at the brightest pixel of one atom, support not counted.

    Parameters
    ----------
    element : str
    height_nm : array_like
        Distances from the focal plane.
    microscope : Microscope

    Returns
    -------
    numpy.ndarray
        Of the shape of `height_nm`.
    """
    height = np.abs(np.asarray(height_nm, float))
    limit = 2e-3 * microscope.convergence_mrad / wavelength_nm(microscope.voltage_kv)
    q = np.linspace(0, limit, 257)
    blur = np.exp(-2 * (np.pi * microscope.source_blur_nm * q) ** 2)
    grid = np.arange(0, max(height.max(initial=0), 1) + 0.5, 0.5)
    per_area = [
        np.trapezoid(
            probe_transfer(q, z, microscope.voltage_kv, microscope.convergence_mrad)
            * blur * 2 * np.pi * q,
            q,
        )
        for z in grid
    ]  # fmt: skip
    electrons = microscope.electrons_per_pixel * microscope.cross_section(element)
    return electrons * np.interp(height, grid, per_area)


def slab_probes(microscope, shape):
    """Function slab -> transfer of probe and source, (H, W//2+1) float32, kept once computed."""
    pixel = microscope.pixel_size_nm
    k = np.hypot(fft.fftfreq(shape[0], pixel)[:, None], fft.rfftfreq(shape[1], pixel))
    blur = np.exp(-2 * (np.pi * microscope.source_blur_nm * k) ** 2)
    cache = {}

    def probe(slab):
        if slab not in cache:
            focus = _CENTRES_NM[slab]
            transfer = probe_transfer(k, focus, microscope.voltage_kv, microscope.convergence_mrad)
            cache[slab] = (transfer * blur).astype(np.float32)
        return cache[slab]

    return probe


def support_signal(rng, specimen, support, microscope, probe):
    """Spectrum of the fraction of the beam that the support sends to the detector."""
    per_nm3, composition = SUPPORTS[specimen.support]
    share = sum(part * microscope.cross_section(e) for e, part in composition.items())
    pixel = microscope.pixel_size_nm
    bounds = np.concatenate([[-np.inf], _EDGES_NM, [np.inf]])
    total = 0
    for slab, (low, high) in enumerate(zip(bounds[:-1], bounds[1:])):
        mean = support.number_per_pixel(low, high, per_nm3, pixel)
        if mean.any():
            number = rng.poisson(mean).astype(np.float32)
            total = total + fft.rfft2(number) * probe(slab)
    return total * np.float32(share / pixel**2)


def metal_signal(metal, microscope, shape, probe):
    """Spectrum of the fraction of the beam that the metal atoms send to the detector."""
    total = np.zeros((shape[0], shape[1] // 2 + 1), np.complex64)
    slabs = np.searchsorted(_EDGES_NM, metal["height_nm"])
    for slab in np.unique(slabs):
        atoms = metal[slabs == slab]
        drawn = np.zeros(shape, np.float32)
        left, below = np.floor(atoms["x_px"]).astype(int), np.floor(atoms["y_px"]).astype(int)
        right_share, above_share = atoms["x_px"] - left, atoms["y_px"] - below
        weight = atoms["element"].map({e: microscope.cross_section(e) for e in set(atoms.element)})
        for dx, share_x in ((0, 1 - right_share), (1, right_share)):
            for dy, share_y in ((0, 1 - above_share), (1, above_share)):
                place = ((below + dy) % shape[0], (left + dx) % shape[1])
                np.add.at(drawn, place, weight * share_x * share_y)
        total += fft.rfft2(drawn) * probe(slab)
    return total / np.float32(microscope.pixel_size_nm**2)


def expose(rng, signal, microscope, shape, offset_px):
    """Scan over the expected electrons and count.

    Parameters
    ----------
    rng : numpy.random.Generator
    signal : numpy.ndarray
        Expected electrons per pixel on a grid larger than the image.
    microscope : Microscope
    shape : tuple of int
        Rows and columns of the image.
    offset_px : tuple of float
        Where on the grid the image begins, (x, y).

    Returns
    -------
    noiseless : numpy.ndarray
        Expected electrons per pixel of the image, scan distortions included.
    counts : numpy.ndarray
        What the detector says, float32.
    walk : numpy.ndarray
        Drift (x, y) of every row in pixels, (2, rows): the pixel (x, y) of the image shows the
        place (x + walk_x + offset_x, y + walk_y + offset_y) of the grid, but for the jitter.
    """
    rows, columns = shape
    walk = np.cumsum(rng.normal(0, microscope.drift_px, (2, rows)), axis=1)
    walk -= walk.mean(axis=1, keepdims=True)
    jitter = rng.normal(0, microscope.jitter_px, rows)
    y = (np.arange(rows) + offset_px[1] + walk[1])[:, None] + np.zeros(columns)
    x = np.arange(columns) + (offset_px[0] + walk[0] + jitter)[:, None]
    noiseless = map_coordinates(signal, [y, x], order=1, mode="nearest")
    electrons = rng.poisson(noiseless * _current(rng, microscope, shape))
    counts = microscope.offset + microscope.gain * electrons
    return noiseless.astype(np.float32), counts.astype(np.float32), walk


def _current(rng, microscope, shape):
    """Relative beam current at every pixel in the order of the scan (x is the fast axis)."""
    pixels = shape[0] * shape[1]

    def memory(length_px):
        keep = np.exp(-1 / length_px)
        drawn = rng.standard_normal(pixels)
        return lfilter([np.sqrt(1 - keep**2)], [1, -keep], drawn).reshape(shape)

    return np.clip(
        1
        + microscope.current_noise * memory(microscope.current_memory_px)
        + microscope.slow_current * memory(4 * shape[1])
        + microscope.row_noise * rng.standard_normal((shape[0], 1)),
        0.2,
        None,
    )
