"""What ran on what: input file, code, packages and device, without names of users or machines."""

import contextlib
import re
import subprocess
from html import escape
from importlib import metadata
from pathlib import Path

from helpers import chapters
from helpers.registry import ROOT, DataError, sha256
from helpers.results import emit

SHOWN = ("numpy", "scipy", "torch", "scikit-image", "scikit-learn")
LOCK = ROOT / "requirements.txt"
PACKAGE = "atoms-to-spectra"


def describe(path):
    """Describe an input file (or a folder that is one data set): path, SHA-256 and size.

    Parameters
    ----------
    path : Path
        Absolute path. It is recorded relative to the working folder; of a file elsewhere only
        the name is, because a full path tells who works on which machine.

    Returns
    -------
    dict
        ``path``, ``sha256``, ``bytes``.

    Raises
    ------
    DataError
        There is no such file.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist: check the path.")
    here = Path.cwd()
    shown = path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return {"path": shown, "sha256": sha256(path), "bytes": sum(p.stat().st_size for p in files)}


def device():
    """Name the GPU that networks use on this computer, or ``cpu``."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def packages():
    """Return the installed versions of the packages in the lock, or of those required."""
    lines = LOCK.read_text().splitlines() if LOCK.is_file() else _requirements()
    names = {m[0] for line in lines if (m := re.match(r"[A-Za-z0-9][\w.-]*", line))}
    versions = {}
    for name in sorted(names, key=str.lower):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def changed(declared, values):
    """Return the parameters whose value is not their default.

    Parameters
    ----------
    declared : dict
        Name -> `helpers.chapters.Parameter`.
    values : dict
        Name -> value, such as ``globals()`` of the notebook; other names are passed over.

    Returns
    -------
    dict
        Of a file only the name, because a full path tells who works on which machine.
    """
    return {
        name: Path(values[name]).name if parameter.is_path else values[name]
        for name, parameter in declared.items()
        if name in values and name != "out" and values[name] != parameter.default
    }


def show(chapter, values, **more):
    """Show what made a page: code, device, changed parameters, shipped weights and packages.

    Parameters
    ----------
    chapter : str
        Short name, such as ``ch01``.
    values : dict
        ``globals()`` of the notebook.
    more
        Further rows as text, such as the source of the data; an empty one is left out.
    """
    given = changed(chapters.in_book()[chapter].parameters(), values)
    ran = code()
    versions = packages()
    rows = {
        "code": f"{PACKAGE} {ran['version']}",
        "commit": (ran["commit"] or "none") + (", with local changes" if ran["modified"] else ""),
        "device": device(),
        "parameters changed": ", ".join(f"{k} = {v!r}" for k, v in given.items()) or "none",
        **{name: value for name, value in more.items() if value},
        **{
            f"weights {path.name}": f"SHA-256 {sha256(path)}"
            for path in sorted((ROOT / "data" / chapter).glob("*.safetensors"))
        },
        "packages": ", ".join(f"{name} {versions[name]}" for name in SHOWN if name in versions),
    }
    look = 'style="text-align: left; white-space: normal; overflow-wrap: anywhere"'
    body = "".join(
        f'<tr><th scope="row" {look}>{escape(name)}</th><td {look}>{escape(str(value))}</td></tr>'
        for name, value in rows.items()
    )
    text = "\n".join(f"{name}: {value}" for name, value in rows.items())
    emit("provenance", rows, f'<table class="a2s-provenance">{body}</table>', text)


def _requirements():
    return [r for r in metadata.requires(PACKAGE) or [] if "extra ==" not in r]


def code():
    """Return the package version, and the git commit when it runs from its own checkout."""
    found = {"version": metadata.version(PACKAGE), "commit": None, "modified": None}
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if Path(_git("rev-parse", "--show-toplevel")) == ROOT:
            found["commit"] = _git("rev-parse", "HEAD")
            found["modified"] = bool(_git("status", "--porcelain", "--", "book", "helpers", "data"))
    return found


def _git(*arguments):
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
