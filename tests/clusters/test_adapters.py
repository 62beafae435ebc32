"""Labels on ParticleSpy's particles and HyperSpy's signals are found where those packages look.

The predictions are made by a rule on the brightness, so that every label can be told beforehand.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.clusters.adapters import label_particles, label_signal
from helpers.registry import DataError

REASON = "not installed: pip install -e .[particles]"
CENTRES = {"icosahedron": (40, 45), "decahedron": (115, 30), "amorphous": (90, 90)}  # x, y in px
HEIGHTS = {"icosahedron": 200, "decahedron": 100, "amorphous": 150}


def predict(image, pixel_size_nm):
    """Name the isomer by the height of its spot; the probability tells the pixel size."""
    isomer = min(HEIGHTS, key=lambda name: abs(HEIGHTS[name] - image.max()))
    return SimpleNamespace(isomer=isomer, probability=np.float32(pixel_size_nm))


@pytest.fixture
def signals():
    return pytest.importorskip("hyperspy.api", reason=f"HyperSpy is {REASON}").signals


def image_of(signals, data, scale=0.05, units="nm"):
    image = signals.Signal2D(np.asarray(data, "float32"))
    for axis in image.axes_manager.signal_axes:
        axis.scale, axis.units = scale, units
    return image


def field():
    y, x = np.mgrid[:120, :160]
    data = np.random.default_rng(4).normal(0, 1, (120, 160))
    for name, (column, row) in CENTRES.items():
        data += HEIGHTS[name] * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 2 / 6**2)
    return data


@pytest.fixture
def found(signals):
    """Three spots, segmented by ParticleSpy."""
    analysis = pytest.importorskip(
        "particlespy.particle_analysis", reason=f"ParticleSpy is {REASON}"
    )
    parameters = analysis.parameters()
    parameters.generate(store_im=True)
    return analysis.particle_analysis(image_of(signals, field()), parameters)


def told(particle):
    return particle.properties["isomer"]["value"]


def test_each_particle_gets_the_label_of_its_own_image(found):
    table = label_particles(found, predict)
    assert len(found.list) == len(table) == 3
    for particle, (isomer, probability) in zip(found.list, table.itertuples(index=False)):
        # ParticleSpy calls the row x
        row, column = (particle.properties[name]["value"] / 0.05 for name in "xy")
        nearest = min(CENTRES, key=lambda n: np.hypot(CENTRES[n][0] - column, CENTRES[n][1] - row))
        assert told(particle) == isomer == nearest
        assert particle.properties["isomer"]["units"] is None
        probability_set = particle.properties["isomer probability"]
        assert probability_set == {"value": probability, "units": None}
        assert probability == pytest.approx(0.05)  # the pixel size in nm arrived


def test_a_second_label_replaces_the_first(found):
    label_particles(found, predict)
    label_particles(found, lambda image, size: {"isomer": "cuboctahedron", "probability": 0.5})
    assert {told(particle) for particle in found.list} == {"cuboctahedron"}


def test_particlespy_saves_loads_and_clusters_the_labels(found, tmp_path):
    from particlespy.particle_load import load_plist

    label_particles(found, predict)
    found.save(str(tmp_path / "particles.hdf5"))
    loaded = load_plist(str(tmp_path / "particles.hdf5"))
    for before, after in zip(found.list, loaded.list):
        for name in ("isomer", "isomer probability"):
            assert after.properties[name] == before.properties[name]
    groups = found.cluster_particles(properties=["isomer"], n_clusters=3)
    assert sorted(told(particle) for group in groups for particle in group.list) == sorted(HEIGHTS)
    assert all(len(group.list) == 1 for group in groups)
    with pytest.raises(DataError, match="Particle 0 has no image"):
        label_particles(loaded, predict)


def test_nothing_is_labelled_when_one_particle_cannot_be(found):
    del found.list[2].image
    with pytest.raises(DataError, match="Particle 2 has no image.*store_im=True"):
        label_particles(found, predict)
    assert not any("isomer" in particle.properties for particle in found.list)


def test_image_gets_its_label(signals):
    image = image_of(signals, field()[60:, 60:], 0.5, "Å")
    table = label_signal(image, predict)
    assert image.metadata.Sample.isomer == "amorphous" == table["isomer"][0]
    assert image.metadata.Sample.isomer_probability == pytest.approx(0.05)


@pytest.mark.parametrize("lazy", [False, True])
def test_series_gets_a_label_per_image_and_keeps_it_in_its_file(signals, tmp_path, lazy):
    import hyperspy.api

    names = ["decahedron", "icosahedron", "decahedron", "amorphous"]
    images = [np.full((8, 9), HEIGHTS[name]) for name in names]
    series = image_of(signals, images)
    table = label_signal(series.as_lazy() if lazy else series, predict)
    assert table["isomer"].tolist() == names
    label_signal(series, predict)
    series.save(tmp_path / "series.hspy")
    sample = hyperspy.api.load(tmp_path / "series.hspy").metadata.Sample
    assert list(sample.isomer) == names
    assert list(sample.isomer_probability) == pytest.approx([0.05] * 4)


def test_signals_that_are_no_images_are_refused(signals):
    with pytest.raises(DataError, match="1 navigation and 1 signal axes"):
        label_signal(signals.Signal1D(np.zeros((4, 5))), predict)
    with pytest.raises(DataError, match="2 navigation and 2 signal axes"):
        label_signal(signals.Signal2D(np.zeros((2, 3, 4, 5))), predict)


def test_pixel_size_must_be_known_and_can_be_given(signals):
    image = signals.Signal2D(field())
    with pytest.raises(DataError, match="The signal does not say how large its pixels are"):
        label_signal(image, predict)
    assert "Sample" not in image.metadata
    assert label_signal(image, predict, 0.25)["probability"][0] == 0.25
    assert label_signal(image_of(signals, field()), predict, 0.25)["probability"][0] == 0.25
    with pytest.raises(DataError, match="1/nm"):
        label_signal(image_of(signals, field(), units="1/nm"), predict)


@pytest.mark.parametrize(
    "answer",
    [{"isomer": "decahedron"}, {"isomer": 2, "probability": 0.5}, (0.1, 0.9), None,
     {"isomer": "decahedron", "probability": 1.2}, {"isomer": "amorphous", "probability": [0.5]}],
)  # fmt: skip
def test_a_prediction_is_a_name_and_a_probability(signals, answer):
    image = image_of(signals, field())
    with pytest.raises(DataError, match="Image 0: predict returned.*expected a name and a number"):
        label_signal(image, lambda *_: answer)
    assert "Sample" not in image.metadata
