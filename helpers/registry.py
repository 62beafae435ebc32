"""Public data sets by name: where they are, whether they are whole, and how to fetch them.

`data/registry.toml` lists every file with its SHA-256 and, where it has one, its address. A set is
looked for in the folder named by the environment variable ``A2S_DATA``, then in the cache, and
only then downloaded. Whatever the way, every file is checked against its hash.
"""

import hashlib
import os
import threading
import tomllib
from pathlib import Path

import pooch
import requests
from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parents[1]
CONNECT_S, PROBE_S, READ_S = 3, 6, 30


class DataError(ValueError):
    """An input that cannot be used; the message says what was found, expected, and what to do."""


class DataUnavailable(RuntimeError):
    """A public data set that can be had neither from a local folder nor from the internet."""


def registry():
    """List the public data sets.

    Returns
    -------
    dict
        Name -> dict with ``title``, ``licence``, ``citation``, ``url`` (home page), ``note``,
        ``files`` (path -> SHA-256) and ``addresses`` (path -> URL, or "" for a file that was
        converted from a published one and has no address).
    """
    with open(ROOT / "data" / "registry.toml", "rb") as file:
        entries = tomllib.load(file)
    sets = {}
    for name, entry in entries.items():
        files, addresses = {}, {}
        for path, value in entry["files"].items():
            value = value if isinstance(value, dict) else {"sha256": value}
            files[path] = value["sha256"]
            converted = value.get("converted", False)
            addresses[path] = "" if converted else entry["base"] + value.get("at", path)
        about = {key: entry[key] for key in ("title", "licence", "citation", "url")}
        sets[name] = about | {
            "note": entry.get("note", ""),
            "files": files,
            "addresses": addresses,
        }
    return sets


def sha256(path):
    """SHA-256 of a file, or of all files of a folder (names included), as 64 hex digits."""
    path = Path(path)
    if path.is_dir():
        whole = hashlib.sha256()
        for part in sorted(p for p in path.rglob("*") if p.is_file()):
            whole.update(f"{part.relative_to(path).as_posix()} {sha256(part)}\n".encode())
        return whole.hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(name):
    """Fetch a public data set.

    Parameters
    ----------
    name : str
        One of the names in `registry`.

    Returns
    -------
    pathlib.Path
        The folder that holds the files of the set, all with the registered hash.

    Raises
    ------
    DataError
        Unknown name, or the folder given by ``A2S_DATA`` holds an incomplete or altered copy.
    DataUnavailable
        No copy on this computer and none could be downloaded.
    """
    entry = _entry(name)
    local = _local(name)
    if local:
        missing, altered = _faults(local, entry["files"])
        if missing or altered:
            what = f"lacks {missing[0]}" if missing else f"holds an altered {altered[0]}"
            raise DataError(
                f"The folder {local} {what} ({len(missing)} of {len(entry['files'])} files missing,"
                f" {len(altered)} with another SHA-256 than registered): replace the copy from"
                f" {entry['url']}, or unset A2S_DATA to download it."
            )
        return local
    cache = _cache(name)
    missing, altered = _faults(cache, entry["files"])
    if missing or altered:
        _download(name, entry, cache, missing + altered)
    return cache


def available(name):
    """Whether the data set of this name is whole on this computer (bool); asks no network.

    Raises
    ------
    DataError
        There is no set of this name.
    """
    files = _entry(name)["files"]
    return not any(_faults(_local(name) or _cache(name), files))


def _entry(name):
    sets = registry()
    if name not in sets:
        raise DataError(f"There is no public data set {name!r}; known are {', '.join(sets)}.")
    return sets[name]


def _local(name):
    folder = os.environ.get("A2S_DATA", "")
    path = Path(folder).expanduser() / name
    return path if folder and path.is_dir() else None


def _cache(name):
    return Path(pooch.os_cache("a2s")) / name


def _faults(folder, files):
    """Paths that are missing, and paths whose content is not the registered one."""
    missing = [path for path in files if not (folder / path).is_file()]
    altered = [
        path
        for path, digest in files.items()
        if path not in missing and sha256(folder / path) != digest
    ]
    return missing, altered


def _download(name, entry, cache, paths):
    """Download `paths` of a set into `cache`."""
    by_hand = (
        f"put the files into a folder called {name} and set the environment variable A2S_DATA to"
        " the folder that contains it"
    )
    converted = [path for path in paths if not entry["addresses"][path]]
    if converted:
        raise DataUnavailable(
            f"Data set {name!r} is not available: {', '.join(converted)} cannot be downloaded"
            f" ({entry['note']}; source {entry['url']}). To use it, {by_hand}."
        )
    url = entry["addresses"][paths[0]]
    trouble = _unreachable(url)
    if not trouble:
        pooch.get_logger().setLevel("WARNING")
        pup = pooch.create(
            path=cache, base_url="", urls=entry["addresses"], retry_if_failed=2,
            registry={path: f"sha256:{digest}" for path, digest in entry["files"].items()},
        )  # fmt: skip
        getter = pooch.HTTPDownloader(timeout=(CONNECT_S, READ_S))
        try:
            for path in tqdm(paths, desc=f"fetching {name}", unit="file", disable=None):
                url = entry["addresses"][path]
                pup.fetch(path, downloader=getter)
        except (requests.RequestException, ValueError, OSError) as exc:
            trouble = f"{type(exc).__name__}: {exc}"
    if trouble:
        raise DataUnavailable(
            f"Data set {name!r} is not available: {url} could not be downloaded ({trouble})."
            f" Connect to the internet and try again, or {by_hand}."
        )


def _unreachable(url):
    """Why a server does not answer within `PROBE_S` seconds, or "" when it does.

    Asked once before a download with retries, in a thread, because a name server that stays silent
    is outside the reach of any timeout of the HTTP library.
    """
    answer = []

    def ask():
        try:
            requests.head(url, timeout=CONNECT_S)
            answer.append("")
        except requests.RequestException as exc:
            answer.append(type(exc).__name__)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_S)
    return answer[0] if answer else f"no answer within {PROBE_S} s"
