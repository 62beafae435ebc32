"""Rerun a chapter with Papermill into one new folder: whole, or named ``*.failed``.

A run happens in a temporary folder beside its output and is renamed when everything is written,
so that no half result ever looks whole. `helpers.report` turns the executed notebook into files.
"""

import contextlib
import datetime
import html
import logging
import os
import platform
import secrets
import shutil
import sys
import time
from pathlib import Path

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from helpers import chapters, provenance, report
from helpers.chapters import Refused, tags
from helpers.data import open_image, open_points, open_series
from helpers.results import KEPT, emit
from helpers.spectrum_images import open_pair


class RunFailed(RuntimeError):
    """A run that started and failed; its remains are in the folder ``*.failed``."""


def run(name, out, data=None, parameters=None, force=False):
    """Execute a chapter and write its results into the new folder `out`.

    Parameters
    ----------
    name : str
        Chapter, such as ``ch01``.
    out : str or Path
        Folder to make. With `force` it may be an earlier run, which is kept until the new one is
        whole. On failure ``out.failed`` holds the notebook up to the error and ``error.txt``.
    data : str or Path, optional
        Measured file to analyse: then only the cells tagged ``your-data`` are executed. Without
        it the whole chapter runs on its own data.
    parameters : dict, optional
        Parameter values by name, as text or as objects of the declared type.

    Returns
    -------
    Path
        The finished folder.

    Raises
    ------
    Refused, helpers.data.DataError
        Before anything is started: unknown chapter or parameter, value of a wrong type or out of
        its range, folder in the way, file that cannot be opened.
    RunFailed
        The run started and did not finish; the message is the reason, in one line.
    """
    chapter = _chapter(name)
    declared = chapter.parameters()
    changed = _converted(parameters or {}, declared)
    out = Path(os.path.abspath(out))
    _check_destination(out, force)
    notebook = chapter.read()
    defaults = {p.name: p.default for p in declared.values()}
    if data is not None:
        notebook = _your_data_only(notebook, chapter, declared)
        changed["data"] = str(data)
    # The kernel works in another folder than the user.
    files = {k: Path(os.path.abspath(v)) for k, v in changed.items() if v and declared[k].is_path}
    if "data" in declared:
        _check_inputs(files, defaults | changed, declared["data"])
    inputs = {k: provenance.describe(path) for k, path in files.items()}
    shown = changed | {k: about["path"] for k, about in inputs.items()}
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    with _whole_or_failed(out, force) as folder:
        values = changed | {k: str(path) for k, path in files.items()}
        executed = _execute(notebook, folder / chapter.path.name, values)
        about = {
            "chapter": chapter.name,
            "title": chapter.title,
            "notebook": chapter.path.name,
            "cells": "all" if data is None else "your-data",
            "inputs": inputs,
            "parameters": defaults | shown,
            "changed": {k: v for k, v in shown.items() if v != defaults[k]},
            "seed": (defaults | shown).get("seed"),
            "started": started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 1),
            "device": provenance.device(),
            "python": platform.python_version(),
            "packages": provenance.packages(),
            "code": provenance.code(),
        }
        report.write(folder, executed, about, declared)
    return out


def methods(text, citations=()):
    """Show a chapter's methods sentences and hand them to the report of a rerun.

    Parameters
    ----------
    text : str
        What was done, in full sentences, with the values that this run used.
    citations : sequence of str
        What to cite for it, one reference each.
    """
    items = "".join(f"<li>{html.escape(c)}</li>" for c in citations)
    emit(
        "methods",
        {"text": text, "citations": list(citations)},
        f"<blockquote><p>{html.escape(text)}</p><ul>{items}</ul></blockquote>",
        "\n".join([text, *citations]),
    )


class ThisPython(AsyncKernelManager):
    """Start kernels with the Python that runs this code, whichever kernels are registered."""

    transport_encryption = "auto" if zmq.has("curve") else "disabled"
    environment = {}

    @property
    def kernel_spec(self):
        """The kernel of `sys.executable`."""
        from ipykernel.kernelspec import get_kernel_dict

        return KernelSpec(**get_kernel_dict(), env=self.environment)


def _chapter(name):
    known = chapters.in_book()
    if name not in known:
        raise Refused(f"there is no chapter {name!r}; known are {', '.join(known) or 'none'}")
    return known[name]


def _converted(given, declared):
    for name in given:
        if name not in declared:
            raise Refused(f"unknown parameter {name!r}; valid are {', '.join(declared)}")
        if name in ("data", "out"):
            raise Refused(f"parameter {name!r} is set by --{name}, not by -p")
    return {name: declared[name].convert(value) for name, value in given.items()}


def _check_inputs(files, values, about):
    """Open what is to be analysed, so that nothing is started with a file that cannot be."""
    size = values.get("pixel_size_nm") or None
    if about.is_spectrum_image:
        if ("data" in files) != ("haadf" in files):
            raise Refused(
                "a spectrum image (--data) and the dark-field image of the same scan (--haadf)"
                " belong together: give both or neither"
            )
        if files:
            given = values.get("ev_per_channel") or None, values.get("first_ev", 0.0)
            open_pair(files["data"], files["haadf"], size, *given)
    elif "data" in files:
        image = (open_series if about.is_video else open_image)(files["data"], size)
        if "labels" in files:
            open_points(files["labels"], image)


def _check_destination(out, force):
    failed = _failed(out)
    if failed.exists() and not (failed / "error.txt").is_file():
        raise Refused(f"{failed} is in the way and is no failed run: move it")
    if not os.path.lexists(out):
        return
    if not force:
        raise Refused(f"{out} exists: choose another folder, or replace an earlier run by --force")
    if out.is_symlink() or not (out / "provenance.json").is_file():
        raise Refused(f"{out} is not a run (it has no provenance.json): --force leaves it alone")


def _failed(out):
    return out.with_name(out.name + ".failed")


@contextlib.contextmanager
def _whole_or_failed(out, force):
    """Yield a temporary folder; afterwards it is `out`, or ``out.failed``, or (Ctrl-C) gone."""
    folder = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise Refused(f"cannot write in {out.parent}: {error.strerror}") from error
    try:
        yield folder
        _check_destination(out, force)  # another run may have finished meanwhile
        _replace(folder, out)
        shutil.rmtree(_failed(out), ignore_errors=True)
    except Exception as error:
        reason = _reason(error)
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix != ".ipynb":
                path.unlink()
        with contextlib.suppress(OSError):  # a full disk must not hide the reason
            (folder / "error.txt").write_text(reason + "\n", encoding="utf-8")
        _replace(folder, _failed(out))
        raise RunFailed(reason) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(folder, destination):
    """Rename `folder` to `destination`; what was there is kept until that has succeeded."""
    old = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.old")
    if destination.exists():
        destination.rename(old)
    try:
        folder.rename(destination)
    except BaseException:
        if old.exists():
            old.rename(destination)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _reason(error):
    """One line that says what went wrong, without a traceback."""
    kind, text = type(error).__name__, str(error)
    if kind == "DeadKernelError":
        return "the Python that ran the chapter died, perhaps for lack of memory"
    if kind == "PapermillExecutionError":
        kind, text = error.ename, error.evalue
    text = " ".join(text.split())
    return text if kind in ("DataError", "DataUnavailable", "Refused") else f"{kind}: {text}"


def _your_data_only(notebook, chapter, declared):
    kept = [c for c in notebook.cells if {"parameters", "your-data"} & set(tags(c))]
    if not any("your-data" in tags(c) for c in kept) or "data" not in declared:
        raise Refused(f"chapter {chapter.name} cannot be run on a file: leave out --data")
    notebook.cells = kept
    return notebook


def _execute(notebook, path, values):
    import papermill

    class Kernel(ThisPython):
        environment = {KEPT: str(path.parent / report.FILES)}

    # It misreads parameters with an equals sign in their comment, and then calls them unknown.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    papermill.execute_notebook(
        notebook,
        str(path).replace("{", "{{").replace("}", "}}"),  # Papermill formats its output path
        parameters=values,
        kernel_name="python3",
        language="python",
        kernel_manager_class=Kernel,
        cwd=str(chapters.BOOK),
        progress_bar=sys.stderr.isatty(),
    )
    executed = nbformat.read(path, as_version=4)
    for key in ("input_path", "output_path"):  # of this machine, and the latter is temporary
        executed.metadata.papermill.pop(key, None)
    nbformat.write(executed, path)
    return executed
