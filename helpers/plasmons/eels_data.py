"""The measured pair of this chapter: a spectrum image and its dark-field image."""

import json

from helpers.data import fetch, open_image
from helpers.spectrum_images import open_spectrum_image, pair


def eels_si():
    """Open the measured pair: a spectrum image of 32 x 32 pixels and its dark-field image.

    Its energy resolution shows the bulk plasmon and the thickness, no infrared plasmons.

    Returns
    -------
    spectra : xarray.DataArray ("y", "x", "energy")
    haadf : xarray.DataArray ("y", "x")
        On the pixels of the spectrum image.

    Raises
    ------
    DataUnavailable
        The set is neither on this computer nor reachable.
    """
    folder = fetch("eels-si")
    spectra = open_spectrum_image(folder / "coreloss_map1_aligned_binned.hspy")
    about = json.loads((folder / "HADFmap1.json").read_text(encoding="utf-8"))
    haadf = open_image(folder / "HADFmap1.npy", about["spatial_calibrations"][0]["scale"])
    return spectra, pair(spectra, haadf)
