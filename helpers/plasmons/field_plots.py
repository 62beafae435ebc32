"""Figures of chapter 4 on one field of view: regions, factors, tails, maps, spectra and images.

Every function takes finished arrays and returns a Matplotlib figure at most
`helpers.figures.WIDTH` wide. Losses are per eV; energies in eV.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from helpers.figures import COLOURS, WIDTH, micrograph, panels
from helpers.plasmons.exploration import REGIONS

STYLES = {
    "particle": ("vermilion", "-"), "gap": ("blue", "--"),
    "hole": ("green", "-."), "outside": ("orange", ":"),
}  # fmt: skip
LINES = ("-", "--", "-.", ":")
ENERGY, LOSS = "energy loss (eV)", "loss per eV"


def exploration(haadf, pixel_nm, found, means, squares=None):
    """
    Draw the dark-field image with its regions and their mean spectra (Fig. 1 a and b).

    Parameters
    ----------
    haadf : array (y, x)
    pixel_nm : float
    found : array (y, x) of int
        From `helpers.plasmons.exploration.regions`.
    means : xarray.DataArray ("region", "energy")
        From `helpers.plasmons.exploration.region_spectra`.
    squares : dict of str to (x_px, y_px), optional
        Places to mark.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplot_mosaic(
        [["image", "regions"], ["spectra", "spectra"]], figsize=(WIDTH, 5.4),
        height_ratios=(1, 1.05), layout="constrained",
    )  # fmt: skip
    left, middle, right = axes["image"], axes["regions"], axes["spectra"]
    micrograph(left, haadf, pixel_nm, "dark field")
    colours = ["white", *(COLOURS[STYLES[name][0]] for name in REGIONS)]
    middle.imshow(found + 1, cmap=ListedColormap(colours), vmin=0, vmax=len(REGIONS))
    middle.set(xticks=[], yticks=[], title="regions")
    for name, spectrum in zip(means.region.values, means.values):
        colour, line = STYLES[name]
        right.plot(means.energy, spectrum, line, color=COLOURS[colour], label=name)
    right.set(xlabel=ENERGY, ylabel=LOSS, ylim=(min(0, means.values.min()), None))
    right.legend()
    for ax in (left, middle):
        for x, y in (squares or {}).values():
            ax.plot(x, y, "s", ms=6, mfc="none", mec=COLOURS["yellow"])
    return fig


def factors(found, energy, pixel_nm):
    """
    Draw loadings and factors of a non-negative factorisation (Fig. 1 c to j).

    Parameters
    ----------
    found : helpers.plasmons.exploration.Factorisation
    energy : array (E,)
    pixel_nm : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    number = len(found.loadings)
    fig, axes = plt.subplots(2, number, figsize=(WIDTH, 3.6), layout="constrained", squeeze=False)
    for k in range(number):
        micrograph(axes[0, k], found.loadings[k], pixel_nm if k == 0 else None, f"{k + 1}",
                   cmap="viridis")  # fmt: skip
        axes[1, k].plot(energy, found.factors[k], color=COLOURS["blue"])
        axes[1, k].set(yticks=[], ylim=(0, 1.05))
        axes[1, k].spines["left"].set_visible(False)
    axes[1, 0].set_ylabel("factor")
    fig.supxlabel(ENERGY, fontsize="medium")
    return fig


def measured(haadf, losses, pixel_nm):
    """
    Draw a dark-field image, the summed losses of 10 to 35 eV, and the mean spectrum.

    Parameters
    ----------
    haadf : array (y, x)
    losses : xarray.DataArray ("y", "x", "energy")
    pixel_nm : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplot_mosaic(
        [["image", "map"], ["spectrum", "spectrum"]], figsize=(WIDTH, 5.2),
        height_ratios=(1.3, 1), layout="constrained",
    )  # fmt: skip
    micrograph(axes["image"], haadf, pixel_nm, "dark field")
    summed = losses.sel(energy=slice(10, 35)).sum("energy")
    micrograph(axes["map"], summed.to_numpy(), None, "losses of 10 to 35 eV", cmap="viridis")
    axes["spectrum"].plot(losses.energy, losses.mean(("y", "x")), color=COLOURS["blue"])
    axes["spectrum"].set(xlabel=ENERGY, ylabel=LOSS, ylim=(0, None))
    return fig


def tail(spectra, fitted, ranges, truth=None):
    """
    Draw the mean spectrum with the fitted tail of the zero-loss peak, and what is left.

    Parameters
    ----------
    spectra : xarray.DataArray (..., "energy")
        Aligned, per electron.
    fitted : xarray.DataArray ("energy",)
        From `helpers.plasmons.spectra.fit_zero_loss`.
    ranges : sequence of (low, high)
        Energies that were fitted.
    truth : array (E,), optional
        True mean loss.

    Returns
    -------
    matplotlib.figure.Figure
    """
    energy = spectra.energy.values
    mean = spectra.values.reshape(-1, len(energy)).mean(0)
    seen = energy >= ranges[0][0]
    fig, (left, right) = panels(2, 2.9, ENERGY, LOSS)
    left.plot(energy, mean, color=COLOURS["black"], label="recorded, mean")
    left.plot(energy, fitted, "--", color=COLOURS["vermilion"], label="fitted tail")
    left.set(yscale="log", xlim=(-0.1, energy[-1]), ylim=(mean[seen].min() / 3, None))
    right.plot(energy[seen], (mean - fitted.values)[seen], color=COLOURS["blue"], label="remaining")
    if truth is not None:
        right.plot(energy[seen], truth[seen], "k--", lw=1, label="true")
    high = (mean - fitted.values)[energy >= ranges[-1][0]].max()
    right.set(ylim=(-0.2 * high, 1.2 * high))
    for ax in (left, right):
        for low, top in ranges:
            ax.axvspan(low, top, color="0.85", lw=0)
        ax.legend()
    return fig


def windows(haadf, pixel_nm, pairs, chosen, energy):
    """
    Draw some windows with the pixel their spectrum belongs to, and that spectrum.

    Parameters
    ----------
    haadf : array (y, x)
    pixel_nm : float
    pairs : helpers.plasmons.pairs.Pairs
        Of this one field.
    chosen : sequence of int
        Three of the pairs.
    energy : array (E,)

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig = plt.figure(figsize=(WIDTH, 2.9), layout="constrained")
    grid = fig.add_gridspec(2, 5, width_ratios=(2.4, 1, 1, 1, 0.01))
    field = fig.add_subplot(grid[:, 0])
    micrograph(field, haadf, pixel_nm)
    half = pairs.window // 2
    for column, one in enumerate(chosen):
        colour = COLOURS[("orange", "sky", "green")[column]]
        corner = pairs.x_px[one] - half - 0.5, pairs.y_px[one] - half - 0.5
        field.add_patch(plt.Rectangle(corner, *[pairs.window] * 2, ec=colour, fc="none", lw=1.5))
        above, below = (fig.add_subplot(grid[row, 1 + column]) for row in (0, 1))
        micrograph(above, pairs.images[one], vmin=haadf.min(), vmax=haadf.max())
        above.plot(half, half, "+", ms=9, color=COLOURS["vermilion"])
        above.spines[:].set(visible=True, color=colour, linewidth=2)
        below.plot(energy, pairs.spectra[one], color=COLOURS["blue"], lw=0.8)
        below.set(yticks=[], ylim=(min(0, pairs.spectra[list(chosen)].min()),
                                   pairs.spectra[list(chosen)].max()))  # fmt: skip
    fig.supxlabel(f"{ENERGY}; losses on one scale", fontsize="medium", x=0.72)
    return fig


def maps(images, pixel_nm, label, low=None, high=None, cmap="viridis", block=None):
    """
    Draw maps on one colour scale.

    Parameters
    ----------
    images : dict of str to array (y, x)
        Title to map; NaN is left white.
    pixel_nm : float
    label : str
        Of the colour bar, with unit.
    low, high : float, optional
        Ends of the scale; the extremes by default.
    cmap : str
    block : tuple of int, optional
        First and last column, first and last row of the test windows; a frame marks them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    number = len(images)
    rows, columns = -(-number // 2), min(number, 2)
    shape = next(iter(images.values())).shape
    fig, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, 0.4 + rows * (0.3 + WIDTH / 2.5 * shape[0] / shape[1])),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    values = np.concatenate([image.ravel() for image in images.values()])
    scale = {
        "vmin": np.nanmin(values) if low is None else low,
        "vmax": np.nanpercentile(values, 99.5) if high is None else high, "cmap": cmap,
    }  # fmt: skip
    for ax, (title, image) in zip(axes.flat, images.items()):
        drawn = micrograph(ax, image, pixel_nm if ax is axes.flat[0] else None, title, **scale)
        if block is not None:
            left, right, top, bottom = block
            size = right - left + 1, bottom - top + 1
            ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), *size, ec=COLOURS["vermilion"],
                                       fc="none", lw=1.5))  # fmt: skip
    for ax in axes.flat[number:]:
        ax.set_axis_off()
    fig.colorbar(drawn, ax=axes, shrink=0.85, label=label)
    return fig


def predicted_spectra(energy, places):
    """
    Draw windows, and beside each its spectrum as measured and as predicted (Fig. 4).

    Parameters
    ----------
    energy : array (E,)
    places : dict of str to (array (w, w), dict of str to array (E,))
        Name of the place to its window and its spectra by name, the measured one first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig, axes = plt.subplots(
        2, 4, figsize=(WIDTH, 4.4), width_ratios=(1, 2, 1, 2), layout="constrained"
    )
    high = max(s.max() for _, found in places.values() for s in found.values())
    top = max(image.max() for image, _ in places.values())
    colours = ("black", "orange", "blue", "green")
    for k, (name, (image, found)) in enumerate(places.items()):
        left, right = axes[k // 2, 2 * (k % 2) :][:2]
        micrograph(left, image, vmin=0, vmax=top)
        left.set_title(name)
        left.plot(len(image) // 2, len(image) // 2, "+", ms=9, color=COLOURS["vermilion"])
        for n, (label, spectrum) in enumerate(found.items()):
            right.plot(energy, spectrum, LINES[n % 4], color=COLOURS[colours[n % 4]], label=label,
                       lw=0.9 if n == 0 else 1.6)  # fmt: skip
        right.set(ylim=(-0.05 * high, 1.05 * high))
        right.locator_params(axis="x", nbins=3)
    for ax in axes[-1, 1::2]:
        ax.set_xlabel(ENERGY)
    axes[0, 1].set_ylabel(LOSS)
    handles, names = axes[0, 1].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=4)
    return fig


def predicted_images(energy, places):
    """
    Draw spectra, and beside each its window as measured and as predicted (Fig. 6).

    Parameters
    ----------
    energy : array (E,)
    places : dict of str to (array (E,), dict of str to array (w, w))
        Name of the place to its spectrum and its images by name, the measured one first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = len(next(iter(places.values()))[1])
    fig, axes = plt.subplots(
        len(places), 1 + columns, figsize=(WIDTH, 1.35 * len(places) + 0.4),
        width_ratios=[2] + [1] * columns, layout="constrained", sharex="col",
    )  # fmt: skip
    high = max(spectrum.max() for spectrum, _ in places.values())
    scale = np.concatenate([next(iter(images.values())) for _, images in places.values()])
    for at, (row, (name, (spectrum, images))) in enumerate(zip(axes, places.items())):
        row[0].plot(energy, spectrum, color=COLOURS["black"], lw=0.9)
        row[0].set(ylim=(-0.05 * high, 1.05 * high), yticks=[])
        row[0].set_title(name)
        for ax, (title, image) in zip(row[1:], images.items()):
            micrograph(ax, image, vmin=scale.min(), vmax=scale.max())
            if at == 0:
                ax.set_title(title)
    axes[-1, 0].set_xlabel(ENERGY)
    return fig
