"""Parts of the Sphinx extensions that need no book; `tests/site/test_build.py` builds some."""

import hashlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "_ext"))
pytest.importorskip("myst_nb", reason="the book's tools are not installed")

import cache_digest
import launch
import offline_site

FILES = """
requirements.txt helpers/data.py helpers/atoms/detect.py helpers/atoms/deep/inner.py
helpers/sers/events.py helpers/widgets/threshold.py helpers/widgets/threshold.js
data/registry.toml data/ch01/weights.safetensors data/ch02/weights.safetensors
helpers/atoms/__pycache__/detect.pyc
""".split()


@pytest.fixture
def root(tmp_path):
    """A small repository."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def notebook(*lines):
    """Text of a notebook file with one code cell."""
    return json.dumps({"cells": [{"source": [f"{line}\n" for line in lines]}]}, indent=1)


def inputs(root, *lines, name="ch01_single_atoms"):
    """Inputs of a notebook as paths below the root."""
    return {
        p.relative_to(root).as_posix() for p in cache_digest.inputs(root, name, notebook(*lines))
    }


GROUND = {"requirements.txt", "helpers/data.py", "data/registry.toml"}
CHAPTER = {"data/ch01/weights.safetensors"}
ATOMS = {"helpers/atoms/detect.py", "helpers/atoms/deep/inner.py"}
WIDGETS = {"helpers/widgets/threshold.py", "helpers/widgets/threshold.js"}


def test_inputs_are_the_ground_floor_and_the_rooms_that_are_imported(root):
    assert inputs(root, "x = 1") == GROUND | CHAPTER
    assert inputs(root, "from helpers.atoms import detect") == GROUND | CHAPTER | ATOMS
    assert inputs(root, "from helpers import atoms, widgets") == GROUND | CHAPTER | ATOMS | WIDGETS
    assert inputs(root, "import helpers.widgets.threshold as t") == GROUND | CHAPTER | WIDGETS
    assert inputs(root, "atoms = 3  # of platinum") == GROUND | CHAPTER
    assert inputs(root, "x = 1", name="notes") == GROUND


def test_digest_follows_every_input_and_nothing_else(root):
    text = notebook("from helpers.atoms import detect")

    def digest(at_hand=("pt-nc",)):
        return cache_digest.digest(root, "ch01_x", text, at_hand)

    first = digest()
    for name in ("helpers/sers/events.py", "data/ch02/weights.safetensors"):
        (root / name).write_text("changed")
        assert digest() == first
    assert digest(()) != first, "public data that appear or vanish must re-execute"
    for name in sorted(GROUND | CHAPTER | ATOMS):
        before = (root / name).read_text()
        (root / name).write_text("changed")
        assert digest() != first, name
        (root / name).write_text(before)
        assert digest() == first
    (root / "helpers/atoms/new.py").write_text("")
    assert digest() != first


def test_links_follow_the_one_setting():
    options = {"launch_buttons": {"binderhub_url": "https://mybinder.org"}}
    launch.apply(options, "https://github.com/someone/some-book")
    assert options["launch_buttons"]
    assert options["repository_url"] and options["use_repository_button"]
    launch.apply(options, "")
    assert not any(options.values())


def test_environment_overrides_the_setting(monkeypatch):
    monkeypatch.setenv("A2S_REPOSITORY", "https://github.com/someone/else")
    config = SimpleNamespace(html_theme_options={"repository_url": ""})
    launch.read_setting(None, config)
    assert config.html_theme_options["repository_url"] == "https://github.com/someone/else"


def test_thebe_is_recognised_by_file_and_by_body():
    inline = SimpleNamespace(filename=None, attributes={"body": 'const THEBE_JS_URL = "x"'})
    file = SimpleNamespace(filename="_static/sphinx-thebe.js", attributes={})
    other = SimpleNamespace(filename="_static/a2s.js", attributes={"body": ""})
    context = {"script_files": [inline, other, file, "_static/plain.js"]}
    offline_site.drop_thebe(None, "page", "page.html", context, None)
    assert context["script_files"] == [other, "_static/plain.js"]


def test_third_party_files_are_those_of_their_readme():
    folder = Path(__file__).parents[1] / "book" / "_assets" / "offline"
    listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text(), re.M)
    for checksum, name in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum, name
    ours = {"require-config.js", "README.md", "vendor.sh"}
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files - ours == {name for _, name in listed}
