"""Give an executed figure the alternative text and the label of its output metadata.

`helpers.figures.show` stores both with the picture, `{"image/png": {"alt": ..., "name": ...}}`;
MyST-NB itself reads them from cell metadata only.
"""

from functools import wraps

from myst_nb.core.render import NbElementRenderer


def with_metadata(render_image):
    """Wrap the image renderer of MyST-NB."""

    @wraps(render_image)
    def render(self, data):
        images = render_image(self, data)
        metadata = data.output_metadata.get(data.mime_type, {})
        for image in images:
            if metadata.get("alt"):
                image["alt"] = metadata["alt"]
            figure = data.cell_metadata.get("mystnb", {}).get("figure", {})
            if metadata.get("name") and "name" not in figure:  # the target of [text](#name)
                image["names"].append(metadata["name"])
                self.renderer.document.note_explicit_target(image, image)
        return images

    render.reads_metadata = True
    return render


def setup(app):
    """Wrap once per process, however many builds it runs."""
    if not getattr(NbElementRenderer.render_image, "reads_metadata", False):
        NbElementRenderer.render_image = with_metadata(NbElementRenderer.render_image)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
