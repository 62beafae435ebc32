import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from helpers.clusters import recording
from helpers.clusters.recording import hard_spheres, record

PLAIN = {
    "support_nm": 0, "background": 0, "jitter_px": 0, "drift_px": 0, "shift_px": 0,
    "magnification": 0, "turn": False,
}  # fmt: skip
ENDLESS = 1e9  # electrons: no shot noise to speak of
PIXEL_A2 = 0.25


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def picture():
    """A lopsided set of blobs, a few per cent of the beam."""
    image = np.zeros((40, 40))
    for x, y, height in ((20, 20, 1), (27, 15, 0.5), (12, 24, 0.7), (24, 29, 0.8)):
        image[y, x] = height
    return (0.5 * gaussian_filter(image, 1.5)).astype(np.float32)


def seen(rng, image, **settings):
    """What is recorded without noise, as a fraction of the beam."""
    return record(rng, image, ENDLESS, **{**PLAIN, **settings}) / (ENDLESS * PIXEL_A2)


def test_electrons_are_counted(rng, picture):
    frames = record(rng, np.repeat(picture[None], 400, 0), 1e3, **PLAIN)
    assert (frames == np.round(frames)).all()
    assert frames.mean(0).sum() == pytest.approx(1e3 * PIXEL_A2 * picture.sum(), rel=0.02)
    bright = frames.mean(0) > 1
    assert np.median(frames.var(0)[bright] / frames.mean(0)[bright]) == pytest.approx(1, abs=0.05)


def test_the_source_blurs(rng, picture):
    for sigma in (0.03, 0.08):
        expected = gaussian_filter(picture, sigma / 0.05, truncate=8)
        assert np.allclose(seen(rng, picture, source_nm=sigma), expected, atol=2e-4)


def test_turned_and_mirrored_frames_are_the_same_picture(rng, picture):
    many = seen(rng, np.repeat(picture[None], 60, 0), turn=True)
    assert np.allclose(many.sum((1, 2)), picture.sum(), rtol=0.01)
    y, x = np.mgrid[:40, :40] - 19.5
    still = seen(rng, picture)
    second = [((x**2 + y**2) * f).sum() / f.sum() for f in (*many, still)]
    assert np.allclose(second, second[-1], rtol=0.02)
    assert np.abs(many - still).max((1, 2)).min() > 0.05 * still.max()

    def hand(frame):
        """Third moment, which changes its sign in a mirror (for this picture)."""
        z = x + 1j * y
        one, two = (frame * z).sum(), (frame * z * np.abs(z) ** 2).sum()
        return np.sign((one * np.conj(two)).imag)

    hands = np.array([hand(f) for f in many])
    assert 10 < (hands == hand(still)).sum() < 50


def test_a_shift_stays_within_its_limit(rng, picture):
    many = seen(rng, np.repeat(picture[None], 50, 0), shift_px=3)
    y, x = np.mgrid[:40, :40]
    total = many.sum((1, 2))
    moved = np.array([(many * axis).sum((1, 2)) / total for axis in (x, y)])
    moved -= [[(picture * axis).sum() / picture.sum()] for axis in (x, y)]
    assert np.abs(moved).max() < 3.1
    assert np.abs(moved).max() > 2
    one = int(np.abs(moved).sum(0).argmax())
    expected = shift(seen(rng, picture), moved[::-1, one], order=3)
    assert np.corrcoef(expected.ravel(), many[one].ravel())[0, 1] > 0.999


def test_the_frame_may_be_larger_than_the_image(rng, picture):
    frame = seen(rng, picture, side=64)
    assert frame.shape == (64, 64)
    assert np.allclose(frame[12:52, 12:52], seen(rng, picture), atol=2e-4)
    assert frame[:10].max() < 1e-6


def test_rows_slip_along_x_only(rng):
    line = np.zeros((40, 40), np.float32)
    line[:, 20] = 0.1
    frame = seen(rng, line, jitter_px=0.6)
    centre = (frame * np.arange(40)).sum(1) / frame.sum(1)
    assert (centre[5:-5]).std() == pytest.approx(0.6, rel=0.35)
    assert abs(np.corrcoef(centre[5:-6], centre[6:-5])[0, 1]) < 0.5
    across = seen(rng, line.T.copy(), jitter_px=0.6)
    assert across[20, 5:-5].std() < 1e-3 * across.max()


def test_drift_adds_up_from_row_to_row(rng):
    line = np.zeros((60, 60), np.float32)
    line[:, 30] = 0.1
    frames = seen(rng, np.repeat(line[None], 40, 0), drift_px=0.1)
    centre = (frames * np.arange(60)).sum(2) / frames.sum(2)
    apart = [(centre[:, 10 + k] - centre[:, 10]).std() for k in (4, 36)]
    assert apart[1] / apart[0] == pytest.approx(3, rel=0.4)


def test_magnification_changes_the_size(rng, picture):
    frames = seen(rng, np.repeat(picture[None], 200, 0), magnification=0.05)
    size = np.sqrt(frames.sum((1, 2)) / picture.sum())
    assert size.std() == pytest.approx(0.05, rel=0.2)


def test_the_film_adds_its_mean_and_grains(rng):
    nothing = np.zeros((100, 52, 52))
    for thickness in (0.75, 3):  # thick films are out of focus at the bottom, with less grain
        film = seen(rng, nothing, support_nm=thickness)
        per_area = thickness * recording.CARBON_PER_NM3 * recording.CARBON_NM2
        assert film.mean() == pytest.approx(per_area, rel=0.01)
        if thickness < 1:
            grains = film.std() / film.mean()
    assert film.std() / film.mean() == pytest.approx(grains / 2, rel=0.1)


def test_a_film_out_of_focus_has_less_grain(rng):
    nothing = np.zeros((60, 52, 52))
    sharp, blurred = (seen(rng, nothing, support_nm=5, defocus_nm=d).std() for d in (3.7, -10))
    assert blurred < 0.7 * sharp


def test_the_background_is_flat(rng, picture):
    more = seen(rng, picture, background=0.01) - seen(rng, picture)
    assert more == pytest.approx(0.01, rel=0.02)


def test_settings_may_differ_from_image_to_image(rng, picture):
    dose = np.array([1e2, 1e4])
    frames = record(rng, np.repeat(picture[None], 2, 0), dose, **PLAIN)
    assert frames.sum((1, 2)) == pytest.approx(dose * PIXEL_A2 * picture.sum(), rel=0.3)


def test_one_image_or_many_and_the_same_seed(picture):
    one = record(np.random.default_rng(5), picture)
    again = record(np.random.default_rng(5), picture[None])
    assert one.shape == (40, 40)
    assert one.dtype == np.float32
    assert (one == again[0]).all()
    assert (one != record(np.random.default_rng(6), picture)).any()


def test_hard_spheres_have_the_known_compressibility():
    filled = np.pi / 6 * 100 * 0.14**3
    known = (1 - filled) ** 4 / (1 + 2 * filled) ** 2
    assert hard_spheres([1e-3])[0] == pytest.approx(known, rel=1e-3)
    assert hard_spheres([200.0])[0] == pytest.approx(1, abs=0.01)
    assert hard_spheres([3.0], per_nm3=1e-3)[0] == pytest.approx(1, abs=1e-4)


def test_a_batch_is_fast_enough_to_train_on(rng):
    """Sixty-four images in a time in which one PRISM image is far from done."""
    import time

    images = np.full((64, 52, 52), 0.01, np.float32)
    record(rng, images)
    used = []
    for _ in range(3):
        start = time.process_time()
        record(rng, images)
        used.append(time.process_time() - start)
    assert min(used) < 0.5
