"""A simulated video of one cluster that changes its isomer and tumbles, and the truth about it.

The isomer follows `helpers.clusters.landscape`, the orientation diffuses over all rotations. A
frame shows, for each isomer it holds, the nearest view of a library of simulated images, turned and
mirrored in its plane as the orientation asks; a frame during which the isomer changes is the mean
of both, weighted by time. The axes of all isomers turn together. An amorphous cluster has no
lasting structure: of it, the nearest view of any of the shipped ones is shown. Each frame is then
recorded with its own noise; the carbon film below the cluster is new in every frame.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from helpers.clusters.landscape import simulate
from helpers.clusters.orientations import viewing_direction, views
from helpers.clusters.recording import PIXEL_NM, record
from helpers.clusters.structures import ISOMERS, symmetry
from helpers.pixels import places_nm
from helpers.registry import DataError


@dataclass(frozen=True)
class Video:
    """A simulated series and what is true about it.

    Attributes
    ----------
    frames : xarray.DataArray
        Electrons per pixel, dims ("time", "y", "x"), times in s and coordinates in nm, labelled as
        by `helpers.data.open_series`.
    truth : pandas.DataFrame
        One row per frame: ``time_s`` (start of the frame), ``isomer`` (held longest),
        ``share_<isomer>`` of the time, ``blend`` (more than one isomer), ``view`` (image of the
        library that is shown, of the isomer held longest), ``off_deg`` (between that view and the
        true one), and the orientation as a quaternion ``qx``, ``qy``, ``qz``, ``qw`` from the frame
        of the isomer to the microscope.
    jumps : int
        Changes of isomer, those within one frame included.
    """

    frames: xr.DataArray
    truth: pd.DataFrame
    jumps: int


def tumble(rng, frames, frame_s, tilt_deg):
    """Orientations of a body that turns by chance, uniform over all rotations at any time.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    frames : int
        How many orientations.
    frame_s : float
        Time between two of them.
    tilt_deg : float
        Root-mean-square turn about each axis after one second; small turns add as a random walk.

    Returns
    -------
    scipy.spatial.transform.Rotation
        `frames` orientations.
    """
    steps = rng.normal(0, np.radians(tilt_deg) * np.sqrt(frame_s), (frames - 1, 3))
    turned = [Rotation.random(rng=rng)]
    for step in Rotation.from_rotvec(steps) if frames > 1 else ():
        turned.append(step * turned[-1])
    return Rotation.concatenate(turned)


def nearest_view(rotations, library, chosen, isomer):
    """Find the picture that shows an isomer most nearly as it lies, and how it must be turned.

    Parameters
    ----------
    rotations : scipy.spatial.transform.Rotation
        Orientations of the cluster, n of them.
    library : helpers.clusters.library.Library
        Images to choose from.
    chosen : array of int
        Places in the library of the images of this isomer that may be shown.
    isomer : str
        One of `helpers.clusters.structures.ISOMERS`.

    Returns
    -------
    view : array (n,) of int
        Place in the library.
    turn : array (n, 2, 2)
        Rotation, or mirroring, of the plane (x, y) that takes the picture to the orientation.
    off_deg : array (n,)
        Angle between the true viewing direction and that of the picture.
    """
    stored = Rotation.from_quat(library.rotations[chosen])
    symmetric = views(isomer)
    wanted, kept = viewing_direction(rotations), viewing_direction(stored)
    copies = np.einsum("gij,kj->gki", symmetric, kept)
    flat = wanted @ copies.reshape(-1, 3).T
    best = flat.argmax(axis=1)
    operation, which = np.unravel_index(best, copies.shape[:2])
    placed = np.einsum("nij,nkj->nik", stored.as_matrix()[which], symmetric[operation])
    # Opposite views that are no symmetry of the isomer show the same columns from behind.
    placed[operation >= len(symmetry(isomer))] *= -1
    plane = np.einsum("nij,nkj->nik", rotations.as_matrix(), placed)[:, :2, :2]
    left, _, right = np.linalg.svd(plane)
    off = np.degrees(np.arccos(np.clip(flat[np.arange(len(best)), best], -1, 1)))
    return np.asarray(chosen)[which], left @ right, off


def simulate_video(
    rng, library, rates, frames, frame_s=0.04, *, tilt_deg=10.0, dose=1e4, part="test"
):
    """Simulate a video of one cluster.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    library : helpers.clusters.library.Library
        Noise-free images.
    rates : array (4, 4)
        Generator of the isomers in 1/s, as from `helpers.clusters.landscape.Landscape.rates`.
    frames : int
        Length of the video.
    frame_s : float
        Time of one frame; 0.04 s is video rate.
    tilt_deg : float
        See `tumble`.
    dose : float
        Electrons per square Angstrom and frame.
    part : str
        Views of this part of the library are shown: "test" holds none that the network was
        trained on, but lies in patches, so that many frames show a view some degrees off.

    Returns
    -------
    Video

    Raises
    ------
    DataError
        The library has no image of some isomer in that part.
    """
    series = simulate(rng, rates, frames, frame_s)
    rotations = tumble(rng, frames, frame_s, tilt_deg)
    side = library.images.shape[1]
    clean = np.zeros((frames, side, side), np.float32)
    view, off = np.zeros(frames, int), np.zeros(frames)
    for number, isomer in enumerate(ISOMERS):
        chosen = np.flatnonzero((library.classes == number) & (library.split == part))
        if not chosen.size:
            raise DataError(f"The library holds no {isomer} in its part {part!r}.")
        held = np.flatnonzero(series.shares[:, number] > 0)
        if not held.size:
            continue
        shown, turns, angle = nearest_view(rotations[held], library, chosen, isomer)
        for frame, image, turn in zip(held, shown, turns):
            clean[frame] += series.shares[frame, number] * in_plane(library.images[image], turn)
        longest = series.state[held] == number
        view[held[longest]], off[held[longest]] = shown[longest], angle[longest]
    counts = record(rng, clean, dose, magnification=0.0, turn=False)
    time = np.arange(frames) * frame_s
    truth = pd.DataFrame({
        "time_s": time, "isomer": np.array(ISOMERS)[series.state],
        **{f"share_{name}": share for name, share in zip(ISOMERS, series.shares.T)},
        "blend": (series.shares > 1e-9).sum(axis=1) > 1, "view": view, "off_deg": off,
        **dict(zip(("qx", "qy", "qz", "qw"), rotations.as_quat().T)),
    })  # fmt: skip
    array = xr.DataArray(
        counts, dims=("time", "y", "x"), name="intensity",
        coords={
            "time": ("time", time, {"units": "s"}), "frame": ("time", np.arange(frames)),
            **places_nm(clean.shape[1:], PIXEL_NM),
        },
        attrs={
            "source": "simulated", "units": "nm", "pixel_size_nm": PIXEL_NM, "frame_s": frame_s,
            "frames_in_file": frames, "warnings": [],
        },
    )  # fmt: skip
    return Video(array, truth, series.jumps)


def in_plane(image, turn):
    """Turn, or mirror, an image about its middle.

    Parameters
    ----------
    image : array (H, W)
    turn : array (2, 2)
        What was seen at p = (x, y) from the middle is then seen at `turn` @ p.

    Returns
    -------
    array (H, W)
    """
    matrix = turn.T[::-1, ::-1]  # from where a pixel (row, column) is taken
    middle = (np.array(image.shape) - 1) / 2
    return affine_transform(image, matrix, middle - matrix @ middle, order=3)
