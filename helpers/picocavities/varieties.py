"""Instruments, sample varieties and how often and where their picocavities form (simulated).

The four varieties, their powers, steps and lengths of scans are those of Poppe et al. 2023. The
rates and lives are choices for simulations with known answers. They lie where the paper and its
public index of scans put them: 29 % of the scans of 35 s of the commercial particles hold an event,
of the others 59 to 99 % at 100 s, with the paper's shares of events on the nanoparticle (24, 26, 88
and 19 %) and ratios of lives between the sides. On palladium-coated mirrors, where not nearly all
scans hold one, the index gives rates that rise with the power to the 0.7. The brightness of the
instruments is such that the noise of scaled scans without events is about what the published
training ends with, a mean square of 2.3e-3 on the first and 4.8e-4 on the second.
"""

from dataclasses import dataclass

import numpy as np

LASER_NM = 633.0
POWER_EXPONENT = 0.7


@dataclass(frozen=True)
class Instrument:
    """A Raman microscope.

    Attributes
    ----------
    step_s : float
        Integration time of one spectrum.
    steps : int
        Spectra in a scan.
    counts_per_uw_s : float
        In the strongest stable line, over the dark counts, on average.
    width_cm : float
        Full width of the line it makes of an infinitely sharp one, cm^-1.
    pixels : int
    dark_counts, read_noise_counts : float
        Per pixel and spectrum.
    """

    step_s: float
    steps: int
    counts_per_uw_s: float
    width_cm: float
    pixels: int = 640
    dark_counts: float = 300.0
    read_noise_counts: float = 6.0

    @property
    def wavenumbers(self):
        """Axis in cm^-1: pixels are equal in wavelength, so that steps shrink to the red."""
        ends = 1e7 / (1e7 / LASER_NM - np.array([230.0, 1650.0]))
        return 1e7 / LASER_NM - 1e7 / np.linspace(*ends, self.pixels)


@dataclass(frozen=True)
class Variety:
    """A kind of sample and the picocavities that form in it.

    Attributes
    ----------
    title : str
    instrument : Instrument
    powers_uw : tuple of float
    reference_uw : float
        Power at which the rates hold.
    rates_per_s : dict
        Formations per second, by side ("NP", "substrate"), at the reference power.
    lives_s : dict
        Mean life of a picocavity in s, by side.
    """

    title: str
    instrument: Instrument
    powers_uw: tuple
    reference_uw: float
    rates_per_s: dict
    lives_s: dict

    def rates(self, power_uw):
        """Formations per second by side, at a power in microwatt."""
        more = (power_uw / self.reference_uw) ** POWER_EXPONENT
        return {side: rate * more for side, rate in self.rates_per_s.items()}

    @property
    def share_np(self):
        """Share of the formations that are on the nanoparticle, at every power."""
        return self.rates_per_s["NP"] / sum(self.rates_per_s.values())


FIRST = Instrument(step_s=0.035, steps=1000, counts_per_uw_s=13.0, width_cm=8.0)
SECOND = Instrument(step_s=0.2, steps=500, counts_per_uw_s=50.0, width_cm=4.0)
POWERS = (50.0, 100.0, 150.0, 200.0)
VARIETIES = {
    "commercial": Variety(
        "commercial Au on Au", FIRST, (447.0, 564.0, 709.0), 564.0,
        {"NP": 0.0024, "substrate": 0.0076}, {"NP": 0.4, "substrate": 1.2},
    ),
    "Au-Au": Variety(
        "Au on Au", SECOND, POWERS, 100.0,
        {"NP": 0.012, "substrate": 0.033}, {"NP": 4.0, "substrate": 6.7},
    ),
    "Au-Pd/Au": Variety(
        "Au on Pd-coated Au", SECOND, POWERS, 100.0,
        {"NP": 0.0246, "substrate": 0.0034}, {"NP": 7.0, "substrate": 5.5},
    ),
    "Au@Pd-Au": Variety(
        "Pd-coated Au on Au", SECOND, POWERS, 100.0,
        {"NP": 0.0057, "substrate": 0.0243}, {"NP": 7.0, "substrate": 3.0},
    ),
}  # fmt: skip
