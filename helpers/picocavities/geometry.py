"""Biphenyl-4-thiol, free and on one gold atom: the structure that a relaxation starts from.

Bond lengths and angles are round values for aromatic rings and thiols; every method relaxes them
before it computes anything. The long axis is z, from the sulfur up.
"""

import numpy as np

RING, LINK, CARBON_HYDROGEN = 1.395, 1.485, 1.085  # A
CARBON_SULFUR, SULFUR_HYDROGEN, SULFUR_GOLD = 1.78, 1.345, 2.27  # A
TWIST = 40.0  # degrees between the two rings
ANGLE_AT_SULFUR = {"H": 97.0, "Au": 105.0}  # degrees, C-S-H and C-S-Au


def biphenylthiol(end="H"):
    """Biphenyl-4-thiol with a hydrogen ("H", the free molecule) or a gold atom at the sulfur.

    Parameters
    ----------
    end : str
        "H" or "Au". The hydrogen lies in the plane of the ring at the sulfur, the gold atom
        above it.

    Returns
    -------
    tuple
        Symbols (N,) and positions (N, 3) in A: sulfur, twelve carbons, nine hydrogens, the end.
        The first ring, at the sulfur, lies in the plane y = 0.
    """
    across = RING * 2
    lower = _hexagon(RING)
    upper = _turned(_hexagon(RING), TWIST) + (0, 0, across + LINK)
    rim_lower = _hexagon(RING + CARBON_HYDROGEN, RING)
    rim_upper = _turned(_hexagon(RING + CARBON_HYDROGEN, RING), TWIST) + (0, 0, across + LINK)
    sulfur = np.array([0.0, 0, -CARBON_SULFUR])
    angle = np.deg2rad(180 - ANGLE_AT_SULFUR[end])
    sideways = (np.sin(angle), 0) if end == "H" else (0, np.sin(angle))
    length = SULFUR_HYDROGEN if end == "H" else SULFUR_GOLD
    last = sulfur + length * np.array([*sideways, -np.cos(angle)])
    positions = [sulfur, *lower, *upper, *rim_lower[[1, 2, 4, 5]], *rim_upper[1:], last]
    return np.array(["S", *["C"] * 12, *["H"] * 9, end]), np.array(positions)


def _hexagon(radius, centre=None):
    """Six corners in the plane y = 0, the first one lowest; the lowest carbon is at the origin."""
    angles = np.deg2rad(60 * np.arange(6) - 90)
    centre = radius if centre is None else centre
    return np.c_[radius * np.cos(angles), np.zeros(6), radius * np.sin(angles) + centre]


def _turned(positions, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return positions @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
