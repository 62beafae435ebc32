"""How strongly one atom scatters the probe of a dark-field STEM onto its detector."""

import functools
import json

from helpers.data import ROOT

CROSS_SECTIONS = ROOT / "data" / "ch01" / "cross_sections.json"


def cross_section_nm2(element, voltage_kv, convergence_mrad, inner_mrad, outer_mrad):
    """Integrated dark-field cross-section (nm^2) of one atom, from the multislice table.

    The table is made by ``data/ch01/make_cross_sections.py``.

    Raises
    ------
    ValueError
        The element or the setting of voltage and detector is not in the table.
    """
    wanted = (voltage_kv, inner_mrad, outer_mrad)
    for setting in _table():
        # The probe angle only decides how the electrons are spread: 33 and 30.5 mrad are served
        # by the 32 mrad entry.
        near = abs(setting["convergence_mrad"] - convergence_mrad) <= 3
        if near and wanted == (
            setting["voltage_kv"], setting["inner_mrad"], setting["outer_mrad"]
        ):  # fmt: skip
            if element not in setting["cross_section_nm2"]:
                raise ValueError(
                    f"No cross-section for element {element!r}: the table has "
                    f"{', '.join(setting['cross_section_nm2'])}; add it in "
                    "data/ch01/make_cross_sections.py."
                )
            return setting["cross_section_nm2"][element]
    known = "; ".join(
        f"{s['voltage_kv']} kV, {s['convergence_mrad']:g} mrad,"
        f" {s['inner_mrad']}-{s['outer_mrad']} mrad"
        for s in _table()
    )
    raise ValueError(
        f"No cross-sections for {voltage_kv} kV, {convergence_mrad} mrad, detector "
        f"{inner_mrad}-{outer_mrad} mrad: the table has {known}; add the setting in "
        "data/ch01/make_cross_sections.py."
    )


@functools.cache
def _table():
    return json.loads(CROSS_SECTIONS.read_text())["settings"]
