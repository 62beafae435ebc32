"""Measured picocavities that Poppe et al. made public: 56 events, and a list of scans.

The events lie in a pickle, a format that can run programs when it is read. Here nothing in it can:
only arrays and numbers of numpy are rebuilt, and every other class becomes an empty shell that
holds its fields.
"""

import pickle
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd

from helpers.registry import DataError, fetch

DATA = "picocavity-events"
TITLES = {  # as in the list, and as in `helpers.picocavities.varieties`
    "Au NP on Au mirror": "Au-Au",
    "Au NP on 1ML Pd mirror": "Au-Pd/Au",
    "Au_Pd NP on Au mirror": "Au@Pd-Au",
}
_NUMPY = {"_reconstruct", "scalar", "ndarray", "dtype", "str_"}


class _Shells(pickle.Unpickler):
    """Unpickler that knows arrays and numbers of numpy, and empty shells."""

    def find_class(self, module, name):
        if module.split(".")[0] == "numpy":
            if name not in _NUMPY:
                raise DataError(f"The pickle asks for numpy's {name}: this is not the known file.")
            where = np._core.multiarray if name in ("_reconstruct", "scalar") else np
            return getattr(where, name)
        return type(name, (SimpleNamespace,), {})


def event_spectra():
    """The 56 published events, with their mean picocavity spectra and the published groups.

    Returns
    -------
    tuple
        Table with ``scan``, ``event``, ``first_step``, ``last_step`` (included), ``tracks``,
        ``places`` (bins of its tracks, a string) and ``published`` (their group, from 0); spectra
        (56, 512) on the grid of the paper, sum 1; and the distances (56, 56) published with them.

    Raises
    ------
    DataUnavailable
        The set is neither on this computer nor reachable.
    DataError
        The file is not the known one.
    """
    with open(fetch(DATA) / "6clusters.pkl", "rb") as file:
        kept = _Shells(file).load()
    rows, spectra = [], []
    for group in kept.events:
        for one in group.vectors:
            rows.append(
                {
                    "scan": str(one["particle_num"]),
                    "event": int(one["id"]),
                    "first_step": int(one["start"]),
                    "last_step": int(one["end"]),
                    "tracks": int(one["num_tracks"]),
                    "places": " ".join(map(str, one["mean_centroids"])),
                    "published": int(group.id),
                }
            )
            spectra.append(one["mean_difference"])
    table = pd.DataFrame(rows)
    order = np.lexsort([table["event"], table["scan"]])
    table = table.iloc[order].reset_index(drop=True)
    if table["published"].tolist() != list(kept.labels):
        raise DataError("Groups and labels of the pickle differ: this is not the known file.")
    return table, np.array(spectra, float)[order], np.array(kept.distance_matrix)


def scan_index():
    """The list of all 3667 scans of the second published set.

    Returns
    -------
    pandas.DataFrame
        ``scan``, ``variety``, ``particle`` (unique), ``power_uw`` and ``picocavity`` (bool).

    Raises
    ------
    DataUnavailable
        The set is neither on this computer nor reachable.
    DataError
        A line that does not read as the others do.
    """
    rows = []
    for line in (fetch(DATA) / "particle_reference.txt").read_text().splitlines():
        scan, _, rest = line.partition(" = ")
        parts = rest.split(", ")
        if len(parts) < 4 or parts[0] not in TITLES or parts[-1] not in ("True", "False"):
            raise DataError(f"A scan of the list cannot be read: {line!r}")
        rows.append(
            {
                "scan": int(re.sub(r"\D", "", scan)),
                "variety": TITLES[parts[0]],
                # The same numbers come again at other powers: other particles, or looked at again.
                "particle": f"{TITLES[parts[0]]} {parts[-2]} {parts[1]}",
                "power_uw": float(parts[-2]),
                "picocavity": parts[-1] == "True",
            }
        )
    return pd.DataFrame(rows)
