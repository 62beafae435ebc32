"""Figures of chapter 3 on series in time: labels, proportions, energies, rates, and their errors.

Every function takes finished arrays, fits or tables of ``data/ch03/make_kinetics.py`` and returns a
Matplotlib figure at most `helpers.figures.WIDTH` wide. Isomers look as in
`helpers.clusters.classifier_plots`.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from helpers.clusters.classifier_plots import SHORT, STYLES
from helpers.clusters.landscape import BOLTZMANN_EV_K
from helpers.clusters.structures import ISOMERS
from helpers.figures import COLOURS, WIDTH, legend_below, micrograph, panels

ESTIMATES = {
    "held": ("black", "*", "true share of time"),
    "counted, naive": ("vermilion", "x", "counted, frames taken as independent"),
    "counted": ("orange", "s", "counted"),
    "corrected, exact": ("sky", "v", "corrected, matrix taken as exact"),
    "corrected": ("blue", "o", "corrected"),
    "hidden Markov": ("green", "^", "hidden Markov"),
    "argmax labels": ("vermilion", "x", "argmax labels"),
    "Viterbi path": ("orange", "s", "Viterbi path"),
    "true isomer of every frame": ("black", "*", "true isomer of every frame"),
}
LOWER_K = "1 / k$_B$T (1/eV)"


SHOWN = 8  # frames above a timeline
BEYOND = 2.0  # how far a panel of logarithms reaches past its points and its band


def timeline(time_s, true, labels, path, posterior, frames=None, pixel_size_nm=None, unit="s"):
    """
    Draw the isomer against time: true, called frame by frame, and by the hidden Markov model.

    Parameters
    ----------
    time_s : array (frames,)
        Time of every frame.
    true : array (frames,) of int or None
        Known only for simulated series.
    labels : array (frames,) of int
        Most probable class of the single frame; -1 is a missing frame.
    path : array (frames,) of int
        From `helpers.clusters.hidden_markov.viterbi`.
    posterior : array (frames, n)
        From `helpers.clusters.hidden_markov.forward_backward`.
    frames : array (frames, H, W), optional
        Some of them are shown above, evenly spaced in time; a tick marks when.
    pixel_size_nm : float, optional
        Of the frames.
    unit : str
        Of the time.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig = plt.figure(figsize=(WIDTH, 4.4 if frames is None else 5.4), layout="constrained")
    strip, plots = (None, fig) if frames is None else fig.subfigures(2, 1, height_ratios=(1, 4.4))
    above, below = plots.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    if strip is not None:
        _frames(strip, above, time_s, np.asarray(frames), pixel_size_nm)
    if true is not None:
        above.step(time_s, true, where="mid", color="0.8", lw=7, label="true")
    seen = labels >= 0
    above.plot(time_s[seen], labels[seen], ".", color=COLOURS["vermilion"], ms=4, label="argmax")
    above.step(time_s, path, where="mid", color=COLOURS["blue"], lw=1.4, label="Viterbi")
    above.set(yticks=range(len(ISOMERS)), yticklabels=ISOMERS, ylim=(-0.5, len(ISOMERS) - 0.5))
    hatches = ("", "//", "..", "xx")
    areas = below.stackplot(
        time_s, posterior.T, colors=[COLOURS[STYLES[i][0]] for i in ISOMERS], labels=ISOMERS, lw=0
    )
    for area, hatch in zip(areas, hatches):
        area.set(hatch=hatch, edgecolor="white", linewidth=0)
    below.set(
        xlabel=f"time ({unit})", ylabel="probability", xlim=(time_s[0], time_s[-1]), ylim=(0, 1)
    )
    handles = [*above.get_legend_handles_labels()[0], *areas]
    names = [*above.get_legend_handles_labels()[1], *ISOMERS]
    plots.legend(handles, names, loc="outside lower center", ncols=4)
    return fig


def _frames(strip, above, time_s, frames, pixel_size_nm):
    """Some frames in a row, each with its number, which stands on the axis below as well."""
    n = min(SHOWN, len(frames))
    chosen = ((np.arange(n) + 0.5) * len(frames) / n).astype(int)
    axes = strip.subplots(1, n, squeeze=False)[0]
    for k, (ax, frame) in enumerate(zip(axes, chosen, strict=True)):
        micrograph(ax, frames[frame], pixel_size_nm if k == 0 else None)
        ax.set_title(f"{k + 1}", loc="center", fontsize="small")
    for k, frame in enumerate(chosen):
        above.annotate(
            f"{k + 1}", (time_s[frame], 1), (0, 2), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", fontsize="small",
        )  # fmt: skip


def vant_hoff(temperature_k, found, lines, true):
    """
    Draw the logarithm of every ratio against inverse temperature, with the fitted line.

    Parameters
    ----------
    temperature_k : array (temperatures,)
    found : dict of str to list of helpers.clusters.counts.Proportions
        Key of `ESTIMATES` to proportions, one per temperature.
    lines : dict of str to helpers.clusters.kinetics.Line
        Isomer to the fit of the last estimate of `found`; the cuboctahedron is the reference.
    true : helpers.clusters.landscape.Landscape or None
        Drawn as a dashed line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    reference = ISOMERS.index("cuboctahedron")
    x = 1 / (BOLTZMANN_EV_K * np.asarray(temperature_k, float))
    fine = np.linspace(min(temperature_k), max(temperature_k), 50)
    fig, axes = panels(len(lines), 2.9, LOWER_K, "ln (share / cuboctahedron)")
    for ax, (isomer, line) in zip(axes, lines.items()):
        i = ISOMERS.index(isomer)
        height, sd = line.at(fine)
        at = 1 / (BOLTZMANN_EV_K * fine)
        colour = COLOURS[ESTIMATES[list(found)[-1]][0]]
        ax.fill_between(at, height - 1.96 * sd, height + 1.96 * sd, color=colour, alpha=0.2, lw=0)
        ax.plot(at, height, color=colour)
        if true is not None:
            shares = np.array([true.populations(t) for t in fine])
            ax.plot(at, np.log(shares[:, i] / shares[:, reference]), "k--", lw=1, label="true")
        shown = [height - 1.96 * sd, height + 1.96 * sd]
        for shift, (name, estimates) in enumerate(found.items()):
            colour, marker, label = ESTIMATES[name]
            ratio = [_log_ratio(one, i, reference) for one in estimates]
            value, low, high = np.array(ratio).T
            shown.append(value[np.isfinite(value)])
            moved = x + (shift - (len(found) - 1) / 2) * 0.012 * np.ptp(x)
            ax.errorbar(
                moved, value, [value - low, high - value], fmt=marker, ms=5, capsize=2,
                color=COLOURS[colour], label=label,
            )  # fmt: skip
        # bars may leave the panel: drawn again, a short video may hold next to no visit
        low, high = ax.get_ylim()
        every = np.concatenate(shown)
        ax.set_ylim(max(low, every.min() - BEYOND), min(high, every.max() + BEYOND))
        low, high = line.interval()
        ax.set_title(
            f"{isomer}: {1e3 * line.energy_ev:.0f} [{1e3 * low:.0f}, {1e3 * high:.0f}] meV,"
            f" true {1e3 * (true.energy_ev[i] - true.energy_ev[reference]):.0f}",
            fontsize="small",
        )
    legend_below(fig)
    return fig


def _log_ratio(found, i, reference):
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(found.value[i] / found.value[reference])
        draws = np.log(found.draws[:, i] / found.draws[:, reference])
    return log, *np.quantile(draws[np.isfinite(draws)], [0.025, 0.975])


def arrhenius(temperature_k, fits, lines, true):
    """
    Draw the logarithm of rates against inverse temperature, with the fitted lines.

    Parameters
    ----------
    temperature_k : array (temperatures,)
    fits : list of helpers.clusters.rates.RateFit
        One per temperature.
    lines : dict of (int, int) to helpers.clusters.kinetics.Line
        From and to, in the order of the isomers.
    true : helpers.clusters.landscape.Landscape or None
        Drawn as dashed lines.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x = 1 / (BOLTZMANN_EV_K * np.asarray(temperature_k, float))
    fine = np.linspace(min(temperature_k), max(temperature_k), 50)
    at = 1 / (BOLTZMANN_EV_K * fine)
    fig, axes = panels(len(lines), 2.7, LOWER_K, "ln rate (1/s)", sharey=True)
    for ax, ((i, j), line) in zip(axes, lines.items()):
        colour, marker = STYLES[ISOMERS[i]]
        height, sd = line.at(fine)
        ax.fill_between(
            at, height - 1.96 * sd, height + 1.96 * sd, color=COLOURS[colour], alpha=0.2, lw=0
        )
        ax.plot(at, height, color=COLOURS[colour], label="fitted, 95 % band")
        if true is not None:
            rate = [true.rates(t)[i, j] for t in fine]
            ax.plot(at, np.log(rate), "k--", lw=1, label="true")
        known = np.array([np.isfinite(fit.log_sd[i, j]) for fit in fits])
        value = np.array([np.log(fit.rates[i, j]) if ok else 0 for fit, ok in zip(fits, known)])
        half = np.array([1.96 * fit.log_sd[i, j] for fit in fits])
        ax.errorbar(
            x[known], value[known], half[known], fmt=marker, ms=5, capsize=2,
            color=COLOURS[colour], label="rate, 95 % interval",
        )  # fmt: skip
        low, high = line.interval()
        ax.set_title(
            f"{SHORT[ISOMERS[i]]} → {SHORT[ISOMERS[j]]}: {line.energy_ev:.2f} eV"
            f" [{low:.2f}, {high:.2f}]"
        )
    legend_below(fig)
    return fig


def coverage(table, quantities):
    """
    Draw how often 95 % intervals held the truth, one panel per quantity.

    Parameters
    ----------
    table : DataFrame
        ``kinetics_coverage.csv``; rows of one scenario, quantity and estimate are averaged.
    quantities : tuple of str
        Values of its column ``quantity``, one panel each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    scenarios = list(table["scenario"].unique())
    fig, axes = plt.subplots(
        len(quantities), 1, figsize=(WIDTH, 3.1 * len(quantities)), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for ax, quantity in zip(axes[:, 0], quantities):
        part = table[table["quantity"] == quantity]
        names = [name for name in ESTIMATES if name in set(part["estimate"])]
        for at, name in enumerate(names):
            colour, marker, label = ESTIMATES[name]
            mean = part[part["estimate"] == name].groupby("scenario")["coverage"].mean()
            x = np.arange(len(scenarios)) + (at - (len(names) - 1) / 2) * 0.11
            ax.plot(x, mean.reindex(scenarios), marker, ms=6, color=COLOURS[colour], label=label)
        ax.axhline(0.95, color="grey", lw=1)
        ax.set(xticks=range(len(scenarios)), ylim=(0, 1.03), ylabel="share of intervals")
        ax.set_xticklabels(scenarios)
        ax.set_title(f"{quantity}: truth inside its 95 % interval")
        ax.legend(
            ncols=2, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12)
        )  # fmt: skip
    return fig


def error_against_frames(table, isomer="decahedron"):
    """
    Draw the error of energies against the number of frames, simulated and by closed form.

    Parameters
    ----------
    table : DataFrame
        ``kinetics_frames.csv``.
    isomer : str
        Which one against the cuboctahedron.

    Returns
    -------
    matplotlib.figure.Figure
    """
    quantities = list(table["quantity"].unique())
    fig, axes = panels(
        len(quantities), 3.4, "frames at every temperature", "error, 68 % of runs (meV)"
    )
    for ax, quantity in zip(axes, quantities):
        part = table[(table["quantity"] == quantity) & (table["isomer"] == isomer)]
        for name, one in part.groupby("estimate", sort=False):
            colour, marker, label = ESTIMATES[name]
            x = one["frames_per_temperature"]
            ax.plot(x, one["error_68_mev"], marker, ms=6, color=COLOURS[colour], label=label)
            if name == "corrected":
                ax.plot(
                    x, one["closed_form_mev"], color=COLOURS[colour], lw=1.2, label="closed form"
                )
        ax.axhline(10, color="grey", lw=1, ls=":")
        ax.set(xscale="log", yscale="log", title=f"{quantity}, {isomer}")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    legend_below(fig, 4)
    return fig


def window(table):
    """
    Draw the recovered changes of isomer per second over temperature, and where frames fail.

    Parameters
    ----------
    table : DataFrame
        ``kinetics_window.csv``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = panels(2, 3.4, "temperature (K)")
    for name, part in table.groupby("estimate", sort=False):
        colour, marker, label = ESTIMATES[name]
        style = {"marker": marker, "ms": 5, "lw": 1, "color": COLOURS[colour], "label": label}
        ratio = part["changes_per_s"] / part["true_changes_per_s"]
        axes[0].plot(part["temperature_k"], ratio, **style)
        if name in ("argmax labels", "Viterbi path", "hidden Markov"):
            axes[1].plot(part["temperature_k"], part["right"], **style)
    short = table.loc[table["shortest_life_frames"] < 1, "temperature_k"].min()
    for ax in axes:
        ax.axvline(short, color="grey", lw=1, ls=":")
    axes[0].axhline(1, color="grey", lw=1)
    axes[0].set(yscale="log", ylabel="changes found / true changes")
    axes[1].set(ylabel="share of frames right", ylim=(0.4, 1.02))
    axes[1].annotate(
        "a life of\none frame", (short, 0.42), xytext=(-4, 0), textcoords="offset points",
        ha="right", fontsize="small",
    )  # fmt: skip
    legend_below(fig, 2)
    return fig
