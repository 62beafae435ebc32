"""The published measured events and index, read without running anything that lies in a pickle."""

import pickle

import numpy as np
import pytest

from helpers.picocavities import measured
from helpers.picocavities.distances import histogram_distance
from helpers.registry import DataError, available

needs_set = pytest.mark.skipif(
    not available(measured.DATA), reason="the public set picocavity-events is not on this computer"
)


class Evil:
    def __reduce__(self):
        return (open, ("ran.txt", "w"))


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measured, "fetch", lambda _: tmp_path)
    (tmp_path / "6clusters.pkl").write_bytes(pickle.dumps(Evil()))
    with pytest.raises((DataError, TypeError, AttributeError)):
        measured.event_spectra()
    assert not (tmp_path / "ran.txt").exists()
    (tmp_path / "6clusters.pkl").write_bytes(pickle.dumps(np.save))
    with pytest.raises(DataError, match="numpy's save"):
        measured.event_spectra()


@pytest.mark.measured
@needs_set
def test_published_distances_are_those_between_histograms_of_intensities():
    events, spectra, published = measured.event_spectra()
    assert len(events) == 56 and spectra.shape == (56, 512)
    np.testing.assert_allclose(spectra.sum(1), 1)
    np.testing.assert_allclose(histogram_distance(spectra), published, rtol=0, atol=1e-16)
    assert np.bincount(events["published"]).tolist() == [9, 6, 14, 8, 8, 11]
    assert events["scan"].nunique() == 5 and (events["first_step"] < events["last_step"]).all()


@pytest.mark.measured
@needs_set
def test_the_index_holds_the_scans_that_the_paper_counts():
    index = measured.scan_index()
    assert len(index) == 3667 and index["picocavity"].sum() == 3479
    assert index["variety"].value_counts().to_dict() == {
        "Au-Au": 1606, "Au-Pd/Au": 1312, "Au@Pd-Au": 749,
    }  # fmt: skip
    assert sorted(index["power_uw"].unique()) == [50, 100, 150, 200]


def test_a_list_with_a_broken_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "fetch", lambda _: tmp_path)
    (tmp_path / "particle_reference.txt").write_text(
        "Particle_0000 = Ag NP, Particle_1, 200, True\n"
    )
    with pytest.raises(DataError, match="cannot be read"):
        measured.scan_index()
