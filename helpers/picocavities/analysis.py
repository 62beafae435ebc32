"""The whole way from recorded scans to events, one scan or as many as are on a disk."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from helpers.picocavities import events as grouping
from helpers.picocavities.autoencoder import reconstruct
from helpers.picocavities.preprocess import preprocess
from helpers.picocavities.tracks import OFFSET, Stages, residual, stages, tracks
from helpers.picocavities.zipper import zipped
from helpers.registry import DataError

EVERY = 8  # steps: the stable state moves little in this time


@dataclass(frozen=True)
class Analysis:
    """What the published way makes of a scan, step by step (Fig. 1d-g).

    Attributes
    ----------
    values : xarray.DataArray
        Preprocessed scan, (T, 512).
    stable : ndarray
        Its reconstruction.
    over : ndarray
        Residual over the floor.
    stages : Stages
        Of the detection; the last holds all detected pixels.
    first_tracks, tracks : pandas.DataFrame
        Before and after the Zipper; the second with ``event``.
    events : pandas.DataFrame
        Of two tracks or more.
    """

    values: xr.DataArray
    stable: np.ndarray
    over: np.ndarray
    stages: Stages
    first_tracks: pd.DataFrame
    tracks: pd.DataFrame
    events: pd.DataFrame

    @property
    def spectra(self):
        """Spectrum of each event, sum 1."""
        return grouping.spectra(self.over, self.events)


def analyse(scan, network, every=1):
    """Find the events of a recorded scan as published.

    Parameters
    ----------
    scan : xarray.DataArray
        Counts, as for :func:`helpers.picocavities.preprocess.preprocess`.
    network : helpers.picocavities.autoencoder.Autoencoder
    every : int
        As for :func:`helpers.picocavities.autoencoder.reconstruct`.

    Returns
    -------
    Analysis
    """
    values = preprocess(scan)
    return analyse_values(values, reconstruct(network, values.values, every))


def analyse_values(values, stable, offset=OFFSET):
    """Find the events of a scan whose stable state is known.

    Parameters
    ----------
    values : xarray.DataArray
        Preprocessed, or in any other way on one scale, (T, W).
    stable : array (T, W)
    offset : float
        As for :func:`helpers.picocavities.tracks.residual`.

    Returns
    -------
    Analysis
    """
    over = residual(values.values, stable, offset)
    found = stages(over)
    first = tracks(found.third)
    grouped = grouping.with_events(zipped(first))
    return Analysis(values, stable, over, found, first, grouped, grouping.events(grouped))


def scans_on_disk(path, wavenumbers, steps):
    """Scans from one file of many spectra, read one after the other.

    Parameters
    ----------
    path : str or pathlib.Path
        npy file of counts, (spectra, pixels), scans of equal length one after the other.
    wavenumbers : array (pixels,)
        In cm^-1.
    steps : int
        Spectra of a scan.

    Yields
    ------
    xarray.DataArray

    Raises
    ------
    DataError
        The file holds no spectra of so many pixels, or not whole scans.
    """
    counts = np.load(path, mmap_mode="r", allow_pickle=False)
    if counts.ndim != 2 or counts.shape[1] != len(wavenumbers) or len(counts) % steps:
        raise DataError(
            f"{path} holds an array {counts.shape}: expected (a multiple of {steps},"
            f" {len(wavenumbers)})."
        )
    for start in range(0, len(counts), steps):
        # Opened anew each time: pages that were read would otherwise count as used memory.
        part = np.load(path, mmap_mode="r", allow_pickle=False)[start : start + steps]
        yield xr.DataArray(
            np.array(part), dims=("time", "wavenumber"), coords={"wavenumber": wavenumbers}
        )


def stream(scans, find, workers=2):
    """Analyse scans as they come, some at once, in order and in bounded memory.

    Parameters
    ----------
    scans : iterable
    find : callable
        Of one scan; what it returns should be small, such as a table of events.
    workers : int
        Threads.

    Yields
    ------
    object
        What `find` returns, one per scan.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for scan in scans:
            waiting.append(pool.submit(find, scan))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
