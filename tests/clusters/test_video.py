import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from helpers.clusters import landscape
from helpers.clusters.library import Library
from helpers.clusters.orientations import rotations
from helpers.clusters.structures import ISOMERS, ORDERED, isomer
from helpers.clusters.video import in_plane, nearest_view, simulate_video, tumble
from helpers.registry import DataError

pytest.importorskip("ase")
SIDE, PIXEL_NM = 52, 0.05
PER_ISOMER = 40


def projection(positions_nm, rotation):
    """A blob of 0.06 nm for every atom."""
    place = (np.arange(SIDE) - (SIDE - 1) / 2) * PIXEL_NM
    x, y, _ = rotation.apply(positions_nm).T
    bells = [np.exp(-((place[:, None] - c) ** 2) / (2 * 0.06**2)) for c in (y, x)]
    return (bells[0] @ bells[1].T).astype(np.float32)


@pytest.fixture(scope="module")
def atoms():
    found = {name: isomer(name, 147).positions / 10 for name in ORDERED}
    rng = np.random.default_rng(0)
    found["amorphous"] = found["icosahedron"] + rng.normal(0, 0.06, (147, 3))
    return found


@pytest.fixture(scope="module")
def library(atoms):
    rng = np.random.default_rng(1)
    images, classes, turns = [], [], []
    for number, name in enumerate(ISOMERS):
        for rotation in rotations(rng, PER_ISOMER):
            images.append(0.004 * projection(atoms[name], rotation))
            classes.append(number)
            turns.append(rotation.as_quat())
    n = len(images)
    return Library(
        np.array(images), np.array(classes), np.array(turns), np.full(n, "test"), np.zeros(n),
        np.full(n, -1), 147,
    )  # fmt: skip


@pytest.mark.parametrize("name", ISOMERS)
def test_the_view_shown_looks_like_the_cluster_as_it_lies(name, atoms, library):
    chosen = np.flatnonzero(library.classes == ISOMERS.index(name))
    wanted = rotations(np.random.default_rng(2), 60)
    view, turn, off = nearest_view(wanted, library, chosen, name)
    np.testing.assert_allclose(turn @ turn.transpose(0, 2, 1), np.eye(2) + 0 * turn, atol=1e-9)
    likeness, chance = [], []
    for k, rotation in enumerate(wanted):
        direct = projection(atoms[name], rotation)
        likeness.append(
            np.corrcoef(direct.flat, in_plane(library.images[view[k]], turn[k]).flat)[0, 1]
        )
        other = library.images[view[k - 1]]
        chance.append(np.corrcoef(direct.flat, in_plane(other, turn[k]).flat)[0, 1])
    near = off < np.sort(off)[15]
    assert np.mean(np.array(likeness)[near]) > np.mean(chance) + 0.02
    close = off < 2.5
    if close.any():
        assert np.array(likeness)[close].min() > 0.93


@pytest.mark.parametrize("name", ISOMERS)
def test_a_view_of_the_library_is_shown_as_it_is_or_as_it_lies(name, atoms, library):
    """Turned in its plane, seen from behind, or by a symmetric copy: exact in a projection."""
    chosen = np.flatnonzero(library.classes == ISOMERS.index(name))
    stored = Rotation.from_quat(library.rotations[chosen[:8]])
    flip = Rotation.from_euler("x", 180, degrees=True)
    spin = Rotation.from_euler("z", 77, degrees=True)
    for wanted in (stored, spin * stored, flip * spin * stored):
        view, turn, off = nearest_view(wanted, library, chosen, name)
        np.testing.assert_allclose(off, 0, atol=1e-4)
        for k, rotation in enumerate(wanted):
            direct = projection(atoms[name], rotation)
            shown = in_plane(library.images[view[k]], turn[k]) / 0.004
            np.testing.assert_allclose(shown, direct, atol=0.05 * direct.max())


def test_tumbling_is_a_random_walk_over_all_rotations():
    rng = np.random.default_rng(3)
    walks = [tumble(rng, 101, 0.04, 5.0) for _ in range(300)]
    one = np.array([(w[1] * w[0].inv()).as_rotvec() for w in walks])
    np.testing.assert_allclose(np.degrees(one.std(axis=0)), 1.0, rtol=0.15)
    four = np.array([(w[100] * w[0].inv()).as_rotvec() for w in walks])  # 4 s: 10 degrees
    np.testing.assert_allclose(np.degrees(four.std(axis=0)), 10.0, rtol=0.15)
    last = np.array([w[100].apply([0, 0, 1]) for w in walks])
    np.testing.assert_allclose((last**2).mean(axis=0), 1 / 3, atol=0.06)
    still = tumble(rng, 5, 0.04, 0.0)
    assert (still * still[0].inv()).magnitude().max() < 1e-9
    assert len(tumble(rng, 1, 0.04, 5.0)) == 1


@pytest.fixture(scope="module")
def video(library):
    rates = landscape.AU309.rates(370)
    return simulate_video(np.random.default_rng(4), library, rates, 120, tilt_deg=20, dose=1e5)


def test_a_video_is_labelled_and_true(video, library):
    assert video.frames.dims == ("time", "y", "x")
    assert video.frames.shape == (120, SIDE, SIDE) and video.frames.dtype == np.float32
    assert video.frames.pixel_size_nm == PIXEL_NM and video.frames.time.attrs["units"] == "s"
    assert float(video.frames.time[1] - video.frames.time[0]) == pytest.approx(0.04)
    truth = video.truth
    shares = truth[[f"share_{name}" for name in ISOMERS]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-8)
    assert (truth["isomer"] == np.array(ISOMERS)[shares.argmax(axis=1)]).all()
    assert (truth["blend"] == ((shares > 1e-9).sum(axis=1) > 1)).all()
    assert (np.array(ISOMERS)[library.classes[truth["view"]]] == truth["isomer"]).all()
    assert video.jumps >= (truth["isomer"] != truth["isomer"].shift()).sum() - 1 > 0
    assert truth["off_deg"].between(0, 45).all()


def test_frames_show_the_isomer_they_hold(video, atoms):
    """Against projections of every isomer in the true orientation, the true one fits best."""
    quaternions = video.truth[["qx", "qy", "qz", "qw"]].to_numpy()
    right = []
    for k in np.flatnonzero(~video.truth["blend"] & (video.truth["off_deg"] < 8))[:40]:
        frame = np.fft.fft2(video.frames[k].to_numpy())
        fit = {}
        for name in ISOMERS:
            direct = projection(atoms[name], Rotation.from_quat(quaternions[k]))
            direct = (direct - direct.mean()) / direct.std()
            fit[name] = np.fft.ifft2(frame * np.fft.fft2(direct).conj()).real.max()
        right.append(max(fit, key=fit.get) == video.truth["isomer"][k])
    assert len(right) > 15 and np.mean(right) > 0.7


def test_chance_comes_from_the_generator(library):
    rates = landscape.AU309.rates(370)
    one, same, other = (
        simulate_video(np.random.default_rng(seed), library, rates, 6) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one.frames, same.frames)
    assert one.truth.equals(same.truth) and not np.array_equal(one.frames, other.frames)


def test_a_library_without_an_isomer_is_refused(library):
    part = library.only(library.classes != 2)
    rates = landscape.AU309.rates(370)
    with pytest.raises(DataError, match="no cuboctahedron in its part 'test'"):
        simulate_video(np.random.default_rng(0), part, rates, 4)
