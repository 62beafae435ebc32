"""Re-execute a chapter when anything that it computes from has changed, and only then.

The execution cache knows a notebook by its code cells and its kernel description. A digest of the
chapter's other inputs, added to that description, makes them part of the key: the modules of
`helpers` (those at the ground floor and in the rooms the notebook imports from), the chapter's
folder in `data/`, the data registry, the locked requirements, and which public data are at hand.
"""

import hashlib
import json
import re
from pathlib import Path

from jupyter_cache import get_cache
from myst_nb.sphinx_ import NbMetadataCollector

LIMIT = 30  # cached executions of all chapters together


def inputs(root, name, notebook_text):
    """Files that the notebook called `name` (`chNN_...`) depends on, sorted."""
    root = Path(root)
    files = [root / "requirements.txt", *root.glob("data/*.toml"), *root.glob("helpers/*.py")]
    imports = "\n".join(line for line in notebook_text.splitlines() if "helpers" in line)
    for room in root.glob("helpers/*/"):
        if re.search(rf"\b{room.name}\b", imports):
            files += room.rglob("*.*")
    chapter = re.match(r"ch\d\d", name)
    if chapter:
        files += root.glob(f"data/{chapter.group()}/**/*")
    return sorted({f for f in files if f.is_file() and "__pycache__" not in f.parts})


def available_data():
    """Names of the public data sets that this machine can read now."""
    from helpers import data

    return [name for name in sorted(data.registry()) if data.available(name)]


def digest(root, name, notebook_text, at_hand):
    """Hexadecimal digest of the inputs' paths and contents and of the data `at_hand`."""
    total = hashlib.sha256("\n".join(at_hand).encode())
    for file in inputs(root, name, notebook_text):
        total.update(file.relative_to(root).as_posix().encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def find_data(app):
    """Look for the public data once per build."""
    app.env.a2s_data = available_data()


def page_digest(app, docname):
    """Digest of one notebook page, None for any other page."""
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb" or not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
    return digest(Path(app.srcdir), path.stem, text, app.env.a2s_data)


def outdated(app, env, added, changed, removed):
    """Pages that were read with other inputs than those of now."""
    known = NbMetadataCollector.get_doc_data(env)
    return [
        docname
        for docname in env.found_docs - added - changed
        if known.get(docname, {}).get("digest") != page_digest(app, docname)
    ]


def add_digest(app, docname, source):
    """Write the digest into the notebook's kernel description before it is looked up."""
    value = page_digest(app, docname)
    if value is None:
        return
    notebook = json.loads(source[0])
    kernel = {"name": "python3", "display_name": "Python 3"}
    kernel |= notebook["metadata"].get("kernelspec", {})
    notebook["metadata"]["kernelspec"] = kernel | {"a2s_inputs": value}
    source[0] = json.dumps(notebook)
    NbMetadataCollector.set_doc_data(app.env, docname, "digest", value)


def forget_old(app, exception):
    """Keep the latest executions only; each edit of an input would add one for ever."""
    get_cache(app.env.mystnb_config.execution_cache_path).change_cache_limit(LIMIT)


def setup(app):
    """Connect to the reading phase."""
    app.connect("builder-inited", find_data)
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", add_digest)
    app.connect("build-finished", forget_old)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
