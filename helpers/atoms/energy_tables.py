"""Tables on sites, metal centres and dimers from the committed energies (chapter 2, Fig. 4).

Neighbouring centres (Eqs. 1 to 5), dimers, and how far the minimum of Fig. 4b depends on method and
spin. Everything is simulated.
"""

import numpy as np
import pandas as pd

from helpers.atoms.energetics import (
    dimer_formation_energy,
    interaction_energy,
    read_geometry,
    relative_to_farthest,
    select,
    settled,
)
from helpers.atoms.tight_binding import ELECTRONS_K, METHOD

# Kinds of pairs, and what is in the first and in the second site.
FILLINGS = {
    "4N-4N": [(metal, metal) for metal in ("Ni", "Pd", "Pt", "Ru", "NiCl2", "PdCl2", "PtCl2")],
    "3N-3N": [("Ni", "Ni"), ("Pd", "Pd"), ("Pt", "Pt")],
    "3N-4N": [("Ni", "Ni"), ("Pd", "Pd"), ("Pt", "Pt"), ("Ni", "Pd"), ("Pd", "Ni")],
}
# How energies of bare sites were computed.
WAYS = {
    "small sheet, as built": {},
    "the same, electrons at 500 K": {"electrons_K": 500.0},
    "the same, GFN2-xTB": {"method": "GFN2-xTB"},
    "the same, spin-polarised": {"spin_polarised": True},
    "small sheet, relaxed": {"relaxed": True},
    "paper's sheet, as built": {"cell": "9x6"},
    "paper's sheet, relaxed": {"cell": "9x6", "relaxed": True},
}
AS_BUILT = {"cell": "6x4", "relaxed": False, "start": ""}


def interactions(table, kinds, first, second, cell="6x4"):
    """E_int of two metals against the separation of their sites, relaxed (Eqs. 1-5, S35, S40).

    Parameters
    ----------
    table : DataFrame
        From :func:`read_energies`.
    kinds : str
        "4N-4N" (Eq. 1), "3N-3N" (Eq. 2) or "3N-4N" (Eqs. 3 to 5).
    first, second : str
        Elements in the first and the second site.
    cell : str
        Sheet, "6x4" or the paper's "9x6".

    Returns
    -------
    DataFrame
        ``arrangement``, ``separation_A``, ``image_A``, ``e_int_eV`` and the energies of bare,
        half and wholly filled sites against the farthest arrangement (missing with only one):
        ``bare_eV``, ``one_filled_eV`` (the first site), ``both_filled_eV``. Arrangements of which
        one of the energies is missing are left out.
    """
    chosen = settled(table, kinds=kinds, cell=cell)
    energies = {
        filling: rows.set_index("arrangement").energy_eV
        for filling, rows in chosen.groupby("metals")
    }
    empty, same = "-|-", kinds.split("-")[0] == kinds.split("-")[1]
    alone = [f"{first}|-", f"{second}|-" if same else f"-|{second}"]
    needed = [f"{first}|{second}", empty, *alone]
    columns = ["e_int_eV", "bare_eV", "one_filled_eV", "both_filled_eV"]
    if not all(filling in energies for filling in needed):
        return pd.DataFrame(columns=["arrangement", "separation_A", "image_A", *columns])
    both, bare, one, two = (energies[filling] for filling in needed)
    found = pd.DataFrame(
        {
            "e_int_eV": interaction_energy(both, bare, one, two),
            "bare_eV": bare, "one_filled_eV": one, "both_filled_eV": both,
        }
    ).dropna()  # fmt: skip
    places = chosen[chosen.metals == empty][["arrangement", "separation_A", "image_A"]]
    found = places.merge(found.reset_index(), on="arrangement")
    found[columns[1:]] -= found[columns[1:]].iloc[-1] if len(found) > 1 else np.nan
    return found


def near_against_far(table, cell="6x4"):
    """What metals, or their chlorides, do to the preference for the near arrangement.

    Returns
    -------
    DataFrame
        One row per kind of pair and filling: ``kinds``, ``first``, ``second``, then the columns of
        :func:`interactions` for the shortest separation; its energies are against the longest.
    """
    found = []
    for kinds, fillings in FILLINGS.items():
        for first, second in fillings:
            curve = interactions(table, kinds, first, second, cell)
            if len(curve):
                found.append({"kinds": kinds, "first": first, "second": second, **curve.iloc[0]})
    return pd.DataFrame(found)


def robustness(table):
    """The minimum of the energies of bare sites, computed in several ways.

    Parameters
    ----------
    table : DataFrame
        From :func:`read_energies`.

    Returns
    -------
    DataFrame
        One row per kind of pair and way: ``kinds``, ``way``, ``arrangements``, ``lowest_at_A``,
        ``lowest_eV`` and ``next_eV``, the second lowest (against the farthest), ``bonded_eV``, the
        least with an N-N bond.
    """
    found = []
    for kinds in ("4N-4N", "3N-3N", "3N-4N"):
        for way, wanted in WAYS.items():
            rows = select(table, kinds=kinds, metals="-|-", **(AS_BUILT | wanted))
            if len(rows) < 8:  # a few arrangements show no minimum
                continue
            energies = relative_to_farthest(rows)
            lowest = rows.loc[energies.idxmin()]
            found.append(
                {
                    "kinds": kinds,
                    "way": way,
                    "arrangements": len(rows),
                    "lowest_at_A": lowest.separation_A,
                    "lowest_eV": energies.min(),
                    "next_eV": energies.nsmallest(2).iloc[-1],
                    "bonded_eV": energies[rows.carbons_between == 0].min(),
                }
            )
    return pd.DataFrame(found)


def spin_states(table, cell="6x4"):
    """How far the spin states of a structure lie apart, all at one geometry.

    Returns
    -------
    DataFrame
        One row per ``kinds``, ``arrangement``, ``metals`` and ``start`` (as built, or relaxed):
        ``unpaired`` electrons of the lowest state, ``next_eV`` (how much higher the next one lies)
        and ``polarisation_eV`` (what letting the spins have orbitals of their own changes; missing
        where that was not computed).
    """
    names = ["kinds", "arrangement", "metals", "start"]
    usual = (table.cell == cell) & (table.method == METHOD) & (table.electrons_K == ELECTRONS_K)
    table = table[usual & table.energy_eV.notna()]
    plain = table[~table.spin_polarised]
    again = "relaxed " + plain.start.where(plain.relaxed)
    plain = plain.assign(start=again.str.strip().fillna(plain.start))
    plain = plain.set_index(names).energy_eV
    found = []
    for key, rows in table[table.spin_polarised].groupby(names):
        lowest, *others = rows.sort_values("energy_eV").itertuples()
        if others:
            gap = others[0].energy_eV - lowest.energy_eV
            change = lowest.energy_eV - plain.get(key, np.nan)
            found.append((*key, lowest.unpaired, gap, change))
    return pd.DataFrame(found, columns=[*names, "unpaired", "next_eV", "polarisation_eV"])


def dimers(table, cell="6x4"):
    """Formation energies and bond lengths of metal dimers by site and element (Fig. 4a, S27, S32).

    Returns
    -------
    DataFrame
        ``kind``, ``metal``, ``start`` (the geometry of lowest energy of those tried),
        ``unpaired`` electrons of the dimer, ``formation_eV`` (see
        :func:`dimer_formation_energy`), ``from_gas_eV`` (from an empty site and two atoms of
        metal vapour), ``metal_distance_A`` and ``projected_A``, the same seen from above.
    """
    atoms = select(table, kinds="gas").set_index("metals").energy_eV
    chosen = settled(table, cell=cell, arrangement="").set_index(["kinds", "metals"]).sort_index()
    geometries = table[table.relaxed].set_index(["kinds", "metals", "start", "cell"]).id
    found = []
    for (kind, metals), dimer in chosen.iterrows():
        metal = metals.removesuffix("2")
        if metal == metals or (kind, "") not in chosen.index or (kind, metal) not in chosen.index:
            continue
        empty, single = chosen.energy_eV[kind, ""], chosen.energy_eV[kind, metal]
        start = dimer.start.removeprefix("relaxed").strip()
        ends = read_geometry(geometries[kind, metals, start, cell])[1][-2:, :2]
        found.append(
            {
                "kind": kind,
                "metal": metal,
                "start": start,
                "unpaired": dimer.unpaired,
                "formation_eV": dimer_formation_energy(dimer.energy_eV, empty, single),
                "from_gas_eV": dimer.energy_eV - empty - 2 * atoms.get(metal, np.nan),
                "metal_distance_A": dimer.metal_distance_A,
                "projected_A": np.linalg.norm(ends[1] - ends[0]),
            }
        )
    return pd.DataFrame(found)


def metal_numbers(dimers, near):
    """What the chapter's text quotes of the two tables on metals.

    Parameters
    ----------
    dimers, near : DataFrame
        From :func:`dimers` and :func:`near_against_far`.

    Returns
    -------
    dict of str to float
        Energies in eV, lengths in A; ``one_...``, ``both_...``: near against far with metal in one
        or both 4N sites; ``salt_...``: both filled, with chlorides; ``trigonal_...``: pairs with a
        3N site.
    """
    square = near[near.kinds == "4N-4N"]
    salt = square["first"].str.endswith("Cl2")
    mixed = near[(near.kinds == "3N-4N") & (near["first"] != "Pt")]
    in_square = dimers[dimers.kind == "4N"].formation_eV
    ranges = {
        "one": square[~salt].one_filled_eV,
        "both": square[~salt].both_filled_eV,
        "salt": square[salt].both_filled_eV,
        "repulsion": square[~salt].e_int_eV,
        "trigonal": near[near.kinds != "4N-4N"].e_int_eV,
        "trigonal_both": near[near.kinds != "4N-4N"].both_filled_eV,
        "square_dimer": in_square,
        "bond": dimers.metal_distance_A,
        "from_gas": -dimers.from_gas_eV,
    }
    numbers = {f"{name}_low": float(values.min()) for name, values in ranges.items()}
    numbers |= {f"{name}_high": float(values.max()) for name, values in ranges.items()}
    return numbers | {
        "ni_pd_spread": float(np.ptp(mixed.e_int_eV)),
        "dimers": len(dimers),
        "dimers_favourable": int((dimers.formation_eV < 0).sum()),
        "dimers_upright": int((dimers.projected_A < dimers.metal_distance_A / 2).sum()),
        "dimer_bond": float(dimers.metal_distance_A.median()),
        "dimer_shift": float((dimers.metal_distance_A - dimers.projected_A).median()),
    }
