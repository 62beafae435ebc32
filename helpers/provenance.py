"""What ran on what: input file, code, packages and device, without names of users or machines."""

import contextlib
import re
import subprocess
from importlib import metadata
from pathlib import Path

from helpers.registry import ROOT, DataError, sha256

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
