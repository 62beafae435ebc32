"""Command line tool ``a2s``: list the chapters, fetch public data, run a chapter on a file."""

import argparse
import os
import signal
import sys
from pathlib import Path

from helpers import chapters
from helpers.registry import DataError, DataUnavailable, available, fetch, registry

FAILED, REFUSED, INTERRUPTED = 1, 2, 130


def main(arguments=None):
    """Run ``a2s`` and return its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        Instead of those of the command line.

    Returns
    -------
    int
        0 when all went well, 1 when something failed, 2 when the request could not be started.
    """
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop is a Ctrl-C
    if os.environ.get("A2S_DATA"):  # chapters run in another working folder
        os.environ["A2S_DATA"] = str(Path(os.environ["A2S_DATA"]).expanduser().absolute())
    try:
        return chosen.command(chosen)
    except (DataError, chapters.Refused) as error:
        return _complain(error, REFUSED)
    except KeyboardInterrupt:
        return _complain("interrupted, nothing was written", INTERRUPTED)


def _parser():
    parser = argparse.ArgumentParser(prog="a2s", description=__doc__.split(": ")[1])
    commands = parser.add_subparsers(required=True, metavar="command")
    lister = commands.add_parser("list", help="chapters and their parameters")
    lister.set_defaults(command=_list)
    fetcher = commands.add_parser("fetch", help="public data by name; without a name, list them")
    fetcher.add_argument("name", nargs="?")
    fetcher.set_defaults(command=_fetch)
    runner = commands.add_parser("run", help="run a chapter into a new folder")
    runner.add_argument("chapter", help="such as ch01")
    runner.add_argument("--data", metavar="FILE", help="analyse this file only")
    runner.add_argument(
        "--haadf", metavar="FILE", help="dark-field image of the same scan, of a spectrum image"
    )
    runner.add_argument(
        "-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[],
        help="set a parameter; can be repeated",
    )  # fmt: skip
    runner.add_argument("--out", metavar="DIR", required=True, help="folder to make")
    runner.add_argument("--force", action="store_true", help="replace an earlier run in DIR")
    runner.set_defaults(command=_run)
    return parser


def _list(_):
    found = chapters.in_book()
    for chapter in found.values():
        print(f"{chapter.name}  {chapter.title}")
        rows = [(p.name, p.type, repr(p.default), p.comment) for p in chapter.parameters().values()]
        widths = [max(len(row[i]) for row in rows) for i in range(3)] if rows else []
        for row in rows:
            cells = (text.ljust(width) for text, width in zip(row, widths))
            print("    " + "  ".join([*cells, row[3]]).rstrip())
        print()
    return 0 if found else _complain(f"no chapters in {chapters.BOOK}", FAILED)


def _fetch(chosen):
    sets = registry()
    if chosen.name is None:
        width = max(map(len, sets))
        for name, about in sets.items():
            state = "available" if available(name) else "not here"
            print(f"{name:{width}}  {state:9}  {about['title']} ({about['licence']})")
        return 0
    try:
        print(fetch(chosen.name))
    except (DataError, DataUnavailable) as error:
        return _complain(error, FAILED)
    print(f"licence: {sets[chosen.name]['licence']}")
    print(f"cite: {sets[chosen.name]['citation']}")
    return 0


def _run(chosen):
    from helpers import runs  # the science stack takes seconds to import

    given = {}
    for pair in chosen.parameters:
        name, equals, value = pair.partition("=")
        if not equals:
            raise chapters.Refused(f"-p takes NAME=VALUE, and {pair!r} has no equals sign")
        given[name.strip()] = value
    if chosen.haadf is not None:
        given["haadf"] = chosen.haadf
    try:
        out = runs.run(chosen.chapter, chosen.out, chosen.data, given, chosen.force)
    except runs.RunFailed as error:
        return _complain(f"{error}\nWhat there is of the run: {chosen.out}.failed", FAILED)
    print(out / "report.html")
    return 0


def _complain(message, code):
    print(f"a2s: {message}", file=sys.stderr)
    return code
