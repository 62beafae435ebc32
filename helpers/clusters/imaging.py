"""HAADF-STEM images of a cluster: by PRISM, by multislice, and by a linear model.

All three return the expected fraction of the beam that reaches the detector at each position of the
probe, without a support, finite source or counting noise: those are `helpers.clusters.recording`'s.
PRISM [Ophus 2017] propagates plane waves through the cluster once and composes every probe from
them; multislice propagates every probe. The linear model adds one small probe per atom.

The abstract gives no microscope settings; of its full paper [Dearg 2024, doi
10.1039/d3nh00291h] we only know that an aberration-corrected instrument imaged gold clusters of
309 atoms, give or take 15, on amorphous carbon. Assumed here: 200 kV, a 20 mrad probe without
aberrations and a dark-field ring from 60 to 100 mrad. The outer angle is a compromise: a wider
ring needs a finer grid, and most of what reaches an annular detector is close to its hole.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from helpers.clusters.structures import needs
from helpers.probe import probe_transfer, wavelength_nm
from helpers.registry import DataError

FIELD_PX = {55: 28, 147: 40, 309: 52, 561: 64, 923: 76}  # leaves 0.13 nm and more around a cluster
WINDOW_NM = 0.45  # side of the area on which PRISM composes a probe in focus
GOLD_NM2 = 9.4e-5  # integrated cross-section of one gold atom by PRISM, mean over its place
ATOM_NM = 0.010  # blur of the linear model beyond the probe: atoms are not points
LAYER_NM = 0.5  # heights that share one probe in the linear model
_BEAMS, _PROBES = 16, 64  # computed at a time: few enough to stay in the cache of the processor
MARGIN_NM = 0.1  # vacuum above the first and below the last atom
GRID_NM = 1 / 120  # grid of the waves; carries angles to 100 mrad at 200 kV


@dataclass(frozen=True)
class Microscope:
    """Settings of the microscope, and how warm the cluster is.

    Attributes
    ----------
    energy_kev, semi_angle_mrad : float
        Beam energy and convergence semi-angle of an aberration-free probe.
    inner_mrad, outer_mrad : float
        The annular detector.
    pixel_size_nm : float
        Step of the scan. At 0.05 nm the probe's finest detail is not resolved, so that images stay
        faithful only if a source of `helpers.clusters.recording.SHARPEST_NM` or more blurs them.
    defocus_nm : float
        How far below the middle of the cluster (further along the beam) the probe is focused.
    thermal_nm : float
        Root-mean-square displacement of an atom along one axis; `debye_displacement_nm` for gold at
        room temperature.
    slice_nm : float
        Thickness of a slice.
    """

    energy_kev: float = 200.0
    semi_angle_mrad: float = 20.0
    inner_mrad: float = 60.0
    outer_mrad: float = 100.0
    pixel_size_nm: float = 0.05
    defocus_nm: float = 0.0
    thermal_nm: float = 0.0087
    slice_nm: float = 0.2


def debye_displacement_nm(temperature_k=293.0, debye_k=170.0, mass_u=196.97):
    """Root-mean-square thermal displacement along one axis, Debye model at high temperature.

    Parameters
    ----------
    temperature_k, debye_k, mass_u : float
        The defaults are gold at room temperature; 170 K is a usual Debye temperature of gold.

    Returns
    -------
    float
        sqrt(3 T / m k) hbar / debye_k, in nm.
    """
    hbar, k, u = 1.054572e-34, 1.380649e-23, 1.660539e-27
    return 1e9 * hbar / debye_k * np.sqrt(3 * temperature_k / (mass_u * u * k))


def turned(positions_nm, rotation, rng=None, thermal_nm=0.0):
    """Rotate atoms and displace them by their thermal motion.

    Parameters
    ----------
    positions_nm : numpy.ndarray
        Centred, (N, 3).
    rotation : scipy.spatial.transform.Rotation
        From the frame of the isomer to the microscope: x along columns, y along rows, z along the
        beam.
    rng : numpy.random.Generator, optional
        Without it the atoms are at rest.
    thermal_nm : float

    Returns
    -------
    numpy.ndarray
        Positions in nm, (N, 3).
    """
    placed = rotation.apply(positions_nm)
    return placed if rng is None else placed + rng.normal(0, thermal_nm, placed.shape)


def prism_images(symbols, positions_nm, field_px, microscope=None, defoci_nm=None):
    """Images by PRISM, one for each defocus; the plane waves are propagated once for all.

    Parameters
    ----------
    symbols : str
        Chemical formula of the atoms, as ase reads it ("Au309").
    positions_nm : numpy.ndarray
        Around the origin, (N, 3), z along the beam.
    field_px : int
        Side of the image in pixels.
    microscope : Microscope, optional
    defoci_nm : sequence of float, optional
        Instead of the microscope's.

    Returns
    -------
    numpy.ndarray
        Fraction of the beam on the detector, (defoci, field_px, field_px) float32.

    Raises
    ------
    DataError
        The field is too small for the atoms, or abTEM is not installed.
    """
    microscope = microscope or Microscope()
    defoci = [microscope.defocus_nm] if defoci_nm is None else list(defoci_nm)
    abtem = needs("abtem")
    # A window must hold the shadow of a probe out of focus at the far end of the cluster, and most
    # of what the first atoms send to the detector when it leaves the last ones.
    height = np.ptp(positions_nm[:, 2]) + MARGIN_NM
    shadow = 2e-3 * microscope.semi_angle_mrad * (2 * max(np.abs(defoci)) + height)
    window = max(WINDOW_NM, shadow, 1.4e-3 * microscope.outer_mrad * height)
    box = _box_nm(field_px, microscope)
    widest = max(int(box / window), 1)
    points = round(box / GRID_NM)
    interpolation = max(i for i in range(1, widest + 1) if points % i == 0)
    with abtem.config.set({"dask.lazy": False}):
        potential, middle = _potential(abtem, symbols, positions_nm, box, microscope)
        waves = abtem.SMatrix(
            semiangle_cutoff=microscope.semi_angle_mrad,
            energy=1e3 * microscope.energy_kev,
            potential=potential.build(lazy=False),
            interpolation=interpolation,
            downsample="cutoff",
        ).build(lazy=False, max_batch=_BEAMS)
        images = [
            waves.reduce(
                scan=_scan(abtem, field_px, box, microscope),
                ctf=_aberrations(abtem, microscope, defocus, middle),
                detectors=abtem.AnnularDetector(microscope.inner_mrad, microscope.outer_mrad),
                max_batch_reduction=_PROBES,
            )
            for defocus in defoci
        ]
        return np.stack([image.array.T for image in images]).astype(np.float32)


def prism_image(symbols, positions_nm, field_px, microscope=None):
    """One image by PRISM, (field_px, field_px); see `prism_images`."""
    return prism_images(symbols, positions_nm, field_px, microscope)[0]


def multislice_image(symbols, positions_nm, field_px, microscope=None, every=1):
    """One image by multislice, as `prism_image` but forty times slower.

    With `every` above 1, only that part of the pixels: the rows and columns ``[::every]``.
    """
    microscope = microscope or Microscope()
    abtem = needs("abtem")
    box = _box_nm(field_px, microscope)
    with abtem.config.set({"dask.lazy": False}):
        potential, middle = _potential(abtem, symbols, positions_nm, box, microscope)
        ctf = _aberrations(abtem, microscope, microscope.defocus_nm, middle)
        probe = abtem.Probe(
            semiangle_cutoff=microscope.semi_angle_mrad,
            energy=1e3 * microscope.energy_kev,
            defocus=ctf.defocus,
        )
        image = probe.scan(
            potential.build(lazy=False),
            scan=_scan(abtem, field_px, box, microscope, every),
            detectors=abtem.AnnularDetector(microscope.inner_mrad, microscope.outer_mrad),
            lazy=True,  # in batches, which fit in memory
            max_batch=_BEAMS,
        ).compute(progress_bar=False, scheduler="synchronous")
        return image.array.T.astype(np.float32)


def linear_image(positions_nm, field_px, microscope=None, number=79):
    """Image in the linear model: every atom adds one probe, whatever stands above it.

    Parameters
    ----------
    positions_nm : numpy.ndarray
        As for `prism_images`; the height of each atom blurs its probe.
    field_px : int
    microscope : Microscope, optional
        The strength of an atom holds for the default beam and detector.
    number : int
        Atomic number Z of the atoms, which scatter as Z^1.7.

    Returns
    -------
    numpy.ndarray
        Fraction of the beam on the detector, (field_px, field_px) float32.
    """
    microscope = microscope or Microscope()
    length = field_px * microscope.pixel_size_nm + 2 * WINDOW_NM
    heights = np.round((positions_nm[:, 2] - microscope.defocus_nm) / LAYER_NM).astype(int)
    spectrum = 0
    for height in np.unique(heights):
        layer = positions_nm[heights == height]
        q, transfer = _one_probe(length, abs(height) * LAYER_NM, microscope)
        rows, columns = (np.exp(-2j * np.pi * np.outer(q, layer[:, axis])) for axis in (1, 0))
        spectrum = spectrum + (rows @ columns.T) * transfer
    wave = np.exp(2j * np.pi * np.outer(pixels_nm(field_px, microscope), q))
    strength = GOLD_NM2 * (number / 79) ** 1.7 / length**2
    return (strength * (wave @ spectrum @ wave.T).real).astype(np.float32)


@lru_cache(maxsize=256)
def _one_probe(length_nm, height_nm, microscope):
    """Frequencies along an axis (1/nm), and the transfer of an atom at a height, (n, n)."""
    limit = 2e-3 * microscope.semi_angle_mrad / wavelength_nm(microscope.energy_kev)
    q = np.arange(-int(limit * length_nm), int(limit * length_nm) + 1) / length_nm
    radius = np.hypot(q[:, None], q)
    probe = probe_transfer(radius, height_nm, microscope.energy_kev, microscope.semi_angle_mrad)
    return q, probe * np.exp(-2 * (np.pi * ATOM_NM * radius) ** 2)


def pixels_nm(field_px, microscope=None):
    """Places of the pixels of an image along one axis, its middle at 0 (nm)."""
    step = (microscope or Microscope()).pixel_size_nm
    return step * (np.arange(field_px) - (field_px - 1) / 2)


def _box_nm(field_px, microscope):
    """Side of the periodic box: the field in whole windows."""
    return WINDOW_NM * max(np.ceil(field_px * microscope.pixel_size_nm / WINDOW_NM - 1e-9), 2)


def _potential(abtem, symbols, positions_nm, box_nm, microscope):
    """Potential of atoms in a box, and how deep below its entrance (nm) their origin lies."""
    reach = np.abs(positions_nm[:, :2]).max()
    if reach > box_nm / 2:
        raise DataError(
            f"atoms lie {reach:.2f} nm off the axis, outside a field of {box_nm:.1f} nm: "
            "give a larger field_px."
        )
    ends = [-positions_nm[:, 2].min(), positions_nm[:, 2].max()]
    middle, below = microscope.slice_nm * np.ceil(
        (np.array(ends) + MARGIN_NM) / microscope.slice_nm
    )
    centre = np.array([box_nm / 2, box_nm / 2, middle])
    atoms = needs("ase").Atoms(
        symbols,
        positions=10 * (positions_nm + centre),
        cell=10 * np.array([box_nm, box_nm, middle + below]),
        pbc=True,
    )
    potential = abtem.Potential(
        atoms,
        gpts=round(box_nm / GRID_NM),
        slice_thickness=10 * microscope.slice_nm,
        parametrization="kirkland",
        projection="infinite",
    )
    return potential, middle


def _aberrations(abtem, microscope, defocus_nm, middle):
    return abtem.CTF(
        semiangle_cutoff=microscope.semi_angle_mrad,
        energy=1e3 * microscope.energy_kev,
        defocus=10 * (middle + defocus_nm),
    )


def _scan(abtem, field_px, box_nm, microscope, every=1):
    """Positions of the probe: pixel centres of a square field in the middle of the box."""
    place = 10 * pixels_nm(field_px, microscope)[::every] + 5 * box_nm
    ends = (place[0], place[0]), (place[-1], place[-1])
    return abtem.GridScan(*ends, gpts=len(place), endpoint=True)
