"""A spectrum image of one's own: reduced, divided, learnt from, and checked."""

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.ndimage import gaussian_filter

from helpers.data import DataError
from helpers.plasmons import field_checks, one_field, reduction, splits
from helpers.plasmons.explorer import explorer
from helpers.plasmons.networks import Im2Spec, Spec2Im
from helpers.plasmons.pairs import scale_of


def image_of(shape=(36, 44), seed=0):
    return gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0) + 1


def spectra_of(image, energy, width=1.0, noise=0.0):
    """Counts with a zero-loss peak and one loss at 20 eV that follows the image."""
    loss = 1e-2 * image[..., None] * np.exp(-(((energy - 20) / 5) ** 2))
    counts = 1e6 * (np.exp(-4 * np.log(2) * (energy / width) ** 2) + loss)
    counts += noise * np.random.default_rng(1).normal(size=counts.shape)
    places = {"y": 2.0 * np.arange(len(image)), "x": 2.0 * np.arange(image.shape[1])}
    places |= {"energy": energy}
    about = {"source": "own.hspy", "pixel_size_nm": 2.0}
    return xr.DataArray(counts + 1, places, ("y", "x", "energy"), "counts", about)


WIDE = np.arange(-8, 60) * 0.7


@pytest.fixture(scope="module")
def wide():
    image = image_of()
    return reduction.learnable(spectra_of(image, WIDE), high_ev=38)[0], image


@pytest.fixture(scope="module")
def learnt(wide):
    torch.set_num_threads(1)
    losses, image = wide
    division = one_field.divided(image, losses, 4)
    return one_field.learn_field(division, 2, quick=True), division, losses


def test_fine_channels_are_reduced_like_those_of_the_paper(small):
    losses, told = reduction.learnable(small.counts)
    assert losses.sizes["energy"] == 200 and "tail of the zero-loss peak was subtracted" in told
    assert reduction.zero_loss_width(small.counts) == pytest.approx(0.04, rel=0.15)


def test_wide_channels_keep_what_lies_above_the_zero_loss_peak(wide):
    losses, image = wide
    counts = spectra_of(image, WIDE, 3.0)
    assert reduction.zero_loss_width(counts) == pytest.approx(3.0, abs=0.1)
    found, told = reduction.learnable(counts)
    assert found.energy[0] == pytest.approx(4.9) and "too wide for infrared" in told
    top = losses.sel(energy=20, method="nearest").to_numpy()
    assert np.corrcoef(top.ravel(), image.ravel())[0, 1] > 0.999
    assert float(losses.energy[-1]) <= 38 and losses.attrs["pixel_size_nm"] == 2.0


def test_without_the_zero_loss_peak_spectra_stay_as_they_are(wide):
    counts = spectra_of(wide[1], WIDE).sel(energy=slice(5, None))
    losses, told = reduction.learnable(counts)
    ratio = losses.to_numpy() / counts.to_numpy()
    assert np.ptp(ratio) < 1e-6 * ratio.mean() and "not aligned" in told


def test_many_channels_are_averaged():
    energy = np.linspace(-2, 50, 1200)
    losses, told = reduction.learnable(spectra_of(image_of((8, 9)), energy))
    assert 128 < losses.sizes["energy"] <= 256 and "means of 5 each" in told


@pytest.mark.parametrize(
    "low, high, match",
    [
        (0.2, 80.0, "from -5.6 to 41.3 eV, and losses from 0.2 to 80 eV were asked for"),
        (3.0, 0.0, "from 5.6 to 41.3 eV, and losses from 3 to 41.3"),
        (30.0, 0.0, "17 channels lie between 30 and 41.3 eV, at least 32 are needed"),
    ],
)
def test_energies_that_are_not_there_are_refused(low, high, match):
    counts = spectra_of(image_of((8, 9)), WIDE)
    if low == 3.0:
        counts = counts.sel(energy=slice(5, None))
    with pytest.raises(DataError, match=match):
        reduction.learnable(counts, low, high)


def test_parts_share_no_pixel(wide):
    losses, image = wide
    division = one_field.divided(image, losses, 4)
    parts = division.train, division.validation, division.test
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert splits.overlap(division.pairs, parts[one], parts[other]).max() == 0
    assert [(division.parts() == name).sum() for name in ("train", "validation", "test")] == [
        len(part) for part in parts
    ]
    assert (division.parts() == "none").any()


def test_the_largest_window_that_leaves_enough_is_taken(wide):
    losses, image = wide
    assert one_field.divided(image, losses).pairs.window == 12
    larger = np.tile(image, (2, 2))
    assert one_field.divided(larger, np.zeros((*larger.shape, 3))).pairs.window == 16
    with pytest.raises(
        DataError, match=r"36 x 44 pixels is too small for windows of 16.*window=12 works"
    ):
        one_field.divided(image, losses, 16)
    with pytest.raises(DataError, match="multiple of 4"):
        one_field.divided(image, losses, 10)
    with pytest.raises(DataError, match="record a larger field"):
        one_field.divided(image[:12, :12], losses[:12, :12])


def test_the_test_is_not_on_empty_support():
    image = image_of((40, 40))
    for empty, part in {
        "upper": np.s_[:14],
        "right": np.s_[:, -14:],
        "left": np.s_[:, :14],
    }.items():
        bare = image.copy()
        bare[part] = 0
        assert one_field.divided(bare, np.zeros((40, 40, 3)), 4).side != empty


def test_networks_and_baselines_are_scored_on_the_test_block(learnt):
    found, division, _ = learnt
    rows = found.errors.set_index(["direction", "method", "split"])
    block = rows.xs("block", level="split")
    assert (block["n"] == len(division.test)).all()
    assert set(block.index.get_level_values("method")) >= {"network", "mean", "nearest neighbours"}
    assert "network" not in rows.xs("random", level="split").index.get_level_values("method")
    near = rows.loc["im2spec", "nearest neighbours"]["error_percent"]
    assert near["random"] < near["block"]


def test_a_baseline_that_is_better_is_named(learnt):
    errors = learnt[0].errors.copy()
    network = errors["method"] == "network"
    errors.loc[network, "error_percent"] = 0.1
    assert one_field.beaten(errors) == []
    errors.loc[network & (errors["direction"] == "spec2im"), "error_percent"] = 99.9
    (sentence,) = one_field.beaten(errors)
    assert sentence.startswith("spec2im: ") and "better than the network" in sentence


def test_every_window_is_listed_and_predicted(learnt):
    found, division, losses = learnt
    table = one_field.windows_table(found, division)
    assert len(table) == len(division.pairs)
    assert list(table)[:3] == ["x_px", "y_px", "part"]
    assert {"im2spec_z2", "spec2im_z2", "spec2im_error_percent"} <= set(table)
    tested = table.loc[table["part"] == "test", "im2spec_error_percent"].mean()
    score = found.errors.query("method == 'network' and direction == 'im2spec'")
    assert tested == pytest.approx(score["error_percent"].iloc[0], rel=1e-4)
    guess = one_field.predicted(found, division, losses)
    assert guess.dims == losses.dims and guess.shape == (33, 41, losses.shape[2])
    assert float(guess.y[0]) == 4.0 and float(guess.x[-1]) == 2.0 * 42
    one = table.iloc[100]
    there = guess.sel(y=2.0 * one["y_px"], x=2.0 * one["x_px"]).to_numpy()
    back = found.scale.spectra(there), found.scale.spectra(division.pairs.spectra[100])
    from helpers.plasmons.errors import relative_error

    assert relative_error(*back) == pytest.approx(one["im2spec_error_percent"], rel=1e-3)


def test_an_image_that_is_turned_or_moved_is_named(wide):
    image = image_of((40, 40), 3)
    counts = spectra_of(image, WIDE)
    r, sentence = field_checks.misplaced(counts, image)
    assert r > 0.99 and sentence == ""
    for name, wrong in {
        "transposed ": image.T, "mirrored left to right": image[:, ::-1],
        "turned by 90 degrees": np.rot90(image, -1),
        "moved by 2 pixels in x and -1 in y": np.roll(image, (1, -2), (0, 1)),
    }.items():  # fmt: skip
        r, sentence = field_checks.misplaced(counts, wrong)
        assert r < 0.9 and f"better when it is {name}" in sentence
    assert field_checks.misplaced(counts, image_of((40, 40), 9))[1] == ""


def test_a_test_part_of_another_kind_is_named(wide):
    losses, image = wide
    division = one_field.divided(image, losses, 4)
    good = field_checks.compare_parts(division, 0.9, "")
    assert (good["verdict"] == "ok").all()
    division.pairs.images[division.test] += 5
    bad = field_checks.compare_parts(division, 0.1, "is it?").set_index("property")
    assert bad.loc["brightness of windows", "verdict"] == "unlike"
    assert bad.loc["brightness of windows", "reason"].startswith("100% of the test windows")
    assert bad.loc["image and counts, correlation", "reason"] == "is it?"
    assert bad.loc["summed loss", "verdict"] == "ok"


@pytest.mark.parametrize("direction, kind", [("im2spec", Im2Spec), ("spec2im", Spec2Im)])
def test_explorers_show_windows_and_spectra(wide, direction, kind):
    losses, image = wide
    pairs = one_field.divided(image, losses, 8).pairs
    torch.manual_seed(0)
    network, scale = kind(2, losses.shape[2], 8).eval(), scale_of(pairs)
    label = np.where(pairs.images[:, 4, 4] > 1, "bright", "dark")
    energy = losses.energy.to_numpy()
    shown = explorer(direction, network, scale, pairs, image, energy, label, 2.0)
    forward = direction == "im2spec"
    assert shown.sample_shape == ([len(energy)] if forward else [8, 8])
    assert shown.partner_shape == ([8, 8] if forward else [len(energy)])
    places = np.frombuffer(shown.points, "<f4").reshape(-1, 2)
    assert len(places) == 15 * 19 and (places % 2 == 0).all()
    assert shown.classes[shown.class_of[shown.selected]] == "bright"  # the first in the alphabet
    assert shown.window_px == 8 and shown.axis == pytest.approx(energy)
    low, high = shown.levels if forward else shown.partner_levels
    assert low < 1e-4 and high > 0.9 * pairs.spectra.max()
    values = np.frombuffer(shown.samples if forward else shown.partners, np.uint8)
    k = 100
    there = losses.to_numpy()[int(places[k, 1]), int(places[k, 0])]
    found = low + values.reshape(len(places), -1)[k] / 255 * (high - low)
    assert found == pytest.approx(there, abs=(high - low) / 250)
