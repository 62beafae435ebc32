"""Simulated against measured images: does the AC-STEM generator look like the public images?

The defaults of `helpers.atoms.simulate` were adjusted by hand until these statistics agreed; only
the 11 training images were looked at. Both kinds of image go through the same measurement, which
takes gain and offset from the image itself. Writes calibration.json (statistics, one row per
image, and their quantiles) and calibration.npz (radial power spectra). Run from the repository
root; half a minute:

    python data/ch01/make_calibration.py
"""

import json

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.optimize import curve_fit

from helpers.atoms.noise import electron_scale
from helpers.atoms.simulate import acstem, varied
from helpers.data import ROOT, pt_nc

FOLDER = ROOT / "data" / "ch01"
SIMULATED_IMAGES = 22
FIRST_SEED = 4100
HALF = 7  # atoms are fitted in patches of 15 x 15 px


def atom_fits(electrons, atoms):
    """Height (e), standard deviation (px) and background (e) of a Gaussian at every atom."""
    y, x = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    where = np.stack([x.ravel(), y.ravel()])

    def gaussian(xy, amplitude, x0, y0, sigma, background):
        r2 = (xy[0] - x0) ** 2 + (xy[1] - y0) ** 2
        return amplitude * np.exp(-r2 / (2 * sigma**2)) + background

    fits = []
    for column, row in atoms[["x_px", "y_px"]].round().astype(int).to_numpy():
        patch = electrons[row - HALF : row + HALF + 1, column - HALF : column + HALF + 1]
        if min(row, column) < HALF or patch.shape != x.shape:
            continue
        level = np.median(patch)
        start = [max(patch.max() - level, 1), 0, 0, 2.5, level]
        try:
            found, _ = curve_fit(gaussian, where, patch.ravel(), start, maxfev=400)
        except RuntimeError:  # no convergence: there is no Gaussian here
            continue
        amplitude, x0, y0, sigma, background = found
        if amplitude > 0 and 0.8 < abs(sigma) < 5 and max(abs(x0), abs(y0)) < 4:
            fits.append((amplitude, abs(sigma), background))
    return np.array(fits).reshape(-1, 3)


def radial_power(electrons):
    """Power of the relative contrast by cycles per image, shot noise taken off."""
    size = electrons.shape[0]
    window = np.outer(np.hanning(size), np.hanning(size))
    contrast = electrons / electrons.mean() - 1
    contrast -= (contrast * window).sum() / window.sum()
    power = np.abs(np.fft.fft2(contrast * window)) ** 2 / (window**2).sum()
    cycles = np.fft.fftfreq(size, 1 / size)
    ring = np.hypot(cycles[:, None], cycles).astype(int).ravel()
    profile = np.bincount(ring, power.ravel()) / np.bincount(ring)
    return profile[: size // 2 + 1] - profile[200 : size // 2].mean()


def streak_power(electrons):
    """Power at high frequency across the rows, by cycles along the rows, relative to white."""
    contrast = electrons / gaussian_filter(electrons, 10) - 1
    power = np.abs(np.fft.rfft2(contrast)) ** 2
    rows = np.r_[110:250, -250:-110]
    profile = power[rows].mean(0)
    bands = {"0": (0, 1), "1": (1, 2), "2-11": (2, 12), "12-63": (12, 64)}
    white = profile[150:250].mean()
    return {f"streaks_{k}": profile[a:b].mean() / white for k, (a, b) in bands.items()}


def describe(image, atoms):
    """Statistics of one image, and its radial power."""
    counts = image.to_numpy()
    scale = electron_scale(counts)
    electrons = scale.electrons(counts)
    specimen = gaussian_filter(electrons, 4) > 0.35 * np.median(electrons)
    smooth = {s: gaussian_filter(electrons, s) for s in (1.5, 6, 10, 24)}
    amplitude, sigma, background = np.median(atom_fits(electrons, atoms), axis=0)
    noise = np.sqrt(background)
    row = {
        "gain": scale.gain,
        "mean_electrons": electrons.mean(),
        "atoms": len(atoms),
        "atom_amplitude_electrons": amplitude,
        "atom_sigma_px": sigma,
        "atom_background_electrons": background,
        "amplitude_over_noise": amplitude / noise,
        "roughness_1.5_6_px": ((smooth[1.5] - smooth[6]) / smooth[10])[specimen].std(),
        "roughness_6_24_px": ((smooth[6] - smooth[24]) / smooth[10])[specimen].std(),
        **streak_power(electrons),
    }
    return {name: float(f"{value:.4g}") for name, value in row.items()}, radial_power(electrons)


def main():
    """Measure both kinds and write the comparison."""
    rows, power = [], {"measured": [], "simulated": []}
    for labelled in pt_nc("train"):
        row, spectrum = describe(labelled.image, labelled.labels)
        rows.append({"data": "measured", "name": labelled.name, **row})
        power["measured"].append(spectrum)
    for seed in range(FIRST_SEED, FIRST_SEED + SIMULATED_IMAGES):
        rng = np.random.default_rng(seed)
        simulated = acstem(rng, *varied(rng))
        in_focus = simulated.atoms[simulated.atoms["in_focus"]]
        row, spectrum = describe(simulated.image, in_focus)
        rows.append({"data": "simulated", "name": f"seed {seed}", **row})
        power["simulated"].append(spectrum)
    table = pd.DataFrame(rows)
    quantiles = {
        kind: {
            name: dict(zip(("q10", "median", "q90"), np.quantile(part[name], (0.1, 0.5, 0.9))))
            for name in table.columns[2:]
        }
        for kind, part in table.groupby("data")
    }
    quantiles = json.loads(json.dumps(quantiles), parse_float=lambda v: float(f"{float(v):.4g}"))
    text = json.dumps({"quantiles": quantiles, "images": rows}, indent=1)
    (FOLDER / "calibration.json").write_text(text + "\n")
    np.savez_compressed(
        FOLDER / "calibration.npz",
        cycles_per_nm=(np.arange(257) / 15).astype(np.float32),
        **{kind: np.array(spectra, np.float32) for kind, spectra in power.items()},
    )
    print(pd.DataFrame({k: {n: q["median"] for n, q in v.items()} for k, v in quantiles.items()}))
    middle = {kind: np.median(spectra, axis=0) for kind, spectra in power.items()}
    for low, high in ((1, 2), (3, 6), (7, 12), (13, 18), (19, 30), (31, 50), (51, 80), (81, 140)):
        part = {kind: spectrum[low : high + 1].mean() for kind, spectrum in middle.items()}
        ratio = part["simulated"] / part["measured"]
        print(f"power ratio simulated/measured at {low}-{high} cycles per image: {ratio:.2f}")


if __name__ == "__main__":
    main()
