"""Isomers written onto ParticleSpy's particles and HyperSpy's signals, where others look for them.

Neither package is imported: what is labelled brings its own methods. ParticleSpy 0.6.3 and
HyperSpy 2.5.0 were tried; ``pip install -e .[particles]`` installs them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.calibration import pixel_size
from helpers.registry import DataError


def label_particles(particles, predict, pixel_size_nm=None):
    """Set the predicted isomer and its probability on every particle of a ParticleSpy list.

    They become properties like those that ParticleSpy measures itself, ``isomer`` (a name) and
    ``isomer probability`` (a number), both without units: its plots, clustering and files treat
    them as its own. An earlier label is replaced.

    Parameters
    ----------
    particles : particlespy.ptcl_class.particle_list
        Particles with stored images: made by ``particle_analysis`` with ``store_im=True`` in its
        parameters, and with ``pad`` so large that the image holds some background on every side.
    predict : callable
        ``predict(image, pixel_size_nm)`` with the image as an array (H, W); returns an object or
        a dict with ``isomer`` and ``probability``.
    pixel_size_nm : float, optional
        Side of a pixel in nm. Given, it wins over the calibration of the images.

    Returns
    -------
    DataFrame
        ``isomer`` and ``probability``, one row per particle in the order of the list.

    Raises
    ------
    DataError
        If a particle has no image, an image has no pixel size in units of length, or the
        prediction is not one. No particle is labelled then.
    """
    predicted = []
    for number, particle in enumerate(particles.list):
        what = f"Particle {number}"
        image = getattr(particle, "image", None)
        if image is None:
            raise DataError(
                f"{what} has no image: run particle_analysis with store_im=True in its parameters"
                " (ParticleSpy keeps no images in the files that it saves)."
            )
        size = _side(image, pixel_size_nm, what)
        predicted.append(_predicted(np.asarray(image.data), size, predict, what))
    for particle, (isomer, probability) in zip(particles.list, predicted):
        particle.set_property("isomer", isomer, None)
        particle.set_property("isomer probability", probability, None)
    return pd.DataFrame(predicted, columns=["isomer", "probability"])


def label_signal(signal, predict, pixel_size_nm=None):
    """Set the predicted isomer and its probability in the metadata of a HyperSpy signal.

    They are put at ``Sample.isomer`` and ``Sample.isomer_probability``, for a series of images as
    lists with one entry per image, and are saved with the signal. An earlier label is replaced.

    Parameters
    ----------
    signal : hyperspy.signals.Signal2D
        One image, or a series with one navigation axis; a lazy one is read image by image.
    predict : callable
        ``predict(image, pixel_size_nm)`` with the image as an array (H, W); returns an object or
        a dict with ``isomer`` and ``probability``.
    pixel_size_nm : float, optional
        Side of a pixel in nm. Given, it wins over the calibration of the signal.

    Returns
    -------
    DataFrame
        ``isomer`` and ``probability``, one row per image.

    Raises
    ------
    DataError
        If the signal is no image or series of images, has no pixel size in units of length, or
        the prediction is not one. The signal is not labelled then.
    """
    axes = signal.axes_manager
    if axes.signal_dimension != 2 or axes.navigation_dimension > 1:
        raise DataError(
            f"The signal has {axes.navigation_dimension} navigation and {axes.signal_dimension}"
            " signal axes: expected an image (0 and 2) or a series of images (1 and 2);"
            " signal.transpose(signal_axes=2) makes one of the other."
        )
    size = _side(signal, pixel_size_nm, "The signal")
    series = axes.navigation_dimension == 1
    predicted = [
        _predicted(np.asarray(image), size, predict, f"Image {number}")
        for number, image in enumerate(signal.data if series else [signal.data])
    ]
    isomers, probabilities = (list(column) for column in zip(*predicted))
    signal.metadata.set_item("Sample.isomer", isomers if series else isomers[0])
    signal.metadata.set_item(
        "Sample.isomer_probability", probabilities if series else probabilities[0]
    )
    return pd.DataFrame(predicted, columns=["isomer", "probability"])


def _side(signal, given, what):
    """Side of a pixel in nm."""
    axes = [(axis.scale, str(axis.units)) for axis in signal.axes_manager.signal_axes]
    return pixel_size(Path(what), axes, given)[0]


def _predicted(image, size, predict, what):
    """Isomer and probability as the plain values that files can hold."""
    answer = predict(image, size)
    if not isinstance(answer, dict):
        answer = {name: getattr(answer, name, None) for name in ("isomer", "probability")}
    isomer, probability = answer.get("isomer"), answer.get("probability")
    number = pd.to_numeric(probability, errors="coerce") if np.isscalar(probability) else np.nan
    if not (isinstance(isomer, str) and 0 <= number <= 1):
        raise DataError(
            f"{what}: predict returned isomer {isomer!r} with probability {probability!r};"
            " expected a name and a number from 0 to 1."
        )
    return str(isomer), float(number)
