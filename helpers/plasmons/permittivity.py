"""The permittivity of a doped oxide, and what of it a fast electron feels.

Free carriers in tin-doped indium oxide follow Drude's formula on top of the constant response of
the bound electrons. One electron volt is the unit of energy, one nanometre that of length.
"""

import numpy as np

# Chosen so that the array shows the three features of Roccapriore et al. 2021, Fig. 1, near 0.5,
# 0.75 and 0.9 eV; background and damping are those usual for doped indium oxide.
PLASMA_EV = 1.8
BACKGROUND = 4.0
DAMPING_EV = 0.08

# Permittivity around the particles: mean of vacuum above and silicon nitride (about 4) below, as if
# it were the same all around. It is what takes the dipole of a cube from 0.7 to 0.55 eV.
SURROUNDINGS = 2.5

# Above this wave number a bulk plasmon decays into single electrons (Landau damping): its energy
# over hbar times the Fermi velocity of 9e20 carriers per cm^3 with 0.4 electron masses.
BULK_CUTOFF_PER_NM = 1.5


def drude(energy_ev, plasma_ev=PLASMA_EV, damping_ev=DAMPING_EV, background=BACKGROUND):
    """Permittivity of the doped oxide.

    Parameters
    ----------
    energy_ev : array_like
        Photon or loss energies (eV), above zero.
    plasma_ev, damping_ev : float
        Unscreened plasma energy and damping (eV).
    background : float
        Permittivity of the bound electrons.

    Returns
    -------
    numpy.ndarray of complex
        background - plasma^2 / (E^2 + i damping E).
    """
    energy = np.asarray(energy_ev, float)
    return background - plasma_ev**2 / (energy**2 + 1j * damping_ev * energy)


def response(energy_ev, factors, surroundings=SURROUNDINGS, **drude_parameters):
    """How strongly modes respond: Im 1 / (x + n) / s with x = s / (permittivity - s).

    The surroundings s weaken the field of the electron.

    Parameters
    ----------
    energy_ev : array (E,)
    factors : array (K,)
        Depolarisation factors n: 1/3 for the dipole of a sphere, 1 for a bulk plasmon, where the
        answer is the loss function Im(-1 / permittivity).
    surroundings : float
        Permittivity around the particle.
    **drude_parameters
        As `drude` takes them.

    Returns
    -------
    numpy.ndarray (K, E)
    """
    x = surroundings / (drude(energy_ev, **drude_parameters) - surroundings)
    return (1 / (x[None, :] + np.asarray(factors, float)[:, None])).imag / surroundings


def resonance_ev(factor, plasma_ev=PLASMA_EV, background=BACKGROUND, surroundings=SURROUNDINGS):
    """Energy (eV) at which a mode of this depolarisation factor resonates, damping left aside."""
    return plasma_ev / np.sqrt(background + surroundings * (1 / np.asarray(factor, float) - 1))
