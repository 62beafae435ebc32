"""The electron probe of a dark-field STEM, in and out of focus.

Everything is in nm and 1/nm. The probe has no aberration but defocus, as in a corrected
microscope whose aperture is chosen inside the flat part of the phase plate.
"""

import numpy as np

# Rest energy of the electron in keV and h*c in keV nm (CODATA 2018).
_REST_KEV, _HC_KEV_NM = 510.99895, 1.2398419843


def wavelength_nm(voltage_kv):
    """Relativistic electron wavelength (nm): 0.00487 at 60 kV, 0.00251 at 200 kV."""
    return _HC_KEV_NM / np.sqrt(voltage_kv * (voltage_kv + 2 * _REST_KEV))


def probe_transfer(frequency, defocus_nm, voltage_kv, convergence_mrad):
    """Transfer function of incoherent imaging with a round aperture out of focus.

    The Fourier transform of the probe intensity is the autocorrelation of the aperture function
    exp(i pi lambda z k^2) on k < a = alpha / lambda. For two discs a distance q apart the phase
    differs by 2 pi lambda z q u, u being the position along q, which leaves one integral over u.

    Parameters
    ----------
    frequency : array_like
        Spatial frequencies (1/nm), any shape.
    defocus_nm : float
        Distance of the scatterer from the focal plane (nm); the sign does not matter.
    voltage_kv, convergence_mrad : float
        Acceleration voltage and probe semi-angle.

    Returns
    -------
    numpy.ndarray
        Real transfer, 1 at zero frequency and 0 from 2 a on, shape of `frequency`.
    """
    wavelength = wavelength_nm(voltage_kv)
    radius = convergence_mrad * 1e-3 / wavelength
    q = np.linspace(0, 2 * radius, 257)[:, None]
    u = np.linspace(0, 1, 513) * (radius - q / 2)
    chord = np.sqrt(np.clip(radius**2 - (u + q / 2) ** 2, 0, None))
    wave = np.cos(2 * np.pi * wavelength * defocus_nm * q * u)
    transfer = 4 / (np.pi * radius**2) * np.trapezoid(chord * wave, u, axis=1)
    return np.interp(frequency, q[:, 0], transfer / transfer[0], right=0.0)
