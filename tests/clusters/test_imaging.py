"""PRISM, multislice and the linear model on few atoms, so that every test takes seconds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from helpers.clusters import imaging
from helpers.clusters.imaging import (
    FIELD_PX,
    Microscope,
    debye_displacement_nm,
    linear_image,
    multislice_image,
    pixels_nm,
    prism_image,
    prism_images,
    turned,
)
from helpers.clusters.structures import isomer
from helpers.registry import DataError

SIDE = 28


def r(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


@pytest.fixture(scope="module")
def cluster():
    """A warm icosahedron of 55 atoms in a skew orientation (nm)."""
    pytest.importorskip("abtem")
    turn = Rotation.from_quat([0.1, 0.2, 0.3, 0.9])
    positions = isomer("icosahedron", 55).get_positions() / 10
    return turned(positions, turn, np.random.default_rng(0), 0.0087)


@pytest.fixture(scope="module")
def by_prism(cluster):
    return prism_image("Au55", cluster, SIDE)


def test_prism_is_multislice_but_faster(cluster, by_prism):
    truth = multislice_image("Au55", cluster, SIDE, every=2)
    assert truth.shape == (14, 14)
    assert r(by_prism[::2, ::2], truth) > 0.99
    assert by_prism[::2, ::2].sum() == pytest.approx(truth.sum(), rel=0.06)


def test_the_linear_model_is_near_prism_and_misses_what_atoms_do_to_each_other(cluster, by_prism):
    image = linear_image(cluster, SIDE)
    assert 0.95 < r(image, by_prism) < 0.9999
    assert image.sum() == pytest.approx(by_prism.sum(), rel=0.15)
    column = np.array([[0, 0, 0.29 * k] for k in range(-4, 5)])
    single = prism_image("Au", column[4:5], SIDE).max()
    assert linear_image(column, SIDE).max() > 7 * linear_image(column[4:5], SIDE).max()
    assert prism_image("Au9", column, SIDE).max() < 6.5 * single


@pytest.mark.parametrize("model", ["linear", "prism"])
def test_columns_are_x_and_rows_are_y(model):
    atom = np.array([[0.3, -0.15, 0.0]])
    if model == "prism":
        pytest.importorskip("abtem")
        image = prism_image("Au", atom, SIDE)
    else:
        image = linear_image(atom, SIDE)
    y, x = np.unravel_index(image.argmax(), image.shape)
    place = pixels_nm(SIDE)
    assert place[x] == pytest.approx(0.3, abs=0.026)
    assert place[y] == pytest.approx(-0.15, abs=0.026)


@pytest.mark.parametrize("model", ["linear", "prism"])
def test_positive_defocus_is_further_along_the_beam(model):
    atoms = np.array([[-0.3, 0, -3.0], [0.3, 0, 3.0]])
    if model == "prism":
        pytest.importorskip("abtem")
        low, middle, high = prism_images("Au2", atoms, SIDE, defoci_nm=(-4, 0, 4))
    else:
        low, middle, high = (
            linear_image(atoms, SIDE, replace(Microscope(), defocus_nm=d)) for d in (-4, 0, 4)
        )
    left, right = np.s_[:, : SIDE // 2], np.s_[:, SIDE // 2 :]
    # Each atom against itself at the other focus: its place on the grid matters too.
    assert low[left].max() > 1.3 * high[left].max()
    assert high[right].max() > 1.3 * low[right].max()
    assert high.sum() == pytest.approx(middle.sum(), rel=0.1)


def test_one_defocus_is_like_another_run_of_it(cluster):
    both = prism_images("Au55", cluster, SIDE, defoci_nm=(0, 5))
    alone = prism_image("Au55", cluster, SIDE, replace(Microscope(), defocus_nm=5))
    assert r(both[1], alone) > 0.9999
    assert both[1].max() < 0.7 * both[0].max()


def test_the_sampling_is_honest_once_a_source_blurs(cluster):
    fine = prism_image("Au55", cluster, 2 * SIDE, replace(Microscope(), pixel_size_nm=0.025))
    coarse = prism_image("Au55", cluster, SIDE)
    from helpers.clusters.recording import SHARPEST_NM

    blurred = gaussian_filter(fine, SHARPEST_NM / 0.025)
    there = blurred.reshape(SIDE, 2, SIDE, 2).mean((1, 3))
    assert r(gaussian_filter(coarse, SHARPEST_NM / 0.05), there) > 0.985


def test_turning_about_the_beam_turns_the_picture(cluster):
    quarter = Rotation.from_euler("z", 90, degrees=True).apply(cluster)
    assert np.allclose(linear_image(quarter, SIDE), np.rot90(linear_image(cluster, SIDE), -1))


def test_atoms_at_rest_and_warm(cluster):
    still = turned(cluster, Rotation.identity())
    assert np.allclose(still, cluster)
    warm = turned(cluster, Rotation.identity(), np.random.default_rng(1), 0.02)
    assert (warm - still).std() == pytest.approx(0.02, rel=0.15)


def test_thermal_displacement_of_gold_follows_from_its_debye_temperature():
    assert debye_displacement_nm() == pytest.approx(Microscope().thermal_nm, abs=1e-4)
    assert debye_displacement_nm(4 * 293) == pytest.approx(2 * debye_displacement_nm())


@pytest.mark.parametrize("atoms", (55, 147, 309, 561))
def test_a_field_holds_its_cluster(atoms):
    pytest.importorskip("ase")
    for name in ("icosahedron", "decahedron", "cuboctahedron"):
        radius = np.linalg.norm(isomer(name, atoms).get_positions() / 10, axis=1).max()
        assert radius + 0.1 < FIELD_PX[atoms] * Microscope().pixel_size_nm / 2


def test_a_field_that_is_too_small_is_refused(cluster):
    with pytest.raises(DataError, match="give a larger field_px"):
        prism_image("Au55", cluster, 10)


def test_without_abtem_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "abtem", None)
    with pytest.raises(DataError, match=r"atoms-to-spectra\[simulate\]"):
        prism_image("Au", np.zeros((1, 3)), SIDE)


def test_importing_needs_no_simulation_package():
    import subprocess
    import sys

    code = (
        "import sys; import helpers.clusters.imaging, helpers.clusters.recording, "
        "helpers.clusters.library, helpers.clusters.orientations, helpers.clusters.amorphous; "
        "sys.exit(any(m in sys.modules for m in ('abtem', 'ase', 'dask')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert imaging.GOLD_NM2 > 0
