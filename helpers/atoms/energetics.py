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

BOLTZMANN = 8.617333e-5  # eV/K
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


def pair_energy(pair, sheet, first, second):
    """Energy of two sites in one sheet against the same two in sheets of their own, eV."""
    return pair + sheet - first - second


def dimer_formation_energy(dimer, empty, single):
    """Energy of two metal atoms in one site against one each in two sites, eV (Fig. 4a).

    ``E(M2/site) + E(site) - 2 E(M/site)``: positive when isolated centres are preferred.
    """
    return dimer + empty - 2 * single


def boltzmann(energies, temperature_k, weights=None):
    """Shares of states by energy, adding up to 1.

    Parameters
    ----------
    energies : array_like
        In eV.
    temperature_k : float
        Temperature at which the states were populated.
    weights : array_like, optional
        How many equal states each energy stands for.

    Returns
    -------
    ndarray
    """
    energies = np.asarray(energies, float)
    factors = np.exp(-(energies - energies.min()) / (BOLTZMANN * temperature_k))
    factors = factors * (1 if weights is None else np.asarray(weights, float))
    return factors / factors.sum()


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


def relative_to_farthest(table):
    """Energies against the arrangement with the largest separation, eV (Fig. 4b).

    Arrangements whose periodic images are hardly farther than the pair itself (0.5 A) are no
    reference; of several at one separation that with the farthest images is.
    """
    apart = table[table.image_A > table.separation_A + 0.5]
    return table.energy_eV - apart.sort_values(["separation_A", "image_A"]).energy_eV.iloc[-1]


def interactions(table, kinds, first, second, **wanted):
    """E_int of two metals against the separation of their sites (Eqs. 1-5, S35, S40).

    Parameters
    ----------
    table : DataFrame
        From :func:`read_energies`.
    kinds : str
        "4N-4N" (Eq. 1), "3N-3N" (Eq. 2) or "3N-4N" (Eqs. 3 to 5).
    first, second : str
        Elements in the first and the second site.
    **wanted
        As for :func:`select`, for example ``relaxed=False, cell="6x4"``.

    Returns
    -------
    DataFrame
        ``arrangement``, ``separation_A``, ``image_A``, ``e_int_eV``; arrangements of which one of
        the energies is missing are left out.
    """
    chosen = select(table, kinds=kinds, start="", **wanted)
    energies = {
        filling: rows.set_index("arrangement").energy_eV
        for filling, rows in chosen.groupby("metals")
    }
    empty, same = "-|-", kinds.split("-")[0] == kinds.split("-")[1]
    alone = [f"{first}|-", f"{second}|-" if same else f"-|{second}"]
    needed = [f"{first}|{second}", empty, *alone]
    if not all(filling in energies for filling in needed):
        return pd.DataFrame(columns=["arrangement", "separation_A", "image_A", "e_int_eV"])
    e_int = interaction_energy(*[energies[filling] for filling in needed]).rename("e_int_eV")
    places = chosen[chosen.metals == empty][["arrangement", "separation_A", "image_A"]]
    return places.merge(e_int.dropna().reset_index(), on="arrangement")


def dimers(table, cell="6x4"):
    """Formation energy and bond length of metal dimers per site and element (Fig. 4a, S27).

    Returns
    -------
    DataFrame
        ``kind``, ``metal``, ``start`` (the geometry of lowest energy of those tried),
        ``formation_eV`` (see :func:`dimer_formation_energy`) and ``metal_distance_A``.
    """
    chosen = select(table, relaxed=True, cell=cell, arrangement="")
    plain = chosen[chosen.start == ""].set_index(["kinds", "metals"]).energy_eV
    found = []
    pairs = chosen[chosen.metals.str.endswith("2")]
    for (kind, metals), rows in pairs.groupby(["kinds", "metals"]):
        best, metal = rows.loc[rows.energy_eV.idxmin()], metals[:-1]
        if (kind, metal) in plain.index and (kind, "") in plain.index:
            formed = dimer_formation_energy(best.energy_eV, plain[kind, ""], plain[kind, metal])
            found.append((kind, metal, best.start, formed, best.metal_distance_A))
    return pd.DataFrame(
        found, columns=["kind", "metal", "start", "formation_eV", "metal_distance_A"]
    )


def population(table, temperature_k=PYROLYSIS_K):
    """Populations of separations that the energies imply, for the energy-weighted model (S37).

    Parameters
    ----------
    table : DataFrame
        From :func:`select`, one row per arrangement.
    temperature_k : float
        At which the sites formed.

    Returns
    -------
    DataFrame
        ``separation_nm``, ``enhancement`` (how much more often than by chance; its mean over the
        pairs of the table is 1) and ``share`` of the pairs, one row per separation.
    """
    weights = table.equivalents.to_numpy(float)
    frame = pd.DataFrame(
        {
            "separation_nm": table.separation_A.to_numpy() / 10,
            "share": boltzmann(table.energy_eV, temperature_k, weights),
            "by_chance": weights / weights.sum(),
        }
    )
    frame = frame.groupby("separation_nm", as_index=False).sum()
    frame["enhancement"] = frame.share / frame.by_chance
    return frame[["separation_nm", "enhancement", "share"]]


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
