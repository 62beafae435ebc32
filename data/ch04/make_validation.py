"""Make validation.csv: the simulator against calculations that share no code with it.

``sphere``: an electron beside a sphere against the exact multipole sum of Ferrell and Echenique
(1985). ``dimer``: the lowest mode of two spheres against the exact multipole expansion to degree
40. ``cube polarisability``: static limit of a conductor for ever sharper edges against 3.6442 of
the ideal cube [Sihvola et al. 2004]. ``cube``, ``cubes``: one and two rounded cubes with an
electron beside them and in their gap against pyGDM2 (volume discretisation; needs
``pip install pyGDM2``, left out with a message where it is missing).

Peak energies in eV, peak heights per eV. Vacuum around the particles throughout. Ten
core-minutes, nearly all of them pyGDM2's; its results are kept in _build/plasmons:

    python data/ch04/make_validation.py
"""

from math import factorial, sqrt

import numpy as np
import pandas as pd
from scipy.linalg import eigvalsh
from scipy.special import kv

from helpers.plasmons import electron, particle, permittivity
from helpers.plasmons.arrays import ParticleArray
from helpers.plasmons.simulate import film_modes, loss_probability
from helpers.registry import ROOT

KEPT = ROOT / "_build" / "plasmons"
SIDE_NM, GAP_NM = 13.0, 2.5
ENERGY = np.arange(0.3, 1.1, 0.002)
VACUUM = {"surroundings": 1.0}


def row(case, what, ours, other, unit):
    """One line of the table."""
    return {"case": case, "quantity": what, "ours": ours, "other": other, "unit": unit}


def particles(places, power):
    """Particles of `SIDE_NM` at places (x, y)."""
    table = pd.DataFrame(places, columns=["x_nm", "y_nm"], dtype=float)
    return ParticleArray(table.assign(side_nm=SIDE_NM, angle_deg=0.0), (1, 1), 1.0, power)


def peak(energy, loss):
    """Energy and height of the largest loss, from a parabola through three points."""
    k = int(np.argmax(loss))
    a, b, c = np.polyfit(energy[k - 1 : k + 2] - energy[k], loss[k - 1 : k + 2], 2)
    return energy[k] - b / (2 * a), c - b**2 / (4 * a)


def sphere():
    """An electron beside a sphere, without relativity: the multipole sum to degree 20."""
    rows = []
    radius = SIDE_NM / 2
    array = particles([(0, 0)], 2.0)
    for distance in (7.5, 9.0, 20.0):
        beam = NotRelativistic()
        ours = loss_probability(array, ENERGY, [[distance, 0.0]], beam, **VACUUM)[0]
        q = beam.per_nm(ENERGY)
        eps = permittivity.drude(ENERGY)
        total = np.zeros(len(ENERGY))
        for n in range(1, 21):
            strength = (n * (eps - 1) / (n * eps + n + 1)).imag * (q * radius) ** (2 * n)
            for m in range(n + 1):
                twice = 1 if m == 0 else 2
                weight = twice / factorial(n - m) / factorial(n + m)
                total += weight * kv(m, q * distance) ** 2 * strength
        total *= 4 * radius * electron.FINE_STRUCTURE
        total /= np.pi * electron.HBAR_C_EV_NM * beam.beta**2
        case = f"sphere, electron at {distance:g} nm"
        (e1, h1), (e2, h2) = peak(ENERGY, ours), peak(ENERGY, total)
        rows += [row(case, "peak", e1, e2, "eV"), row(case, "height", h1, h2, "1/eV")]
    return rows


class NotRelativistic(electron.Beam):
    """Electrons with the speed of 60 kV whose field is not contracted."""

    @property
    def beta(self):
        """Speed over that of light."""
        return electron.Beam().beta

    @property
    def gamma(self):
        """Contraction left out."""
        return 1.0


def dimer():
    """Lowest modes of two spheres, along and across their axis."""
    rows = []
    for gap in (2.5, 1.5):
        distance = SIDE_NM + gap
        ratio = SIDE_NM / 2 / distance
        array = particles([(0, 0), (distance, 0)], 2.0)
        lowest = film_modes(array)[True].factors[:1]
        degree = 40
        matrix = np.zeros((degree, degree))
        for a in range(1, degree + 1):
            for b in range(1, degree + 1):
                shape = sqrt(a * b / (2 * a + 1) / (2 * b + 1)) * ratio ** (a + b + 1)
                matrix[a - 1, b - 1] = -shape * (
                    factorial(a + b) / (factorial(a) * factorial(b))
                ) + (a / (2 * a + 1)) * (a == b)
        exact = eigvalsh(matrix)[0]
        both = [permittivity.resonance_ev(n, surroundings=1.0) for n in (lowest[0], exact)]
        case = f"dimer of spheres, gap {gap:g} nm"
        rows += [row(case, "lowest factor", lowest[0], exact, ""), row(case, "peak", *both, "eV")]
    return rows


def polarisability():
    """Conducting cubes: ours at a power, and the ideal cube."""
    rows = []
    for power in (8.0, 16.0, 32.0):
        found = particle.modes(power, 9, 24)
        value = particle.polarisability(found, np.inf)
        rows.append(row(f"conductor, power {power:g}", "polarisability", value, 3.6442, ""))
    return rows


def cubes():
    """One and two rounded cubes against pyGDM2."""
    try:
        import pyGDM2  # noqa: F401
    except ImportError:
        print("pyGDM2 is not installed: the cubes are left out")
        return []
    coarse = np.arange(0.5, 0.91, 0.025)
    rows = []
    for case, places, beam_at in (
        ("cube", [(0, 0)], (8.5, 8.5)),
        ("cube", [(0, 0)], (8.5, 0.0)),
        ("cubes", [(0, 0), (SIDE_NM + GAP_NM, 0)], ((SIDE_NM + GAP_NM) / 2, 4.0)),
        ("cubes", [(0, 0), (SIDE_NM + GAP_NM, 0)], (-8.5, 0.0)),
    ):
        array = particles(places, particle.POWER)
        ours = loss_probability(array, coarse, [beam_at], **VACUUM)[0]
        other = volume_method(places, beam_at, coarse)
        (e1, h1), (e2, h2) = peak(coarse, ours), peak(coarse, other)
        name = f"{case}, electron at ({beam_at[0]:g}, {beam_at[1]:g}) nm"
        rows += [row(name, "peak", e1, e2, "eV"), row(name, "height", h1, h2, "1/eV")]
        spread = np.sqrt(np.mean((ours - other) ** 2)) / other.max()
        rows.append(row(name, "rms difference over height", spread, 0.0, ""))
        print(rows[-3:], flush=True)
    return rows


def volume_method(places, beam_at, energies):
    """Loss per eV by pyGDM2; kept, so that a second run is quick."""
    from pyGDM2 import core, fields, propagators, structures
    from pyGDM2 import electron as gdm_electron

    cells = 11  # along an edge
    name = f"gdm_{len(places)}_{beam_at[0]:g}_{beam_at[1]:g}_{cells}.npy"
    if (KEPT / name).exists():
        return np.load(KEPT / name)
    step = SIDE_NM / cells
    axis = (np.arange(cells) - (cells - 1) / 2) * step
    block = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    inside = (np.abs(2 * block / SIDE_NM) ** particle.POWER).sum(1) <= 1
    geometry = np.concatenate([block[inside] + [x, y, 0] for x, y in places])
    wavelengths = 1239.841984 / energies
    geometry[:, 2] += SIDE_NM / 2  # above the plane z = 0, with vacuum on both sides of it
    struct = structures.struct(step, geometry, _Material(), verbose=False)
    field = fields.efield(
        fields.fast_electron,
        wavelengths=wavelengths,
        kwargs={
            "electron_kinetic_energy": [60.0], "x0": [beam_at[0]], "y0": [beam_at[1]],
            "avoid_div_lim_distance": [1.0],  # by default the field stops growing at 10 nm
        },
    )  # fmt: skip
    sim = core.simulation(struct, field, dyads=propagators.DyadsQuasistatic123(n1=1, n2=1))
    sim.scatter(verbose=False)
    loss = [gdm_electron.EELS(sim, k) for k in range(len(wavelengths))]
    values = np.array([np.ravel(one)[-1] for one in loss], float)
    KEPT.mkdir(parents=True, exist_ok=True)
    np.save(KEPT / name, values)
    return values


class _Material:
    """Drude's permittivity in the form that pyGDM2 asks for (wavelengths in nm)."""

    __name__ = "doped oxide"

    def epsilon(self, wavelength):
        """Permittivity at a wavelength."""
        return complex(permittivity.drude(1239.841984 / wavelength))


def main():
    """Write validation.csv."""
    table = pd.DataFrame([*polarisability(), *sphere(), *dimer(), *cubes()])
    table["difference"] = table.ours - table.other
    table.round(5).to_csv(ROOT / "data" / "ch04" / "validation.csv", index=False)
    print(table.to_string())


if __name__ == "__main__":
    main()
