# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-plasmons)=
# # Plasmons: im2spec and spec2im between particle geometry and EEL spectra
#
# :::{admonition} The paper
# :class: paper
# K. M. Roccapriore, M. Ziatdinov, S. H. Cho, J. A. Hachtel and S. V. Kalinin, "Predictability of localized plasmonic
# responses in nanoparticle assemblies", *Small* **17** (2021), 2100181,
# [doi 10.1002/smll.202100181](https://doi.org/10.1002/smll.202100181) {cite}`roccapriore2021`.
#
# **Data** The paper's spectrum image is not used here: it is linked from notebooks under an address that may vanish and
# has no stated licence. The films of nanocubes on this page are **simulated**, with everything about them known. One
# pair is **measured**: a spectrum image with its dark-field image (`eels-si`, LumiSpy tutorials, GPL-3.0). Its energy
# resolution is far too low for infrared plasmons.
#
# **Rebuilt here** Figures 1 and 3 to 6, S1 to S3, both networks with every layer, the error in per cent. **Besides**
# honest splits and baselines, errors of single peaks, intervals, and the inverse design that the paper announces.
# **Not rebuilt** synthesis and measurement.
#
# **Time** a few minutes on two CPU cores; no GPU needed.
# :::
#
# ## At a glance
#
# - One symmetric eigenproblem gives the plasmons of a whole film of nanocubes at all energies, in
#   {glue:text}`simulate_s:.0f` s; its peaks agree with independent calculations to {glue:text}`worst_peak:.0f` meV
#   ([](#sec-ch04-simulator)).
# - Test windows drawn at random share {glue:text}`shared_random:.0f` per cent of their pixels with a training window. That
#   flatters: boosted trees have an error of {glue:text}`boosted_block:.1f` per cent on a block of its own, and of
#   {glue:text}`boosted_few:.1f` on windows at random, with as many windows to learn from ([](#sec-ch04-splits)).
# - On films that nobody had seen, im2spec with 10 latent variables is wrong by {glue:text}`im2spec_10:.1f` per cent, with 2 by
#   {glue:text}`im2spec_2:.1f`; the best baseline by {glue:text}`best_im2spec:.1f`, the truth itself, for its noise, by
#   {glue:text}`floor:.1f` ([](#sec-ch04-errors)).
# - The way back is open only in part: spec2im's images are wrong by {glue:text}`spec2im_10:.0f` per cent, and a neighbour
#   baseline does better ({glue:text}`best_spec2im:.0f`). It finds how much of a window is covered, and the orientation of an edge only if it has seen that same edge ([](#sec-ch04-images)).
# - A wider window tells more: at the same places im2spec's error is {glue:text}`ours_8:.1f` per cent with 12 nm and
#   {glue:text}`ours_16:.1f` with 24. With coarse pixels and 48 nm, on other and larger films, it is
#   {glue:text}`coarse_im2spec:.1f` ([](#sec-ch04-window)).
# - The spread of three networks holds the measured loss in {glue:text}`cover_raw_95:.0f` per cent of the cases where it
#   promises 95; set on a film of its own it holds {glue:text}`cover_scaled_95:.0f` ([](#sec-ch04-peaks)).
# - For a wished spectrum, geometries that im2spec and the simulator find together come to {glue:text}`design_guided:.1f` per
#   cent in the median, six training examples to {glue:text}`design_examples:.1f` (the first are better in
#   {glue:text}`beats_examples_guided` of {glue:text}`wishes` wishes), spec2im alone to {glue:text}`design_spec2im:.1f`
#   ([](#sec-ch04-design)).
# - The image does not know the doping, the gain of the detector or a wrong registration, and the network does not say that
#   it cannot know them ([](#sec-ch04-breaks)).
#
# ## Before you start
#
# After this chapter you can
#
# - simulate what an electron beam loses to the plasmons of a whole film of particles, and say what the simulation lacks,
# - take a low-loss spectrum image from counts to plasmon losses,
# - train a network from images to spectra and one back, and judge both by a split that does not flatter,
# - read a latent space, and say when its pictures may be believed,
# - run all of it on a spectrum image of your own.
#
# | You need | How much | Where to read |
# |---|---|---|
# | electron energy loss | what a loss spectrum is | [below](#sec-ch04-measurement) |
# | convolutional networks | the idea | [chapter 1](#ch-single-atoms) |
# | electrostatics | charges and dipoles; the rest is explained | any textbook |
# | linear algebra | eigenvectors of a symmetric matrix | any textbook |
#
# Reading takes about ninety minutes, the exercises another hour.
#
# ## Setup
#
# Everything that the chapter imports; `helpers` is the package of this book.

# %% tags=["hide-input", "your-data"]
import inspect
from functools import partial
from time import process_time

import numpy as np
import pandas as pd
from IPython.display import Code, display
from myst_nb import glue
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from helpers import chapters, claims, figures, provenance, runs
from helpers.data import ROOT, DataUnavailable
from helpers.plasmons import baselines, beyond_plots, eels_data, errors, exploration, field_checks
from helpers.plasmons import field_plots, learn, networks, one_field, peaks, permittivity
from helpers.plasmons import latent as latent_space
from helpers.plasmons import recording, reduction, retraining, spectra, splits, study_plots
from helpers.plasmons.arrays import ParticleArray
from helpers.plasmons.explorer import explorer
from helpers.plasmons.pairs import make_pairs, on_map, scale_of
from helpers.plasmons.shipped import KINDS, SEEDS, shipped
from helpers.plasmons.simulate import film_modes
from helpers.spectrum_images import open_pair, save_spectrum_image

figures.use_style()
DATA = ROOT / "data" / "ch04"
FILM = 0  # the simulated film that is shown; it took no part in training
FRESH = (14, 15, 16)  # films that were first looked at when all recipes stood

# %% [markdown]
# ## Parameters
#
# These are the only values that a rerun changes. The defaults work on a simulated film; `a2s run ch04 --data my.hspy
# --haadf my.tif` replaces it ([](#sec-ch04-own)).

# %% tags=["parameters"]
data: str = ""  # path of your spectrum image; empty: a simulated film
haadf: str = ""  # path of its dark-field image, same field; needed with data
pixel_size_nm: float = 0.0  # nm, side of a pixel of the spectrum image; 0: as stored in the file
ev_per_channel: float = 0.0  # eV, width of a channel; 0: as stored in the file
first_ev: float = 0.0  # eV, energy of the first channel; taken when ev_per_channel is given
low_ev: float = 0.2  # eV, 0 or more; losses below are left out
high_ev: float = 0.0  # eV, 0 or more; losses above are left out; 0: none
window: int = 0  # px, 0..64; side of windows of your data, a multiple of 4; 0: at most 16
latent: int = 10  # 1..50; latent variables of networks that are trained here
quick: bool = False  # shorter training, fewer windows, for tests
retrain: bool = False  # train the networks of this page here in place of loading them
seed: int = 0  # 0 or more; of training and of what is drawn
out: str = ""  # folder for result tables; empty: none is written

# %% [markdown]
# (sec-ch04-measurement)=
# ## The measurement
#
# A beam of 60 kV electrons, narrower than a nanometre, stops at every pixel for a tenth of a second. Those scattered to
# large angles make the dark-field image ({term}`HAADF`); the others enter a spectrometer, which counts them by the energy
# that they have lost. One loss spectrum per pixel is a {term}`spectrum image`.

# %% tags=["your-data"]
chapters.check("ch04", globals())
start = process_time()
if data:
    film, kind = None, "measured"
    counts, image = open_pair(data, haadf, pixel_size_nm or None, ev_per_channel or None, first_ev)
else:
    film, kind = recording.simulate(FILM), "simulated"
    counts, image = film.counts, film.haadf
seconds = process_time() - start
losses, told = reduction.learnable(counts, low_ev, high_ev)
energy, pixel_nm = losses.energy.to_numpy(), counts.attrs["pixel_size_nm"]

# %% [markdown] tags=["your-data"]
# What the beam meets is told from the dark-field image: particles, narrow bare places between them (gaps), wide ones that
# particles enclose (holes) and the largest that reaches the border (outside).

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Above, dark-field image and regions; below, mean loss spectra of the regions, tail of the zero-loss peak removed (Figure 1 a and b of the paper). Film 0, simulated, unless your own data were given.", "name": "fig-ch04-1"}}
claims.note(told)
for warning in counts.attrs.get("warnings", []):
    claims.note(warning, "warning")
found = exploration.regions(image.to_numpy(), pixel_nm)
means = exploration.region_spectra(losses, found)
figures.show(
    field_plots.exploration(image.to_numpy(), pixel_nm, found, means),
    f"Bright particles on a dark ground ({kind}), the same field in regions, and a mean spectrum "
    f"for each of {', '.join(means.region.to_numpy())}.",
    "fig-ch04-1",
)
peaks_of = exploration.region_peaks(means)
claims.table("regions", peaks_of.round(4), f"Peaks of the mean spectra of the regions, {kind}", out,
             {"energy_eV": "energy of the peak", "loss_per_eV": "its height"})  # fmt: skip
if film is not None:
    claims.number("simulate_s", seconds, "s", data="simulated",
                  label="processor time to simulate the film")  # fmt: skip
    glue("particles", len(film.particles), display=False)
    glue("pixels", int(np.prod(film.array.shape)), display=False)
    glue("side_nm", float(film.particles["side_nm"].mean()), display=False)
    bulk_peak = peaks_of[(peaks_of["region"] == "particle") & (peaks_of["energy_eV"] > 0.8)]
    surface_peaks = peaks_of[peaks_of["energy_eV"] < 0.8]
    glue("main_bulk", float(1e3 * bulk_peak["energy_eV"].iloc[0]), display=False)
    of_particle = surface_peaks.loc[surface_peaks["region"] == "particle", "loss_per_eV"].max()
    glue("bulk_height", float(bulk_peak["loss_per_eV"].iloc[0] / of_particle), display=False)
    for name, part in surface_peaks.groupby("region"):
        glue(f"main_{name}", float(1e3 * part.loc[part["loss_per_eV"].idxmax(), "energy_eV"]),
             display=False)  # fmt: skip

# %% [markdown]
# The film has {glue:text}`particles` rounded cubes of {glue:text}`side_nm:.0f` nm, one layer thick, with scatter in place,
# size and angle, missing cubes, a hole and an edge, and {glue:text}`pixels` pixels. Where the beam is matters: the main surface
# plasmon lies at {glue:text}`main_particle:.0f` meV on a particle, {glue:text}`main_gap:.0f` in a gap, {glue:text}`main_hole:.0f` in
# the hole and {glue:text}`main_outside:.0f` outside, where the beam touches nothing. Losses far from any particle are no
# mistake: the field of a fast electron reaches tens of nanometres. The bulk plasmon at
# {glue:text}`main_bulk:.0f` meV is seen on particles only, where it is {glue:text}`bulk_height:.2f` times as high as the main peak.
# That is not the paper's Figure 1, in which the peak near 500 meV dominates, the one near 900 is small and a third lies
# near 750; our mean spectra have none there.
#
# :::{admonition} Assumed, because it was not measured here
# :class: departure
# The permittivity is Drude's with 1.8 eV plasma energy, 4 from the bound electrons and 0.08 eV damping, in surroundings
# of 2.5. The plasma energy was *chosen* to bring plasmons into the range of the 500 to 900 meV of the paper's Figure 1;
# agreement there is no success of the model. Left out are retardation, tilt, differences in doping between cubes, and a
# real substrate.
# :::
#
# Four factors describe much of it. {term}`Non-negative matrix factorisation <NMF>` writes every spectrum as a sum of few
# *factors* with *loadings* that are not negative, so that both can be read as spectra and maps.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Loadings (above) and factors (below) of a non-negative factorisation into four, those with the largest share of the data first, each map and spectrum on a scale of its own (Figure 1 c to j of the paper). Film 0, simulated, unless your own data were given.", "name": "fig-ch04-nmf"}}
parts = exploration.factorise(losses, seed=seed)
figures.show(
    field_plots.factors(parts, energy, pixel_nm),
    "Four maps above four spectra. Some maps spread over the field and beyond the particles, "
    "others follow the particles.",
    "fig-ch04-nmf",
)
spread_out = exploration.reach(parts.loadings, found)
glue("nmf_left", 100 * parts.error, display=False)
if film is not None:
    for k, share in enumerate(spread_out, 1):
        glue(f"reach_{k}", float(share), display=False)

# %% [markdown]
# {glue:text}`nmf_left:.1f` per cent of the data (as a norm) are left over, most of it noise. The mean loading outside the
# film over that on particles is {glue:text}`reach_1:.2f`, {glue:text}`reach_2:.2f`, {glue:text}`reach_3:.2f` and
# {glue:text}`reach_4:.2f`: one factor belongs to the outside, one to the particles alone, and two fill the film. The paper has two
# that are spread out and two on particles. As there, most factors have several peaks, because the beam excites all modes at once. Unmixing describes; it does not predict.
#
# ### A measured pair beside it
#
# Are the tools good for real files? One public pair of a spectrum image and its dark-field image is read, put on common
# pixels and reduced by the same functions. Its channels are 690 meV wide. What it shows are bulk plasmons and thickness; there
# is **no infrared plasmon** in it, and nothing about localised plasmons can be learnt from it.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "A measured spectrum image (LumiSpy tutorials, GPL-3.0): dark-field image, loss summed from 10 to 35 eV over the zero-loss peak, and the mean spectrum.", "name": "fig-ch04-measured"}}
try:
    measured, measured_image = eels_data.eels_si()
except DataUnavailable as gone:
    claims.note(f"The measured pair is not at hand ({gone}): it is left out.", "warning")
else:
    real, told_real = reduction.learnable(measured, high_ev=60)
    claims.note(told_real)
    figures.show(
        field_plots.measured(measured_image.to_numpy(), real, measured.attrs["pixel_size_nm"]),
        "A dark-field image with a bright blob of two parts, the same blob as a map of losses, and "
        "a spectrum with one broad peak above 20 electronvolts.",
        "fig-ch04-measured",
    )
    together = np.corrcoef(
        real.sum("energy").to_numpy().ravel(), measured_image.to_numpy().ravel()
    )[0, 1]
    claims.number("measured_r", together, label="correlation of summed losses and dark field")
    height = real.mean(("y", "x"))
    claims.number("measured_peak", float(height.idxmax()), "eV",
                  label="peak of the mean spectrum: the bulk plasmon")  # fmt: skip

# %% [markdown]
# The two agree pixel by pixel because both grow with thickness. The networks of this chapter run on this pair as well
# ([](#sec-ch04-own)); what they learn there is thickness.
#
# (sec-ch04-idea)=
# ## The idea
#
# A spectrum costs a tenth of a second per pixel, an image a microsecond. If the spectrum of a place is fixed by the
# particles around it, an image is enough. The paper cuts a window of 16 by 16 pixels around every pixel, and trains a
# network to turn it into the spectrum of its middle:
#
# $$
# \text{window } I \;\xrightarrow{\text{encoder}}\; z \in \mathbb{R}^{L} \;\xrightarrow{\text{decoder}}\; \text{spectrum } S
# \qquad (\textit{im2spec}),
# \qquad S \rightarrow z \rightarrow I \qquad (\textit{spec2im}).
# $$ (eq-ch04-nets)
#
# All that the network may say about a window passes through $L$ {term}`latent variables <latent space>`. If two are enough,
# the geometry that matters has two parameters, and all of it can be looked at in one plane. Three questions decide what
# such a network is worth: how wrong is it on windows that it has *not* seen, is a simpler method as good, and what does it do
# when the window does not hold the answer? A plasmon is delocalised: part of the spectrum belongs to particles that the
# window does not show.
#
# ## The method, step by step
#
# (sec-ch04-simulator)=
# ### The simulator
#
# Why simulate? Because only then the truth is known without noise, and because a film that was left out of training can
# be had for the asking. In the electrostatic limit a particle has surface modes, each with a number $n_k$, its
# *depolarisation factor* ($1/3$ for the dipole of a sphere), that depends on shape alone, not on size or material
# {cite}`ouyang1989,boudarham2012`. If all particles have one permittivity $\varepsilon(E)$, the modes of the *whole film*
# follow from one symmetric eigenproblem that holds at all energies,
#
# $$
# \Big[\operatorname{diag}(n_i) + W\Big]\, v_k = n_k\, v_k ,
# \qquad
# \Gamma(\mathbf{R}, E) = \frac{\alpha}{4 \pi^2 \hbar c\, \beta^2} \sum_k \big(v_k \cdot c(\mathbf{R}, E)\big)^2\;
# \operatorname{Im} \frac{1/\varepsilon_s}{x(E) + n_k} ,
# \qquad
# x = \frac{\varepsilon_s}{\varepsilon - \varepsilon_s} .
# $$ (eq-ch04-loss)
#
# $W_{ij}$ is the Coulomb energy between the charges of modes $i$ and $j$ of different particles, $c_i$ the coupling of mode
# $i$ to the potential of the electron, which falls like Bessel's $K_0(E R/\hbar v \gamma)$ {cite}`garciadeabajo2010`,
# $\alpha$ the fine-structure constant, $\beta = v/c$ and $\varepsilon_s$ the permittivity of the surroundings. Bulk
# plasmons are the term with $n = 1$ of beams through a particle. The material enters in two short functions:

# %%
Code(
    inspect.getsource(permittivity.drude) + "\n\n" + inspect.getsource(permittivity.response),
    language="python",
)

# %% [markdown]
# The rest is in `helpers/plasmons/particle.py` (modes), `electron.py` (couplings) and `simulate.py` (the film). Is it
# right? Exact results for spheres, and the volume method pyGDM2 {cite}`wiecha2022` for cubes, share no code with it.

# %% tags=["hide-input"]
validation = pd.read_csv(DATA / "validation.csv")
peak_rows = validation[(validation["quantity"] == "peak")]
shown = validation[validation["quantity"].isin(["peak", "height", "polarisability"])]
shown = shown.assign(difference=shown["difference"] + 0.0)  # no "-0"
claims.table("validation", shown.round(6), "The simulator (ours) against independent calculations "
             "(other), in vacuum", out)  # fmt: skip
claims.number("worst_peak", 1e3 * peak_rows["difference"].abs().max(), "meV", data="simulated",
              label="largest difference of a peak")  # fmt: skip
high = validation[(validation["quantity"] == "height") & validation["case"].str.startswith("cube")]
glue("worst_height", float(100 * (high["difference"] / high["other"]).abs().max()), display=False)

# %% [markdown]
# Peaks differ by at most {glue:text}`worst_peak:.0f` meV, half of the energy resolution, heights of cubes by
# {glue:text}`worst_height:.0f` per cent. The largest difference is that of two coupled cubes ("cubes"), the case most like a film.
# Places of the electron are from the middle of the particle, or of the left one of two. (A rounded conductor polarises less than the ideal cube of the table, and, with a greater *power* of its superellipsoid,
# approaches it as its edges sharpen.) A film takes {glue:text}`simulate_s:.0f` s of processor time.
#
# ### From counts to plasmon losses
#
# The recorded spectrum is a peak of electrons that lost nothing, a hundred to a thousand times higher than the plasmons,
# with a tail that reaches below them, and the phonon of the membrane near 0.1 eV. The paper fits a "two-term exponential
# power law" to the tail and drops everything below 200 meV. We read that as the sum of an exponential and a power law,
# fitted in two ranges on both sides of the phonon, after every spectrum has been *aligned* (its zero-loss peak put to 0 eV)
# and divided by the counts of that peak. Names are those of HyperSpy, and `save_spectrum_image` writes what
# HyperSpy opens.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Left, mean recorded spectrum with the fitted tail (ranges of the fit in grey); right, what is left, beside the true loss (simulated).", "name": "fig-ch04-tail"}}
ready = spectra.per_electron(spectra.align(film.counts))
fitted = spectra.fit_zero_loss(ready)
truth = film.loss.sel(energy=energy, method="nearest").to_numpy()
figures.show(
    field_plots.tail(ready, fitted, spectra.FIT_RANGES_EV, film.loss.to_numpy().mean((0, 1))),
    "Left, on a logarithmic scale, a peak with a long tail on which the plasmons are a shoulder. "
    "Right, after subtraction the spectrum lies on the true one from 0.2 electronvolts on.",
    "fig-ch04-tail",
)
bias = losses.to_numpy().mean((0, 1)) - truth.mean((0, 1))
noise = np.sqrt(((losses.to_numpy() - truth) ** 2).mean())
claims.number("tail_bias", 100 * np.sqrt((bias**2).mean()) / noise, "% of the noise",
              data="simulated", label="what the tail leaves in the mean spectrum")  # fmt: skip
moved = spectra.zero_loss_centre(film.counts) - film.drift_ev
claims.number("aligned_mev", 1e3 * moved.std(), "meV", data="simulated",
              label="error of the alignment")  # fmt: skip

# %% [markdown]
# What the subtraction gets wrong is {glue:text}`tail_bias:.0f` per cent of the noise of a single pixel, and the alignment is
# good to {glue:text}`aligned_mev:.2f` meV. The noise itself sets a floor: even the *true* spectrum differs from the recorded
# one by {glue:text}`floor:.1f` per cent in the measure of [](#sec-ch04-error), and no network can do better.
#
# ### Pairs
#
# A window of even width has no middle pixel. The published code takes rows $i-8$ to $i+7$ for the spectrum of row $i$, so
# that the spectrum belongs to a pixel half a pixel below and right of the window's middle; we keep that rule. Windows that
# stick out are left out.

# %% tags=["your-data"]
if data:
    division = one_field.divided(image, losses, window)
    pairs, test = division.pairs, division.test
else:
    pairs = make_pairs(image, losses)
print(f"{len(pairs)} pairs; images {pairs.images.shape[1:]}, spectra {pairs.spectra.shape[1:]}")

# %% [markdown] tags=["your-data"]
# Three windows, the pixel (cross) that their spectrum belongs to, and that spectrum.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Three pairs: windows in the dark-field image, enlarged with the pixel of the spectrum marked, and the spectra. Film 0, simulated, unless your own data were given.", "name": "fig-ch04-pairs"}}
third = len(pairs) // 3 + np.array([0, len(pairs) // 7, len(pairs) // 2])
figures.show(
    field_plots.windows(image.to_numpy(), pixel_nm, pairs, third, energy),
    "A dark-field image with three coloured squares; the same squares enlarged, and below them "
    "three different spectra.",
    "fig-ch04-pairs",
)
glue("pairs", len(pairs), display=False)

# %% [markdown]
# With {glue:text}`pairs` pairs the field has exactly the paper's number: 46 by 59 windows of a field of 61 by 74 pixels.
# Images and spectra are scaled by the extremes of the *training* pairs. A window is 24 nm wide, one cube with its
# neighbours, and shares fifteen of its sixteen columns with the next one.
#
# (sec-ch04-splits)=
# ### Splits
#
# That is why it matters which windows are kept for testing. Published code draws them at random, so that each has
# been seen in training but for one row or column. Honest ones share no pixel: a *block* of the field, with a gap of one
# window, or better a whole *film* left out.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Error on film 0 (left, spectra from images; right, images from spectra) by method, when test windows are drawn at random, are a block of the film, or when the film is left out and twelve others are trained on. Networks with 10 latents, 640 batches each; bars, SD over seeds (simulated).", "name": "fig-ch04-splits"}}
ways = {
    "random": splits.random_split(pairs), "block": splits.block_split(pairs, axis="y"),
}  # fmt: skip
shared = {way: splits.overlap(pairs, *split).mean() for way, split in ways.items()}
for way, share in shared.items():
    claims.number(f"shared_{way}", 100 * share, "%", data="simulated",
                  label=f"pixels of a test window in one training window, {way}")  # fmt: skip
study = pd.read_csv(DATA / "study.csv", keep_default_na=False)
of_split = study[(study["film"] == FILM) & study["latent"].isin([0, 10])]
of_split = of_split.groupby(["direction", "method", "split"])["error"].agg(["mean", "std", "size"])
of_split = of_split.reset_index().rename(columns={"mean": "error", "std": "sd", "size": "seeds"})
ways_shown = {"random": "random", "block": "block", "film": "film\nleft out"}
figures.show(
    study_plots.by_split(of_split, ways_shown),
    "Two panels with a mark for every method at three splits. Nearly all errors are lowest at "
    "the random split.",
    "fig-ch04-splits",
)
one_split = of_split.set_index(["direction", "method", "split"])["error"]
for method in ("nearest neighbours", "boosted trees"):
    for way in ("random", "block"):
        name = f"{method.split()[0]}_{way}"
        claims.number(name, one_split["im2spec", method, way], "%", data="simulated",
                      label=f"im2spec, {method}, {way} split")  # fmt: skip
of_film = study[(study["film"] == FILM) & (study["direction"] == "im2spec")]
learnt_from = of_film.groupby("split")["train"].first()
drawn, at_random = ways["random"]
drawn = np.random.default_rng(seed).choice(drawn, int(learnt_from["block"]), replace=False)
own_scale = scale_of(pairs[drawn])
x, y = own_scale.images(pairs.images), own_scale.spectra(pairs.spectra)
x = x.reshape(len(x), -1)
for method in ("nearest neighbours", "boosted trees"):
    rows = of_film[(of_film["method"] == method) & (of_film["split"] == "random")]
    model = baselines.candidates(method, len(drawn), x.shape[1])[rows["setting"].iloc[0]]
    model.fit(x[drawn], y[drawn])
    wrong = errors.relative_error(model.predict(x[at_random]), y[at_random]).mean()
    claims.number(f"{method.split()[0]}_few", wrong, "%", data="simulated",
                  label=f"im2spec, {method}, random split, few windows")  # fmt: skip
for way in ("random", "block"):
    glue(f"windows_{way}", int(learnt_from[way]), display=False)
    glue(f"mean_{way}", float(one_split["im2spec", "mean", way]), display=False)

# %% [markdown]
# A random test window finds {glue:text}`shared_random:.0f` per cent of its pixels in *one* training window, a block window
# none. The gift is large: for spectra from images, nearest neighbours fall from {glue:text}`nearest_block:.1f` to
# {glue:text}`nearest_random:.1f` per cent and boosted trees from {glue:text}`boosted_block:.1f` to
# {glue:text}`boosted_random:.1f` when windows are drawn at random. Not all of it is the overlap: at random there are
# {glue:text}`windows_random` windows to learn from, beside the block {glue:text}`windows_block`, and the block is harder (the
# mean: {glue:text}`mean_random:.1f` and {glue:text}`mean_block:.1f` per cent). With only {glue:text}`windows_block` random
# windows to learn from, the two have {glue:text}`nearest_few:.1f` and {glue:text}`boosted_few:.1f` per cent. What is measured at
# random is how well a neighbouring pixel is looked up, and the more a method remembers the better it looks. From here on tests share no pixel with the training.
#
# (sec-ch04-networks)=
# ### The networks
#
# Both are built as published {cite}`roccapriore2021,kalinin2021`, and as in AtomAI {cite}`ziatdinov2022`. What carries them is the decoder's *pyramid*: four convolutions with holes
# ({term}`dilation` 1 to 4), whose every intermediate result, after convolution, activation and normalisation, is added up.

# %% tags=["paper-idea"]
Code(inspect.getsource(networks.DilatedPyramid), language="python")

# %% [markdown]
# im2spec has three convolutions of the image without any pooling, so that position is kept, one linear layer to the
# latents, one from them to 64 rows as long as the spectrum, and the pyramid.

# %% tags=["paper-idea"]
Code(inspect.getsource(networks.Im2Spec), language="python")

# %% [markdown]
# spec2im goes back: it averages 16 channels first and enlarges twice at the end.

# %% tags=["paper-idea"]
Code(inspect.getsource(networks.Spec2Im), language="python")

# %% [markdown]
# Are they the paper's networks? The numbers of their parameters say so.

# %% tags=["hide-input"]
published = {("im2spec", 2): 550983, ("im2spec", 10): 1730639,
             ("spec2im", 2): 280199, ("spec2im", 10): 353935}  # fmt: skip
kinds = {"im2spec": networks.Im2Spec, "spec2im": networks.Spec2Im}
counted = pd.DataFrame(
    [
        {"network": name, "latents": number, "published code, 2048 channels": theirs,
         "ours, 2048 channels": networks.size(kinds[name](number, 2048)),
         "ours, 200 channels": networks.size(kinds[name](number, 200))}
        for (name, number), theirs in published.items()
    ]
)  # fmt: skip
claims.table("parameters", counted, "Parameters of the networks", out)

# %% [markdown]
# They agree to the last one. Most of im2spec's parameters sit in the two linear layers around the latents: there is little
# in this network that could compute, and much that can remember.
#
# :::{admonition} Published code and paper differ
# :class: departure
# The paper describes spec2im with pooling before and enlarging behind; the first published notebook has no pooling, AtomAI
# has both, with three convolutions in place of four. We take the paper's pooling with the notebook's four convolutions.
# Activation comes before normalisation, in the code and here; the figure of the paper leaves that open.
# :::
#
# (sec-ch04-error)=
# ### The error in per cent
#
# The paper gives errors in per cent and calls them mean squared errors. Mean squared errors of losses have no per cent. Its
# code computes, for a prediction $p$ and the truth $t$,
#
# $$
# e = 100 \sqrt{\frac{\overline{(p - t)^2}}{\overline{(p + t)^2}}} ,
# $$ (eq-ch04-error)
#
# with means over the channels of a spectrum or the pixels of an image. This is the only definition at hand that gives per
# cents, and we use it. It is 0 for $p = t$ and 100 for $p = 0$, and for small errors it is *half* of what one would call
# the relative error, the root-mean-square error over the root-mean-square signal: the paper's 4 per cent are 8 of the
# usual kind.
#
# :::{admonition} Departure from the paper
# :class: departure
# Networks of our recipe minimise Eq. {eq}`eq-ch04-error` itself; the paper minimises the mean squared error, to which weak
# spectra count for nothing. Our recipe has a learning rate that rises and falls, keeps the epoch that is best on a
# validation film, and shows im2spec every window turned and mirrored: a spectrum does not know which way is up. It trains
# on twelve films, not on a part of one. The paper's recipe stands beside it in every table.
# :::
#
# ## Train or load
#
# The networks of this page learnt from films 1 to 12, which are drawn like film 0 but with another seed, in batches of 64
# windows; the epoch was chosen on film 13 (`data/ch04/make_study.py`). With `retrain` they are trained here, which takes
# some ten minutes; otherwise they are loaded, their weights rounded to 16 bits.

# %%
asked = [(direction, number) for direction in KINDS for number in sorted(SEEDS)]
if retrain:
    loaded = retraining.trained(asked, *((1, 1) if quick else ()), seed=seed)
else:
    loaded = {key: shipped(*key) for key in asked}

# %% [markdown]
# What the files say about themselves, and how long the training took:

# %% tags=["hide-input"]
listing = [
    {"network": direction, "latents": number, "seed": k,
     **{name: header[name] for name in ("training", "epochs", "validation_error")}}
    for direction, number in asked
    for k in SEEDS[number]
    for header in [shipped(direction, number, k)[2]]
]  # fmt: skip
claims.table("networks", pd.DataFrame(listing).round(2), "Shipped networks: films they learnt "
             "from, epoch that was kept, and error on the validation film (%)", out)  # fmt: skip
spent = study[(study["method"] == "ours") & (study["split"] == "film") & (study["latent"] == 10)]
for name, part in spent.groupby("direction"):
    claims.number(f"train_s_{name}", part["seconds"].median(), "s", data="simulated",
                  label=f"processor time to train {name}, 10 latents")  # fmt: skip

# %% [markdown]
# One training takes {glue:text}`train_s_im2spec:.0f` s of processor time for im2spec and {glue:text}`train_s_spec2im:.0f` s for
# spec2im.

# %% [markdown] tags=["your-data"]
# On a field of your own no shipped network is of use. Both networks learn from a part of it and are tested on a block at
# one side, with a gap of one window between them; the baselines learn and are tested on the same windows.

# %% tags=["hide-input", "your-data"]
if data:
    learnt = one_field.learn_field(division, latent, seed, quick)
    loaded = {(name, latent): (net, learnt.scale) for name, net in learnt.networks.items()}
    claims.table("errors", learnt.errors.round(3), "Error (%) on n windows that took no part in "
                 "training, at one side of the field (block); baselines also on windows drawn at "
                 "random, which overlap those to learn from and flatter", out)  # fmt: skip
    for row in learnt.errors.query("method == 'network'").itertuples():
        claims.number(f"error_{row.direction}", row.error_percent, "%",
                      label=f"{row.direction}, test block")  # fmt: skip
    for sentence in one_field.beaten(learnt.errors):
        claims.note(sentence, "warning")
else:
    test = np.arange(len(pairs))  # film 0 took no part in training at all

# %% [markdown] tags=["your-data"]
# From here on every network has predicted every window of the field.

# %% tags=["hide-input", "your-data"]
scale = next(iter(loaded.values()))[1]
inputs = {"im2spec": scale.images(pairs.images), "spec2im": scale.spectra(pairs.spectra)}
targets = {"im2spec": inputs["spec2im"], "spec2im": inputs["im2spec"]}
axes_of = {"im2spec": (-1,), "spec2im": (-2, -1)}
predicted = {key: learn.predict(one[0], inputs[key[0]]) for key, one in loaded.items()}
error_of = {
    key: errors.relative_error(one, targets[key[0]], axes_of[key[0]])
    for key, one in predicted.items()
}
if film is not None:
    clean = film.loss.sel(energy=energy, method="nearest").to_numpy()[pairs.y_px, pairs.x_px]
    scaled = errors.relative_error(scale.spectra(clean), targets["im2spec"])
    claims.number("floor", scaled.mean(), "%", data="simulated",
                  label="error of the true spectra: noise alone")  # fmt: skip
    glue("floor_unscaled", float(errors.relative_error(clean, pairs.spectra).mean()), display=False)

# %% [markdown]
# Errors are computed on scaled values, as the published code does. (Scaling moves the zero, and with it the error: in
# units of the losses the floor would be {glue:text}`floor_unscaled:.1f` instead of {glue:text}`floor:.1f` per cent.)
#
# ## Results
#
# Tables of this section are from films 14 to 16, which nobody had looked at when all recipes stood, with three training
# seeds; pictures show film 0, which took no part in training but was looked at while im2spec's recipe was found.
#
# (sec-ch04-errors)=
# ### Errors against the number of latent variables (Figure S3)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Above, error against the number of latent variables, mean over films 14 to 16, bars SD over three seeds, with the paper's values (stars) and what noise alone makes (dotted). Below, correlation of the map of errors with the dark-field image, and their mean squared difference (Figure S3 b of the paper; simulated).", "name": "fig-ch04-s3"}}
paper = {"im2spec": {2: 10.0, 10: 4.0}, "spec2im": {2: 15.8, 10: 12.7}}
whole = study[(study["split"] == "film") & study["film"].isin(FRESH)]
measures = ["error", "error_truth", "floor", "correlation", "difference"]
by_seed = whole.groupby(["direction", "method", "latent", "seed"])[measures].mean()
levels = by_seed.groupby(["direction", "method", "latent"])
summary = levels.mean().join(levels.std(), rsuffix="_sd").reset_index()
ours_rows = summary[summary["method"] == "ours"]
figures.show(
    study_plots.by_latents(ours_rows, paper, float(by_seed["floor"]["im2spec"].mean())),
    "Four panels. Errors fall from one to about five latents and then hardly; im2spec's stay above "
    "the noise, spec2im's far above the paper's stars.",
    "fig-ch04-s3",
)
shown = ours_rows[["direction", "latent", "error", "error_sd"]].rename(
    columns={"error": "ours", "error_sd": "sd_ours"}
)
runs_of = by_seed["error"].xs("published", level="method")
by_run = runs_of.groupby(["direction", "latent"]).agg(lambda v: ", ".join(f"{e:.1f}" for e in v))
shown = shown.merge(by_run.rename("paper's recipe, by seed").reset_index(), how="left")
glue("recipe_seeds", by_run["im2spec", 10], display=False)
glue("recipe_2", by_run["im2spec", 2], display=False)
glue("mean_fresh", float(by_seed["error"]["im2spec", "mean"].mean()), display=False)
for number in (2, 10):
    glue(f"high_{number}", float(np.quantile(error_of["im2spec", number], 0.95)), display=False)
told_by_paper = [paper[d].get(n, np.nan) for d, n in zip(shown["direction"], shown["latent"])]
claims.table("latents", shown.assign(paper=told_by_paper).round(2), "Error (%) on whole films that "
             "nobody had seen, by number of latent variables; simulated", out,
             {"sd_ours": "SD over seeds", "paper": "told by the paper"})  # fmt: skip
table_of = by_seed["error"]
final = {}
for direction in KINDS:
    for number in (2, 10):
        rows = table_of[direction, "ours", number]
        final[direction, number] = float(rows.mean()), float(rows.std())
        claims.number(f"{direction}_{number}", *final[direction, number][:1], "%",
                      final[direction, number][1], "simulated",
                      f"{direction}, {number} latents, films left out")  # fmt: skip
by_direction = ours_rows.groupby("direction")["latent"]
ends = {name: [int(part.min()), int(part.max())] for name, part in by_direction}
most = ends["im2spec"][1]
glue("most_latents", most, display=False)
glue("many_latents", float(table_of["im2spec", "ours", most].mean()), display=False)

# %% [markdown]
# With 2 latents im2spec is wrong by {glue:text}`im2spec_2:.1f` per cent (paper: at most 10), with 10 by
# {glue:text}`im2spec_10:.1f` (paper: at most 4), and {glue:text}`most_latents` change that to {glue:text}`many_latents:.1f`: as in the paper,
# returns diminish. These are means, while "at most" in the paper seems to be said of a whole map: on film 0, 95 of 100 windows are
# below {glue:text}`high_2:.1f` and {glue:text}`high_10:.1f` per cent. Noise alone makes {glue:text}`floor:.1f`. spec2im's error is {glue:text}`spec2im_2:.0f` and
# {glue:text}`spec2im_10:.0f` per cent where the paper has 15.8 and 12.7. An image of cubes with sharp edges is hard to guess
# from a spectrum, on films that the network does not know; and the error depends on contrast, of which the paper says
# nothing. Two latents do nearly as well as ten, as the paper says of most of its data. What does *not* come out is the rest of
# Figure S3: with more latents our error maps resemble the image no more than before. (The paper's recipe,
# with as many batches as ours, ends at {glue:text}`recipe_seeds` per cent in three runs with 10 latents, where the mean of the
# training spectra has {glue:text}`mean_fresh:.1f`: two runs hardly learn, one is as good as ours. With 2 latents its one run has
# {glue:text}`recipe_2`. The published code trains some times longer, on fewer windows.)
#
# ### Baselines
#
# Is a network needed? The mean of the training targets, the nearest neighbours, linear regression between principal
# components, and boosted trees learn from the same windows, their settings chosen on the same validation windows.


# %% tags=["hide-input"]
def seeds_of(direction, method, split, number):
    """Errors by seed, mean over test films."""
    rows = study[(study["direction"] == direction) & (study["method"] == method)]
    rows = rows[(rows["split"] == split) & (rows["latent"] == number)]
    rows = rows[rows["film"].isin(FRESH)] if split == "film" else rows
    return rows.groupby("seed")["error"].mean()


listing = []
for direction in KINDS:
    for split in ("film", "block and films", "block"):
        each = {m: seeds_of(direction, m, split, 0).mean() for m in baselines.METHODS}
        nets = {m: seeds_of(direction, m, split, 10) for m in ("ours", "published")}
        best = min(each, key=each.get)
        listing.append(
            {"direction": direction, "split": split, **each,
             "paper's recipe, by seed": ", ".join(f"{e:.1f}" for e in nets["published"]),
             "ours": nets["ours"].mean(),
             "ours_sd": nets["ours"].std(), "best": best,
             "margin": each[best] - nets["ours"].mean()}
        )  # fmt: skip
beside = pd.DataFrame(listing)
claims.table("baselines", beside.round(2), "Simulated: error (%) with 10 latents; margin: best "
             "baseline minus ours, in points", out)  # fmt: skip
for row in beside.itertuples():
    if row.split == "film":
        claims.number(f"margin_{row.direction}", row.margin, "points", row.ours_sd, "simulated",
                      f"{row.direction}: best baseline minus ours")  # fmt: skip
        glue(f"best_{row.direction}", float(row.margin + row.ours), display=False)
        glue(f"name_{row.direction}", row.best, display=False)
    if row.margin < np.nan_to_num(row.ours_sd):
        claims.note(
            f"{row.direction}, split {row.split}: the best baseline ({row.best}) is not beaten by "
            f"more than the spread over seeds (margin {row.margin:.2f}, SD {row.ours_sd:.2f}).",
            "warning",
        )  # fmt: skip

# %% [markdown]
# On films left out our im2spec betters the best baseline, {glue:text}`name_im2spec`, by {glue:text}`margin_im2spec:.2f` points (SD
# over seeds {glue:text}`margin_im2spec_spread:.2f`): not much, but more than chance. Nearest neighbours and boosted trees
# come close, which says that most of the way from an image to its spectrum is resemblance. **spec2im is beaten**: the best
# baseline, {glue:text}`name_spec2im`, has an error of {glue:text}`best_spec2im:.1f` per cent, the network
# {glue:text}`spec2im_10:.1f`. (*Relative* neighbours give, of the images of many windows with a similar spectrum, not the mean
# but the one image with the least mean relative error to all of them.) The way back has many answers, and a network that
# must give one gives about the same blur as that. Notes below the table name every split where this is so.
#
# The authors' package AtomAI trains the same networks. On the same pairs and the same block of film 0, by its own example's
# recipe (`benchmarks/bench_ch04.py`):

# %% tags=["hide-input"]
speed = pd.read_csv(DATA / "speed.csv", keep_default_na=False, na_values=[""])
against = speed[speed["method"].isin(["ours", "AtomAI"]) & (speed["direction"] != "simulator")]
claims.table("speed", against.round(2), "Training on simulated pairs with one thread on one "
             "computer: error (%) and processor time (s)", out)  # fmt: skip
pair_of = against.groupby(["direction", "split", "method"])[["error", "seconds"]].mean()
for name in ("ours", "AtomAI"):
    row = pair_of.loc["im2spec", "block", name]
    glue(f"speed_{name.lower()}", float(row["seconds"]), display=False)
    glue(f"bench_{name.lower()}", float(row["error"]), display=False)

# %% [markdown]
# For im2spec AtomAI takes {glue:text}`speed_atomai:.0f` s to an error of {glue:text}`bench_atomai:.1f` per cent, ours
# {glue:text}`speed_ours:.0f` s to {glue:text}`bench_ours:.1f`: half as many batches, half as many bits, a rate that rises and falls,
# and turned windows.
#
# ### Error maps (Figures 3 and 5)


# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Maps of the error of im2spec, by number of latents (Figure 3 of the paper). Film 0, simulated; on your own data, the middles of the windows in the frame took no part in training.", "name": "fig-ch04-3"}}
def show_errors(name, figure):
    """Maps of the error of one network, by number of latents."""
    drawn = {
        f"{name}, {number} latents": on_map(values, pairs, image.shape)
        for (direction, number), values in error_of.items()
        if direction == name
    }
    means = [f"{title}, mean {np.nanmean(one):.1f} per cent" for title, one in drawn.items()]
    figures.show(
        field_plots.maps(drawn, pixel_nm, "relative error (%)", low=0, block=block),
        f"Maps of {name}'s error ({kind}): {'; '.join(means)}. No window fits at the border.",
        figure,
    )


block = None
if data:
    block = [int(end) for k in (pairs.x_px, pairs.y_px) for end in (k[test].min(), k[test].max())]
show_errors("im2spec", "fig-ch04-3")

# %% [markdown] tags=["your-data"]
# And those of spec2im:

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Maps of the error of spec2im, by number of latents (Figure 5 of the paper). Film 0, simulated; on your own data, the middles of the windows in the frame took no part in training.", "name": "fig-ch04-5"}}
show_errors("spec2im", "fig-ch04-5")

# %% [markdown]
# Where are they wrong? The mean error within 12 nm of the border of the film over that elsewhere on the film says how
# much is structure.

# %% tags=["hide-input"]
at_edge = exploration.near(found, pixel_nm, "outside", 12.0)[pairs.y_px, pairs.x_px]
inside = found[pairs.y_px, pairs.x_px] < 2


def edge_over_inside(values):
    """Mean error near the border of the film over that elsewhere on it."""
    return values[at_edge & inside].mean() / values[~at_edge & inside].mean()


ratio = {key: edge_over_inside(values) for key, values in error_of.items()}
by_training = []
for k in SEEDS[10]:
    again = learn.predict(shipped("im2spec", 10, k)[0], inputs["im2spec"])
    by_training.append(edge_over_inside(errors.relative_error(again, targets["im2spec"])))
edge_10 = float(np.mean(by_training)), float(np.std(by_training, ddof=1))
glue("edge_least", float(min(by_training)), display=False)
glue("edge_most", float(max(by_training)), display=False)
spread_of = {key: values.std() / values.mean() for key, values in error_of.items()}
rows = [
    {"network": name, "latents": number, "mean error (%)": error_of[name, number].mean(),
     "at the edge over inside": ratio[name, number], "SD over mean": spread_of[name, number]}
    for name, number in error_of
]  # fmt: skip
claims.table("error_maps", pd.DataFrame(rows).round(2), "Structure of error maps "
             "on film 0, simulated", out)  # fmt: skip
for (name, number), value in ratio.items():
    glue(f"edge_{name}_{number}", float(value), display=False)
region_of = found[pairs.y_px, pairs.x_px]
in_region = [error_of["im2spec", 10][region_of == k].mean() for k in (2, 0)]  # hole, particle
glue("hole_im2spec_10", float(in_region[0] / in_region[1]), display=False)

# %% [markdown]
# With 2 latents im2spec's error at the edge is {glue:text}`edge_im2spec_2:.2f` times that inside, with 10
# {glue:text}`edge_im2spec_10:.2f` times ({glue:text}`edge_least:.2f` to {glue:text}`edge_most:.2f` for the three shipped networks), and in the hole it is {glue:text}`hole_im2spec_10:.1f` times that on particles. More
# latents do not make the map even, as they do in the paper: what is wrong in the hole is not left out by the latents, it is
# not in the window. spec2im's error is {glue:text}`edge_spec2im_10:.2f` times as large at the edge.
#
# ### Spectra predicted (Figure 4)
#
# At four kinds of places; of each the window whose error with 10 latents is the *median* of its kind, not the best.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Windows and the spectra of the pixel that is marked: recorded, and predicted with few and with 10 latents (Figure 4 of the paper). Film 0, simulated, unless your own data were given.", "name": "fig-ch04-4"}}
where = peaks.places(found, pixel_nm)[pairs.y_px, pairs.x_px]
typical = one_field.typical(
    error_of[("im2spec", latent if data else 10)], where, test, peaks.PLACES
)
rows = {}
for name, one in typical.items():
    curves = {"recorded": pairs.spectra[one]}
    for (direction, number), values in predicted.items():
        if direction == "im2spec":
            curves[f"{number} latents"] = scale.spectra_back(values[one])
    rows[name] = pairs.images[one], curves
figures.show(
    field_plots.predicted_spectra(energy, rows),
    f"Windows at {', '.join(rows)}, each with its recorded spectrum ({kind}) and predicted ones.",
    "fig-ch04-4",
)

# %% [markdown]
# What the peaks are wrong by, in meV, is in [](#sec-ch04-peaks).
#
# (sec-ch04-images)=
# ### Images predicted (Figure 6)
#
# The same places backwards: from the spectrum to the window.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Spectra, the windows they belong to, and the windows predicted from them (Figure 6 of the paper). Film 0, simulated, unless your own data were given.", "name": "fig-ch04-6"}}
rows = {}
for name, one in typical.items():
    seen = {"recorded": pairs.images[one]}
    for (direction, number), values in predicted.items():
        if direction == "spec2im":
            seen[f"{number} latents"] = scale.image_back(values[one])
    rows[name] = pairs.spectra[one], seen
figures.show(
    field_plots.predicted_images(energy, rows),
    f"Spectra at {', '.join(rows)} ({kind}), the window of each, and blurred predictions.",
    "fig-ch04-6",
)

# %% [markdown]
# The predictions are blurred means of what the spectrum allows. The paper finds the fraction of area and even the
# *orientation* right, and wonders: a spectrum does not know which way is up. Two numbers test it. The first is the
# correlation of mean brightness, predicted and true. The second is how often, for windows at the edge of the film, the
# prediction is closer to the true window than to any of its seven turned or mirrored copies; by chance, once in eight.
# Both are also taken from a spec2im that has learnt from *random windows of the same film*.

# %% tags=["hide-input"]
train_on, test_on = ways["random"]
own, _ = learn.train(
    partial(networks.Spec2Im, 10, len(energy)), inputs["spec2im"][train_on],
    targets["spec2im"][train_on], seed=seed, epochs=1 if quick else 6, per_epoch=512,
    half=learn.knows_half(), progress=False,
)  # fmt: skip
edges = np.flatnonzero(at_edge)
tested = {"other films": (predicted["spec2im", 10], edges),
          "the same film, random split": (learn.predict(own, inputs["spec2im"]),
                                          np.intersect1d(edges, test_on))}  # fmt: skip
listing = []
for name, (images_made, at) in tested.items():
    both = images_made[at].mean((1, 2)), targets["spec2im"][at].mean((1, 2))
    listing.append(
        {"trained on": name, "correlation of area": np.corrcoef(*both)[0, 1],
         "right orientation": errors.upright(images_made[at], targets["spec2im"][at]).mean(),
         "windows": len(at)}
    )  # fmt: skip
turns = pd.DataFrame(listing)
claims.table("orientation", turns.round(3), "spec2im, 10 latents: windows of film 0 "
             "(simulated) at the edge",
             out)  # fmt: skip
for name, row in zip(("others", "same"), listing):
    glue(f"upright_{name}", float(100 * row["right orientation"]), display=False)
    glue(f"area_{name}", float(row["correlation of area"]), display=False)
seen_before = listing[1]["right orientation"] > listing[0]["right orientation"] + 0.1
glue("remembers", "It has seen the same edge, and remembers how that one lies." if seen_before
     else "In this run it has learnt too little to remember the edge that it has seen.",
     display=False)  # fmt: skip

# %% [markdown]
# Trained on other films, whose edges point elsewhere, the network gets the orientation right in
# {glue:text}`upright_others:.0f` per cent of the windows; trained on random windows of the same film, in
# {glue:text}`upright_same:.0f` per cent. {glue:text}`remembers` No tilt of the specimen
# is needed for that, and our films have none. The area, which the spectrum does know, correlates with the true one in both
# ({glue:text}`area_others:.2f` and {glue:text}`area_same:.2f`).
#
# (sec-ch04-coarse)=
# ### Coarse sampling (Figure S2)
#
# The paper repeats both networks on a scan with fewer pixels per particle, where a window shows several of them, and finds
# images much better predicted. Here pixels are 3 nm instead of 1.5, and a window is 48 nm wide.

# %% tags=["hide-input"]
coarse = pd.read_csv(DATA / "coarse.csv", keep_default_na=False)
rows = coarse[(coarse["split"] == "film") & coarse["film"].isin(FRESH)]
rows = rows.groupby(["direction", "method", "latent", "seed"])["error"].mean()
listing = []
for (direction, method, number), part in rows.groupby(["direction", "method", "latent"]):
    fine = table_of.loc[direction, method, number]
    listing.append(
        {"direction": direction, "method": method, "latents": number,
         "pixels of 3 nm": part.mean(), "sd_3_nm": part.std(),
         "pixels of 1.5 nm": fine.mean(), "sd_1.5_nm": fine.std()}
    )  # fmt: skip
coarsely = pd.DataFrame(listing)
claims.table("coarse", coarsely.round(2), "Error (%) on simulated films left out, by size of the "
             "pixels", out)  # fmt: skip
of_coarse = coarsely.set_index(["direction", "method", "latents"])["pixels of 3 nm"]
coarse_by = {name: ("ours", 10) if (name, "ours", 10) in of_coarse else ("relative neighbours", 0)
             for name in KINDS}  # fmt: skip
of_both = coarsely.set_index(["direction", "method", "latents"])
for name, key in coarse_by.items():
    row = of_both.loc[(name, *key)]
    word = "network" if key[0] == "ours" else key[0]
    claims.number(f"coarse_{name}", row["pixels of 3 nm"], "%", data="simulated",
                  label=f"{name}, {word}, pixels of 3 nm, films left out")  # fmt: skip
    glue(f"fine_{name}", float(row["pixels of 1.5 nm"]), display=False)
    glue(f"by_{name}", word, display=False)

# %% [markdown]
# With coarse pixels the error of images from spectra ({glue:text}`by_spec2im`) is {glue:text}`coarse_spec2im:.1f` per cent
# instead of {glue:text}`fine_spec2im:.1f`, that of spectra from images ({glue:text}`by_im2spec`) {glue:text}`coarse_im2spec:.1f`
# instead of {glue:text}`fine_im2spec:.1f`. The paper's gain for images is not seen in our films: a coarse window holds more
# cubes, of which the spectrum says no more. Spectra from images gain, where the paper does not look for it. But these films are
# others, and larger (120 by 138 nm instead of 92 by 111), so not all of a difference need come from the window;
# [](#sec-ch04-window) compares windows at the same places.
#
# (sec-ch04-latent)=
# ### The latent space
#
# Two latent variables make a plane. Read it in two ways: *decode* a uniform grid of points, which shows what the network
# would say there; or *back-project*, which shows the mean of the three real windows that are encoded nearest. Only the
# second shows things that exist.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The plane of im2spec with two latents: spectra decoded on a grid (left), windows encoded nearest to the same points (right). Film 0, simulated (Figure 3 of the paper).", "name": "fig-ch04-plane-im2spec"}}
places_of, planes = {}, {}
for name in KINDS:
    net = loaded[name, 2][0]
    places_of[name] = learn.encode(net, inputs[name])
    grid_x, grid_y, decoded = latent_space.decoded_grid(net, places_of[name])
    points = latent_space.grid_points(grid_x, grid_y)
    back, apart = latent_space.back_project(points, places_of[name], inputs[name])
    planes[name] = decoded, back.reshape(*decoded.shape[:2], *back.shape[1:]), apart
figures.show(
    study_plots.plane({"spectra, decoded": planes["im2spec"][0],
                       "windows, back-projected": planes["im2spec"][1]}, energy),
    "Two grids of eight by eight tiles: spectra that change steadily from tile to tile, and the "
    "windows behind them, from bare membrane to dense film.",
    "fig-ch04-plane-im2spec",
)  # fmt: skip
lonely = planes["im2spec"][2] > 0.1 * np.ptp(places_of["im2spec"], axis=0).mean()
glue("empty", float(100 * lonely.mean()), display=False)

# %% [markdown]
# Spectra change steadily over the plane, and so do the windows behind them: from bare membrane to dense film. In
# {glue:text}`empty:.0f` per cent of the grid's points no three real windows lie within a tenth of the width of the plane;
# what is decoded there is the network's invention, and the tile beside it is the nearest thing that exists. The same for
# spec2im:

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The plane of spec2im with two latents: windows decoded on a grid (left), spectra encoded nearest to the same points (right). Film 0, simulated (Figure 5 of the paper).", "name": "fig-ch04-plane-spec2im"}}
figures.show(
    study_plots.plane({"windows, decoded": planes["spec2im"][0],
                       "spectra, back-projected": planes["spec2im"][1]}, energy),
    "Two grids of tiles: windows with a bright blob, a dark hole or a cross of gaps in the middle, "
    "all blurred; and the spectra behind them.",
    "fig-ch04-plane-spec2im",
)  # fmt: skip

# %% [markdown]
# It decodes a particle, a gap or nothing in the middle, and a blur around it: beyond the nearest particle the spectrum
# leaves everything open.
#
# ### Clusters of the latent space (Figure S1)
#
# A mixture of eight Gaussians divides the plane into classes; each class is then coloured on the array.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Classes of the latent plane of im2spec, in the plane and on the field, and the dark-field image (Figure S1 of the paper; simulated).", "name": "fig-ch04-s1"}}
label = latent_space.clusters(places_of["im2spec"])
figures.show(
    study_plots.clusters(
        places_of["im2spec"], label, on_map(label, pairs, image.shape), image.to_numpy(), pixel_nm
    ),
    "A cloud of points in eight colours; the same colours on the field, where they follow "
    "particles, gaps, the hole and the outside.",
    "fig-ch04-s1",
)
known = region_of >= 0
purity = pd.crosstab(label[known], np.array(exploration.REGIONS)[region_of[known]])
glue("purity", float(100 * purity.max(axis=1).sum() / purity.to_numpy().sum()), display=False)
glue("purity_chance", float(100 * purity.sum().max() / purity.to_numpy().sum()), display=False)

# %% [markdown]
# Nobody told the network about regions, yet {glue:text}`purity:.0f` per cent of the windows lie in a class most of which
# belongs to their own region ({glue:text}`purity_chance:.0f` if all were called by the most frequent one).
#
# ### Does back-projection hold together?
#
# The paper asks whether close points of the latent space come from close samples. We take the distance between samples that
# are neighbours in the latent space over that between samples at random: 0 would be perfect, 1 means that the place says
# nothing. Neighbours are looked for in *other* films only; windows of one film overlap, and would look alike anywhere.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Distance between samples of different films that are neighbours in the latent space, over that between random samples: of what was encoded, of what belongs to it, and of what was encoded when turned windows count as equal. Grey, principal components, and neighbours sought among the samples themselves. Training films, simulated.", "name": "fig-ch04-back"}}
holds = pd.read_csv(DATA / "consistency.csv")
figures.show(
    beyond_plots.back_projection(holds),
    "Two panels, im2spec and spec2im. Ratios fall with the number of latent variables; spectra of "
    "neighbours are far more alike than their windows.",
    "fig-ch04-back",
)
by_space = holds.groupby(["direction", "space", "latent", "what"])["ratio"].mean()
for name in KINDS:
    for number in (2, 10):
        for what, word in (("features", "encoded"), ("targets", "decoded")):
            glue(f"back_{name}_{word}_{number}",
                 float(by_space[name, "network", number, what]), display=False)  # fmt: skip
glue("back_turned_10", float(by_space["im2spec", "network", 10, "features, turned alike"]),
     display=False)  # fmt: skip
glue("back_components_10",
     float(by_space["im2spec", "principal components", 10, "features"]), display=False)  # fmt: skip
glue("back_least", float(by_space["im2spec", "the features themselves", 0, "features"]),
     display=False)  # fmt: skip
glue("back_similar", float(by_space["im2spec", "the features themselves", 0, "targets"]),
     display=False)  # fmt: skip
claims.number("back_projection", by_space["im2spec", "network", 10, "features"], data="simulated",
              label="distance of windows, neighbours over random, 10 latents")  # fmt: skip

# %% [markdown]
# Windows that im2spec encodes close to each other are {glue:text}`back_im2spec_encoded_2:.2f` of the random distance apart
# with 2 latents and {glue:text}`back_projection:.2f` with 10. That is little, and it can't be much: even the most similar
# windows of other films are {glue:text}`back_least:.2f` apart, since edges rarely fall on the same pixels. Ten principal
# components, which keep what a window looks like, reach {glue:text}`back_components_10:.2f`. But their *spectra* are
# {glue:text}`back_im2spec_decoded_10:.2f` apart, nearer than those of the most similar windows
# ({glue:text}`back_similar:.2f`). So the latent space of im2spec is a map of spectra, not of windows: a
# back-projected mean of three windows blurs whatever the loss does not depend on, orientation first of all (turned windows
# taken as equal: {glue:text}`back_turned_10:.2f`). spec2im puts spectra together that are
# {glue:text}`back_spec2im_encoded_10:.2f` apart, and their windows are {glue:text}`back_spec2im_decoded_10:.2f` apart: nearly as
# far as any two. Back-projection is to be believed for spectra; of windows it shows what is common to them, and the
# spectrum leaves much open.
#
# ## Beyond the paper
#
# (sec-ch04-peaks)=
# ### Peaks and intervals
#
# An error in per cent says little about physics. Three lines fitted to every spectrum, predicted and true, give energies,
# widths and areas (`helpers/plasmons/peaks.py`). A peak counts as *resolved* where the spectrum itself has a peak or a
# shoulder; elsewhere a fit would only invent a number.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Median error of the energy of each peak, by place; bars, SD over three seeds. Films 14 to 16, true spectra without noise, 240 windows a place (simulated).", "name": "fig-ch04-peaks"}}
peak_table = pd.read_csv(DATA / "peaks.csv")
figures.show(
    beyond_plots.peak_energies(peak_table),
    "Three panels for the low, middle and bulk peak. Errors of the low peak are about ten to "
    "twenty millielectronvolts, of the bulk peak below one; that is resolved on particles only.",
    "fig-ch04-peaks",
)
kept = peak_table[peak_table["pairs"] >= 20]
by_peak = kept.groupby(["method", "peak", "place"], sort=False)[
    ["resolved", "missed", "energy_mev", "energy_90_mev", "shift_mev", "width_mev", "area_percent"]
].mean()
claims.table("peaks", by_peak.round(2).reset_index(), "Simulated: errors of peaks, medians over "
             "windows that show the peak in both; of the energy also the 90th percentile",
             out)  # fmt: skip
shown = by_peak.loc["ours"]
for peak in ("low", "middle"):
    glue(f"{peak}_least", float(shown.loc[peak, "energy_mev"].min()), display=False)
    glue(f"{peak}_most", float(shown.loc[peak, "energy_mev"].max()), display=False)
    glue(f"{peak}_area", float(shown.loc[peak, "area_percent"].max()), display=False)
claims.number("bulk_mev", shown.loc[("bulk", "particle"), "energy_mev"], "meV", data="simulated",
              label="median error of the energy of the bulk peak, on particles")  # fmt: skip
claims.number("low_gap_mev", shown.loc[("low", "gap"), "energy_mev"], "meV", data="simulated",
              label="median error of the energy of the low peak, in gaps")  # fmt: skip
glue("void_shift", float(shown.loc[("low", "void"), "shift_mev"]), display=False)
glue("middle_resolved", float(100 * shown.loc[("middle", "particle"), "resolved"]), display=False)
worse = (by_peak.loc["ours", "energy_mev"] > by_peak.loc["boosted trees", "energy_mev"]).sum()
glue("trees_win", int(worse), display=False)
glue("peaks_compared", len(shown), display=False)
glue("trees_void", float(by_peak.loc[("boosted trees", "low", "void"), "energy_mev"]),
     display=False)  # fmt: skip
glue("low_void", float(shown.loc[("low", "void"), "energy_mev"]), display=False)

# %% [markdown]
# The low peak is wrong by {glue:text}`low_least:.0f` to {glue:text}`low_most:.0f` meV in the median, the middle one by
# {glue:text}`middle_least:.0f` to {glue:text}`middle_most:.0f`, the bulk peak by {glue:text}`bulk_mev:.1f` on particles, the
# only place that resolves it (no feat: all cubes share one permittivity, so that its energy is the same everywhere). All of this is below the energy resolution of 40 meV: as in the paper's Figure 4, positions come out
# well. Areas are worse, by up to {glue:text}`low_area:.0f` per cent (low) and {glue:text}`middle_area:.0f` (middle), since
# two overlapping lines share what lies between them. On particles only {glue:text}`middle_resolved:.0f` per cent of the
# spectra resolve the middle peak at all. In voids the low peak is predicted {glue:text}`void_shift:+.0f` meV off in the
# median: an empty window does not know which particles stand around it. Of {glue:text}`peaks_compared` pairs of peak and
# place boosted trees have the smaller error of energy in {glue:text}`trees_win`; for the low peak in voids it is
# {glue:text}`trees_void:.0f` meV, the network's {glue:text}`low_void:.0f`.
#
# **Intervals.** Three networks that differ by their seed disagree, and the spread is often sold as an error bar. Split
# conformal prediction {cite}`lei2018` instead *sets* the width on a film kept for it (film 13): errors over spread, energy
# by energy, at the quantile wanted. We ask of all films 14 to 16: how often is the measured loss inside?

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Share of measured losses inside intervals of 68 and 95 per cent: by energy (left; all windows of films 14 to 16) and, for 95 per cent, by place (right; one point per film). Grey lines, what was promised. Simulated.", "name": "fig-ch04-intervals"}}
cover_energy = pd.read_csv(DATA / "intervals_energy.csv")
cover = pd.read_csv(DATA / "intervals.csv")
figures.show(
    beyond_plots.coverage(cover_energy, cover),
    "The plain spread covers about half of what it promises or less; the two calibrated kinds lie "
    "close to the promised lines, a little low on particles.",
    "fig-ch04-intervals",
)
mean_cover = cover.groupby(["kind", "level", "place"])[["measured", "truth"]].mean() * 100
kinds_of = {"raw": "spread as it is", "scaled": "scaled spread", "constant": "one width for all"}
for short, kind_name in kinds_of.items():
    for level in (0.68, 0.95):
        per_film = cover[(cover["kind"] == kind_name) & (cover["level"] == level)
                         & (cover["place"] == "all")]["measured"]  # fmt: skip
        claims.number(f"cover_{short}_{100 * level:.0f}", 100 * per_film.mean(), "%",
                      100 * per_film.std(), "simulated",
                      f"measured losses inside {level:.0%} intervals, {kind_name}")  # fmt: skip
places_only = mean_cover.loc[("scaled spread", 0.95)].drop(["all", "between"])
glue("cover_worst", float(places_only["measured"].min()), display=False)
glue("cover_worst_place", places_only["measured"].idxmin(), display=False)
glue("cover_truth", float(mean_cover.loc[("scaled spread", 0.95, "all"), "truth"]), display=False)
at_level = cover_energy[(cover_energy["kind"] == "scaled spread") & (cover_energy["level"] == 0.95)]
glue("cover_energy_least", float(100 * at_level["measured"].min()), display=False)
glue("cover_energy_at", float(at_level.loc[at_level["measured"].idxmin(), "energy_eV"]),
     display=False)  # fmt: skip
widths_of = cover[(cover["level"] == 0.95) & (cover["place"] == "all")].groupby("kind")
for short, kind_name in kinds_of.items():
    glue(f"width_{short}", float(widths_of["half_width_percent"].mean()[kind_name]), display=False)

# %% [markdown]
# The spread as it is holds {glue:text}`cover_raw_95:.0f` per cent where it promises 95, and {glue:text}`cover_raw_68:.0f` where
# it promises 68: networks trained on the same films make the same mistakes. Scaled on film 13 it holds
# {glue:text}`cover_scaled_95:.1f` and {glue:text}`cover_scaled_68:.1f` of what is measured, and {glue:text}`cover_truth:.1f` of
# the truth (95 per cent; wide enough for the noise, it is wider than the truth needs). But it does not hold everywhere: least in
# the place "{glue:text}`cover_worst_place`", with {glue:text}`cover_worst:.0f` per cent, and at {glue:text}`cover_energy_at:.2f` eV
# with {glue:text}`cover_energy_least:.0f`. And the ensemble has not earned its cost: one width for all windows, which looks at
# no spread, holds {glue:text}`cover_constant_95:.1f` per cent at a half-width of {glue:text}`width_constant:.0f` per cent
# of the mean loss, the scaled spread {glue:text}`cover_scaled_95:.1f` at {glue:text}`width_scaled:.0f`.
#
# (sec-ch04-window)=
# ### How far does a plasmon see?
#
# The window ends somewhere; the plasmon does not. Windows of 12 to 48 nm around the *same* places show what is gained by
# seeing more.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Error of spectra from windows of different width, at the same places of films left out (films 14 to 16; one training of each; simulated).", "name": "fig-ch04-window"}}
widths = pd.read_csv(DATA / "windows.csv", keep_default_na=False)
widths = widths[widths["film"].isin(FRESH)]
by_width = widths.groupby(["window", "method", "seed"])["error"].mean()
by_width = by_width.groupby(["window", "method"]).agg(["mean", "std"]).reset_index()
by_width = by_width.rename(columns={"mean": "error", "std": "sd"})
figures.show(
    study_plots.by_window(by_width),
    "Lines for each method. Errors fall as windows get wider, steeply at first.",
    "fig-ch04-window",
)
of_width = by_width.pivot_table(index="window", columns="method", values="error")
of_width.index = pd.Index(of_width.index * pixel_nm, name="width of the window (nm)")
claims.table("windows", of_width.round(2).reset_index().rename_axis(columns=None), "Error (%) by "
             "width of the window, one training of each, simulated", out)  # fmt: skip
for_trees = by_width[by_width["method"] == "boosted trees"].set_index("window")["error"]
for_lines = by_width[by_width["method"] == "PCA and ridge"].set_index("window")["error"]
for size in (for_trees.index.min(), for_trees.index.max()):
    glue(f"trees_{size}", float(for_trees[size]), display=False)
    glue(f"linear_{size}", float(for_lines[size]), display=False)
for_network = by_width[by_width["method"] == "ours"].set_index("window")["error"]
for size in (8, 16):
    glue(f"ours_{size}", float(for_network[size]), display=False)
glue("trees_16", float(for_trees[16]), display=False)

# %% [markdown]
# From 12 to 48 nm trees gain little ({glue:text}`trees_8:.1f` to {glue:text}`trees_32:.1f` per cent), linear regression
# more ({glue:text}`linear_8:.1f` to {glue:text}`linear_32:.1f`). From 12 to 24 nm the network goes from
# {glue:text}`ours_8:.1f` to {glue:text}`ours_16:.1f`, trees to {glue:text}`trees_16:.1f`; each was trained once. So most of what a
# window says about its spectrum is in the particles that touch its middle, and the network makes more than trees of those
# that are farther away. For 48 nm it was trained with coarse pixels only, where it has {glue:text}`coarse_im2spec:.1f` per cent
# ([](#sec-ch04-coarse)). Those films are larger, and their places and pixels others, so the step from
# {glue:text}`ours_16:.1f` is not the window's alone. It suggests that the window of 24 nm is one limit of spectra from images; it
# does not show that it is the only one.
#
# (sec-ch04-other)=
# ### Another array
#
# The paper expects its networks to serve other arrays as long as particle size and concentrations do not deviate far. We
# change one thing at a time. Training films vary in place, in angle within 15 degrees and in size by 5 per cent, in nothing
# else. And would a user be warned? A window is flagged as *unlike* when it is farther from all training windows, or has more
# that their principal components leave out, than 98 per cent of training windows have against other films
# (`helpers/plasmons/unlike.py`); or because the three networks *disagree* more than on 98 per cent of film 13.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Left, error of im2spec (10 latents, mean of three seeds) and of boosted trees against the true spectra of films of other kinds; right, share of their windows that are flagged (simulated; three films like the training set, one of each other kind).", "name": "fig-ch04-transfer"}}
transfer = pd.read_csv(DATA / "transfer.csv")
unlike = pd.read_csv(DATA / "unlike.csv")
forward = transfer[transfer["direction"] == "im2spec"]
figures.show(
    beyond_plots.other_films(forward, unlike),
    "Bars for nine kinds of film. Errors are smallest for films like the training set; another "
    "doping makes them about twice, spheroids more than three times as large. Flags do not follow "
    "the errors.",
    "fig-ch04-transfer",
)
by_method = transfer.groupby(["kind", "direction", "method"], sort=False)["error"].mean()
named = transfer.assign(by=transfer["direction"] + ", " + transfer["method"])
by_film = named.pivot_table(values="error", index="kind", columns="by", sort=False).round(1)
claims.table("transfer", by_film.reset_index().rename_axis(columns=None), "Error (%) by "
             "kind of film, simulated", out)  # fmt: skip
alike = "like the training set"
mine = by_method.xs(("im2spec", "ours"), level=("direction", "method"))
others = mine.drop(alike)
claims.number("transfer_same", mine[alike], "%", data="simulated",
              label="im2spec against the truth, films like the training set")  # fmt: skip
claims.number("transfer_worst", others.max(), "%", data="simulated",
              label=f"im2spec against the truth, worst kind: {others.idxmax()}")  # fmt: skip
for short, other in (("turned", "lattice turned by 45°"), ("small", "cubes of 11 nm"),
                    ("large", "cubes of 15 nm"), ("wide", "gaps of 4.5 nm"),
                    ("hexagonal", "hexagonal lattice"), ("round", "spheroids"),
                    ("less", "doped less (1.7 eV)"), ("more", "doped more (1.9 eV)")):  # fmt: skip
    glue(f"transfer_{short}", float(mine[other]), display=False)
scaled_energy = by_method.xs(("im2spec", "ours, energies scaled"), level=("direction", "method"))
glue("rescaled_most", float(scaled_energy.max()), display=False)
trees_of = by_method.xs(("im2spec", "boosted trees"), level=("direction", "method"))
glue("trees_better", int((trees_of[others.index] < others).sum()), display=False)
by_sign = unlike.set_index(["kind", "sign"])
glue("back_round", float(by_method["spheroids", "spec2im", "ours"]), display=False)
glue("back_round_mean", float(by_method["spheroids", "spec2im", "mean"]), display=False)
of_sign = unlike.assign(sign=unlike["sign"].map({"window": "unlike", "spread": "disagreement"}))
of_sign = of_sign.rename(columns={"error_flagged": "error where flagged", "error_others":
                                  "error elsewhere", "rank_correlation": "rank"})  # fmt: skip
of_sign = of_sign.pivot_table(
    ["flagged", "error where flagged", "error elsewhere", "rank"], "kind", "sign", sort=False
)
of_sign.columns = [f"{what}, {sign}" for what, sign in of_sign.columns]
order = sorted(unlike["kind"].unique(), key=lambda name: not name.startswith("measured"))
claims.table("unlike", of_sign.reindex(order).round(2).rename_axis(None), "Share of "
             "windows flagged, errors (%) of flagged and other windows, rank correlation of sign "
             "and error; "
             "simulated but for the measured pair, whose truth is not known", out)  # fmt: skip
for short, other in (("same", alike), ("small", "cubes of 11 nm"), ("wide", "gaps of 4.5 nm"),
                    ("less", "doped less (1.7 eV)"), ("upside", "upside-down contrast"),
                    ("noisy", "noisier image (20 %)")):  # fmt: skip
    for sign in ("window", "spread"):
        glue(f"flag_{short}_{sign}", float(100 * by_sign.loc[(other, sign), "flagged"]),
             display=False)  # fmt: skip
for sign in ("window", "spread"):
    row = by_sign.loc[(alike, sign)]
    glue(f"flagged_{sign}", float(row["error_flagged"]), display=False)
    glue(f"unflagged_{sign}", float(row["error_others"]), display=False)
    glue(f"rank_{sign}", float(row["rank_correlation"]), display=False)
for short, other in (("round", "spheroids"), ("less", "doped less (1.7 eV)"),
                    ("more", "doped more (1.9 eV)")):  # fmt: skip
    row = by_sign.loc[(other, "spread")]
    glue(f"turns_{short}", float(row["rank_correlation"]), display=False)
    glue(f"turns_{short}_flagged", float(row["error_flagged"]), display=False)
    glue(f"turns_{short}_others", float(row["error_others"]), display=False)
real_flag = by_sign["flagged"].get(("measured pair (eels-si)", "window"), np.nan)
if np.isfinite(real_flag):
    claims.number("flag_measured", 100 * real_flag, "%",
                  label="windows of the measured pair flagged as unlike")  # fmt: skip

# %% [markdown]
# Against the truth the error is {glue:text}`transfer_same:.1f` per cent on films like the training set. A lattice turned by 45
# degrees ({glue:text}`transfer_turned:.1f`), a hexagonal one with a pitch of 17 nm
# ({glue:text}`transfer_hexagonal:.1f`), and cubes of 11
# ({glue:text}`transfer_small:.1f`) or 15 nm ({glue:text}`transfer_large:.1f`) cost little more; gaps of 4.5 nm, which couple
# cubes less than anything seen in training, {glue:text}`transfer_wide:.1f`; spheroids, whose modes lie elsewhere,
# {glue:text}`transfer_round:.1f`. Another doping gives {glue:text}`transfer_less:.1f` and {glue:text}`transfer_more:.1f`, and no
# image can show it. But all energies grow with the plasma energy, so one known number mends it: stretching the predicted
# energies by the ratio of plasma energies brings both to at most {glue:text}`rescaled_most:.1f` per cent. Boosted trees are better
# than the network on {glue:text}`trees_better` of eight other kinds. spec2im's error on spheroids, {glue:text}`back_round:.1f` per
# cent, is above that of the mean of its training windows, {glue:text}`back_round_mean:.1f`.
#
# **What the flags are worth.** Two warnings mean two things. *Unlike* says that an image is of another kind. It is raised for
# {glue:text}`flag_same_window:.0f` per cent of the windows of usual films, {glue:text}`flag_small_window:.0f` on cubes of 11 nm,
# {glue:text}`flag_upside_window:.0f` with upside-down contrast, {glue:text}`flag_noisy_window:.0f` with much noise, and
# {glue:text}`flag_measured:.0f` of the measured pair, put to the range of the training images. It does not say that a prediction is
# wrong: in usual films the error is {glue:text}`flagged_window:.1f` per cent where it is raised and
# {glue:text}`unflagged_window:.1f` elsewhere. *Disagreement* does, in usual films: {glue:text}`flagged_spread:.1f` against
# {glue:text}`unflagged_spread:.1f` (rank correlation with the error {glue:text}`rank_spread:+.2f`; of the other,
# {glue:text}`rank_window:+.2f`). Elsewhere it can turn round: on spheroids the correlation is {glue:text}`turns_round:+.2f`, and with
# less and more doping flagged windows have {glue:text}`turns_less_flagged:.1f` and {glue:text}`turns_more_flagged:.1f` per cent, the
# others {glue:text}`turns_less_others:.1f` and {glue:text}`turns_more_others:.1f`. Neither sees what no window shows. Another doping makes errors twice as large, and is flagged
# in {glue:text}`flag_less_window:.0f` and {glue:text}`flag_less_spread:.0f` per cent of the windows; gaps of 4.5 nm in
# {glue:text}`flag_wide_window:.0f` and {glue:text}`flag_wide_spread:.0f`. A flag is a reason to look; silence is no promise.
#
# (sec-ch04-design)=
# ### Inverse design
#
# Give a spectrum, get a geometry: the paper's outlook. A network's word that its geometry will do is worth little; here the
# physics that made the films *simulates every proposal again*. What is a fair test? A window shows 24 nm, and plasmons see
# more. So a proposal is made into a list of cubes, by a lattice fitted to the window and then every cube, and the film goes on to
# 45 nm around the beam by one rule for all: a site that the window does not show repeats the nearest one that it does,
# with the scatter and vacancies of the films (`helpers/plasmons/geometry.py`). That island is the design. Every way has
# {glue:text}`design_budget` simulations for a wish, and its best counts. Six wishes are true spectra of gaps in films 14 to
# 16, half of them at an edge; six are made: the low peak of the others moved by 40 meV down or up.
#
# - *random*: training windows drawn at random; *nearest examples*: those whose measured spectra are nearest to the wish;
# - *spec2im*: what it decodes from the wish, and from codes beside it;
# - *latent space*: codes moved until im2spec decodes the wish, and the real windows encoded nearest;
# - *random changes*: the best of two examples and one of spec2im's windows, its cubes moved, resized, added or removed at
#   random; *guided changes*: the same, but im2spec chooses among 120 changes, corrected by what it missed of the last
#   simulation. Engineers call that space mapping {cite}`bandler2004`.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Least relative error of six simulated geometries to a wished spectrum, by way; a point per wish, a line at the median (simulated).", "name": "fig-ch04-design"}}
design_table = pd.read_csv(DATA / "design.csv")
figures.show(
    beyond_plots.design_errors(design_table),
    "Six rows of points, from random windows with the largest errors to the ways that change a "
    "geometry step by step.",
    "fig-ch04-design",
)
by_way = design_table.pivot_table(values="error", index="way", columns="kind", aggfunc="median")
by_way["all"] = design_table.groupby("way")["error"].median()
by_way["other scatter around it"] = design_table.groupby("way")["other_surroundings"].median()
claims.table("design", by_way.round(1).reset_index().rename_axis(columns=None), "Inverse design: "
             "median over wishes of the least error (%) of six simulations", out)  # fmt: skip
errors_by = design_table.pivot_table(values="error", index="wish", columns="way", sort=False)
first_example = design_table[design_table["way"] == "nearest examples"].set_index("wish")["first"]
for short, way in (("spec2im", "spec2im"), ("latent", "latent space"), ("random", "random"),
                   ("examples", "nearest examples"), ("guided", "guided changes"),
                   ("changes", "random changes")):  # fmt: skip
    claims.number(f"design_{short}", errors_by[way].median(), "%", errors_by[way].std(),
                  "simulated", f"inverse design by {way}: median, SD over wishes")  # fmt: skip
    glue(f"beats_first_{short}", int((errors_by[way] < first_example[errors_by.index]).sum()),
         display=False)  # fmt: skip
    glue(f"beats_random_{short}", int((errors_by[way] < errors_by["random"]).sum()), display=False)
    glue(f"beats_examples_{short}", int((errors_by[way] < errors_by["nearest examples"]).sum()),
         display=False)  # fmt: skip
glue("beats_changes_guided", int((errors_by["guided changes"] < errors_by["random changes"]).sum()),
     display=False)  # fmt: skip
glue("wishes", len(errors_by), display=False)
glue("design_budget", int(design_table["simulations"].max()), display=False)
glue("first_example", float(first_example.median()), display=False)
glue("example_at_home", float(design_table["own_surroundings"].median()), display=False)
glue("design_moved", float(by_way.loc["guided changes", "other scatter around it"]), display=False)
glue("design_made", float(by_way.loc["guided changes", "made"]), display=False)
glue("design_film", float(by_way.loc["guided changes", "film"]), display=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Three wishes, none fully reached (least errors in the text), with the simulated spectra of the best geometries of two ways, and these geometries (24 nm wide; cross, the beam).", "name": "fig-ch04-designs"}}
wishes = list(errors_by.index)
with np.load(DATA / "design.npz") as drawn:
    examples = {
        wishes[k]: (
            drawn[f"{k} wish"],
            {way: (drawn[f"{k} {way} spectrum"], drawn[f"{k} {way} window"])
             for way in ("guided changes", "nearest examples")},
        )
        for k in (2, 9, 6)  # in the last, guided changes lose to the nearest examples
    }  # fmt: skip
for row, k in enumerate((2, 9, 6), 1):
    for short, way in (("guided", "guided changes"), ("examples", "nearest examples")):
        glue(f"shown_{short}_{row}", float(errors_by.loc[wishes[k], way]), display=False)
figures.show(
    beyond_plots.designs(examples, energy),
    "Three rows. Left, a wished spectrum in black and two dashed ones, closest to it in the "
    "first row; right, the windows that gave them, with a few bright cubes each.",
    "fig-ch04-designs",
)

# %% [markdown]
# Guided changes end at {glue:text}`design_guided:.1f` per cent in the median over {glue:text}`wishes` wishes, random changes at
# {glue:text}`design_changes:.1f`, the nearest training examples at {glue:text}`design_examples:.1f`
# ({glue:text}`first_example:.1f` if only the very nearest counts), the latent space at {glue:text}`design_latent:.1f`, spec2im at
# {glue:text}`design_spec2im:.1f` and random windows at {glue:text}`design_random:.1f`. Guided changes beat the nearest
# examples in {glue:text}`beats_examples_guided` of {glue:text}`wishes` wishes, random changes in
# {glue:text}`beats_changes_guided` and random windows in {glue:text}`beats_random_guided`; the latent space beats the examples in
# {glue:text}`beats_examples_latent`, spec2im in {glue:text}`beats_examples_spec2im`. Of the three wishes drawn, guided changes
# and nearest examples reach the first within {glue:text}`shown_guided_1:.1f` and {glue:text}`shown_examples_1:.1f` per cent, the
# second {glue:text}`shown_guided_2:.1f` and {glue:text}`shown_examples_2:.1f`, the third {glue:text}`shown_guided_3:.1f` and
# {glue:text}`shown_examples_3:.1f`, where the examples win. By Eq. {eq}`eq-ch04-error` these are about half of the usual relative
# errors: in the second, peak and shoulder are visibly missed.
#
# So networks help, if the physics is asked in between, but six nearest examples, which need no network, come close. spec2im
# alone is no design tool: it decodes the mean of all windows that share a spectrum, and a mean of films is no film. Made
# wishes are harder ({glue:text}`design_made:.1f` against {glue:text}`design_film:.1f` per cent for guided changes): no arrangement
# of such cubes need have the wished spectrum. And most of what is left is not the window's to give. The nearest
# training window in its *own* film has a true spectrum within {glue:text}`example_at_home:.1f` per cent of the wish; the same
# window in an island that nobody has seen, {glue:text}`first_example:.1f`. With other scatter around it the best window of guided changes is
# {glue:text}`design_moved:.1f` per cent off. A geometry of 24 nm does not own its spectrum: design would have to start
# from larger pieces.
#
# (sec-ch04-claims)=
# ## Does it hold?
#
# The paper's numbers are from one measured array; ours are from simulated ones, mostly films that took no part in training.

# %% tags=["hide-input"]
bulk = (energy > 0.88) & (energy < 0.92)
on_particle = np.flatnonzero(where == peaks.PLACES.index("particle"))
by_ten = scale.spectra_back(predicted["im2spec", 10])
bulk_off = np.abs(by_ten[:, bulk].mean(1) / clean[:, bulk].mean(1) - 1)
of_place = [np.median(error_of["im2spec", 10][where == k]) for k in range(4) if (where == k).any()]
at = ours_rows.set_index(["direction", "latent"])
steps = at.loc["im2spec", "error"]
gained = {
    (d, what): float(at.loc[(d, ends[d][1]), what] - at.loc[(d, ends[d][0]), what])
    for d in KINDS for what in ("correlation", "difference")
}  # fmt: skip
leaky = seeds_of("im2spec", "ours", "random", 10)
from_one = study[(study["method"] == "ours") & (study["direction"] == "im2spec")]
from_one = from_one[(from_one["latent"] == 10) & (from_one["film"] == FILM)]
from_one = from_one.groupby("split")["error"].mean()
ours = {
    "4.1": final["im2spec", 2],
    "4.2": final["im2spec", 10],
    "4.3": float(leaky.mean()),
    "4.4": edge_10,
    "4.5": float(ratio["im2spec", 2]),
    "4.6": final["spec2im", 2],
    "4.7": final["spec2im", 10],
    "4.8": float(ratio["spec2im", 10]),
    "4.9": float(max(of_place)),
    "4.10": float(100 * np.median(bulk_off[on_particle])),
    "4.11": float(means.sel(region="hole").to_numpy()[bulk].mean()
                  / means.sel(region="particle").to_numpy()[bulk].mean()),
    "4.12": float((spread_out < 0.2).sum()),
    "4.13": gained["im2spec", "correlation"],
    "4.14": gained["spec2im", "correlation"],
    "4.15": max(gained[d, "difference"] for d in KINDS),
    "4.16": float((steps[5] - steps[most]) / (steps[1] - steps[5])),
    "4.17": float(of_both.loc[("spec2im", *coarse_by["spec2im"]), "pixels of 3 nm"]
                  / of_both.loc[("spec2im", *coarse_by["spec2im"]), "pixels of 1.5 nm"]),
    "4.18": float(turns.set_index("trained on").loc["other films", "right orientation"]),
    "4.19": float(turns.set_index("trained on").loc["other films", "correlation of area"]),
    "4.20": float(by_space["im2spec", "network", 2, "features, turned alike"]),
    "4.21": float(from_one["film"] / from_one["block"]),
    "4.24": float(errors_by["spec2im"].median() / errors_by["nearest examples"].median()),
    "4.25": float(errors_by["guided changes"].median() / errors_by["nearest examples"].median()),
}  # fmt: skip
ledger = claims.read_claims(DATA / "claims.toml", ours)
claims.show_claims(ledger)
one_value = clean[on_particle][:, bulk].mean()
constant_off = np.abs(one_value / clean[on_particle][:, bulk].mean(1) - 1)
glue("bulk_off", float(100 * np.median(bulk_off[on_particle])), display=False)
glue("bulk_constant", float(100 * np.median(constant_off)), display=False)
glue("claims_held", sum(claim.verdict == "holds" for claim in ledger), display=False)
glue("claims_judged", sum(not claim.unavailable for claim in ledger), display=False)

# %% [markdown]
# Two need care. The bulk feature: its energy is that of the permittivity, which all cubes share, so only its height is
# predicted. There the network is {glue:text}`bulk_off:.1f` per cent off in the median, one value for all places on particles
# {glue:text}`bulk_constant:.1f`. And the edge: its two ratios lie near the limit of 1.25, on one film, and only the one with 10
# latents was taken for three seeds; take both for undecided.
#
# The next line stops the build if a value of ours has left its guard.

# %% tags=["claims"]
claims.check_claims(ledger)

# %% [markdown]
# All chapters' claims are gathered in [State of reproduction](reproduction).
#
# (sec-ch04-explore)=
# ## Explore
#
# First im2spec with two latent variables, on simulated windows of film 0. Behind the samples is what it decodes to at every
# place of the latent plane; under the pointer (or by the arrow keys) one spectrum of it. A click, or Enter, selects the nearest
# of the windows (every second row and column of the film, so every fourth window) with its simulated spectrum, its image, and
# its place in the film: the square is the window, the cross the pixel of the spectrum. Colours say what that pixel is, and are
# those of [](#fig-ch04-1); *between* are the rims of particles and the bare places beside them that belong to no gap, hole or
# outside. Follow a gap from the middle of the film to its edge.

# %% tags=["hide-input"]
kinds = [*exploration.REGIONS, "between"]
label = pd.Categorical(np.array(kinds)[found[pairs.y_px, pairs.x_px]], kinds)
net, net_scale = loaded["im2spec", 2][:2]
explorer("im2spec", net, net_scale, pairs, image, energy, label, pixel_nm)

# %% [markdown]
# And the way back, on the same simulated windows. Many have nearly one spectrum, and spec2im decodes their mean: move from
# the particles to the gaps and to the outside, and see what of a window a spectrum tells. A particle under the beam has a middle, but no corners.

# %% tags=["hide-input"]
net, net_scale = loaded["spec2im", 2][:2]
explorer("spec2im", net, net_scale, pairs, image, energy, label, pixel_nm)

# %% [markdown]
# (sec-ch04-breaks)=
# ## Where it breaks
#
# Films of other kinds are in [](#sec-ch04-other). Here the film is the right one, and the *image* is not: it lies one or
# two pixels beside the spectra, has a hundredth of the counts, is blurred, or the detector's gain or offset has changed.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Error of im2spec (10 latents) against the true spectra of film 0 when its image is not as in training (simulated).", "name": "fig-ch04-breaks"}}
rng = np.random.default_rng(seed)
recorded = image.to_numpy()
spoilt = {
    "as recorded": recorded,
    "1 pixel off": np.roll(recorded, 1, 1),
    "2 pixels off": np.roll(recorded, 2, 1),
    "a hundredth of the counts": 100.0 * rng.poisson(recorded / 100),
    "blurred by 1 pixel": gaussian_filter(recorded, 1.0),
    "gain 20 % higher": 1.2 * recorded,
    "gain 20 % lower": 0.8 * recorded,
    "offset of a tenth of a particle": recorded + 0.1 * np.ptp(recorded),
}
true = scale.spectra(clean)[::3]
rows = []
for name, values in spoilt.items():
    cut = scale.images(make_pairs(values, losses).images[::3])
    error = errors.relative_error(learn.predict(loaded["im2spec", 10][0], cut), true)
    rows.append({"image": name, "error": error.mean()})
broken = pd.DataFrame(rows)
figures.show(
    study_plots.breaks(broken),
    "Horizontal bars of the error: smallest for the image as recorded, largest for images two "
    "pixels off.",
    "fig-ch04-breaks",
)
claims.table("breaks", broken.round(2), "Error (%) against the true spectra, simulated", out)
of_image = broken.set_index("image")["error"]
for name, row in (("usual", "as recorded"), ("shifted", "2 pixels off"),
                  ("noisy", "a hundredth of the counts"), ("gain", "gain 20 % lower")):  # fmt: skip
    glue(f"breaks_{name}", float(of_image[row]), display=False)

# %% [markdown]
# As recorded, the error against the truth is {glue:text}`breaks_usual:.1f` per cent; two pixels beside it,
# {glue:text}`breaks_shifted:.1f`; with a hundredth of the counts, {glue:text}`breaks_noisy:.1f`; with a gain that is a fifth lower,
# {glue:text}`breaks_gain:.1f`, because brightness is thickness to this network. Calibrate the detector as in training, and
# register image and spectra. None of this makes the network say that it does not know.
#
# Not tested, because the simulator does not have it: particles of different doping in one film, tilt, layers of
# contamination, double layers, retardation.
#
# (sec-ch04-own)=
# ## Use it on your own data
#
# ```sh
# a2s run ch04 --data my.hspy --haadf my.tif --out runs/my
# a2s run ch04 --data my.npy --haadf my.npy -p pixel_size_nm=1.5 -p ev_per_channel=0.005 -p first_ev=-0.2 --out runs/my
# ```
#
# takes any spectrum image (`hspy`, `zspy`, `dm3`, `dm4`, `npy`, `npz`) with the dark-field image of the same scan, on the
# same pixels or on finer ones. Shipped networks know one kind of film and are not used: both networks learn from one part of
# your map and are judged on another, beside the baselines. What you get is in [Your data](your_data.md); the most
# important line is the one that says whether a network is better than nearest neighbours *there*.
# Without `--data`, this section runs on the measured pair of [](#sec-ch04-measurement).

# %% tags=["hide-input", "your-data"]
field = (counts, image, losses) if data else None
if not data:
    try:
        field = eels_data.eels_si()
    except DataUnavailable as gone:
        claims.note(f"The measured pair is not at hand ({gone}): it is left out.", "warning")
    else:
        field = *field, reduction.learnable(field[0], high_ev=60)[0]
        division = one_field.divided(*field[1:], window)
        learnt = one_field.learn_field(division, latent, seed, quick)
        claims.table("measured_errors", learnt.errors.round(2), "The same for the measured pair: "
                     "error (%) on windows that took no part in training", out)  # fmt: skip
        for sentence in one_field.beaten(learnt.errors):
            claims.note(f"Measured pair, {sentence}", "warning")
        by_block = learnt.errors[(learnt.errors["direction"] == "im2spec")
                                 & (learnt.errors["split"] == "block")]  # fmt: skip
        by_block = by_block.set_index("method")["error_percent"]
        learns_it = by_block["network"] < by_block["mean"]
        glue(
            "measured_word", "is thickness" if learns_it else "is little in this run", display=False
        )
if field:
    misplaced = field_checks.misplaced(field[0], field[1])
    check = field_checks.compare_parts(division, *misplaced)
    alike = f"windows of the {division.side} part, on which the networks are judged"
    claims.table("input_check" if data else "measured_check", check.round(4), f"Median of {alike},"
                 " and the range of those that they learn from", out)  # fmt: skip
    for row in check[check["verdict"] != "ok"].itertuples():
        claims.note(f"{row.property.capitalize()}: {row.reason}".rstrip("."), "warning")

# %% [markdown] tags=["your-data"]
# Every window with its latent variables and the errors of both networks; and two spectrum images that HyperSpy opens: the losses
# that were learnt from, and those that im2spec predicts from the image alone.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Losses summed over all energies: recorded, and predicted from the dark-field image by im2spec (measured; the middles of the windows in the frame took no part in training).", "name": "fig-ch04-own"}}
if field:
    listing = one_field.windows_table(learnt, division)
    if data:
        claims.table("windows", listing.round(4), "Every window of the map", out)
    guessed = one_field.predicted(learnt, division, field[2])
    for name, one in (("losses", field[2]), ("predicted", guessed)):
        if path := claims.place(f"{name}.hspy", out):
            save_spectrum_image(path, one)
    tested = listing[listing["part"] == "test"]
    frame = [int(end) for k in ("x_px", "y_px") for end in (tested[k].min(), tested[k].max())]
    recorded = field[2].sum("energy")
    summed = {"recorded": recorded, "predicted": guessed.sum("energy").reindex_like(recorded)}
    figures.show(
        field_plots.maps({k: v.to_numpy() for k, v in summed.items()},
                         field[0].attrs["pixel_size_nm"], "summed loss", block=frame),
        "Two maps of summed losses, recorded and predicted; a frame marks the test windows.",
        "fig-ch04-own",
    )  # fmt: skip
    if latent == 2:
        own_nm = field[0].attrs["pixel_size_nm"]
        parts_of = exploration.regions(field[1].to_numpy(), own_nm)
        parts_of = parts_of[division.pairs.y_px, division.pairs.x_px]
        kinds = [*exploration.REGIONS, "between"]
        label = pd.Categorical(np.array(kinds)[parts_of], kinds)
        for name, net in learnt.networks.items():
            display(explorer(name, net, learnt.scale, division.pairs, field[1],
                             field[2].energy.to_numpy(), label, own_nm))  # fmt: skip

# %% [markdown]
# What there is to learn from the measured pair is thickness: a window is as bright as its middle is thick. The neighbours in the
# table learn it; what im2spec learns {glue:text}`measured_word`. Backwards there is little to find, as windows of the bare support are dark whatever their spectrum, and a
# relative error of what is nearly zero is nearly 100 per cent.

# %% [markdown] tags=["your-data"]
# The sentences for a methods section:

# %% tags=["hide-input", "your-data"]
if field:
    own_pairs = division.pairs
    by_network = learnt.errors.query("split == 'block' and method == 'network'")
    by_network = by_network.set_index("direction")["error_percent"]
    runs.methods(
        f"Spectra were predicted from windows of {own_pairs.window} x {own_pairs.window} pixels "
        f"({own_pairs.window * field[0].attrs['pixel_size_nm']:.3g} nm) of the dark-field image "
        f"(im2spec), and windows from spectra of {len(field[2].energy)} channels from "
        f"{float(field[2].energy[0]):.3g} to {float(field[2].energy[-1]):.3g} eV (spec2im), by "
        f"convolutional networks with {latent} latent variables. They were trained on "
        f"{len(division.train)} windows, the epoch was chosen on {len(division.validation)} and "
        f"errors were taken on {len(division.test)} in the {division.side} part of the same map, "
        "with gaps of one window between these parts, so that they share no pixel. Mean relative "
        f"errors there were {by_network['im2spec']:.1f} % and {by_network['spec2im']:.1f} %.",
        [
            "K. M. Roccapriore et al., Small 17, 2100181 (2021), doi:10.1002/smll.202100181",
            "Atoms to Spectra, chapter 4, and the software named in provenance.json",
        ],
    )

# %% [markdown]
# ## Exercises
#
# :::{admonition} 1. What is a per cent?
# :class: exercise
# Compare Eq. {eq}`eq-ch04-error` with the root-mean-square error over the root-mean-square signal, for the network's
# predictions on film 0. When is the one half of the other?
# :::

# %% tags=["solution", "hide-cell"]
p, t = predicted["im2spec", 10], targets["im2spec"]
usual = 100 * np.sqrt(((p - t) ** 2).mean(1) / (t**2).mean(1))
here = pd.DataFrame({"paper's error": error_of["im2spec", 10], "usual error": usual})
here["ratio"] = here["usual error"] / here["paper's error"]
here.groupby(pd.qcut(here["paper's error"], 4), observed=True).mean().round(2)

# %% [markdown]
# :::{admonition} What it means
# :class: solution dropdown
# For $p \approx t$ the denominator is $\overline{(2t)^2}$, so that the ratio is 2; it deviates where predictions are
# systematically too high or too low. A reader who takes the paper's 4 per cent for the usual kind believes the network
# twice as good as it is.
# :::
#
# :::{admonition} 2. How wide must the gap be?
# :class: exercise
# Predict spectra of the lower quarter of film 0 by nearest neighbours, with gaps of 1, 2, 4, 8 and 16 pixels between training
# and test windows. Where does the error stop growing, and is that where windows stop sharing pixels?
# :::

# %% tags=["solution", "hide-cell"]
by_gap = {}
for gap in (1, 2, 4, 8, 16):
    near, far = splits.block_split(pairs, 0.25, "y", gap=gap)
    knows = KNeighborsRegressor(5).fit(inputs["im2spec"][near].reshape(len(near), -1),
                                       targets["im2spec"][near])  # fmt: skip
    guess = knows.predict(inputs["im2spec"][far].reshape(len(far), -1))
    by_gap[gap] = errors.relative_error(guess, targets["im2spec"][far]).mean()
pd.Series(by_gap, name="error (%)").rename_axis("gap (px)").round(2).to_frame()

# %% [markdown]
# :::{admonition} What it means
# :class: solution dropdown
# It grows with every step up to the width of a window, but slowly: only the first rows of the test block are near the
# training block (and a wide gap costs training windows too). What makes the random split so kind is that *every* test
# window has neighbours on all sides. Plot the error against the distance from the border to see it.
# :::
#
# :::{admonition} 3. Half a pixel
# :class: exercise
# Give every window the spectrum of a pixel 0, 1, 2 or 4 columns to the right. How fast does the error of a linear model
# grow on the block split, and what does it say about registration?
# :::

# %% tags=["solution", "hide-cell"]
near, far = splits.block_split(pairs, axis="y")
values = losses.to_numpy()
off = {}
for columns in (0, 1, 2, 4):
    fits = (pairs.x_px + columns) < values.shape[1]
    y = scale.spectra(values[pairs.y_px[fits], pairs.x_px[fits] + columns])
    x = inputs["im2spec"][fits].reshape(fits.sum(), -1)
    learns, tests = (np.isin(np.flatnonzero(fits), part) for part in (near, far))
    line = make_pipeline(PCA(50, random_state=0), Ridge(10.0)).fit(x[learns], y[learns])
    off[columns] = errors.relative_error(line.predict(x[tests]), y[tests]).mean()
pd.Series(off, name="error (%)").rename_axis("columns off").round(2).to_frame()

# %% [markdown]
# :::{admonition} What it means
# :class: solution dropdown
# A model that is *trained* with a shift learns the shift, as long as the window still shows the place: constant offsets
# cost little. What cannot be learnt is an offset that drifts during the scan, or one between training and use, as in
# [](#sec-ch04-breaks).
# :::
#
# :::{admonition} 4. Two cubes
# :class: exercise
# Bring two cubes from a gap of 20 nm to one of 1 nm and follow the lowest mode that is even in z, in vacuum and on the
# membrane. At what gap does the coupling shift it by the energy resolution of 40 meV?
# :::

# %% tags=["solution", "hide-cell"]
rows = []
for gap in (20.0, 10.0, 5.0, 2.5, 1.5, 1.0):
    cubes = pd.DataFrame({"x_nm": [0.0, 13.0 + gap], "y_nm": 0.0, "side_nm": 13.0,
                          "angle_deg": 0.0})  # fmt: skip
    lowest = film_modes(ParticleArray(cubes, (1, 1), 1.0))[True].factors[0]
    at = {"in vacuum": 1.0, "on the membrane": permittivity.SURROUNDINGS}
    energies = {f"{place} (meV)": 1e3 * permittivity.resonance_ev(lowest, surroundings=around)
                for place, around in at.items()}  # fmt: skip
    rows.append({"gap (nm)": gap, **energies})
pd.DataFrame(rows).round({"in vacuum (meV)": 0, "on the membrane (meV)": 0})

# %% [markdown]
# :::{admonition} What it means
# :class: solution dropdown
# The mode falls slowly at first, like the interaction of two dipoles, and faster when faces charge each other across the gap.
# The film's gap of 2.5 nm lies in the steep part: that is why scatter in place and size moves peaks from particle to particle.
# :::
#
# :::{admonition} 5. Predict or record?
# :class: exercise
# Counts of a shorter dwell time can be had from recorded ones: keep every electron with the probability that belongs to
# it. At which dwell time is the spectrum that im2spec predicts from the image nearer to the truth than the recorded one?
# :::

# %% tags=["solution", "hide-cell"]
rng = np.random.default_rng(seed)
true = scale.spectra(clean)
rows = []
for share in (1.0, 0.1, 0.03, 0.01):
    thinned = rng.binomial(film.counts.to_numpy().astype(int), share).astype(np.float32)
    short = spectra.plasmon_losses(film.counts.copy(data=thinned), low_ev)
    recorded = scale.spectra(short.to_numpy()[pairs.y_px, pairs.x_px])
    wrong = {"recorded (%)": recorded, "predicted (%)": predicted["im2spec", 10]}
    off = {name: errors.relative_error(one, true).mean() for name, one in wrong.items()}
    rows.append({"dwell (ms)": 100 * share, **off})
pd.DataFrame(rows).round(2)

# %% [markdown]
# :::{admonition} What it means
# :class: solution dropdown
# Noise grows as one over the square root of the time, while the prediction costs no spectrum at all. Where the columns
# cross, the network's guess becomes nearer to the truth than the measurement, provided the film is one of those it knows.
# Averaging recorded spectra, or denoising them by principal components, is the competitor that you should try next.
# :::
#
# ## Summary and next
#
# - One eigenproblem gives the plasmons of a whole film at all energies, and with them spectrum images whose truth is
#   known.
# - Windows of one image are not independent. Drawn at random they reward memory; blocks and films left out do not.
# - A few latent variables say most of what a window knows about its spectrum. The way back, from a spectrum to an image, is
#   a mean over all that could have made it.
# - A geometry for a wished spectrum takes the physics in the loop; a network alone proposes blurs.
# - Of {glue:text}`claims_judged` statements that could be judged, {glue:text}`claims_held` hold on simulated films.
#
# **To cite**: the paper {cite}`roccapriore2021`; for the modes {cite}`ouyang1989,boudarham2012`, for the electron
# {cite}`garciadeabajo2010`; and this book (`CITATION.cff`).
#
# ## References
#
# ```{bibliography}
# :filter: docname in docnames
# ```
#
# ## Provenance

# %% tags=["remove-input", "your-data"]
provenance.show(
    "ch04", globals(), data=counts.attrs["source"], sha256=counts.attrs.get("sha256", "")
)
