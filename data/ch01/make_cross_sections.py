"""Integrated dark-field cross-sections of single atoms, for the AC-STEM generator.

Multislice with abTEM: a probe without aberrations steps away from one atom, and the intensity on
the annular detector is integrated over the area around the atom,

    sigma = integral of 2 pi r I(r) dr,

which is the number of electrons that a raster scan collects from the atom for one electron per
unit area. It depends on the element, the voltage and the detector, not on focus or source size,
which only spread the same electrons over more pixels.

Run from the repository root (needs the `simulate` extra); about 20 s on one core:

    python data/ch01/make_cross_sections.py
"""

import json
import math
from pathlib import Path

import abtem
import dask
import numpy as np
from abtem.core.energy import energy2wavelength, relativistic_mass_correction
from abtem.parametrizations import KirklandParametrization
from ase import Atoms

ELEMENTS = ("C", "N", "Fe", "Ni", "Rh", "Pd", "Pt")
# (kV, probe semi-angle, detector inner and outer angle in mrad): Mitchell 2022 (Materials and
# Methods), then the two ultra-high-density settings used later in the book.
SETTINGS = ((60, 32.0, 90, 185), (80, 30.0, 80, 280), (200, 30.0, 80, 280))
BOX_ANGSTROM = 12.0
REACH_ANGSTROM = 3.0  # the signal is below 1e-4 of its peak beyond this distance
STEPS = 61
OUT = Path(__file__).with_name("cross_sections.json")


def cross_section(element, voltage_kv, convergence_mrad, inner_mrad, outer_mrad):
    """Cross-section in nm^2 and the fraction of the beam collected when it hits the atom."""
    wavelength = energy2wavelength(voltage_kv * 1e3)
    # abTEM keeps spatial frequencies below two thirds of Nyquist: sample finely enough that the
    # outer edge of the detector lies inside. An even number of points puts the atom exactly on a
    # grid point; between points the scattering to high angles comes out up to 20 % wrong.
    sampling = 0.75 * (2 / 3) / (2 * outer_mrad * 1e-3 / wavelength)
    points = 2 * math.ceil(BOX_ANGSTROM / sampling / 2)
    centre = BOX_ANGSTROM / 2
    atom = Atoms([element], [[centre, centre, 1.5]], cell=[BOX_ANGSTROM, BOX_ANGSTROM, 3])
    potential = abtem.Potential(
        atom, gpts=points, slice_thickness=3, parametrization="kirkland", projection="infinite"
    )
    probe = abtem.Probe(energy=voltage_kv * 1e3, semiangle_cutoff=convergence_mrad)
    probe.grid.match(potential)
    line = abtem.LineScan(
        start=(centre, centre),
        end=(centre + REACH_ANGSTROM, centre),
        gpts=STEPS,
        endpoint=True,
    )
    detector = abtem.AnnularDetector(inner_mrad, outer_mrad)
    signal = probe.scan(potential, scan=line, detectors=detector).compute(progress_bar=False).array
    radius = np.linspace(0, REACH_ANGSTROM, STEPS)
    area = 2 * np.pi * np.trapezoid(signal * radius, radius)
    return float(area) / 100, float(signal[0])  # A^2 -> nm^2


def born_cross_section(element, voltage_kv, inner_mrad, outer_mrad):
    """First-order scattering (nm^2) of a plane wave: a check that holds for light atoms."""
    wavelength = energy2wavelength(voltage_kv * 1e3)
    factor = KirklandParametrization().scattering_factor(element)
    angle = np.linspace(inner_mrad, outer_mrad, 500) * 1e-3
    amplitude = relativistic_mass_correction(voltage_kv * 1e3) * factor((angle / wavelength) ** 2)
    return float(np.trapezoid(amplitude**2 * 2 * np.pi * angle, angle)) / 100


def main():
    """Compute every setting and write the table."""
    abtem.config.set({"device": "cpu", "precision": "float32"})
    dask.config.set(scheduler="synchronous")
    settings = []
    for voltage, convergence, inner, outer in SETTINGS:
        values = {e: cross_section(e, voltage, convergence, inner, outer) for e in ELEMENTS}
        settings.append(
            {
                "voltage_kv": voltage,
                "convergence_mrad": convergence,
                "inner_mrad": inner,
                "outer_mrad": outer,
                "cross_section_nm2": {e: float(f"{v[0]:.4g}") for e, v in values.items()},
                "peak_fraction": {e: float(f"{v[1]:.4g}") for e, v in values.items()},
                "born_carbon_nm2": float(f"{born_cross_section('C', voltage, inner, outer):.4g}"),
            }
        )
        print(voltage, "kV", settings[-1]["cross_section_nm2"])
    table = {
        "method": f"abTEM {abtem.__version__} multislice, Kirkland potentials, no aberrations",
        "made_by": "data/ch01/make_cross_sections.py",
        "settings": settings,
    }
    OUT.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
