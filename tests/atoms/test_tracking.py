"""Registration of frames, links between atoms, and what becomes of them."""

import numpy as np
import pandas as pd
import pytest

from helpers.atoms.simulate import Microscope, Specimen, time_series
from helpers.atoms.tracking import Registration, common_field, fates, link, mobile_share, register
from helpers.data import available, pt_nc

PIXEL_NM = 15 / 512
STILL = Registration(0.0, 0.0, 1.0)


def table(points):
    return pd.DataFrame(np.reshape(points, (-1, 2)), columns=["x_px", "y_px"], dtype=float)


def scattered(rng, number, size=512):
    return table(rng.uniform(0, size - 1, (number, 2)))


@pytest.fixture(scope="module")
def series():
    specimen = Specimen(coverage=1, density_per_nm2=0.8)
    return time_series(
        7, 2, specimen, Microscope(), (256, 256), mobility=0.4, drift_px_per_frame=(-7.0, 12.5)
    )


def test_register_finds_the_drift_between_noisy_frames(series):
    found = register(series[0].image, series[1].image)
    assert found.dx_px == pytest.approx(7.0, abs=0.7)
    assert found.dy_px == pytest.approx(-12.5, abs=0.7)
    assert 0.3 < found.correlation < 1


def test_register_tells_x_from_y_and_signs():
    rng = np.random.default_rng(0)
    scene = rng.normal(size=(400, 400))
    first = scene[100:300, 100:300]
    # The specimen moves by (+9, -4): what was at (x, y) is seen at (x + 9, y - 4).
    second = scene[104:304, 91:291]
    found = register(first, second)
    assert (found.dx_px, found.dy_px) == pytest.approx((-9, 4), abs=0.05)
    back = register(second, first)
    assert (back.dx_px, back.dy_px) == pytest.approx((9, -4), abs=0.05)


def test_register_ignores_brightness_and_contrast():
    scene = np.random.default_rng(1).normal(size=(200, 200))
    plain = register(scene[10:190, 10:190], scene[14:194, 7:187])
    scaled = register(scene[10:190, 10:190], 5e4 + 300 * scene[14:194, 7:187])
    assert (scaled.dx_px, scaled.dy_px) == pytest.approx((plain.dx_px, plain.dy_px), abs=1e-6)


def test_unrelated_frames_correlate_weakly():
    rng = np.random.default_rng(2)
    found = register(rng.normal(size=(256, 256)), rng.normal(size=(256, 256)))
    assert found.correlation < 0.3


def test_links_are_one_to_one_and_the_best_in_total():
    first, second = table([(10, 10), (14, 10)]), table([(13, 10), (17, 10)])
    links = link(first, second, STILL, 6)
    assert links[["first", "second"]].to_numpy().tolist() == [[0, 0], [1, 1]]
    np.testing.assert_allclose(links["dx_px"], 3)
    np.testing.assert_allclose(links["dy_px"], 0)


def test_link_prefers_more_links_over_shorter_ones():
    # Nearest first would pair 1-0 (distance 1) and leave atom 0 alone.
    links = link(table([(0, 0), (5, 0)]), table([(4, 0), (10, 0)]), STILL, 5)
    assert len(links) == 2


def test_link_takes_the_shift_off_and_respects_the_radius():
    links = link(table([(50, 60)]), table([(53, 49)]), Registration(-2, 11, 1), 6)
    assert links.loc[0, ["dx_px", "dy_px"]].tolist() == [1, 0]
    assert link(table([(0, 0)]), table([(0, 7)]), STILL, 6).empty
    assert link(table([]), table([(0, 7)]), STILL, 6).empty


def test_common_field_keeps_what_both_frames_show():
    first, second = table([(5, 50), (95, 50)]), table([(5, 50), (40, 50)])
    kept_first, kept_second = common_field(first, second, Registration(-20, 0, 1), (100, 100))
    assert kept_first["x_px"].tolist() == [5] and kept_second["x_px"].tolist() == [40]


def test_fates_of_known_atoms():
    first = table([(50, 50), (200, 50), (50, 200), (400, 400)])
    second = table([(51, 50), (210, 50), (300, 300)])  # stays, hops by 10 px, a new one
    counts, links = fates(first, second, STILL, (512, 512), PIXEL_NM)
    assert {k: counts[k] for k in ("stayed", "moved", "vanished", "appeared")} == {
        "stayed": 1, "moved": 1, "vanished": 2, "appeared": 1,
    }  # fmt: skip
    moved = links[links["fate"] == "moved"].iloc[0]
    assert (moved["first"], moved["second"]) == (1, 1)
    assert moved["distance_nm"] == pytest.approx(10 * PIXEL_NM)


def test_unrelated_atoms_stay_only_by_chance():
    rng = np.random.default_rng(3)
    all_counts = []
    for _ in range(10):
        counts, _ = fates(scattered(rng, 80), scattered(rng, 80), STILL, (512, 512), PIXEL_NM)
        all_counts.append(counts)
    counts = pd.DataFrame(all_counts).mean()
    # The copies overlap the field a little less than the pair itself.
    assert counts["stayed_by_chance"] == pytest.approx(counts["stayed"], rel=0.35)
    assert np.mean([mobile_share(c) for c in all_counts]) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("mobility", [0.0, 0.3, 0.7])
def test_mobile_share_of_perfectly_known_atoms(mobility):
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(10):
        first = scattered(rng, 70)
        hops = rng.random(70) < mobility
        second = first + rng.uniform(10, 20, (70, 2)) * rng.choice([-1, 1], (70, 2)) * hops[:, None]
        shares.append(mobile_share(fates(first, second, STILL, (512, 512), PIXEL_NM)[0]))
    assert np.mean(shares) == pytest.approx(mobility, abs=0.05)


def test_missed_detections_look_like_motion_until_corrected():
    rng = np.random.default_rng(6)
    atoms = scattered(rng, 400)
    first, second = (atoms[rng.random(400) < 0.7].reset_index(drop=True) for _ in range(2))
    counts, _ = fates(first, second, STILL, (512, 512), PIXEL_NM, stay_nm=0.03)
    assert mobile_share(counts) == pytest.approx(0.3, abs=0.08)
    assert mobile_share(counts, repeat_share=0.7) == pytest.approx(0.0, abs=0.1)


def test_no_atoms_have_no_mobility():
    counts, links = fates(table([]), table([]), STILL, (512, 512), PIXEL_NM)
    assert np.isnan(mobile_share(counts)) and links.empty


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (np.eye(200), np.eye(201), "same shape"),
        (np.eye(100), np.eye(100), "too small"),
        (np.eye(200), np.ones((200, 200)), "constant"),
    ],
)
def test_register_says_what_is_wrong(first, second, says):
    with pytest.raises(ValueError, match=says):
        register(first, second)


@pytest.mark.measured
@pytest.mark.skipif(not available("pt-nc"), reason="the public image set is not on this machine")
def test_the_two_frames_of_one_field_in_the_public_set():
    frames = {item.name: item for item in pt_nc("train")}
    first, second = frames["047"], frames["048"]
    shift = register(first.image, second.image)
    assert (shift.dx_px, shift.dy_px) == pytest.approx((2, 11), abs=0.6)
    other = register(first.image, frames["021"].image)
    assert other.correlation < shift.correlation - 0.2
    counts, _ = fates(first.labels, second.labels, shift, first.image.shape, PIXEL_NM)
    assert counts["first"] == 46 and counts["second"] == 63
    assert 18 <= counts["stayed"] <= 21 and counts["stayed_by_chance"] < 4
