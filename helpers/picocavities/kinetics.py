"""How fast picocavities form, on which side, and how long they live (Poppe et al. 2023, Fig. 3).

Scans end. A scan without an event tells that formation takes longer than the scan, and an event
that is still there at the end lives longer than what was seen of it; both count as censored. The
published code joins the scans of a particle and leaves out particles without an event
(:func:`joined`); :func:`expected_if_dropped` is what leaving out does.
"""

import numpy as np
import pandas as pd
from scipy import stats

from helpers import survival
from helpers.registry import DataError
from helpers.survival import Estimate

DRAWS = 1000
SIDES = ("NP", "substrate")


def side_shares(rng, events, draws=DRAWS, level=0.95):
    """Share of the nanoparticle, by events and by spectra.

    Events are independent of each other, so that theirs has a Wilson interval. Spectra of one event
    are not; for theirs the scans are drawn with replacement.

    Parameters
    ----------
    rng : numpy.random.Generator
    events : pandas.DataFrame
        ``scan``, ``side`` ("NP" or "substrate"), ``first_step``, ``last_step`` (included).
    draws : int
    level : float

    Returns
    -------
    pandas.DataFrame
        Rows ``events`` and ``spectra``, columns ``NP`` and ``substrate`` (numbers), ``share_NP``,
        ``low`` and ``high``.

    Raises
    ------
    DataError
        No events, or a side that is none.
    """
    if not len(events):
        raise DataError("There are no events, so no share of a side.")
    if not events["side"].isin(SIDES).all():
        raise DataError(f"Sides are {', '.join(SIDES)}; found {sorted(set(events['side']))}.")
    on_np = (events["side"] == "NP").to_numpy()
    steps = (events["last_step"] - events["first_step"] + 1).to_numpy()
    wilson = stats.binomtest(int(on_np.sum()), len(events)).proportion_ci(level, "wilson")
    counts = pd.DataFrame({"scan": events["scan"].to_numpy(), "NP": steps * on_np, "all": steps})
    per_scan = counts.groupby("scan").sum().to_numpy()
    drawn = per_scan[rng.integers(len(per_scan), size=(draws, len(per_scan)))].sum(1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - level) / 2, (1 + level) / 2])
    table = [
        [on_np.sum(), (~on_np).sum(), on_np.mean(), wilson.low, wilson.high],
        [steps[on_np].sum(), steps[~on_np].sum(), steps[on_np].sum() / steps.sum(), low, high],
    ]
    columns = ["NP", "substrate", "share_NP", "low", "high"]
    return pd.DataFrame(table, index=["events", "spectra"], columns=columns)


def first_formations(events, scans, length_s):
    """Time of the first formation in each scan, or the length of the scan where none was seen.

    Parameters
    ----------
    events : pandas.DataFrame
        ``scan`` and ``start_s``.
    scans : array
        All scans, those without events too.
    length_s : float
        Of a scan.

    Returns
    -------
    pandas.DataFrame
        ``scan``, ``time_s`` and ``seen``.

    Raises
    ------
    DataError
        An event of a scan that is not in the list.
    """
    scans = np.asarray(scans)
    unknown = set(events["scan"]) - set(scans)
    if unknown:
        raise DataError(f"Events of scans that are not listed: {sorted(unknown)[:5]}.")
    first = events.groupby("scan")["start_s"].min().reindex(scans)
    return pd.DataFrame(
        {
            "scan": scans,
            "time_s": first.fillna(length_s).to_numpy(),
            "seen": first.notna().to_numpy(),
        }
    )


def joined(times, length_s):
    """Time of the first formation at each particle, its scans taken for one long one.

    Parameters
    ----------
    times : pandas.DataFrame
        From :func:`first_formations`, with ``particle``; scans of a particle in order.
    length_s : float
        Of a scan.

    Returns
    -------
    pandas.DataFrame
        ``particle``, ``time_s`` and ``seen``.
    """
    before = times.groupby("particle").cumcount() * length_s
    whole = times.assign(time_s=times["time_s"] + before)
    first = whole[whole["seen"]].groupby("particle")["time_s"].min()
    last = whole.groupby("particle")["time_s"].max()
    return pd.DataFrame(
        {
            "particle": last.index,
            "time_s": first.reindex(last.index).fillna(last).to_numpy(),
            "seen": last.index.isin(first.index),
        }
    )


def formation_times(times, by):
    """Mean formation time of groups of scans, with and, to compare, without those without event.

    Parameters
    ----------
    times : pandas.DataFrame
        From :func:`first_formations`, with columns to group by.
    by : list of str

    Returns
    -------
    pandas.DataFrame
        One row per group: ``scans``, ``seen``, ``mean_s`` with ``low_s`` and ``high_s`` (maximum of
        the likelihood, censored scans included), ``median_s`` (Kaplan-Meier) and ``dropped_s``
        (mean over those with an event).
    """
    rows = []
    for key, part in times.groupby(by):
        found = survival.mean_time(part["time_s"], part["seen"])
        curve = survival.kaplan_meier(part["time_s"], part["seen"])
        rows.append(
            dict(zip(by, key))
            | {
                "scans": len(part),
                "seen": int(part["seen"].sum()),
                "mean_s": found.value,
                "low_s": found.low,
                "high_s": found.high,
                "median_s": survival.median_time(curve),
                "dropped_s": part.loc[part["seen"], "time_s"].mean(),
            }
        )
    return pd.DataFrame(rows)


def expected_if_dropped(mean_s, length_s):
    """Mean of exponential formation times that are known to be within the scan, s."""
    return mean_s - length_s / np.expm1(length_s / mean_s)


def power_exponent(times, reference_uw):
    """Fit the rate of formation by a power of the laser power.

    Parameters
    ----------
    times : pandas.DataFrame
        From :func:`first_formations`, with ``power_uw``.
    reference_uw : float

    Returns
    -------
    tuple of Estimate
        The exponent; and the rate at the reference power, 1/s.

    Raises
    ------
    DataError
        Formations were seen at fewer than two powers.
    """
    table = times.groupby("power_uw").agg(seen=("seen", "sum"), exposure=("time_s", "sum"))
    if (table["seen"] > 0).sum() < 2:
        raise DataError("Formations were seen at fewer than two powers: an exponent needs two.")
    design = np.stack([np.log(table.index / reference_uw), np.ones(len(table))], 1)
    beta, covariance = survival.log_linear_rates(design, table["seen"], table["exposure"])
    half = stats.norm.ppf(0.975) * np.sqrt(np.diag(covariance))
    at = np.exp([beta[1], beta[1] - half[1], beta[1] + half[1]])
    return Estimate(beta[0], beta[0] - half[0], beta[0] + half[0]), Estimate(*at)


def lifetimes(events):
    """Mean life on each side, with events that the scan cut counted, and without them.

    Parameters
    ----------
    events : pandas.DataFrame
        ``side``, ``duration_s`` (inside the scan) and ``ended`` (inside the scan).

    Returns
    -------
    pandas.DataFrame
        One row per ``side``: ``events``, ``ended``, ``mean_s``, ``low_s``, ``high_s`` and
        ``dropped_s``, the mean over events that ended.
    """
    rows = []
    for side, part in events.groupby("side"):
        found = survival.mean_time(part["duration_s"], part["ended"])
        rows.append(
            {
                "side": side,
                "events": len(part),
                "ended": int(part["ended"].sum()),
                "mean_s": found.value,
                "low_s": found.low,
                "high_s": found.high,
                "dropped_s": part.loc[part["ended"], "duration_s"].mean(),
            }
        )
    return pd.DataFrame(rows)


def formations(events, scans, length_s):
    """Count formations by laser power, adatoms that come back counted once.

    Parameters
    ----------
    events : pandas.DataFrame
        ``scan`` and ``repeat_of`` (-1 for what is new).
    scans : pandas.DataFrame
        ``scan`` and ``power_uw`` of all scans.
    length_s : float
        Of a scan.

    Returns
    -------
    pandas.DataFrame
        ``power_uw``, ``count`` and ``time_s`` (watched).
    """
    powers = scans.set_index("scan")["power_uw"]
    new = powers.reindex(events.loc[events["repeat_of"] == -1, "scan"])
    watched = powers.value_counts(sort=False).sort_index()
    counts = new.value_counts().reindex(watched.index, fill_value=0)
    return pd.DataFrame(
        {
            "power_uw": watched.index,
            "count": counts.to_numpy(),
            "time_s": watched.to_numpy() * length_s,
        }
    )


def suppression(coated, bare, level=0.95):
    """Rate of formation on a coated surface over that on the bare one, at the same laser power.

    Both follow the same power of the laser power, which is fitted with them: samples need not have
    been measured at the same powers.

    Parameters
    ----------
    coated, bare : pandas.DataFrame
        From :func:`formations`, of the events on one side.
    level : float

    Returns
    -------
    helpers.survival.Estimate
        Below 1 where the coating suppresses formation.

    Raises
    ------
    DataError
        Nothing formed on one of the two.
    """
    if not (coated["count"].any() and bare["count"].any()):
        raise DataError("Nothing formed on one of the two samples: there is no ratio.")
    both = pd.concat([coated.assign(coated=1.0), bare.assign(coated=0.0)])
    power = np.log(both["power_uw"] / both["power_uw"].mean())
    design = np.stack([both["coated"], power, np.ones(len(both))], 1)
    beta, covariance = survival.log_linear_rates(design, both["count"], both["time_s"])
    half = stats.norm.ppf((1 + level) / 2) * np.sqrt(covariance[0, 0])
    return Estimate(*np.exp([beta[0], beta[0] - half, beta[0] + half]))


def scans_with_picocavity(rng, index, draws=DRAWS, level=0.95):
    """Share of the scans that hold a picocavity, by variety and power.

    Scans of one particle are alike; besides the Wilson interval of independent scans, particles are
    drawn with replacement.

    Parameters
    ----------
    rng : numpy.random.Generator
    index : pandas.DataFrame
        From :func:`helpers.picocavities.measured.scan_index`.
    draws : int
    level : float

    Returns
    -------
    pandas.DataFrame
        One row per ``variety`` and ``power_uw``: ``scans``, ``particles``, ``with_picocavity``,
        ``share``, ``wilson_low``, ``wilson_high``, ``low``, ``high`` (over particles).
    """
    rows, tail = [], (1 - level) / 2
    for (variety, power), part in index.groupby(["variety", "power_uw"]):
        hits = int(part["picocavity"].sum())
        wilson = stats.binomtest(hits, len(part)).proportion_ci(level, "wilson")
        per = part.groupby("particle")["picocavity"].agg(["sum", "size"]).to_numpy()
        drawn = per[rng.integers(len(per), size=(draws, len(per)))].sum(1)
        low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [tail, 1 - tail])
        rows.append(
            {
                "variety": variety,
                "power_uw": power,
                "scans": len(part),
                "particles": len(per),
                "with_picocavity": hits,
                "share": hits / len(part),
                "wilson_low": wilson.low,
                "wilson_high": wilson.high,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)
