"""Frames of a video with what a network says of each, played without a kernel."""

import anywidget
import numpy as np
import traitlets

from helpers.widgets.shared import finite, script, sprite, style

_MOST_STATES = 6  # Okabe and Ito's colours without black, and yellow, too pale on white


class FrameExplorer(anywidget.AnyWidget):
    """
    Play a video beside the probability of every state and a timeline of the states found.

    All frames share one grey scale, from the 0.1st to the 99.9th percentile of all of them, in
    64 levels. A page holds at most 1.5 MB of frames as PNG, of which even noise takes 0.75 bytes
    a pixel: 200 frames of 48 x 48 pixels take at most 0.37 MB (0.49 MB of page).

    Parameters
    ----------
    frames : array (T, H, W)
        The frames in the order of time.
    probabilities : array (T, K)
        Probability of every state in every frame; each row sums to one.
    states : sequence of str
        Names of the K states, at most six.
    smoothed : array (T,)
        State of every frame after smoothing, a position in ``states``.
    truth : array (T,) or None
        True state of every frame, where it is known.
    seconds_per_frame : float
        Time from frame to frame in s.
    pixel_size_nm : float
        Pixel size in nm.

    Attributes
    ----------
    frame : int
        The frame shown, the first being 0.

    Raises
    ------
    ValueError
        If lengths do not belong together, a value is not finite, a probability or state is none,
        a size is not positive, or the frames are too large for a page.
    """

    _esm = script("frames")
    _css = style("frames")

    frame = traitlets.Int(0).tag(sync=True)
    sprite = traitlets.Bytes().tag(sync=True)  # PNG of all frames
    sprite_shape = traitlets.List().tag(sync=True)  # frames in a row of the sprite, H, W
    states = traitlets.List().tag(sync=True)
    probabilities = traitlets.Bytes().tag(sync=True)  # float32, frames x states
    smoothed = traitlets.Bytes().tag(sync=True)  # uint8
    truth = traitlets.Bytes().tag(sync=True)  # uint8, empty where unknown
    seconds_per_frame = traitlets.Float().tag(sync=True)
    pixel_size_nm = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        frames,
        probabilities,
        states,
        smoothed,
        truth=None,
        *,
        seconds_per_frame,
        pixel_size_nm,
    ):
        sheet = sprite(frames, "frames")
        n, states = len(frames), [str(name) for name in states]
        if not 1 <= len(states) <= _MOST_STATES:
            raise ValueError(
                f"states must be 1 to {_MOST_STATES}, as many as can be told apart, got {states}"
            )
        probabilities = finite(probabilities, "probabilities", (n, len(states)))
        if probabilities.min() < 0 or not np.allclose(probabilities.sum(1), 1, atol=1e-3):
            raise ValueError("probabilities must not be negative and must sum to one in each frame")
        for name, value in (
            ("seconds_per_frame", seconds_per_frame),
            ("pixel_size_nm", pixel_size_nm),
        ):
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be a positive number, got {value}")
        super().__init__(
            states=states,
            probabilities=probabilities.astype("<f4").tobytes(),
            smoothed=_path(smoothed, "smoothed", n, states),
            truth=b"" if truth is None else _path(truth, "truth", n, states),
            seconds_per_frame=float(seconds_per_frame),
            pixel_size_nm=float(pixel_size_nm),
            **sheet,
        )


def _path(path, what, n, states):
    """Return the state of every frame as bytes."""
    path = finite(path, what, (n,))
    if not np.isin(path, np.arange(len(states))).all():
        raise ValueError(
            f"{what} must hold positions in states, 0 to {len(states) - 1}, "
            f"got {path.min():g} to {path.max():g}"
        )
    return path.astype(np.uint8).tobytes()
