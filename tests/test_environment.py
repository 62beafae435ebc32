"""The lock, the conda environment and the package's own list of dependencies stay in step."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
NOT_LOCKED = {"particles", "molecules"}  # large, and for one adapter or one script only


def locked():
    pins = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            pins[canonicalize_name(requirement.name)] = requirement
    return pins


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {k: v for k, v in project["optional-dependencies"].items() if k not in NOT_LOCKED}
    groups = [project["dependencies"], *extras.values()]
    return [Requirement(line) for group in groups for line in group]


def test_every_lock_line_is_one_exact_version():
    for name, requirement in locked().items():
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), (
            f"{name} is not pinned exactly"
        )
        assert not requirement.url


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_lock_satisfies_every_declared_dependency(requirement):
    pin = locked()[canonicalize_name(requirement.name)]
    version = str(pin.specifier).removeprefix("==")
    assert requirement.specifier.contains(version), f"{requirement} but the lock has {version}"


def test_the_lock_is_closed():
    """Everything that a locked package needs on this platform is itself locked."""
    pins = locked()
    for name in pins:
        if name.startswith(("nvidia-", "triton", "cuda-")):
            continue
        for line in requires(name) or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                if canonicalize_name(need.name) == "pip":
                    continue
                if canonicalize_name(need.name).startswith(("nvidia-", "triton", "cuda-")):
                    continue
                assert canonicalize_name(need.name) in pins, (
                    f"{name} needs {need.name}, which requirements.txt does not pin"
                )


@pytest.mark.parametrize("folder", ["", ".binder"])
def test_conda_lists_nothing_but_python_pip_and_the_lock(folder):
    environment = yaml.safe_load((ROOT / folder / "environment.yml").read_text())
    up = "../" if folder else ""
    python, pip, rest = environment["dependencies"]
    assert python.startswith("python=") and pip == "pip"
    assert rest == {"pip": [f"-r {up}requirements.txt", f"-e {up or '.'}".rstrip("/")]}
