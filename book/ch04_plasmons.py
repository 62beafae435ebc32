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


from helpers import chapters, figures, provenance
from helpers.data import ROOT, open_image
from helpers.plasmons import eels_data, recording

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
low_ev: float = 0.2  # eV, 0 or more; losses below are left out
high_ev: float = 0.0  # eV, 0 or more; losses above are left out; 0: none
window: int = 16  # px, 8..32; side of a window, a multiple of 4; of your data
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
if data:
    counts = eels_data.open_spectrum_image(data, pixel_size_nm or None)
    image = eels_data.pair(counts, open_image(haadf, counts.attrs["pixel_size_nm"]))
    film = None
else:
    film = recording.simulate(FILM)
    counts, image = film.counts, film.haadf
kind = "measured" if data else "simulated"

# %% [markdown]
# (sec-ch04-idea)=
# ## The idea
#
# ## The method, step by step
#
# ### The simulator
#
# ### From counts to plasmon losses
#
# ### Pairs
#
# (sec-ch04-splits)=
# ### Splits
#
# ### The networks
#
# ### The error in per cent
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
