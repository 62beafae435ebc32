"""What the energies of sites and metal centres mean: Eqs. 1 to 5 and Fig. 4 of Rossi et al. 2024.

The energies themselves come from :mod:`helpers.atoms.tight_binding`; the committed table
`data/ch02/energies.csv` holds those that take too long for a chapter. All are simulated, with a
semi-empirical method in place of the paper's PBE-D3.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.atoms.tight_binding import ELECTRONS_K, METHOD
from helpers.registry import ROOT, DataError

PYROLYSIS_K = 1173.0  # carriers from ZIF-8 are carbonised near 900 degrees C; an assumption
ENERGIES = ROOT / "data" / "ch02" / "energies.csv"
COLUMNS = (
    "id",
    "kinds",
    "arrangement",
    "separation_A",
    "equivalents",
    "image_A",
    "metals",
    "start",
    "cell",
    "method",
    "electrons_K",
    "unpaired",
    "relaxed",
    "energy_eV",
)


def interaction_energy(both, neither, first_only, second_only):
    """How two metal centres in neighbouring sites feel each other, eV (Eqs. 1-5).

    ``E(M/site - M/site) + E(site - site) - E(M/site - site) - E(site - M/site)``; for two equal
    sites the last two are the same number (Eqs. 1 and 2), for a 3N and a 4N site they are not
    (Eq. 3), and with two elements the order of the elements matters too (Eqs. 4 and 5). Negative:
    the second metal binds better beside the first than alone.
    """
    return both + neither - first_only - second_only


def dimer_formation_energy(dimer, empty, single):
    """Energy of two metal atoms in one site against one each in two sites, eV (Fig. 4a).

    ``E(M2/site) + E(site) - 2 E(M/site)``: positive when isolated centres are preferred.
    """
    return dimer + empty - 2 * single


# The committed table


def read_energies(path=ENERGIES):
    """Table of computed energies, one row per calculation (simulated).

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    DataFrame
        Among its columns: ``kinds`` ("3N-4N"), ``arrangement`` ("4.92b"), ``separation_A``,
        ``equivalents``, ``metals`` ("Ni|-": Ni in the first of two sites), ``cell`` ("6x4"),
        ``method``, ``electrons_K``, ``unpaired``, ``spin_polarised``, ``relaxed``, ``energy_eV``
        (missing where the electrons did not converge), ``nitrogen_charge_e`` (mean over the
        seed's), ``carbons_between``.

    Raises
    ------
    helpers.data.DataError
        When the file is missing, lacks a column or names a calculation twice.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; data/ch02/make_energetics.py makes it")
    table = pd.read_csv(path)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise DataError(f"{path.name} lacks {', '.join(missing)}; is it a table of energies?")
    twice = table.id[table.id.duplicated()].unique()
    if len(twice):
        raise DataError(f"{path.name} has {twice[0]!r} twice; every calculation is one row")
    words = ["kinds", "arrangement", "metals", "start"]
    return table.astype(dict.fromkeys(words, object)).fillna(dict.fromkeys(words, ""))


def select(table, **wanted):
    """Rows with given values, converged; per configuration the spin state of lowest energy.

    Parameters
    ----------
    table : DataFrame
        From :func:`read_energies`.
    **wanted
        Values of columns, for example ``kinds="4N-4N", metals="-|-", relaxed=True``. Method and
        temperature of the electrons are the usual ones when not named.

    Returns
    -------
    DataFrame
        Sorted by separation.
    """
    table = table[table.energy_eV.notna()]
    for column, value in ({"method": METHOD, "electrons_K": ELECTRONS_K} | wanted).items():
        table = table[table[column] == value]
    state = ["kinds", "arrangement", "metals", "start", "cell", "relaxed"]
    lowest = table.sort_values("energy_eV").drop_duplicates(state)
    return lowest.sort_values(["separation_A", "arrangement"]).reset_index(drop=True)


def settled(table, **wanted):
    """Rows of relaxed structures; per structure the start and spin state of lowest energy.

    Spin states are single points at the relaxed geometry ("relaxed" in ``start``). With another
    ``method`` or ``electrons_K`` than the usual, so are all energies.

    Parameters
    ----------
    table : DataFrame
        From :func:`read_energies`.
    **wanted
        As for :func:`select`, for example ``kinds="3N-3N", metals="-|-", cell="9x6"``.

    Returns
    -------
    DataFrame
        Sorted by separation.
    """
    table = table[table.relaxed | table.start.str.startswith("relaxed")]
    chosen = select(table, **wanted).sort_values("energy_eV")
    lowest = chosen.drop_duplicates(["kinds", "arrangement", "metals", "cell"])
    return lowest.sort_values(["separation_A", "arrangement"]).reset_index(drop=True)


def relative_to_farthest(table):
    """Energies against the arrangement with the largest separation, eV (Fig. 4b).

    Arrangements whose periodic images are hardly farther than the pair itself (0.5 A) are no
    reference; of several at one separation that with the farthest images is.
    """
    apart = table[table.image_A > table.separation_A + 0.5]
    return table.energy_eV - apart.sort_values(["separation_A", "image_A"]).energy_eV.iloc[-1]


def pair_curves(table, cell):
    """Energies of two bare sites against the farthest arrangement, relaxed (Fig. 4b).

    Returns
    -------
    dict of str to DataFrame
        "4N-4N", "3N-3N" and "3N-4N" to rows as of :func:`settled`, with ``relative_eV``.
    """
    curves = {}
    for kinds in ("4N-4N", "3N-3N", "3N-4N"):
        rows = settled(table, kinds=kinds, metals="-|-", cell=cell)
        curves[kinds] = rows.assign(relative_eV=relative_to_farthest(rows))
    return curves


def for_model(curve):
    """Energies as the energy-weighted model of :mod:`helpers.atoms.processes` takes them (S37).

    Parameters
    ----------
    curve : DataFrame
        ``separation_A``, ``relative_eV`` and ``equivalents``, one row per arrangement.

    Returns
    -------
    DataFrame
        ``distance_nm`` and ``energy_ev``; an arrangement is there once for each direction in which
        the sheet offers it, so that the mean over a distance is one over places.
    """
    rows = curve.loc[curve.index.repeat(curve.equivalents.astype(int))].reset_index()
    return pd.DataFrame({"distance_nm": rows.separation_A / 10, "energy_ev": rows.relative_eV})


def read_geometry(identifier, path=None):
    """Elements and relaxed positions of a row of the table.

    Parameters
    ----------
    identifier : str
        Its ``id``.
    path : str or pathlib.Path, optional

    Returns
    -------
    ndarray of int, shape (N,), and ndarray, shape (N, 3)
        Atomic numbers, and positions in A (stored to 0.001 A); the sheet started at z = 0.
    """
    path = Path(path or ENERGIES.with_name("energies_geometries.npz"))
    with np.load(path) as saved:
        if identifier not in saved:
            raise DataError(f"{path.name} has no {identifier!r}; only relaxed structures are kept")
        atoms = saved[identifier]
    return atoms[:, 0].astype(int), atoms[:, 1:] / 1000
