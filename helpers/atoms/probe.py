"""The electron probe of a dark-field STEM and how strongly one atom scatters it.

Everything is in nm and 1/nm. The probe has no aberration but defocus, as in a corrected
microscope whose aperture is chosen inside the flat part of the phase plate.
"""

import functools
import json

import numpy as np

from helpers.data import ROOT

CROSS_SECTIONS = ROOT / "data" / "ch01" / "cross_sections.json"

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


def cross_section_nm2(element, voltage_kv, convergence_mrad, inner_mrad, outer_mrad):
    """Integrated dark-field cross-section (nm^2) of one atom, from the multislice table.

    The table is made by ``data/ch01/make_cross_sections.py``.

    Raises
    ------
    ValueError
        The element or the setting of voltage and detector is not in the table.
    """
    wanted = (voltage_kv, inner_mrad, outer_mrad)
    for setting in _table():
        # The probe angle only decides how the electrons are spread: 33 and 30.5 mrad are served
        # by the 32 mrad entry.
        near = abs(setting["convergence_mrad"] - convergence_mrad) <= 3
        if near and wanted == (
            setting["voltage_kv"], setting["inner_mrad"], setting["outer_mrad"]
        ):  # fmt: skip
            if element not in setting["cross_section_nm2"]:
                raise ValueError(
                    f"No cross-section for element {element!r}: the table has "
                    f"{', '.join(setting['cross_section_nm2'])}; add it in "
                    "data/ch01/make_cross_sections.py."
                )
            return setting["cross_section_nm2"][element]
    known = "; ".join(
        f"{s['voltage_kv']} kV, {s['convergence_mrad']:g} mrad,"
        f" {s['inner_mrad']}-{s['outer_mrad']} mrad"
        for s in _table()
    )
    raise ValueError(
        f"No cross-sections for {voltage_kv} kV, {convergence_mrad} mrad, detector "
        f"{inner_mrad}-{outer_mrad} mrad: the table has {known}; add the setting in "
        "data/ch01/make_cross_sections.py."
    )


@functools.cache
def _table():
    return json.loads(CROSS_SECTIONS.read_text())["settings"]
