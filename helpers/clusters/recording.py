"""From a noise-free image to what the microscope would record.

A source of finite size blurs the image; the cluster lies anywhere near the middle, turned by any
angle, perhaps seen from behind; a carbon film below it scatters too; rows of the scan slip; and
electrons are counted one by one. Everything works on a batch at once, so that a network meets
every image anew each time (64 images in some ten milliseconds).
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from helpers.probe import probe_transfer

PIXEL_NM = 0.05
SHARPEST_NM = 0.03  # source below which the library's sampling shows
# Integrated cross-section of an atom with the settings of `helpers.clusters.imaging.Microscope`
# (PRISM, mean over places of the atom on the pixels), and how many carbon atoms a film holds.
CARBON_NM2 = 9.4e-7
CARBON_PER_NM3 = 100.0  # 2.0 g/cm3
CARBON_NM = 0.14  # closest two carbon atoms come
CLUSTER_NM = 1.2  # from the middle of the cluster to the film


def record(
    rng,
    images,
    dose=1e4,
    *,
    source_nm=0.04,
    support_nm=5.0,
    background=5e-4,
    jitter_px=0.2,
    drift_px=0.02,
    shift_px=2.0,
    magnification=0.02,
    turn=True,
    defocus_nm=0.0,
    side=None,
):
    """Record noise-free images.

    Every setting may be one number or one for each image.

    Parameters
    ----------
    rng : numpy.random.Generator
    images : array_like
        Fraction of the beam on the detector, (H, W) or (n, H, W), pixels of 0.05 nm.
    dose : float or array_like
        Electrons per square Angstrom; a pixel is 0.25 of them.
    source_nm : float or array_like
        Standard deviation of the effective source; at least `SHARPEST_NM` for library images.
    support_nm : float or array_like
        Thickness of the carbon film; 0 for none.
    background : float or array_like
        Fraction of the beam that is counted in vacuum.
    jitter_px, drift_px : float or array_like
        Standard deviations by which a row slips along x, and by which it moves from the row before
        along both axes.
    shift_px : float or array_like
        The cluster lies up to this far from the middle along each axis.
    magnification : float or array_like
        Standard deviation of the relative error of the pixel size.
    turn : bool
        Turn by a random angle and mirror every other image.
    defocus_nm : float or array_like
        With which `images` were made; here it only blurs the film.
    side : int, optional
        Side of the frames in pixels; that of the images unless given.

    Returns
    -------
    numpy.ndarray
        Counted electrons per pixel, (side, side) or (n, side, side) float32.
    """
    images = np.asarray(images, np.float32)
    batch = torch.as_tensor(images if images.ndim == 3 else images[None])
    n, height, width = batch.shape
    side = side or height
    torch_rng = torch.Generator().manual_seed(int(rng.integers(2**62)))

    def each(value):
        return np.broadcast_to(np.asarray(value, float), n)

    cluster = _filtered(batch, _gauss(each(source_nm), height, width))
    rows = _slips(rng, n, side, each(jitter_px), each(drift_px))
    grid = _grid(rng, rows, each(shift_px), each(magnification), turn)
    grid /= torch.tensor([width / 2, height / 2])
    cluster = F.grid_sample(cluster[:, None], grid, mode="bicubic", align_corners=False)[:, 0]
    film = _film(torch_rng, each(support_nm), each(defocus_nm), each(source_nm), side)
    film = F.grid_sample(
        film[:, None], rows * (2 / side), padding_mode="reflection", align_corners=False
    )[:, 0]
    dark = torch.as_tensor(each(background).astype(np.float32))[:, None, None]
    beam = torch.as_tensor((each(dose) * (10 * PIXEL_NM) ** 2).astype(np.float32))[:, None, None]
    expected = beam * (cluster.clamp(min=0) + film.clamp(min=0) + dark)
    frames = torch.poisson(expected, generator=torch_rng).numpy()
    return frames if images.ndim == 3 else frames[0]


def _slips(rng, n, side, jitter, drift):
    """Where each pixel of a frame looks, (n, side, side, 2) pixels from the middle, (x, y)."""
    walk = np.cumsum(rng.normal(0, 1, (n, side, 2)) * drift[:, None, None], 1)
    walk -= walk.mean(1, keepdims=True)
    walk[..., 0] += rng.normal(0, 1, (n, side)) * jitter[:, None]
    steps = np.arange(side) - (side - 1) / 2
    place = np.stack(np.broadcast_arrays(steps[None], steps[:, None]), -1)
    return torch.as_tensor((place + walk[:, :, None]).astype(np.float32))


def _grid(rng, rows, shift, magnification, turn):
    """The same places on the noise-free image, turned, mirrored, scaled and shifted."""
    n = len(rows)
    angle = rng.uniform(0, 2 * np.pi, n) if turn else np.zeros(n)
    mirror = rng.choice([-1.0, 1.0], n) if turn else np.ones(n)
    scale = 1 + magnification * rng.normal(0, 1, n)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cos, -mirror * sin], [sin, mirror * cos]]).transpose(2, 1, 0)
    offset = rng.uniform(-1, 1, (n, 1, 1, 2)) * shift[:, None, None, None]
    moved = rows + torch.as_tensor(offset.astype(np.float32))
    return torch.einsum("nyxi,nij->nyxj", moved, torch.as_tensor(matrix.astype(np.float32)))


def _film(torch_rng, thickness, defocus, source, side):
    """Signal of the carbon film as a fraction of the beam, (n, side, side).

    Atoms are thrown on the pixels and blurred by the probe at their depth. Atoms do not overlap,
    which takes away long-wave fluctuations: the square root of the structure factor of hard
    spheres does that to the thrown ones.
    """
    mean = thickness * CARBON_PER_NM3 * PIXEL_NM**2
    mean = torch.as_tensor(mean.astype(np.float32))[:, None, None]
    thrown = torch.poisson(mean.expand(-1, side, side), generator=torch_rng) - mean
    near = CLUSTER_NM - defocus
    transfer = _blur_of_film(near, near + thickness, side) * _gauss(source, side, side)
    return (_filtered(thrown, transfer) + mean) * (CARBON_NM2 / PIXEL_NM**2)


def _filtered(images, transfer):
    return torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=images.shape[-2:])


def _gauss(sigma_nm, height, width):
    falloff = -2 * np.pi**2 * _frequency(height, width) ** 2
    return torch.exp(torch.as_tensor((sigma_nm**2).astype(np.float32))[:, None, None] * falloff)


@lru_cache
def _frequency(height, width):
    """Spatial frequency of each coefficient of a real transform, 1/nm."""
    q = np.hypot(np.fft.fftfreq(height, PIXEL_NM)[:, None], np.fft.rfftfreq(width, PIXEL_NM))
    return torch.as_tensor(q.astype(np.float32))


def _blur_of_film(top, bottom, side):
    """Transfer of films between two depths below the focal plane (nm, (n,)), with its fluid."""
    depth, added = _depths(side)
    step = depth[1] - depth[0]

    def upto(z):
        place = torch.as_tensor(np.clip((z - depth[0]) / step, 0, len(depth) - 1.001))
        index, rest = place.long(), (place % 1).float()[:, None, None]
        return added[index] * (1 - rest) + added[index + 1] * rest

    thickness = np.maximum(bottom - top, 1e-3)
    bottom = top + thickness
    share = torch.as_tensor((step / thickness).astype(np.float32))[:, None, None]
    return (upto(bottom) - upto(top)) * share


@lru_cache
def _depths(side, voltage_kv=200.0, convergence_mrad=20.0):
    """Depths (nm) and the transfer summed over all depths above each, (depths, side, side/2+1)."""
    depth = np.arange(-15.0, 46.0, 1.0)
    q = _frequency(side, side).numpy()
    middle = depth[:-1] + 0.5
    each = np.array([probe_transfer(q, z, voltage_kv, convergence_mrad) for z in middle])
    added = np.concatenate([np.zeros_like(each[:1]), np.cumsum(each, 0)])
    return depth, torch.as_tensor((added * np.sqrt(hard_spheres(q))).astype(np.float32))


def hard_spheres(frequency, diameter_nm=CARBON_NM, per_nm3=CARBON_PER_NM3):
    """Structure factor of a fluid of hard spheres (Percus and Yevick's solution).

    Parameters
    ----------
    frequency : array_like
        Spatial frequencies, 1/nm.
    diameter_nm, per_nm3 : float
        Of the spheres, and their number density.

    Returns
    -------
    numpy.ndarray
        1 for atoms thrown independently; of the shape of `frequency`.
    """
    filled = np.pi / 6 * per_nm3 * diameter_nm**3
    a = (1 + 2 * filled) ** 2 / (1 - filled) ** 4
    b = -6 * filled * (1 + filled / 2) ** 2 / (1 - filled) ** 4
    c = filled * a / 2
    # Direct correlation function -(a + b s + c s^3) for s < 1, transformed numerically.
    s = (np.arange(400) + 0.5) / 400
    x = 2 * np.pi * diameter_nm * np.asarray(frequency, float)[..., None]
    direct = -(a + b * s + c * s**3) * s**2 * np.sinc(x * s / np.pi)
    return 1 / (1 - 24 * filled * direct.mean(-1))
