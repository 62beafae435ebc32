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
# (ch-single-atoms)=
# # Single atoms: as good as the labels allow
#
# :::{admonition} The paper
# :class: paper
# S. Mitchell, F. Parés, D. Faust Akl *et al.*, "Automated image analysis for single-atom detection in catalytic
# materials by transmission electron microscopy", *J. Am. Chem. Soc.* **144**, 8018 (2022) {cite}`mitchell2022`,
# [doi 10.1021/jacs.1c12466](https://doi.org/10.1021/jacs.1c12466).
#
# **Data** 21 hand-labelled micrographs of Pt on nitrogen-doped carbon, with the published network (MIT licence,
# [HPAI-BSC/AtomDetection_ACSTEM](https://github.com/HPAI-BSC/AtomDetection_ACSTEM)); the full set of over 100
# images is at [Zenodo 5931544](https://doi.org/10.5281/zenodo.5931544).
#
# **Rebuilt here** preprocessing, the SAC-CNN and its training, both baselines, the evaluation, Figures 1 and 2 with
# S3, S5, S6 and S11, Tables S3 and S4. **Not rebuilt** AtomSegNet (its weights are a separate download) and the 80
# unlabelled images. Where the paper measures and we can only simulate, the text says *simulated*.
#
# **Time** about three minutes on two CPU cores; no GPU needed.
# :::
#
# ## At a glance
#
# - The published network, run on the published test images, gives the published number: F1 =
#   {glue:text}`f1_published:.3f` at a likelihood of 0.89 ([](#sec-ch01-threshold)).
# - A blob filter from the 1980s, its width and threshold chosen on training images, does better: F1 =
#   {glue:text}`f1_log:.3f`, against {glue:text}`f1_sac_cnn:.3f` of the same network trained from scratch with its
#   threshold chosen in the same way ([](#sec-ch01-comparison)). The paper's own baseline was a weak one.
# - Our default detector, an ensemble of small U-Nets that learn from whole fields, reaches
#   {glue:text}`f1_ensemble:.3f` with a threshold that never saw a test image.
# - The network need not slide: an exact fully convolutional form reads a whole micrograph
#   {glue:text}`dense_ratio:.0f` times faster ([](#sec-ch01-dense)).
# - Positions become materials science: density, nearest neighbours, and how far from random they are
#   ([](#sec-ch01-statistics)).
#
# ## Before you start
#
# After this chapter you can
#
# - turn a dark-field micrograph into atom positions with a stated precision and recall,
# - say why a threshold must be chosen on other images than those it is judged on,
# - rewrite a sliding-window classifier as a convolution, and prove that nothing changed,
# - test whether atoms lie at random, with the edges of the field accounted for.
#
# | You need | How much | Where to read |
# |---|---|---|
# | Python, NumPy | reading level | [scientific Python lectures](https://lectures.scientific-python.org) |
# | convolution, thresholds | the idea | [](#sec-ch01-idea) |
# | STEM imaging | none; {term}`HAADF` is explained below | [](#sec-ch01-measurement) |
# | neural networks | what training means | {cite}`he2016` for the general family |
#
# Reading takes about an hour, the exercises another.
#
# ## Setup

# %% tags=["your-data"]
import inspect
import json
from dataclasses import replace
from functools import partial
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import Code
from myst_nb import glue
from scipy.ndimage import median_filter

from helpers import claims, figures, provenance, runs, training
from helpers.atoms import arrangement, baselines, crops, density, detect, evaluate, familiarity
from helpers.atoms import networks, preprocess, simulate, specimen, tracking, triage  # isort: skip
from helpers.atoms.stand_in import labelled_images
from helpers.data import ROOT, DataError, DataUnavailable, fetch, open_image, open_points
from helpers.data import pt_nc, registry, sha256
from helpers.widgets.threshold import ThresholdExplorer

figures.use_style()
DATA = ROOT / "data" / "ch01"
METRICS = ["precision", "recall", "f1"]

# %% [markdown]
# ## Parameters
#
# These are the only values that a rerun changes. The defaults analyse the paper's images; `a2s run ch01 --data
# my.tif` replaces them ([](#sec-ch01-own)).

# %% tags=["parameters"]
data: str = ""  # path of your micrograph; empty: the paper's test image 053
pixel_size_nm: float = 0.0  # nm, side of a pixel; 0: as stored in the file
labels: str = ""  # path of a CSV with columns x, y in px; empty: none
method: str = "ensemble"  # ensemble, sac-cnn, template or log
threshold: float = 0.0  # 0..1, likelihood; 0: the one validated on training images
bond_nm: float = 0.28  # nm, two metal atoms closer than this count as bonded
quick: bool = False  # fewer images, for tests
retrain: bool = False  # train the SAC-CNN here instead of loading its weights
seed: int = 0  # of the training and of Monte-Carlo estimates
out: str = ""  # folder for result tables; empty: none is written

# %% [markdown]
# (sec-ch01-measurement)=
# ## The measurement
#
# A {term}`HAADF` image is a map of counts. An electron beam, focused to about 0.1 nm, is moved over the specimen in a
# raster; at every position a ring-shaped detector collects the electrons that were scattered to high angles. A nucleus
# of charge $Z$ scatters roughly as $Z^{1.6}$ to $Z^{2}$, so that one platinum atom ($Z = 78$) is as bright as a
# hundred carbon atoms ($Z = 6$). It has to be seen against a carbon support in which the beam passes dozens of carbon
# atoms in every square ångström. Whether an atom is visible depends on its height, too: the beam is in
# focus over only about 5 nm.
#
# The 21 images were recorded at 60 kV, 512 x 512 pixels on a field of 15 x 15 nm. Three microscopists agreed on the
# atom positions; an image took them about 30 minutes. Eleven images are for training, ten for testing. If the files
# can be had neither from a folder of yours nor from the internet, simulated images stand in, and the page says so.

# %%
try:
    images, measured = pt_nc(), True
except DataUnavailable as reason:
    claims.note(f"Simulated images stand in for the measured ones. {reason}", "warning")
    images, measured = labelled_images(), False
source = "measured" if measured else "simulated"
train = [image for image in images if image.split == "train"][: 2 if quick else None]
test = [image for image in images if image.split == "test"][: 2 if quick else None]
pd.DataFrame(
    {
        "images": [len(train), len(test)],
        "labelled atoms": [sum(len(i.labels) for i in part) for part in (train, test)],
        "mean counts": [f"{np.mean([i.image.mean() for i in part]):.3g}" for part in (train, test)],
    },
    index=["train", "test"],
)

# %% [markdown]
# One image is followed through the whole chapter: yours if you gave one, otherwise the first test image.

# %% tags=["your-data"]
if method not in detect.METHODS or not 0 <= threshold < 1:
    methods = ", ".join(detect.METHODS)
    raise DataError(
        f"method={method!r}, threshold={threshold}: expected one of {methods}, and 0 to 1."
    )
if data:
    micrograph = open_image(data, pixel_size_nm or None)
    known = open_points(labels, micrograph) if labels else None
else:
    micrograph, known = test[0].image, test[0].labels
pixel_nm = micrograph.attrs["pixel_size_nm"]
kind = "measured" if data or measured else "simulated"
for warning in micrograph.attrs.get("warnings", []):
    claims.note(warning, "warning")
pd.Series(
    {
        "file": micrograph.attrs["source"],
        "SHA-256": micrograph.attrs["sha256"][:16] + "…",
        "shape": f"{micrograph.shape[0]} x {micrograph.shape[1]} px",
        "pixel": f"{pixel_nm:.4f} nm",
    },
    name="value",
).to_frame()

# %% [markdown] tags=["your-data"]
# **Does it look like what the networks were trained on?** A network answers every image, also one it should refuse.
# Before any result, its pixel size, dose, noise, background and the dots in it are compared with their range over the
# training images. A property is "ok" up to half the width of that range beyond it, on a logarithmic scale.

# %% tags=["your-data"]
check = familiarity.compare_with_training(micrograph)
claims.table("input_check", check, "The image beside the training images", out)
unlike = check.loc[check["verdict"] != "ok", "property"]
known_files = registry()["pt-nc"]["files"].values()
if data and micrograph.attrs["sha256"] in known_files:
    claims.note("This image is one of the published set on which the detectors were made.")
if len(unlike):
    claims.note(
        "This image differs from the training images: "
        + "; ".join(check.loc[check["verdict"] != "ok", "reason"])
        + ".",
        "warning",
    )

# %% [markdown]
# (sec-ch01-idea)=
# ## The idea
#
# An atom is a bright dot of known width on a background that is neither flat nor known. Four steps turn the image
# into positions.
#
# 1. **Flatten.** Whatever is wider than an atom belongs to the support. Subtract it.
# 2. **Classify.** For every pixel, look at the 21 x 21 pixels around it (0.6 nm) and estimate how likely it is that an
#    atom sits in the middle. The result is a second image, the likelihood map $p(x, y)$.
# 3. **Threshold.** Keep the pixels with $p > t$.
# 4. **Locate.** Each connected group of kept pixels is one atom, at the centre of the group's bounding box.
#
# How good that is, is told by comparing with the labels. With $TP$ detections that match a label, $FP$ that do not,
# and $FN$ labels that nobody matched,
#
# $$
# \text{precision} = \frac{TP}{TP + FP}, \qquad \text{recall} = \frac{TP}{TP + FN}, \qquad
# F_1 = \frac{2\,TP}{2\,TP + FP + FN}.
# $$ (eq-ch01-f1)
#
# The threshold $t$ trades one for the other: a low one finds every atom and many that are none.
#
# ## The method, step by step
#
# ### Flatten: subtract a median
#
# > "a background was generated for each image by applying a median filter with a large receptive field (40×40 px)"
#
# The negative rest is set to zero and what remains is scaled to $[0, 1]$. The median is the slow part: SciPy sorts
# 1600 values per pixel. Values can be replaced by their ranks, and a histogram of the ranks can be carried along as
# the window slides, so that only one column enters and one leaves. The result is the same to the last bit.

# %% tags=["your-data"]
counts, factor = preprocess.to_network_scale(micrograph.values, pixel_nm)
flat = preprocess.normalise(counts)

# %% [markdown]
# Here is the proof of equality on this image, and the ratio of the two times.

# %%
start = perf_counter()
slow = median_filter(counts, 40, mode="reflect")
middle = perf_counter()
fast = preprocess.median_background(counts)
median_ratio = (middle - start) / (perf_counter() - middle)
assert np.array_equal(slow, fast)
claims.number(
    "median_ratio", median_ratio, "x", data=kind, label="SciPy's time over ours, 40x40 median"
)

# %% [markdown]
# The two medians agree in every pixel, and ours took {glue:text}`median_ratio:.0f` times less. On the left of the
# figure the counts, in which the thick support hides the atoms; on the right what the network sees.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The image as recorded (left) and with its background subtracted and scaled (right; Figure 1a of the paper).", "name": "fig-ch01-1a"}}
fig, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
figures.micrograph(axes[0], counts, pixel_nm * factor, title="counts")
figures.micrograph(
    axes[1], flat, pixel_nm * factor, vmax=np.quantile(flat, 0.999), title="flattened"
)
figures.show(
    fig,
    "Two grey images of the same 15 nm field. Left: bright, uneven support. Right: even dark "
    "background "
    "on which single atoms stand out as small bright dots.",
    "fig-ch01-1a",
)

# %% [markdown]
# ### Classify: the network
#
# The SAC-CNN is small enough to read in full. Three convolutions look for ever larger patterns, an average over
# $5 \times 5$ blocks keeps coarse positions, three fully connected layers decide.

# %%
Code(inspect.getsource(networks.SacCnn), language="python")

# %% [markdown]
# :::{admonition} Departure from the paper
# :class: departure
# The paper puts dropout after the fully connected layers. The published code and weights have none; we follow those.
# :::

# %%
size = sum(p.numel() for p in networks.SacCnn().parameters())
assert size == 257_474
glue("n_weights", size, display=False)

# %% [markdown]
# ### Crops to learn from
#
# The network has {glue:text}`n_weights` weights, as published. Each labelled atom gives one positive crop, and as many
# negative crops are drawn at random where no label is within 10 pixels. With a cross-entropy loss and the AMSGrad
# variant of Adam {cite}`reddi2018` at a rate of $10^{-4}$, twelve passes over fewer than a thousand crops are enough.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Training crops of 0.6 nm: with a labelled atom in the middle (top) and without (bottom).", "name": "fig-ch01-crops"}}
pairs = [(preprocess.normalise(image.image.values), image.labels) for image in train]
x, y = crops.training_crops(pairs, np.random.default_rng(seed))
fig, axes = plt.subplots(2, 10, figsize=(9, 2), layout="constrained")
for row, kind_of_crop in zip(axes, (1, 0)):
    for ax, crop in zip(row, x[y == kind_of_crop][:: max(1, (y == kind_of_crop).sum() // 10)]):
        ax.imshow(crop[0], cmap="gray", vmin=0, vmax=0.4)
        ax.set_axis_off()
figures.show(
    fig,
    "Two rows of ten small grey squares. Top: a bright dot in the middle of each. Bottom: mottled "
    "background, some with a dot away from the middle.",
    "fig-ch01-crops",
)

# %% [markdown]
# ### Match: when is a detection right?
#
# Every label and every detection becomes a square of 21 pixels. Labels and detections are paired one to one so that
# the total overlap is largest (the {term}`Hungarian method` {cite}`kuhn1955`), and a pair counts when its overlap over
# union exceeds one half: six pixels (0.18 nm) along an axis, three along both. A tiny case to test it on:

# %%
label = pd.DataFrame({"x_px": [50, 90], "y_px": [50, 50]})
found = pd.DataFrame({"x_px": [56, 97], "y_px": [50, 50]})
result = evaluate.score(label, found)
assert (result["tp"], result["fp"], result["fn"]) == (1, 1, 1)
pd.Series(result).to_frame("6 px off matches, 7 px does not").T

# %% [markdown]
# :::{admonition} Departure from the published code
# :class: departure
# The public repository writes rows as `x` and columns as `y` since its last change of the code. Evaluated as it stands
# it finds almost nothing; with the axes put right it gives the paper's number. Here x is the column everywhere, and
# {ref}`the ablations <sec-ch01-ablations>` show the effect.
# :::
#
# ## Train or load
#
# Weights are loaded unless `retrain` is set; training takes under a minute on two cores.

# %%
sac = detect.load_detector("sac-cnn")
network = sac.likelihood.args[0]
if retrain:
    shuffle = np.random.default_rng(seed)

    def batches(epoch):
        for rows in np.array_split(shuffle.permutation(len(x)), len(x) // 64):
            yield torch.from_numpy(x[rows]), torch.from_numpy(y[rows])

    with training.seeded(seed):
        network = networks.SacCnn()
        training.fit(network, batches, torch.nn.functional.cross_entropy, epochs=12)
    sac = replace(sac, likelihood=partial(detect.likelihood_map, network))

# %% [markdown]
# The loss on crops that were left out of the training, from five seeds of the shipped study. The SAC-CNN ends
# below the paper's 0.30: its held-out crops were sampled and normalised with the defects discussed
# {ref}`below <sec-ch01-ablations>`, ours were not; which of them matters was not separated.
#
# :::{admonition} Departure from the paper
# :class: departure
# ResNet18 starts here from random weights and gets the published three epochs, which is too little for it; the paper
# does not say what it started from. Being slow, it reads every fifth pixel, with interpolation in between. Its scores
# are in [](#sec-ch01-comparison).
# :::

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Cross-entropy on crops left out of the training, five seeds each (measured data). Dashed: the paper's final values, 0.30 for the SAC-CNN and 0.48 for ResNet18.", "name": "fig-ch01-loss"}}
history = pd.read_csv(DATA / "crop_history.csv")
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, colour, theirs in (("sac-cnn", "blue", 0.30), ("resnet18", "vermilion", 0.48)):
    for _, part in history[
        (history["method"] == name) & (history["variant"] == "standard")
    ].groupby("seed"):
        ax.plot(
            part["epoch"] + 1, part["validation_loss"], color=figures.COLOURS[colour], alpha=0.6
        )
    ax.axhline(theirs, color=figures.COLOURS[colour], ls="--", lw=1)
    ax.plot([], [], color=figures.COLOURS[colour], label=name)
ax.set(xlabel="epoch", ylabel="validation loss")
ax.legend()
figures.show(
    fig,
    "Loss curves of ten trainings. The five of the SAC-CNN fall to between 0.1 and 0.2.",
    "fig-ch01-loss",
)

# %% [markdown]
# ## Results
#
# (sec-ch01-dense)=
# ### Figure 1b: every pixel classified, without sliding
#
# > "crops of equivalent size to those used for training were generated through a sliding window method and analyzed
# > with the CNN"
#
# A window of 21 pixels that moves by one pixel shares 20 of its 21 columns with the window before. The convolutions
# have no padding, so the shared part gives the same features, and it is enough to compute them once for the whole
# image. The average over $5 \times 5$ blocks becomes an average at every pixel; the first fully connected layer reads
# nine such averages that lie five pixels apart, which is a $3 \times 3$ convolution with a {term}`dilation` of five;
# the other layers are $1 \times 1$ convolutions. Nothing is approximated.

# %%
Code(inspect.getsource(networks.Dense), language="python")

# %% [markdown]
# Twelve rows the slow way are enough to see that both agree, and to estimate what the whole image would have cost.

# %%
rows = (len(flat) // 2, len(flat) // 2 + (2 if quick else 12))
start = perf_counter()
slid = detect.sliding_window(network, flat, rows=rows)
middle = perf_counter()
dense = detect.likelihood_map(network, flat)
dense_s, slid_s = perf_counter() - middle, (middle - start) * len(flat) / len(slid)
difference = np.abs(dense[slice(*rows)] - slid).max()
assert difference < 1e-5
start = perf_counter()
sac.positions(sac.likelihood(preprocess.normalise(counts)), sac.threshold)
pipeline_s = perf_counter() - start
claims.number("dense_s", dense_s, "s", data=kind, label="likelihood map of one image")
claims.number(
    "dense_ratio",
    slid_s / dense_s,
    "x",
    data=kind,
    label="sliding windows, extrapolated, over dense",
)

# %% [markdown]
# The largest difference is of the order of the last digit of single precision. One image took
# {glue:text}`dense_s:.1f` seconds here instead of {glue:text}`dense_ratio:.0f` times as long; labelling it by hand took
# the authors 30 minutes.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Likelihood of an atom at every pixel (Figure 1b of the paper).", "name": "fig-ch01-1b"}}
fig, axes = plt.subplots(1, 2, figsize=(9, 4.3), layout="constrained")
figures.micrograph(
    axes[0], flat, pixel_nm * factor, vmax=np.quantile(flat, 0.999), title="flattened image"
)
drawn = figures.micrograph(
    axes[1], dense, pixel_nm * factor, vmin=0, vmax=1, cmap="cividis", title="likelihood"
)
fig.colorbar(drawn, ax=axes[1], label="likelihood of an atom", shrink=0.8)
figures.show(
    fig,
    "Left: the flattened micrograph with bright dots. Right: its likelihood map, dark blue with "
    "compact "
    "yellow spots where the network expects atoms.",
    "fig-ch01-1b",
)

# %% [markdown]
# ### Figure S3: what the layers see
#
# Every convolution has dozens of channels. Of each, the one that is most like the final likelihood is drawn: noise goes,
# and what remains are ever cleaner dots.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "After each convolution, the channel that is most like the final likelihood, on a 4.4 nm part of the image (Figure S3 of the paper).", "name": "fig-ch01-s3"}}
where = np.s_[len(flat) // 3 :, flat.shape[1] // 3 :]
part = flat[where][:150, :150]
stages = [part]
with torch.inference_mode():
    signal = torch.from_numpy(part)[None, None]
    for layer in networks.Dense(network).features:
        signal = layer(signal)
        if isinstance(layer, torch.nn.ReLU):
            cut = (len(part) - signal.shape[-2]) // 2
            wanted = dense[where][:150, :150][cut:-cut, cut:-cut].ravel()
            channels = signal[0].numpy()
            alike = [np.corrcoef(c.ravel(), wanted)[0, 1] if c.std() else -1 for c in channels]
            stages.append(channels[int(np.argmax(alike))])
fig, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for ax, stage, title in zip(
    axes, stages, ("image", "convolution 1", "convolution 2", "convolution 3")
):
    figures.micrograph(ax, stage, pixel_nm * factor, title=title)
figures.show(
    fig,
    "Four grey maps of the same part of the image: the image itself and one channel after each of "
    "the three convolutions; dots stand out ever more clearly.",
    "fig-ch01-s3",
)


# %% [markdown]
# (sec-ch01-threshold)=
# ### Figure 1c: where to put the threshold
#
# The published network and ours, trained from scratch, read the test images at a hundred thresholds.

# %%
truth = [image.labels for image in test]
flat_test = [preprocess.normalise(image.image.values) for image in test]
checkpoint = fetch("pt-nc") / "models" / "model_existing.ckpt" if measured else None
published = networks.load_published(checkpoint) if measured else network
maps = {
    "published": [detect.likelihood_map(published, image) for image in flat_test],
    "from scratch": [detect.likelihood_map(network, image) for image in flat_test],
}
thresholds = np.linspace(0.02, 0.99, 12 if quick else 98)
curves = {
    name: evaluate.threshold_curve(
        truth, [partial(detect.components, m) for m in found], thresholds
    )
    for name, found in maps.items()
}

# %% [markdown]
# > "we chose a threshold value of 0.89, coinciding with the maximum F1 score (0.671 ± 0.049) achieved by the trained
# > network"

# %%
at_089 = evaluate.score_images(
    [
        (known_atoms, detect.components(likelihood, 0.89))
        for known_atoms, likelihood in zip(truth, maps["published"])
    ]
)
whose = "published network" if measured else "network from scratch"
for metric in METRICS:
    label = f"{metric} of the {whose} at 0.89, mean and SD over test images"
    claims.number(
        f"{metric}_at_089", at_089[metric].mean(), "", at_089[metric].std(), source, label
    )

# %% [markdown]
# The published curve is broad, so that a threshold slightly too low costs little. That of the network from scratch is
# a spike near one. The two tops lie at different likelihoods: 0.89 belongs to one set of weights and to no other. Each
# detector here therefore brings its own threshold, chosen on training images (dotted line).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Precision, recall and F1 against the threshold: mean over the test images, bands of one standard deviation (Figure 1c of the paper). Dashed: the paper's 0.89; dotted: chosen on training images.", "name": "fig-ch01-1c"}}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (name, curve), chosen in zip(axes, curves.items(), (0.89, sac.threshold)):
    for metric, colour in zip(("precision", "recall", "f1"), ("blue", "orange", "black")):
        mean, sd = curve[metric], curve[f"{metric}_sd"]
        ax.plot(
            curve["threshold"],
            mean,
            color=figures.COLOURS[colour],
            label=metric.replace("f1", "F1"),
        )
        ax.fill_between(
            curve["threshold"], mean - sd, mean + sd, color=figures.COLOURS[colour], alpha=0.15
        )
    ax.axvline(chosen, color="grey", linestyle="--" if name == "published" else ":")
    ax.set(title=f"{name} ({source} images)", xlabel="threshold on the likelihood", ylim=(0, 1))
axes[0].set_ylabel("metric")
axes[0].legend()
figures.show(
    fig,
    "Two panels, published and retrained network. With rising threshold precision rises, recall "
    "falls, and "
    "F1 has a broad maximum, near 0.88 on the left and further right or left for the retrained "
    "one.",
    "fig-ch01-1c",
)

# %% [markdown]
# ### Figures 1d to 1f: what it finds, what it misses
#
# The detector that this run was asked for (`method`) now reads the image, at its own threshold unless you set one.

# %% tags=["your-data"]
detector = detect.load_detector(method)
used = threshold or detector.threshold
likelihood = detector.likelihood(detector.prepare(counts))
atoms = preprocess.from_network_scale(detector.positions(likelihood, used), factor)
atoms = atoms.assign(x_nm=atoms["x_px"] * pixel_nm, y_nm=atoms["y_px"] * pixel_nm)
if atoms.empty:
    claims.note(f"No atom was found above {used:.2f}; the statistics below need some.", "warning")
claims.table("atoms", atoms, f"Atoms found by '{method}' above {used:.2f}", out)

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Detections (yellow crosses) and, where there are any, labels (red circles) on the flattened image (Figure 1d of the paper).", "name": "fig-ch01-1d"}}
fig, ax = plt.subplots(figsize=(6.5, 6.5), layout="constrained")
figures.micrograph(ax, flat, pixel_nm * factor, vmax=np.quantile(flat, 0.999))
on_flat = (atoms[["x_px", "y_px"]] + 0.5) / factor - 0.5
ax.plot(
    on_flat["x_px"], on_flat["y_px"], "x", color=figures.COLOURS["yellow"], ms=6, label="detected"
)
if known is not None:
    marked = (known[["x_px", "y_px"]] + 0.5) / factor - 0.5
    ax.plot(
        marked["x_px"],
        marked["y_px"],
        "o",
        mfc="none",
        color=figures.COLOURS["vermilion"],
        ms=11,
        label="labelled",
    )
ax.legend(loc="upper right", facecolor="0.2", labelcolor="white", frameon=True)
figures.show(
    fig,
    f"The flattened micrograph with {len(atoms)} detected atoms as yellow crosses"
    + ("" if known is None else f" and {len(known)} labelled ones as red circles")
    + ".",
    "fig-ch01-1d",
)

# %% [markdown] tags=["your-data"]
# With labels at hand the agreement is a number; on your own image without labels this is left out.

# %% tags=["your-data"]
if known is not None:
    agreement = evaluate.score(known, atoms)
    for metric in ("precision", "recall", "f1"):
        claims.number(
            f"{metric}_image", agreement[metric], data=kind, label=f"{metric} on this image"
        )

# %% [markdown]
# The paper's close-up compares the likelihood with a Laplacian-of-Gaussian ({term}`LoG`) filter of 2.5 pixels, the
# microscopist's usual way to bring out dots. It chose a square of 68 pixels where network and labels differ; here is
# the one with most differences between labels (circles) and the SAC-CNN from scratch (crosses) in this image.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "A square of 68 pixels (2 nm) with many differences: image, likelihood, LoG filter (Figures 1d to 1f of the paper). Circles: labels; crosses: detections.", "name": "fig-ch01-1ef"}}
reference = known if known is not None else atoms
ours_here = sac.positions(dense, sac.threshold)
pairs_here = evaluate.match(reference, ours_here)
odd = np.concatenate(
    [
        reference.drop(pairs_here["label"])[["x_px", "y_px"]],
        ours_here.drop(pairs_here["detection"])[["x_px", "y_px"]],
    ]
)
corner = max(
    (
        (x, y)
        for x in range(0, max(flat.shape[1] - 67, 1), 17)
        for y in range(0, max(flat.shape[0] - 67, 1), 17)
    ),
    key=lambda c: ((odd > np.array(c)) & (odd < np.add(c, 68))).all(axis=1).sum(),
)
panels = {
    "flattened image": flat,
    "likelihood": dense,
    "LoG, 2.5 px": baselines.log_response(flat, 2.5),
}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for ax, (title, panel) in zip(axes, panels.items()):
    cut = panel[corner[1] : corner[1] + 68, corner[0] : corner[0] + 68]
    figures.micrograph(ax, cut, pixel_nm * factor, title=title)
    for points, marker, colour in ((reference, "o", "vermilion"), (ours_here, "x", "sky")):
        inside = points[
            (
                (points[["x_px", "y_px"]] >= corner)
                & (points[["x_px", "y_px"]] < np.add(corner, 68))
            ).all(axis=1)
        ]
        ax.plot(
            inside["x_px"] - corner[0],
            inside["y_px"] - corner[1],
            marker,
            mfc="none",
            ms=12 if marker == "o" else 7,
            color=figures.COLOURS[colour],
        )
figures.show(
    fig,
    "Three views of the same 2 nm square. The likelihood map has separate compact peaks; the "
    "filter "
    "response is mottled everywhere.",
    "fig-ch01-1ef",
)

# %% [markdown]
# (sec-ch01-comparison)=
# ### All methods, one table
#
# Training is random, so every single network was trained with five seeds; the ensemble, which joins five U-Nets, was
# made once, and its spread is that of its subsets of four. That takes longer than a page may, so the study is shipped
# (`data/ch01/make_benchmark.py` and `make_detector.py` made it, from the measured images). Thresholds
# come from cross-validation on the eleven training images: a network that has not seen an image predicts it, and the
# threshold with the best mean F1 over such images is taken. The second threshold, best on the test images themselves,
# is what one must *not* do; it is here to show how much it flatters.

# %%
benchmark = pd.concat([pd.read_csv(DATA / f"benchmark{part}.csv") for part in ("", "_unet")])

plain = benchmark[benchmark["variant"] == "standard"]
comparison = evaluate.summarise(plain, ["threshold_rule", "method"], seed)
claims.table("comparison", comparison, "Ten measured test images, means over images.", out)

# %% [markdown]
# In words: the {term}`LoG` filter, once its width may exceed the 2.5 pixels of the paper's close-up, beats the network it
# was meant to be a foil for, with two numbers to choose instead of 257 474 weights to train. ResNet18, with 40 times the weights and, unlike a practitioner would
# do, without weights from photographs to start from, does worse, as the paper found.
# Of the trained methods the U-Nets do best, because they learn from whole fields of view instead of balanced crops:
# they have seen how rare atoms are.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "F1 of every method on the ten measured test images at a threshold chosen on training images. Small dots: images (mean over seeds); bars: bootstrap 95 % interval of the mean.", "name": "fig-ch01-methods"}}
honest = plain[plain["threshold_rule"] == "train-chosen"]
order = honest.groupby("method")["f1"].mean().sort_values().index
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
for position, name in enumerate(order):
    image = honest[honest["method"] == name].groupby("image")["f1"].mean()
    low, high = evaluate.bootstrap_interval(image, seed=seed)
    ax.plot(image, np.full(len(image), position), ".", color="grey", alpha=0.6)
    ax.plot([low, high], [position] * 2, lw=3, color=figures.COLOURS["blue"])
    ax.plot(image.mean(), position, "o", color=figures.COLOURS["vermilion"])
ax.set(yticks=range(len(order)), yticklabels=order, xlabel="F1 on the test images (measured)")
figures.show(
    fig,
    "One row per method with its F1 on ten images and the mean with an interval; the intervals "
    "of most "
    "methods overlap between 0.6 and 0.75.",
    "fig-ch01-methods",
)

# %%
rule = "threshold_rule == 'published 0.89' and variant == 'published weights'"
by_image = {"published": benchmark.query(rule).set_index("image")["f1"]} | {
    name: honest[honest["method"] == name].groupby("image")["f1"].mean()
    for name in ("log", "template", "ensemble", "sac-cnn")
}
left_out = benchmark.query("variant == 'one member left out' and threshold_rule == 'train-chosen'")
spread = left_out.groupby("seed")["f1"].mean().std()
label = "SD of the ensemble's mean F1 over its five subsets of four U-Nets"
claims.number("ensemble_spread", spread, label=label)
error_of = {}
for ours, theirs in (("log", "sac-cnn"), ("ensemble", "log")):
    gain = by_image[ours] - by_image[theirs]
    error = error_of[ours] = gain.std() / np.sqrt(len(gain))
    label = f"F1 of {ours} minus {theirs}, mean and standard error over images"
    claims.number(f"gain_{ours}", gain.mean(), spread=error, label=label)
for name, f1 in by_image.items():
    label = f"F1 of {name}, mean and SD over the measured test images"
    claims.number(f"f1_{name.replace('-', '_')}", f1.mean(), spread=f1.std(), label=label)

# %% [markdown]
# (sec-ch01-ablations)=
# ### Departures: what the three defects of the published code cost
#
# The public code differs from the paper in three places. Each was put back on its own, with everything else as in our
# training from scratch: *transposed negatives* (the map of forbidden places is read with x and y exchanged, so that
# some "empty" crops hold an atom; one in eleven of the published ones), *crops normalised twice* (in training only, so that the network never sees at
# work what it was trained on), and *swapped axes* of the results. *Half the data* trains on five or six images.

# %%
ablations = benchmark[
    (benchmark["method"] == "sac-cnn") & (benchmark["threshold_rule"] != "test-best (optimistic)")
]
ablations = evaluate.summarise(ablations, ["variant", "threshold_rule"], seed)
claims.table("ablations", ablations, "SAC-CNN on the ten measured test images.", out)
f1 = evaluate.summarise(benchmark[benchmark["method"] == "sac-cnn"], ["threshold_rule", "variant"])
for name, rule in (("half_loss", "train-chosen"), ("half_loss_best", "test-best (optimistic)")):
    half, full = (f1.loc[(rule, v), "f1"] for v in ("half the images", "standard"))
    glue(name, float(100 * (1 - half / full)), display=False)

# %% [markdown]
# > "Training the network with only half the labeled data substantially decreased the F1 score by almost 20%"
#
# Two of the defects cost little or nothing that ten images could show; swapped axes cost everything. Half the data
# cost {glue:text}`half_loss:.0f` per cent at the threshold chosen by cross-validation, but only
# {glue:text}`half_loss_best:.0f` per cent at the best one: the smaller network ranks places nearly as well, while
# half the images say much less about where to put the threshold. The rows at 0.89 make the same point: one threshold
# for all makes the same weights look good or bad.

# %% [markdown]
# ### Figure S5: where it errs
#
# A detection without a label is a false positive, a label without a detection a false negative. The paper saw the
# former in thick, the latter in thin regions of the support. The brightness of the background under each atom, in units
# of the median of its image, stands for the thickness; the detections are those of the network above at 0.89.

# %%
cases = []
for image, likelihood_of in zip(test, maps["published"]):
    case = evaluate.cases(image.labels, detect.components(likelihood_of, 0.89))
    thick = preprocess.median_background(image.image)
    column, row = case[["x_px", "y_px"]].to_numpy().round().astype(int).T
    relative = thick[row, column] / np.median(thick)
    cases.append(case.assign(image=image.name, background=relative))
cases = pd.concat(cases, ignore_index=True)
by_case = cases.groupby("case")["background"].agg(["median", "count"])
by_case

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Top: invented atoms (false positives), bottom: missed ones (false negatives), squares of 1.2 nm from the flattened test images (Figure S5 of the paper). Right: background under found, missed and invented atoms, in units of the image's median background.", "name": "fig-ch01-s5"}}
fig = plt.figure(figsize=(9, 3.2), layout="constrained")
squares, boxes = fig.subfigures(1, 2, width_ratios=(1.7, 1))
axes = squares.subplots(2, 5)
lookup = dict(zip([image.name for image in test], flat_test))
for row, kind_of_case in zip(axes, ("invented", "missed")):
    chosen = cases[
        (cases["case"] == kind_of_case)
        & cases["x_px"].between(20, 491)
        & cases["y_px"].between(20, 491)
    ]
    for ax, case in zip(row, chosen.iloc[:: max(1, len(chosen) // 5)].itertuples()):
        top, left = int(case.y_px) - 20, int(case.x_px) - 20
        cut = lookup[case.image][top : top + 41, left : left + 41]
        ax.imshow(cut, cmap="gray", vmin=0, vmax=0.7)
        ax.set_axis_off()
    row[0].set_title(kind_of_case)
ax = boxes.subplots()
ax.boxplot(
    [cases.loc[cases["case"] == c, "background"] for c in ("found", "missed", "invented")],
    tick_labels=["found", "missed", "invented"],
    showfliers=False,
)
ax.set_ylabel("background / image median")
figures.show(
    fig,
    "Ten small squares with a dot or a smear in the middle, and a box plot of the background "
    "under found, "
    "missed and invented atoms.",
    "fig-ch01-s5",
)

# %% [markdown]
# (sec-ch01-reliability)=
# ### How far to trust a likelihood
#
# From here on the default detector, the ensemble, reads the test images.
# A likelihood of 0.7 should be right in seven of ten cases. The {term}`reliability diagram` puts that to the test on
# the test images, for all local maxima of the ensemble's map. Beside it: how the score depends on how close a detection must
# come to count, and how far off the matched ones are.

# %%
best = detect.load_detector("ensemble")
raw_test = [image.image.to_numpy() for image in test]
candidates = [best.positions(best.likelihood(best.prepare(i)), 0.01) for i in raw_test]
stated = np.concatenate([table["probability"] for table in candidates])
right_ones = np.concatenate([evaluate.is_atom(i.labels, c) for i, c in zip(test, candidates)])
diagram = evaluate.reliability(stated, right_ones)
pairs_kept = [
    (i.labels, c[c["probability"] > best.threshold].reset_index(drop=True))
    for i, c in zip(test, candidates)
]
radii = [2, 3, 4, 5, 6, 8, 10, 12]
tolerance = [
    evaluate.score_images(pairs_kept, rule="distance", radius=r)["f1"].mean() for r in radii
]
errors = evaluate.localisation_error(
    pd.concat([evaluate.match(*p, rule="distance", radius=12) for p in pairs_kept])
)
claims.number(
    "localisation_pm",
    errors["median"] * 1000 * 15 / 512,
    "pm",
    data=source,
    label="median distance of a matched detection from its label",
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Left: share of true atoms against the stated likelihood, with 95 % intervals. Right: F1 against the largest distance at which a detection counts as right; dashed, the paper's rule.", "name": "fig-ch01-reliability"}}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
axes[0].plot([0, 1], [0, 1], color="grey", lw=1)
axes[0].errorbar(
    diagram["probability"],
    diagram["fraction"],
    fmt="o",
    color=figures.COLOURS["blue"],
    yerr=[diagram["fraction"] - diagram["low"], diagram["high"] - diagram["fraction"]],
)
axes[0].set(xlabel="stated likelihood", ylabel="share of labelled atoms", xlim=(0, 1), ylim=(0, 1))
axes[1].plot(np.array(radii) * 15 / 512, tolerance, "o-")
axes[1].axhline(evaluate.score_images(pairs_kept)["f1"].mean(), color="grey", ls="--")
axes[1].set(xlabel="largest distance that counts (nm)", ylabel="F1", ylim=(0, 1))
figures.show(
    fig,
    "Left: points near the diagonal. Right: F1 rises steeply up to about 0.15 nm and slowly "
    "beyond.",
    "fig-ch01-reliability",
)

# %% [markdown]
# The points lie near the diagonal: on test images a stated likelihood can be taken as a probability, if anything a
# modest one. Beyond the paper's six pixels the score hardly grows: what is missed is missed, not misplaced.
#
# ### How well do people agree?
#
# Nobody labelled an image twice. But frames 047 and 048 show the same place one after the other and were labelled on
# their own: after shifting one onto the other, their labels should agree as well as the hand that made them allows,
# apart from atoms that moved. That is the closest to a ceiling that the data offer.

# %%
pair = {image.name: image for image in images if image.name in ("047", "048")}
agreement = {}
if pair:
    first, second = pair["047"], pair["048"]
    shift = tracking.register(first.image, second.image)
    both = tracking.common_field(first.labels, second.labels, shift, first.image.shape)
    moved = both[1][["x_px", "y_px"]] + np.array([shift.dx_px, shift.dy_px])
    for reach in (0.18, 0.3, 0.45):
        close = evaluate.score(both[0], moved, rule="distance", radius=reach * 512 / 15)
        agreement[f"within {reach} nm"] = close["f1"]
pd.Series(agreement, name="F1 of one labelling against the other", dtype=float).to_frame()

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Frames 047 and 048, the second moved onto the first, with the labels of both.", "name": "fig-ch01-frames"}}
if pair:
    fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
    flat_first = preprocess.normalise(first.image)
    figures.micrograph(ax, flat_first, 15 / 512, vmax=np.quantile(flat_first, 0.999))
    for points, marker, colour, name in (
        (both[0], "o", "vermilion", "047"),
        (moved, "s", "sky", "048"),
    ):
        colour = figures.COLOURS[colour]
        ax.plot(points["x_px"], points["y_px"], marker, mfc="none", color=colour, ms=10, label=name)
    ax.legend(loc="upper right", facecolor="0.2", labelcolor="white", frameon=True)
    figures.show(
        fig,
        "One micrograph with two sets of labels, red circles and blue squares; fewer than half "
        "coincide.",
        "fig-ch01-frames",
    )

# %% [markdown]
# Fewer than half of the labels agree. Some atoms did move, some of the difference is focus and noise; still, a detector
# that agrees with the labels at an F1 of 0.7 is not obviously worse than a second person would be, and a few hundredths
# more or less are at the limit of what ten images and these labels can tell.
#
# (sec-ch01-statistics)=
# ### Figure 2a: where the specimen is
#
# A density needs an area, and the vacuum beside the flake is none. As in the paper a {term}`random forest` looks at
# pixel features at several scales and tells specimen from vacuum and support film; it learnt from a few rectangles
# drawn into the training images.
#
# :::{admonition} Departure from the paper
# :class: departure
# The paper trained a random forest by hand with the Weka plugin of Fiji {cite}`argandacarreras2017`. Ours has extremely
# randomised trees, which erred a quarter less on training images left out, and needs no hand: its training pixels ship
# with the book.
# :::

# %% tags=["your-data"]
mask = specimen.specimen_mask(micrograph)
area = specimen.area_nm2(mask, pixel_nm)
positions = arrangement.positions_nm(atoms, pixel_nm)
on_specimen = positions[arrangement.is_inside(positions, mask, pixel_nm)]
raw = density.density(len(on_specimen), area)
claims.number("area_nm2", area, "nm^2", data=kind, label="specimen in the image")
claims.number(
    "density",
    raw.value,
    "atoms/nm^2",
    (raw.high - raw.low) / 4,
    data=kind,
    label="projected density, as detected",
)

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Specimen (outlined) and detected atoms on the image as recorded (Figure 2a of the paper).", "name": "fig-ch01-2a"}}
fig, ax = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
figures.micrograph(ax, micrograph)
ax.contour(mask, [0.5], colors=figures.COLOURS["sky"], linewidths=2)
ax.plot(atoms["x_px"], atoms["y_px"], ".", color=figures.COLOURS["yellow"], ms=4)
figures.show(
    fig,
    f"The micrograph with the outline of the specimen, {area:.0f} square nanometres, and the "
    f"detected atoms.",
    "fig-ch01-2a",
)

# %% [markdown]
# ### Figure 2b: how many atoms
#
# A detector that misses some atoms and invents others counts wrongly, and its training images tell by how much: with
# precision $P$ and recall $R$, of $n$ reported atoms $nP$ are real, out of $nP/R$ that are there. Images differ, and
# that difference is most of the interval.

# %% tags=["your-data"]
scores = pd.read_csv(DATA / "training_scores.csv").query("method == @method")
ratio = density.detection_ratio(scores)
corrected = density.corrected_density(len(on_specimen), area, ratio)
claims.number(
    "density_corrected",
    corrected.value,
    "atoms/nm^2",
    (corrected.high - corrected.low) / 4,
    data=kind,
    label="projected density, corrected for detection errors",
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Projected density of the 21 measured images from labels and from detections, with 95 % intervals; grey, the paper's range for its whole set. Right: their distribution from labels, with a normal fit (Figure 2b of the paper).", "name": "fig-ch01-2b"}}
statistics = pd.read_csv(DATA / "statistics.csv", dtype={"image": str})
fig, (ax, side) = plt.subplots(
    1, 2, figsize=(9, 3.4), sharey=True, width_ratios=(4, 1), layout="constrained"
)
ax.axhspan(0.2, 0.5, color="0.9")
for source_of, column, offset, colour in (
    ("labels", "density", -0.2, "black"),
    ("ensemble", "density", 0, "sky"),
    ("ensemble", "corrected", 0.2, "vermilion"),
):
    rows = statistics[statistics["source"] == source_of].sort_values("image")
    value = rows[f"{column}_nm2"]
    ax.errorbar(
        np.arange(len(rows)) + offset,
        value,
        fmt="o",
        ms=4,
        color=figures.COLOURS[colour],
        yerr=[value - rows[f"{column}_low_nm2"], rows[f"{column}_high_nm2"] - value],
        label={"density": f"from {source_of}", "corrected": f"from {source_of}, corrected"}[column],
    )
ax.set(xticks=range(len(rows)), xticklabels=rows["image"], xlabel="image", ylabel="atoms per nm²")
ax.legend(ncols=3, loc="upper left")
ax.tick_params(axis="x", labelsize=8)
spread_of = statistics.loc[statistics["source"] == "labels", "density_nm2"]
normal = density.normal_fit(spread_of)
side.hist(spread_of, bins=8, orientation="horizontal", density=True, color="0.8")
level = np.linspace(0, 0.6, 100)
bell = np.exp(-0.5 * ((level - normal["mean"]) / normal["sd"]) ** 2)
side.plot(bell / (normal["sd"] * np.sqrt(2 * np.pi)), level, color=figures.COLOURS["black"])
side.set(xlabel="share of images\nper 1/nm²")
figures.show(
    fig,
    "Densities of 21 images between 0.15 and 0.5 atoms per square nanometre; labels and "
    "corrected detections agree within their intervals in most images. Right: histogram of the "
    "labelled densities with a normal curve.",
    "fig-ch01-2b",
)

# %% [markdown]
# The ensemble reports somewhat too many atoms; corrected, it agrees with the labels within the intervals. These are
# wide, a factor of about 1.6 either way, because the training images differ that much in labels per detection.
#
# ### Figures 2c and 2d: are they at random?
#
# Atoms thrown at random on a plane with density $\rho$ have nearest neighbours at distances $r$ with
#
# $$
# p(r) = 2 \pi \rho r\, e^{-\pi \rho r^2}, \qquad \langle r \rangle = \frac{1}{2\sqrt{\rho}}.
# $$ (eq-ch01-rayleigh)
#
# Clusters shorten the distances, repulsion lengthens them. So does the edge of the field: the nearest neighbour of an
# atom at the border may lie outside. Random arrangements in the *same* mask, with the same edges, are the fair
# comparison; for the mean itself, a distance longer than the one to the edge is known only to be longer, which is the
# kind of knowledge that the {term}`Kaplan-Meier estimator` was made for. In the table, *nnd* is the distance of the
# nearest neighbour: its mean, the mean of the fitted Rayleigh density, both corrected for edges, and the means expected
# at random on an endless plane (Eq. 2) and in this mask; *p* is the chance of a random mean as far off.

# %% tags=["your-data"]
row = arrangement.describe(atoms, mask, pixel_nm, np.random.default_rng(seed), ratio)
values = pd.Series(row, name="value").to_frame()
claims.table("arrangement", values, "Arrangement of the detected atoms", out)
if row["n"] > 1:
    close = arrangement.share_within(on_specimen, bond_nm)
    shown_as = "mean distance of the nearest neighbour"
    claims.number("neighbour_nm", row["nnd_mean_nm"], "nm", data=kind, label=shown_as)
    chance, spread = row["nnd_random_in_mask_nm"], row["nnd_random_in_mask_sd_nm"]
    claims.number("neighbour_random_nm", chance, "nm", spread, kind, f"{shown_as} at random")
    claims.number("bonded_share", close.value, data=kind, label=f"share within {bond_nm} nm")

# %% tags=["hide-input", "your-data"] mystnb={"figure": {"caption": "Nearest-neighbour distances of the detected atoms with the Rayleigh density of their mean, and the density expected at random (Figure 2c of the paper).", "name": "fig-ch01-2c"}}
if row["n"] > 1:
    distances = arrangement.nearest_neighbours(on_specimen)
    fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    ax.hist(distances, bins=np.arange(0, distances.max() + 0.2, 0.1), density=True, color="0.8")
    r = np.linspace(0, distances.max() * 1.1, 200)
    for label, rho, colour in (
        ("fit", 1 / (2 * row["nnd_rayleigh_nm"]) ** 2, "blue"),
        ("random, Eq. (2)", row["density_nm2"], "vermilion"),
    ):
        ax.plot(
            r,
            2 * np.pi * rho * r * np.exp(-np.pi * rho * r**2),
            color=figures.COLOURS[colour],
            label=label,
        )
    ax.axvline(bond_nm, color=figures.COLOURS["purple"], ls="--", label="bond")
    ax.set(xlabel="distance of the nearest neighbour (nm)", ylabel="per nm")
    ax.legend()
    figures.show(
        fig,
        f"Histogram of {row['n']} nearest-neighbour distances with two similar curves, the fitted "
        f"and the random one.",
        "fig-ch01-2c",
    )

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Mean nearest-neighbour distance in the 21 measured images against that of a random arrangement: left with the paper's formula, right in the same mask (Figure 2d of the paper).", "name": "fig-ch01-2d"}}
fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True, layout="constrained")
for ax, column, title in zip(
    axes, ("nnd_random_nm", "nnd_random_in_mask_nm"), ("endless plane (paper)", "same mask")
):
    for source_of, colour, marker in (("labels", "black", "o"), ("ensemble", "vermilion", "x")):
        rows = statistics[statistics["source"] == source_of]
        ax.plot(
            rows[column],
            rows["nnd_mean_nm"],
            marker,
            color=figures.COLOURS[colour],
            mfc="none",
            label=source_of,
        )
    ax.plot([0.6, 1.6], [0.6, 1.6], color="grey", lw=1)
    ax.set(
        title=title,
        xlabel="random mean distance (nm)",
        xlim=(0.6, 1.6),
        ylim=(0.6, 1.6),
        aspect="equal",
    )
axes[0].set_ylabel("measured mean distance (nm)")
axes[0].legend()
figures.show(
    fig,
    "Two parity plots. In both, labels lie around the diagonal and detections mostly above it.",
    "fig-ch01-2d",
)

# %% [markdown]
# How unusual is each image, compared with random arrangements in its own mask? And how many atoms would chance alone
# put within the bond distance?

# %%
tests = statistics.dropna(subset="nnd_p").groupby("source")["nnd_p"].agg(lambda p: (p < 0.05).sum())
on_test = statistics[(statistics["source"] == "labels") & (statistics["split"] == "test")]
for name, value, label in (
    ("unusual_labels", tests["labels"], "images of 21 with p < 0.05, labels"),
    ("unusual_ensemble", tests["ensemble"], "images of 21 with p < 0.05, ensemble"),
    ("bond_chance", 100 * on_test["within_bond_random"].mean(), "within the bond at random (%)"),
):
    claims.number(name, value, label=label)

# %% [markdown]
# By their labels {glue:text}`unusual_labels` of the 21 images depart from chance: the parity of the paper holds.
# Detected atoms seem to keep their distance in {glue:text}`unusual_ensemble` images, because no detector reports two
# atoms where their spots overlap: a repulsion that is the detector's doing. The same is true of hands. The paper reads
# its 1 % of atoms within a bond as proof of single atoms, but random positions would put
# {glue:text}`bond_chance:.0f` per cent there; so close together, neither eyes nor networks see two.
#
# (sec-ch01-simulated)=
# ### Simulated counterpart: what no label can tell
#
# Labels are opinions. In a simulated image every atom is known, also those that nobody could see. The generator
# (`helpers/atoms/simulate.py`) throws metal atoms on both faces of a rough carbon flake, adds up what every atom
# scatters into the probe at its height (cross-sections from {term}`abTEM` {cite}`madsen2021`), and counts electrons under an
# unsteady current. Its few free numbers were set so that simulated and measured *training* images look alike; here they
# are side by side.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Left and middle: a measured and a simulated image, not chosen for likeness. Right: their mean power spectra (measured and simulated training sets).", "name": "fig-ch01-simulated"}}
specimen_drawn, microscope_drawn = simulate.varied(np.random.default_rng(seed + 2))
simulated = simulate.acstem(np.random.default_rng(seed + 2), specimen_drawn, microscope_drawn)
spectra = np.load(DATA / "calibration.npz")
fig, axes = plt.subplots(1, 3, figsize=(9, 3.1), layout="constrained")
figures.micrograph(axes[0], train[0].image, title=source)
figures.micrograph(axes[1], simulated.image, title="simulated")
for name, colour in (("measured", "black"), ("simulated", "vermilion")):
    axes[2].loglog(
        spectra["cycles_per_nm"][1:],
        spectra[name].mean(0)[1:],
        color=figures.COLOURS[colour],
        label=name,
    )
axes[2].set(xlabel="spatial frequency (1/nm)", ylabel="power")
axes[2].legend()
figures.show(
    fig,
    "A measured and a simulated micrograph that look alike, and two power spectra that nearly "
    "coincide.",
    "fig-ch01-simulated",
)

# %% [markdown]
# Recall against the height of the atom above or below focus, against the contrast of the atom over the shot noise, and
# F1 against dose, for the shipped detectors at the thresholds chosen on measured training images
# (`data/ch01/make_simulated_tests.py`). Recall is halved four to five nanometres from focus and little is left beyond
# eight, whatever the method: a projected density is the density of a slice. Atoms whose peak is below twice the shot
# noise are mostly missed. The ensemble leads at every dose; more dose than the measured images have would help.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Simulated images. Left: recall against the distance of the atom from focus. Middle: recall of atoms in focus against their peak over the shot noise. Right: F1 for atoms in focus against dose. Bands: 95 % intervals, right SD over images.", "name": "fig-ch01-recall"}}
palette = [figures.COLOURS[c] for c in ("black", "orange", "sky", "green", "purple")]
fig, axes = plt.subplots(1, 3, figsize=(9, 3.3), sharey=True, layout="constrained")
for ax, study, column, xlabel in zip(
    axes[:2],
    ("height", "contrast"),
    ("height_nm", "contrast"),
    ("distance from focus (nm)", "peak / shot noise"),
):
    table = pd.read_csv(DATA / f"simulated_{study}.csv")
    for (name, part), colour in zip(table.groupby("detector"), palette):
        middle = (part[f"{column}_from"] + part[f"{column}_to"]) / 2
        ax.plot(middle, part["recall"], "o-", ms=3, color=colour, label=name)
        ax.fill_between(middle, part["low"], part["high"], color=colour, alpha=0.15)
    ax.set(xlabel=xlabel, ylim=(0, 1), xlim=(0, 15 if study == "height" else None))
axes[0].set_ylabel("recall (left), F1 (right)")
dose = pd.read_csv(DATA / "simulated_dose.csv")
for (name, part), colour in zip(dose.groupby("detector"), palette):
    axes[2].errorbar(
        part["relative_dose"], part["f1"], part["f1_sd"], fmt="o-", ms=3, color=colour, label=name
    )
axes[2].set(xlabel="dose / dose of the measured images", xscale="log")
axes[2].set_xticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"], minor=False)
axes[2].minorticks_off()
axes[2].legend(fontsize="small")
figures.show(
    fig,
    "Three panels with one line per detector: recall falls from about 0.9 to nothing within 6 nm "
    "of "
    "defocus, rises with contrast, and F1 rises with dose.",
    "fig-ch01-recall",
)

# %% [markdown]
# Two more questions of the paper, on simulated images: how many atoms are invented on a support without any metal
# (the paper: 0.003 per nm² on measured images of the carrier), and what happens to iron on carbon nitride, recorded at
# twice the magnification and rebinned (three measured images in the paper; its score is in the table of claims).
# "Invented" depends on the roughness of the support: it is drawn as rough and porous as the measured images are, which
# is an upper bound, because those hold unlabelled atoms too; on a smooth support (last density) fewer are invented.

# %%
bare = pd.read_csv(DATA / "simulated_metal_free.csv").set_index("detector")
smooth = pd.read_csv(DATA / "simulated_metal_free_smooth.csv").set_index("detector")["per_nm2"]
bare["per_nm2_smooth"] = smooth
iron = pd.read_csv(DATA / "simulated_iron.csv").set_index("detector")
claims.table(
    "simulated_controls",
    bare[["per_nm2", "low_per_nm2", "high_per_nm2", "per_nm2_smooth"]].join(iron[["f1", "f1_sd"]]),
    "Simulated: atoms invented per nm² of metal-free support (95 % interval); F1 for Fe on "
    "carbon nitride.",
    out,
)

# %% [markdown]
# The score on iron is no reproduction. No Fe image is public, the thickness of the flakes is assumed, and the score
# depends on it more than on the detector: the table above is for flakes of 4 nm, the one below for other thicknesses (nm). A first
# version of this study drew thicknesses between 4 and 12 nm and gave about half of the paper's value. The claim is
# therefore left unjudged.

# %%
flakes = pd.read_csv(DATA / "simulated_iron_thickness.csv")
flakes.pivot_table("f1", "detector", "thickness_nm").round(2)

# %% [markdown]
# (sec-ch01-series)=
# ### Figure S11: atoms that move
#
# Between two frames an atom may stay, hop, or no longer be found. Frames are registered by cross-correlation, atoms
# linked one to one within 0.6 nm; up to 0.18 nm an atom counts as having stayed. In simulated series with known
# mobility that gives back the share that moved, once missed detections are allowed for.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Left: share of linked atoms that moved, estimated against true, in simulated series. Right: displacements between the measured frames 047 and 048.", "name": "fig-ch01-s11"}}
mobility = pd.read_csv(DATA / "simulated_mobility.csv")
links = pd.read_csv(DATA / "frame_pair_links.csv").query("detector in ('labels', 'ensemble')")
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
chosen = mobility[mobility["detector"] == "ensemble"]
for column, colour in (("apparent", "orange"), ("corrected", "blue")):
    axes[0].errorbar(
        chosen["true_share"],
        chosen[f"{column}_share"],
        chosen[f"{column}_se"],
        fmt="o-",
        color=figures.COLOURS[colour],
        label=column,
    )
axes[0].plot([0, 0.6], [0, 0.6], color="grey", lw=1)
axes[0].set(xlabel="true share that hopped (simulated)", ylabel="estimated share")
axes[0].legend()
bins = np.arange(0, 0.65, 0.06)
for name, colour in (("labels", "black"), ("ensemble", "vermilion")):
    part = links[links["detector"] == name]
    axes[1].hist(
        part["distance_nm"], bins, histtype="step", lw=2, label=name, color=figures.COLOURS[colour]
    )
axes[1].axvline(tracking.STAY_NM, color="grey", ls="--")
axes[1].set(xlabel="displacement between frames (nm, measured)", ylabel="linked atoms")
axes[1].legend()
figures.show(
    fig,
    "Left: estimates follow the true share, raw ones lie above it. Right: displacements of "
    "labels and "
    "detections between two measured frames; most are below 0.2 nm.",
    "fig-ch01-s11",
)

# %% [markdown]
# What a naive count calls motion is mostly missed atoms: in simulated frames without any motion a sixth of the atoms
# (ensemble) to a fifth (the others) is not found again. Dividing by what two still frames share gives the true share back, within its error. Between the
# measured frames more than half of the labelled atoms are not found again at their place; but of the links beyond
# 0.18 nm there are no more than chance makes, so that the data do not say where the atoms went.

# %% [markdown]
# (sec-ch01-triage)=
# ### Sorting: does an image hold single atoms at all?
#
# The paper proposes its network as a sieve for data sets too large to look at. A detector finds something in every
# image, so its count is no test. The score used here compares the brightest spots of an image with those of its own
# negative: noise and clouds are dark as often as bright, heavy atoms are only bright.

# %% tags=["your-data"]
verdict = triage.holds_atoms(micrograph)
claims.number(
    "triage_score",
    verdict.score,
    data=kind,
    label=f"excess of convincing spots over the negative (with atoms: above {verdict.level:.3f})",
)
if not verdict.holds_atoms:
    claims.note(
        f"By its score ({verdict.score:.2f}, level {verdict.level:.2f}) this image holds no "
        f"single atoms.",
        "warning",
    )

# %% [markdown]
# Its error rates, on measured test images (with atoms) and on simulated metal-free and phase-randomised ones (without),
# that had no part in choosing the level; quarters are fields of 7.5 nm.

# %%
rates = json.loads((DATA / "triage.json").read_text())["error_rates_on_test"]
pd.DataFrame(rates).set_index(["detector", "view", "error"]).round(3)

# %% [markdown]
# ## Does it hold?
#
# Every claim of the paper that can be computed, with its value, ours, and whether it holds. A claim that does not hold is
# a finding and stays.

# %% tags=["hide-input"]
by_labels = statistics[statistics["source"] == "labels"]
tested = by_labels[by_labels["split"] == "test"]
labelled_pair = pd.read_csv(DATA / "frame_pair.csv").set_index("detector").loc["labels"]
flat_range = curves["published"].query("0.5 <= threshold <= 0.9")["recall"]
crop = pd.read_csv(DATA / "crop_validation.csv").query(
    "method == 'sac-cnn' and variant == 'standard'"
)
optimistic = plain[
    (plain["method"] == "resnet18") & (plain["threshold_rule"] == "test-best (optimistic)")
]
half = benchmark.query("variant == 'half the images' and threshold_rule == 'train-chosen'")
by_seed = {
    name: rows.groupby("seed")["f1"].mean()
    for name, rows in (
        ("full", honest[honest["method"] == "sac-cnn"]),
        ("half", half),
        ("resnet18", optimistic),
    )
}
loss = 100 * (1 - by_seed["half"] / by_seed["full"])
means = honest.groupby("method")["f1"].mean()
template = evaluate.score_images(
    [
        (i.labels, detect.components(baselines.template_response(f), 0.18))
        for i, f in zip(test, flat_test)
    ]
)["f1"]
medians = by_case["median"]
ratio_of = statistics["nnd_mean_nm"] / statistics["nnd_random_in_mask_nm"]
ratio_of = ratio_of.groupby(statistics["source"]).mean()
ours = {
    "1.1": (at_089["f1"].mean(), at_089["f1"].std()),
    "1.2": (template.mean(), template.std()),
    "1.3": (means["sac-cnn"] - means["log"], error_of["log"]),
    "1.4": flat_range.between(0.7, 0.9).mean(),
    "1.5": (by_seed["full"].mean(), by_seed["full"].std()),
    "1.6": (crop["validation_accuracy"].mean(), crop["validation_accuracy"].std()),
    "1.7": (100 * (1 - by_seed["half"].mean() / by_seed["full"].mean()), loss.std()),
    "1.8": (by_seed["resnet18"].mean(), by_seed["resnet18"].std()),
    "1.9": medians["invented"] / medians["found"],
    "1.10": medians["missed"] / medians["found"],
    "1.11": by_labels["density_nm2"].between(0.2, 0.5).mean(),
    "1.12": 100 * np.average(tested["within_bond"], weights=tested["n"]),
    "1.13": (by_labels["nnd_mean_nm"] / by_labels["nnd_random_nm"]).mean(),
    "1.14": (by_labels["nnd_mean_nm"] / by_labels["nnd_random_in_mask_nm"]).mean(),
    "1.15": bare.loc["published", "per_nm2"],
    "1.16": (iron.loc["published", "f1"], iron.loc["published", "f1_sd"]),
    "1.17": 1800 / pipeline_s,
    "1.19": ratio_of["ensemble"],
    "1.18": labelled_pair["not_found_again"],
}
why_not = "" if measured and not quick else "quick run" if measured else "data unavailable"
ledger = claims.read_claims(DATA / "claims.toml", ours, unavailable=why_not)
undecided = "the thickness of the simulated flakes is assumed, and decides the value"
ledger = [replace(c, unavailable=undecided) if c.id == "1.16" else c for c in ledger]
claims.show_claims(ledger)

# %% [markdown]
# The next line stops the build if a value of ours has left its guard.

# %% tags=["claims"]
claims.check_claims(ledger)

# %% [markdown]
# Each limit stands with its reason in the last column of the table, and all chapters' claims are gathered in
# [State of reproduction](reproduction).

# %% [markdown]
# ## Explore
#
# Move the threshold (pointer or arrow keys) and watch which detections stay, how the scores and the density follow.
# Circles are detections with a label, squares detections without one, triangles labels that nothing found.

# %% tags=["hide-input"]
shown = test[0]
candidate, grid = candidates[0], np.linspace(0.02, 0.98, 97)
shown_mask = specimen.specimen_mask(shown.image)
ThresholdExplorer(
    np.clip(flat_test[0] / np.quantile(flat_test[0], 0.999), 0, 1),
    candidate,
    shown.labels,
    evaluate.threshold_curve([shown.labels], [candidate], grid),
    best.threshold,
    pixel_size_nm=shown.image.attrs["pixel_size_nm"],
    match=evaluate.match,
    area_nm2=specimen.area_nm2(shown_mask, shown.image.attrs["pixel_size_nm"]),
)

# %% [markdown]
# ## Where it breaks
#
# - **Another magnification.** The networks know atoms of a width of about 3 pixels at 0.029 nm. A rerun rebins your
#   image to that pixel size; if the stored pixel size is wrong, every detection is.
# - **Clusters.** Two atoms closer than about 0.2 nm melt into one maximum. Counting them is the subject of chapter 2.
# - **Lattices.** On a crystalline support every column looks like an atom. Nothing here was trained for that.
# - **Thick support.** Atoms more than about 5 nm from the focus are mostly too blurred to be found ([](#sec-ch01-simulated)).
#   Densities are those of the visible atoms.
# - **Other hands.** The labels are one group's. A detector trained on them repeats their habits.
#
# The sensitivity of the headline number to one choice, the threshold, is drawn above (Figure 1c).
#
# (sec-ch01-own)=
# ## Use it on your own data
#
# One dark-field image with a known pixel size is all it needs: dm3, dm4, emd, ser, hspy, zspy, mrc, tif, npy, npz, png or jpg.
#
# ```sh
# a2s run ch01 --data my.dm4 --out runs/my
# a2s run ch01 --data my.tif -p pixel_size_nm=0.0293 -p labels=my_atoms.csv --out runs/my
# ```
#
# The folder then holds `report.html`, the tables `atoms.csv`, `arrangement.csv` and `input_check.csv`, the figures, and
# a methods paragraph. [Your data](your_data) lists formats, parameters and what to do about errors.

# %% tags=["your-data"]
how = {
    "ensemble": "five U-Nets, applied in eight orientations to the locally standardised image",
    "sac-cnn": "a convolutional network on 21 x 21 px windows of the background-subtracted image",
    "template": "a Gaussian template on the background-subtracted image",
    "log": "a Laplacian-of-Gaussian filter on the background-subtracted image",
}[method]
word = "filter response" if method in ("log", "template") else "likelihood"
caution = (
    f" The image differs from the training images in: {', '.join(unlike)}." if len(unlike) else ""
)
runs.methods(
    f"Single atoms were located in one dark-field STEM image ({micrograph.shape[0]} x "
    f"{micrograph.shape[1]} px of {pixel_nm:.4f} nm, analysed at {pixel_nm * factor:.4f} nm/px) "
    f"with {how} (method '{method}' of the book Atoms to Spectra), above a {word} of "
    f"{used:.3g}, {'set by hand' if threshold else 'chosen on published training images'}. "
    f"The specimen ({area:.1f} nm^2) was segmented with a forest of randomised trees; the density "
    f"after correction for detection errors is {corrected.value:.3f} nm^-2 (95 % interval "
    f"{corrected.low:.3f} to {corrected.high:.3f})." + caution,
    [
        "S. Mitchell et al., J. Am. Chem. Soc. 144, 8018 (2022), doi:10.1021/jacs.1c12466",
        "Atoms to Spectra, chapter 1, and the software named in provenance.json",
    ],
)

# %% [markdown]
# ## Exercises
#
# :::{admonition} 1. A threshold chosen on the wrong images
# :class: exercise
# Take every second test image to choose the threshold of the ensemble, and score the others. Then exchange the two
# halves. How much does the threshold move, and how much the F1?
# :::

# %% tags=["solution", "hide-cell"]
halves = []
for first, second in (
    (slice(0, None, 2), slice(1, None, 2)),
    (slice(1, None, 2), slice(0, None, 2)),
):
    curve = evaluate.threshold_curve(truth[first], candidates[first], np.linspace(0.05, 0.95, 91))
    t = evaluate.choose_threshold(curve)
    score = evaluate.score_images(
        [(a, c[c["probability"] > t]) for a, c in zip(truth[second], candidates[second])]
    )["f1"].mean()
    halves.append({"threshold": t, "F1 on the other half": score})
pd.DataFrame(halves)

# %% [markdown]
# :::{admonition} 2. A better blob filter
# :class: exercise
# Score the Laplacian-of-Gaussian filter on the training images for widths from 2 to 5 pixels. Which one wins, and how
# wide is that in nanometres, compared with the atoms?
# :::

# %% tags=["solution", "hide-cell"]
rows = []
for sigma in (2, 2.5, 3, 3.5, 4, 5):
    response = [baselines.log_response(image, sigma) for image, _ in pairs]
    spots = [detect.maxima(r, 0.02) for r in response]
    curve = evaluate.threshold_curve(
        [atoms_of for _, atoms_of in pairs], spots, np.linspace(0.02, 0.5, 25)
    )
    rows.append(
        {
            "sigma (px)": sigma,
            "sigma (nm)": sigma * 15 / 512,
            "best F1 on training images": curve["f1"].max(),
        }
    )
pd.DataFrame(rows)

# %% [markdown]
# :::{admonition} 3. Is random random?
# :class: exercise
# Throw as many random atoms into the mask of the image above as were found there, a thousand times. In how many of the
# cases is the mean nearest-neighbour distance shorter than the measured one?
# :::

# %% tags=["solution", "hide-cell"]
by_chance = arrangement.random_expectation(
    max(row["n"], 2), mask, pixel_nm, np.random.default_rng(seed), runs=1000
)
(by_chance["mean_nm"] < row.get("nnd_mean_nm", np.nan)).mean()

# %% [markdown]
# :::{admonition} 4. Turn the picture
# :class: exercise
# An atom has no orientation. Rotate a test image by 90 degrees, detect, rotate the positions back. What share of the
# atoms is found both times, by the SAC-CNN and by the ensemble? Why do the two differ?
# :::

# %% tags=["solution", "hide-cell"]
shares = {}
for name in ("sac-cnn", "ensemble"):
    upright = detect.detect(raw_test[0], name)
    turned = detect.detect(np.rot90(raw_test[0]).copy(), name)
    back = turned.assign(x_px=raw_test[0].shape[1] - 1 - turned["y_px"], y_px=turned["x_px"])
    shares[name] = evaluate.score(upright, back)["f1"]
pd.Series(shares, name="agreement (F1)").to_frame()

# %% [markdown]
# The ensemble averages over the eight orientations of the square and so cannot tell them apart; the SAC-CNN was never
# told that atoms look the same from every side.
#
# :::{admonition} 5. Half the data, again
# :class: exercise
# Set `retrain = True` and train on the first six training images only. Compare the likelihoods it gives to labelled
# atoms with those of the shipped network. Does it rank worse, or is it just less sure?
# :::
#
# ## Summary and next
#
# - The published network and its score can be reproduced to the third digit from the published files.
# - A blob filter tuned on the same training images beats it; learning pays when whole fields are learnt from, and even
#   then the labels limit what can be said.
# - A sliding window over convolutions is a convolution. Look for that before you buy a faster computer.
#
# Chapter 2 takes the detector to images so dense that atoms touch.
#
# ## References
#
# ```{bibliography}
# :filter: docname in docnames
# ```
#
# ## Provenance

# %% tags=["remove-input", "your-data"]
about = (
    provenance.code()
    | {
        "device": provenance.device(),
        "seed": seed,
        "parameters changed": str(dict(quick=quick, retrain=retrain, method=method)),
        "data": micrograph.attrs["source"],
        "sha256": micrograph.attrs["sha256"],
        "weights": ", ".join(
            f"{p.name} {sha256(p)[:12]}" for p in sorted(DATA.glob("*.safetensors"))
        ),
    }
    | {
        name: provenance.packages()[name]
        for name in ("numpy", "scipy", "torch", "scikit-image", "scikit-learn")
    }
)
pd.Series(about, name="value").to_frame()
