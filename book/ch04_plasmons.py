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
from time import perf_counter

import numpy as np
import pandas as pd
from IPython.display import Code
from myst_nb import glue

from helpers import chapters, claims, figures, provenance
from helpers.data import ROOT, DataUnavailable
from helpers.plasmons import eels_data, errors, exploration, field_plots, one_field, permittivity
from helpers.plasmons import networks, recording, spectra, splits, study_plots
from helpers.plasmons.pairs import make_pairs
from helpers.spectrum_images import open_pair

figures.use_style()
DATA = ROOT / "data" / "ch04"
FILM = 0  # the simulated film of this chapter

# %% [markdown]
# ## Parameters
#
# These are the only values that a rerun changes. The defaults work on a simulated film; `a2s run ch04 --data my.hspy -p
# haadf=my.tif` replaces it ([](#sec-ch04-own)).

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
start = perf_counter()
if data:
    film, kind = None, "measured"
    counts, image = open_pair(data, haadf, pixel_size_nm or None, ev_per_channel or None, first_ev)
else:
    film, kind = recording.simulate(FILM), "simulated"
    counts, image = film.counts, film.haadf
seconds = perf_counter() - start
losses, told = one_field.learnable(counts, low_ev, high_ev)
energy, pixel_nm = losses.energy.to_numpy(), counts.attrs["pixel_size_nm"]

# %% [markdown] tags=["your-data"]
# What the beam meets is told from the dark-field image: particles, narrow bare places between them (gaps), wide ones that
# particles enclose (holes) and the largest that reaches the border (outside).

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Left, dark-field image; middle, regions; right, mean loss spectra of the regions, tail of the zero-loss peak removed (Figure 1 a and b of the paper). Film 0, simulated, unless your own data were given.", "name": "fig-ch04-1"}}
claims.note(told)
for warning in counts.attrs.get("warnings", []):
    claims.note(warning, "warning")
found = exploration.regions(image.to_numpy(), pixel_nm)
means = exploration.region_spectra(losses, found)
figures.show(
    field_plots.exploration(image.to_numpy(), pixel_nm, found, means),
    f"Bright particles on a dark ground ({kind}), the same field in regions, and a mean spectrum for "
    f"each of {', '.join(means.region.to_numpy())}.",
    "fig-ch04-1",
)
peaks = exploration.region_peaks(means)
claims.table("regions", peaks.round(4), "Peaks of the mean spectra of the regions", out)
if film is not None:
    claims.number("simulate_s", seconds, "s", data="simulated",
                  label="to simulate the film on this computer")  # fmt: skip
    glue("particles", len(film.particles), display=False)
    glue("pixels", int(np.prod(film.array.shape)), display=False)
    glue("side_nm", float(film.particles["side_nm"].mean()), display=False)
    for name, part in peaks.groupby("region"):
        glue(f"main_{name}", float(1e3 * part.loc[part["loss_per_eV"].idxmax(), "energy_eV"]),
             display=False)  # fmt: skip

# %% [markdown]
# The film has {glue:text}`particles` rounded cubes of {glue:text}`side_nm:.0f` nm, one layer thick, with scatter in place,
# size and angle, missing cubes, a hole and an edge, and {glue:text}`pixels` pixels. Where the beam is matters: the strongest peak
# lies at {glue:text}`main_particle:.0f` meV on a particle, {glue:text}`main_gap:.0f` in a gap, {glue:text}`main_hole:.0f` in
# the hole and {glue:text}`main_outside:.0f` outside, where the beam touches nothing. Losses far from any particle are no
# mistake: the field of a fast electron reaches tens of nanometres. The small peak near 900 meV, the bulk plasmon, is seen
# on particles only.
#
# :::{admonition} Assumed, because it was not measured here
# :class: departure
# The permittivity is Drude's with 1.8 eV plasma energy, 4 from the bound electrons and 0.08 eV damping, in surroundings
# of 2.5. The plasma energy was *chosen* so that features appear near the 500, 750 and 900 meV of the paper's Figure 1;
# agreement there is no success of the model. Left out are retardation, tilt, differences in doping between cubes, and a
# real substrate.
# :::
#
# Four factors describe much of it. {term}`Non-negative matrix factorisation <NMF>` writes every spectrum as a sum of few
# *factors* with *loadings* that are not negative, so that both can be read as spectra and maps.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Loadings (above) and factors (below) of a non-negative factorisation into four, largest first (Figure 1 c to j of the paper).", "name": "fig-ch04-nmf"}}
parts = exploration.factorise(losses, seed=seed)
figures.show(
    field_plots.factors(parts, energy, pixel_nm),
    "Four maps above four spectra. Some maps spread over the field and beyond the particles, others "
    "follow the particles.",
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
# {glue:text}`reach_4:.2f`: as in the paper some factors are spread out, one sits on the particles. And as in the paper most
# factors have several peaks, because the beam excites all modes at once. Unmixing describes; it does not predict.
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
    real, told_real = one_field.learnable(measured, high_ev=60)
    claims.note(told_real)
    figures.show(
        field_plots.measured(measured_image.to_numpy(), real, measured.attrs["pixel_size_nm"]),
        "A dark-field image with a bright blob of two parts, the same blob as a map of losses, and a "
        "spectrum with one broad peak above 20 electronvolts.",
        "fig-ch04-measured",
    )
    together = np.corrcoef(
        real.sum("energy").to_numpy().ravel(), measured_image.to_numpy().ravel()
    )[0, 1]
    claims.number("measured_r", together, label="correlation of summed losses and dark field")
    height = real.mean(("y", "x"))
    claims.number("measured_peak", float(height.energy[int(height.argmax())]), "eV",
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
claims.table("validation", shown.round(4), "The simulator (ours) against independent calculations "
             "(other), in vacuum", out)  # fmt: skip
claims.number("worst_peak", 1e3 * peak_rows["difference"].abs().max(), "meV", data="simulated",
              label="largest difference of a peak")  # fmt: skip
high = validation[(validation["quantity"] == "height") & validation["case"].str.startswith("cube")]
glue("worst_height", float(100 * (high["difference"] / high["other"]).abs().max()), display=False)

# %% [markdown]
# Peaks differ by at most {glue:text}`worst_peak:.0f` meV, half of the energy resolution, heights of cubes by
# {glue:text}`worst_height:.0f` per cent. (A rounded conductor polarises less than the ideal cube of the table, and
# approaches it as its edges sharpen.) A film takes {glue:text}`simulate_s:.0f` s.
#
# ### From counts to plasmon losses
#
# The recorded spectrum is a peak of electrons that lost nothing, a hundred to a thousand times higher than the plasmons,
# with a tail that reaches below them, and the phonon of the membrane near 0.1 eV. The paper fits a "two-term exponential
# power law" to the tail and drops everything below 200 meV. We read that as the sum of an exponential and a power law,
# fitted in two ranges on both sides of the phonon, after every spectrum has been *aligned* (its zero-loss peak put to 0 eV)
# and divided by the counts of that peak. Names are those of HyperSpy, and `eels_data.save_spectrum_image` writes what
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
floor = errors.relative_error(truth, losses.to_numpy())
glue("floor", float(floor.mean()), display=False)

# %% [markdown]
# What the subtraction gets wrong is {glue:text}`tail_bias:.0f` per cent of the noise of a single pixel, and the alignment is
# good to {glue:text}`aligned_mev:.1f` meV. The noise itself sets a floor: even the *true* spectrum differs from the recorded
# one by {glue:text}`floor:.1f` per cent in the measure of [](#sec-ch04-error), and no network can do better.
#
# ### Pairs
#
# A window of even width has no middle pixel. The published code takes rows $i-8$ to $i+7$ for the spectrum of row $i$, so
# that the spectrum belongs to a pixel half a pixel below and right of the window's middle; we keep that rule. Windows that
# stick out are left out.

# %% tags=["your-data"]
if data:
    pairs, train, choose, test = one_field.divided(image, losses, window)
else:
    pairs = make_pairs(image, losses)
print(f"{len(pairs)} pairs; images {pairs.images.shape[1:]}, spectra {pairs.spectra.shape[1:]}")

# %% [markdown] tags=["your-data"]
# Three windows, the pixel (cross) that their spectrum belongs to, and that spectrum.

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Three pairs: windows in the dark-field image, enlarged with the pixel of the spectrum marked, and the spectra.", "name": "fig-ch04-pairs"}}
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

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Error on film 0 (left, spectra from images; right, images from spectra) by method, when test windows are drawn at random, are a block of the film, or when the film is left out and twelve others are trained on. Networks with 10 latents; bars, SD over seeds (simulated).", "name": "fig-ch04-splits"}}
ways = {
    "random": splits.random_split(pairs), "block": splits.block_split(pairs, axis="y"),
}  # fmt: skip
shared = {way: splits.overlap(pairs, *split).mean() for way, split in ways.items()}
for way, share in shared.items():
    claims.number(f"shared_{way}", 100 * share, "%", data="simulated",
                  label=f"of a test window's pixels in one training window, {way}")  # fmt: skip
study = pd.read_csv(DATA / "study.csv", keep_default_na=False)
of_split = study[(study["film"] == FILM) & study["latent"].isin([0, 10])]
of_split = of_split.groupby(["direction", "method", "split"])["error"].agg(["mean", "std", "size"])
of_split = of_split.reset_index().rename(columns={"mean": "error", "std": "sd", "size": "seeds"})
ways_shown = {"random": "random", "block": "block", "film": "film\nleft out"}
figures.show(
    study_plots.by_split(of_split, ways_shown),
    "Two panels with a mark for every method at three splits. At the random split all errors but "
    "that of the mean are lowest.",
    "fig-ch04-splits",
)
one_split = of_split.set_index(["direction", "method", "split"])["error"]
for method in ("nearest neighbours", "boosted trees"):
    for way in ("random", "block"):
        name = f"{method.split()[0]}_{way}"
        claims.number(name, one_split["im2spec", method, way], "%", data="simulated",
                      label=f"im2spec, {method}, {way} split")  # fmt: skip

# %% [markdown]
# A random test window finds {glue:text}`shared_random:.0f` per cent of its pixels in *one* training window, a block window
# none. The gift is large: for spectra from images, nearest neighbours fall from {glue:text}`nearest_block:.1f` to
# {glue:text}`nearest_random:.1f` per cent and boosted trees from {glue:text}`boosted_block:.1f` to
# {glue:text}`boosted_random:.1f` when windows are drawn at random. What is measured then is how well a neighbouring pixel is
# looked up, and the more a method remembers the better it looks. From here on tests share no pixel with the training.
#
# (sec-ch04-networks)=
# ### The networks
#
# Both are built as published. What carries them is the decoder's *pyramid*: four convolutions with holes
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
# ## Results
#
# (sec-ch04-errors)=
# ### Errors against the number of latent variables (Figure S3)
#
# ### Baselines
#
# ### Error maps (Figures 3 and 5)
#
# ### Spectra predicted (Figure 4)
#
# ### Images predicted (Figure 6)
#
# ### Coarse sampling (Figure S2)
#
# (sec-ch04-latent)=
# ### The latent space
#
# ### Clusters of the latent space (Figure S1)
#
# ### Does back-projection hold together?
#
# ## Beyond the paper
#
# ### Peaks and intervals
#
# ### How far does a plasmon see?
#
# ### Another array
#
# (sec-ch04-design)=
# ### Inverse design
#
# (sec-ch04-claims)=
# ## Does it hold?
#
# (sec-ch04-explore)=
# ## Explore
#
# (sec-ch04-breaks)=
# ## Where it breaks
#
# (sec-ch04-own)=
# ## Use it on your own data
#
# ## Exercises
#
# ## Summary and next
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
