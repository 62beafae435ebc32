"""A cell's caption belongs to its picture, not to the numbers and tables that stand beside it.

MyST-NB puts every output of a cell with `mystnb: figure` into a figure of its own: caption and
label would be repeated for each number that `helpers.results` displays.
"""

from copy import deepcopy
from functools import wraps

from myst_nb.sphinx_ import SphinxNbRenderer


def pictures_only(render_outputs):
    """Wrap the renderer of a cell's outputs: those without a picture get no figure."""

    @wraps(render_outputs)
    def render(self, token, outputs):
        metadata = token.meta["metadata"]
        bare = deepcopy(metadata)
        bare.get("mystnb", {}).pop("figure", None)
        for output in outputs:
            picture = any(kind.startswith("image/") for kind in output.get("data", {}))
            token.meta["metadata"] = metadata if picture else bare
            render_outputs(self, token, [output])
        token.meta["metadata"] = metadata

    render.pictures_only = True
    return render


def setup(app):
    """Wrap once per process, however many builds it runs."""
    render = SphinxNbRenderer._render_nb_cell_code_outputs
    if not getattr(render, "pictures_only", False):
        SphinxNbRenderer._render_nb_cell_code_outputs = pictures_only(render)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
