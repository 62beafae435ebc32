import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from helpers.clusters import amorphous
from helpers.clusters.imaging import FIELD_PX, Microscope, linear_image, prism_image, turned
from helpers.clusters.library import FOLDER, SIZES, SPLITS, library, path
from helpers.clusters.orientations import GAP_DEG, reduced_angle, split_of, viewing_direction
from helpers.clusters.structures import ISOMERS, ORDERED, isomer
from helpers.registry import ROOT, DataError

LEAST = {309: 350, 147: 150, 561: 150}  # views of each isomer


@pytest.fixture(params=SIZES)
def shipped(request):
    return library(request.param)


def test_enough_views_of_every_isomer(shipped):
    for number in range(len(ISOMERS)):
        mine = shipped.only(shipped.classes == number)
        assert len(mine) >= LEAST[shipped.atoms]
        assert all(len(mine.only(split)) >= 10 for split in SPLITS)


def test_images_hold_a_cluster_and_vacuum_around_it(shipped):
    side = FIELD_PX[shipped.atoms]
    assert shipped.images.shape == (len(shipped), side, side)
    assert shipped.images.dtype == np.float32
    assert shipped.images.min() >= 0
    assert 0.02 < shipped.images.max() < 0.5
    edge = np.concatenate([shipped.images[:, 0], shipped.images[:, :, -1]], 1)
    assert np.quantile(edge, 0.99) < 0.01 * shipped.images.max()


def test_brightness_hardly_tells_the_isomer(shipped):
    """All isomers of a size have as many atoms; what is left is how they shadow one another."""
    total = shipped.images.sum((1, 2))
    means = [total[shipped.classes == c].mean() for c in range(len(ISOMERS))]
    assert np.ptp(means) / np.mean(means) < 0.1


@pytest.mark.parametrize("name", ORDERED)
def test_no_test_view_was_trained_on_nor_a_copy_of_it(shipped, name):
    mine = shipped.only(shipped.classes == ISOMERS.index(name))
    seen = viewing_direction(Rotation.from_quat(mine.rotations))
    assert (split_of(name, seen) == mine.split).all()
    parts = {split: seen[mine.split == split] for split in SPLITS}
    assert reduced_angle(name, parts["test"], parts["train"]).min() >= GAP_DEG - 0.01
    assert reduced_angle(name, parts["validation"], parts["train"]).min() >= GAP_DEG - 0.01


def test_a_melt_is_in_one_part_only(shipped):
    glass = shipped.only(shipped.classes == ISOMERS.index("amorphous"))
    run = amorphous.runs(shipped.atoms)[glass.source]
    of = {split: set(run[glass.split == split]) for split in SPLITS}
    assert not of["train"] & of["test"]
    assert not of["train"] & of["validation"]
    assert not of["validation"] & of["test"]
    assert (shipped.source[shipped.classes != ISOMERS.index("amorphous")] == -1).all()


def test_every_view_is_there_once(shipped):
    assert len(np.unique(shipped.rotations.round(5), axis=0)) == len(shipped)
    assert np.allclose(np.linalg.norm(shipped.rotations, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("number", range(len(ISOMERS)))
def test_rotations_belong_to_the_images(number):
    """The linear model of the still cluster, in the stated orientation, looks like the image."""
    pytest.importorskip("ase")
    shipped = library(309)
    for k in np.flatnonzero(shipped.classes == number)[:4]:
        turn = Rotation.from_quat(shipped.rotations[k])
        still = (
            isomer(ISOMERS[number]).get_positions() / 10
            if shipped.source[k] < 0
            else amorphous.geometry(shipped.source[k])
        )
        image = linear_image(turn.apply(still), FIELD_PX[309])
        mirrored = np.corrcoef(image[:, ::-1].ravel(), shipped.images[k].ravel())[0, 1]
        assert np.corrcoef(image.ravel(), shipped.images[k].ravel())[0, 1] > max(0.85, mirrored)


def test_an_image_can_be_made_again():
    pytest.importorskip("abtem")
    sys.path.insert(0, str(FOLDER))
    try:
        import make_library
    finally:
        sys.path.remove(str(FOLDER))
    shipped = library(147)
    split, number = make_library.plan(147, "focus")[0]
    turn, _ = make_library.orientation(147, 1, split, number)
    k = np.flatnonzero(
        (shipped.classes == 1) & (np.abs(shipped.rotations @ turn.as_quat()) > 1 - 1e-7)
    )
    assert len(k) == 1
    rng = np.random.default_rng([147, 1, split, number])
    still = isomer("decahedron", 147).get_positions() / 10
    again = prism_image("Au147", turned(still, turn, rng, Microscope().thermal_nm), FIELD_PX[147])
    stored = shipped.images[k[0]]
    assert np.abs(again - stored).max() <= 0.003 * again.max()  # half a step of 255, and rounding


def test_defocus_blurs_views_of_the_test_part():
    blurred = library(309, "defocus")
    focus = library(309).only("test")
    assert (blurred.split == "test").all()
    assert len(np.unique(blurred.defocus_nm)) == 4
    for k in range(0, len(blurred), 13):
        same = np.abs(focus.rotations @ blurred.rotations[k]) > 1 - 1e-6
        same &= focus.classes == blurred.classes[k]
        assert same.sum() == 1
        assert blurred.images[k].std() < focus.images[same][0].std()


def test_the_library_is_small():
    sizes = [path(atoms).stat().st_size for atoms in SIZES]
    sizes.append(path(309, "defocus").stat().st_size)
    assert sum(sizes) < 8e6


def test_only_part_of_it(shipped):
    test = shipped.only("test")
    assert (test.split == "test").all()
    assert len(test) == (shipped.split == "test").sum()
    few = shipped.only([3, 1])
    assert (few.images == shipped.images[[3, 1]]).all()
    assert few.atoms == shipped.atoms


def test_there_is_no_such_library():
    with pytest.raises(DataError, match="library_55.npz is not there"):
        library(55)


def test_reading_needs_no_simulation_package():
    code = (
        "import sys; sys.modules['ase'] = sys.modules['abtem'] = None; "
        "from helpers.clusters.library import library; library(147).only('test')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
