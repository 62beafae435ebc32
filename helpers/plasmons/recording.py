"""What a spectrometer and a dark-field detector record of a film of nanocubes.

Every pixel holds the zero-loss peak with its tails, the phonon of the silicon nitride membrane,
the losses of the particles, all widened by the energy resolution and shifted by a slow drift, and
counting noise. Thickness scatters electrons past the spectrometer and onto the dark-field detector.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from helpers.pixels import places_nm
from helpers.plasmons.arrays import ParticleArray, draw_array
from helpers.plasmons.simulate import loss_probability

ENERGY_EV = np.arange(-40, 240) * 0.005  # 280 channels, of which 200 from 0.2 eV on
ELECTRON_C = 1.602176634e-19


@dataclass(frozen=True)
class Instrument:
    """The microscope and its settings, as in Roccapriore et al. 2021 where they say.

    Attributes
    ----------
    current_pa, dwell_s : float
        Probe current and time per pixel: 1.25e7 electrons.
    resolution_ev : float
        Full width of the zero-loss peak at half its maximum.
    tail, tail_ev : float
        Share of the electrons in the exponential tail of the zero-loss peak, and its decay.
    power_tail, power : float
        The wide tail, per eV at 0.1 eV, and the power with which it falls.
    phonon, phonon_ev, phonon_width_ev : float
        Share of the electrons that excite the phonon of the membrane, its energy, and its width at
        half maximum.
    drift_ev : float
        Scatter of the slow drift of the energy axis along the scan.
    mean_free_path_nm : float
        For scattering past the spectrometer, in the cubes.
    haadf_electrons : float
        On the dark-field detector at a pixel of 10 nm of cube.
    membrane_nm : float
        Thickness of cube that scatters as much as the membrane.
    """

    current_pa: float = 20.0
    dwell_s: float = 0.1
    resolution_ev: float = 0.040
    tail: float = 0.01
    tail_ev: float = 0.025
    power_tail: float = 4e-3
    power: float = 2.2
    phonon: float = 5e-4
    phonon_ev: float = 0.105
    phonon_width_ev: float = 0.030
    drift_ev: float = 0.004
    mean_free_path_nm: float = 80.0
    haadf_electrons: float = 4000.0
    membrane_nm: float = 2.0

    @property
    def electrons(self):
        """Electrons per pixel."""
        return self.current_pa * 1e-12 * self.dwell_s / ELECTRON_C

    def zero_loss(self, energy_ev):
        """Zero-loss peak with its tails, per eV (area 1 but for the wide tail).

        The Gaussian of the resolution plus, on the side of losses, an exponential and a power law
        that sets in where the Gaussian ends.
        """
        energy = np.asarray(energy_ev, float)
        sigma = self.resolution_ev / 2.3548
        core = np.exp(-((energy / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
        above = np.clip(energy, 1e-6, None)
        rise = 1 - np.exp(-((above / (2 * sigma)) ** 4))
        exponential = self.tail / self.tail_ev * np.exp(-above / self.tail_ev)
        wide = self.power_tail * (above / 0.1) ** -self.power
        return (1 - self.tail) * core + rise * (energy > 0) * (exponential + wide)

    def membrane(self, energy_ev):
        """Phonon of the membrane, per eV, as widened by the resolution."""
        sigma = np.hypot(self.phonon_width_ev, self.resolution_ev) / 2.3548
        offset = (np.asarray(energy_ev, float) - self.phonon_ev) / sigma
        return self.phonon * np.exp(-(offset**2) / 2) / (sigma * np.sqrt(2 * np.pi))

    def dark_field(self, thickness_nm):
        """Mean count of the dark-field detector where the cubes are so thick."""
        return self.haadf_electrons * (thickness_nm + self.membrane_nm) / 10


@dataclass(frozen=True)
class Simulated:
    """One spectrum image with its dark-field image, and all that is true about it.

    Attributes
    ----------
    counts : xarray.DataArray ("y", "x", "energy")
        What the spectrometer counts; nm and eV.
    haadf : xarray.DataArray ("y", "x")
        Counts of the dark-field detector, same pixels.
    loss : xarray.DataArray ("y", "x", "energy")
        True loss probability per eV of the particles, widened by the resolution, unshifted.
    zero_loss : numpy.ndarray (y, x)
        Electrons that enter the spectrometer.
    drift_ev : numpy.ndarray (y, x)
        Where the zero-loss peak really lies.
    thickness_nm : numpy.ndarray (y, x)
        Of the cubes.
    array : ParticleArray
    instrument : Instrument
    """

    counts: xr.DataArray
    haadf: xr.DataArray
    loss: xr.DataArray
    zero_loss: np.ndarray
    drift_ev: np.ndarray
    thickness_nm: np.ndarray
    array: ParticleArray
    instrument: Instrument

    @property
    def particles(self) -> pd.DataFrame:
        """The cubes: ``x_nm``, ``y_nm``, ``side_nm``, ``angle_deg``."""
        return self.array.particles


def simulate(seed, array=None, instrument=Instrument(), energy_ev=ENERGY_EV, material=None, **film):
    """Simulate a spectrum image of a film of nanocubes.

    Parameters
    ----------
    seed : int
        Of film, drift and counts.
    array : ParticleArray, optional
        Drawn by `draw_array` by default.
    instrument : Instrument
    energy_ev : array (E,)
        Evenly spaced energies of the channels.
    material : dict, optional
        As `helpers.plasmons.permittivity.response` takes it, such as ``plasma_ev``.
    **film
        As `draw_array` takes it, such as ``shape`` and ``pixel_nm``.

    Returns
    -------
    Simulated
    """
    array = array or draw_array(seed, **film)
    energy = np.asarray(energy_ev, float)
    step = energy[1] - energy[0]
    loss = loss_probability(array, energy, **material or {})
    widened = gaussian_filter1d(loss, instrument.resolution_ev / 2.3548 / step, axis=1)
    thick = array.thickness_nm()
    rng = np.random.default_rng([seed, 1])
    kept = instrument.electrons * np.exp(-thick / instrument.mean_free_path_nm)
    drift = _drift(rng, array.shape, instrument.drift_ev)
    expected = _expected(instrument, energy, widened, kept.ravel(), drift.ravel())
    counts = rng.poisson(expected).astype(np.float32).reshape(*array.shape, -1)
    bright = instrument.dark_field(thick)
    dims = ("y", "x", "energy")
    places = places_nm(array.shape, array.pixel_nm)
    axes = places | {"energy": ("energy", energy, {"units": "eV"})}
    about = {"source": f"simulated, seed {seed}", "units": "nm", "pixel_size_nm": array.pixel_nm}
    return Simulated(
        xr.DataArray(counts, axes, dims, "counts", about),
        xr.DataArray(rng.poisson(bright).astype(np.float32), places, dims[:2], "haadf", about),
        xr.DataArray(widened.reshape(counts.shape), axes, dims, "loss_per_ev", about),
        kept, drift, thick, array, instrument,
    )  # fmt: skip


def _drift(rng, shape, scatter):
    """Slow drift along the scan, line by line, and its mean 0."""
    steps = gaussian_filter1d(rng.normal(size=shape[0] * shape[1]), shape[1], mode="reflect")
    return (scatter * (steps - steps.mean()) / (steps.std() or 1)).reshape(shape)


def _expected(instrument, energy, loss, electrons, drift):
    """Expected counts (P, E): everything shifted by the drift of its pixel."""
    step = energy[1] - energy[0]
    answer = np.empty(loss.shape)
    for pixel, (move, number) in enumerate(zip(drift, electrons)):
        true = energy - move
        rate = instrument.zero_loss(true) + instrument.membrane(true)
        rate += np.interp(true, energy, loss[pixel])
        answer[pixel] = number * step * rate
    return answer
