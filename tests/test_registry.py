import io
import re
import shutil
import time

import pytest
import requests

from helpers import registry as public
from helpers.data import DataError, DataUnavailable, available, fetch, pt_nc, registry, sha256

SETS = ("pt-nc", "au-particle", "eels-si", "picocavity-events", "sers-series")
CONTENT = {"a.txt": b"first", "sub/b.txt": b"second"}
SHA = {
    "a.txt": "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e",
    "sub/b.txt": "16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4",
}


@pytest.fixture
def little(monkeypatch, tmp_path):
    """A registry of one small set, whose files are served by a stand-in for the internet."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "registry.toml").write_text(
        '["little"]\ntitle = "t"\nlicence = "MIT"\ncitation = "c"\nurl = "https://home.test"\n'
        'base = "https://raw.test/commit/"\n[little.files]\n'
        f'"a.txt" = "{SHA["a.txt"]}"\n'
        f'"sub/b.txt" = {{ sha256 = "{SHA["sub/b.txt"]}", at = "else/where.txt" }}\n'
    )
    monkeypatch.setattr(public, "ROOT", tmp_path)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.delenv("A2S_DATA", raising=False)
    return tmp_path


@pytest.fixture
def served(monkeypatch):
    """Answer requests from a dict of url -> bytes, and record them."""
    pages = {
        "https://raw.test/commit/a.txt": CONTENT["a.txt"],
        "https://raw.test/commit/else/where.txt": CONTENT["sub/b.txt"],
    }
    asked = []

    def answer(self, method, url, **_):
        asked.append((method.upper(), url))
        response = requests.Response()
        content = pages.get(url)
        if callable(content):
            content = content()
        response.status_code = 404 if content is None else 200
        response.url = url
        response.raw = io.BytesIO(content or b"")
        return response

    monkeypatch.setattr(requests.Session, "request", answer)
    return pages, asked


def put(folder, content=CONTENT):
    for path, data in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


# ---- the registry itself


def test_every_set_is_described():
    sets = registry()
    assert set(sets) == set(SETS)
    for entry in sets.values():
        assert all(entry[key] for key in ("title", "licence", "citation", "url", "files"))
        assert list(entry["addresses"]) == list(entry["files"])
        for path, digest in entry["files"].items():
            assert re.fullmatch("[0-9a-f]{64}", digest), path
            assert not path.startswith("/") and ".." not in path


def test_addresses_name_a_commit_or_the_file_is_declared_as_converted():
    pattern = r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/.+"
    for entry in registry().values():
        for path, address in entry["addresses"].items():
            if address:
                assert re.fullmatch(pattern, address), address
            else:
                assert path in ("events.csv", "events.npz", "three-vitamins-R1.csv")
                assert "converted" in entry["note"]


def test_the_21_images_their_labels_split_and_network_are_listed():
    files = registry()["pt-nc"]["files"]
    assert sum(path.startswith("data/tif_data/") for path in files) == 21
    assert sum(path.startswith("data/label_coordinates/") for path in files) == 21
    assert "dataset/Coordinate_image_pairs.csv" in files and "models/model_existing.ckpt" in files


def test_unknown_name():
    for function in (fetch, available):
        with pytest.raises(DataError, match="'gold'; known are pt-nc, au-particle"):
            function("gold")


def test_unknown_split():
    with pytest.raises(DataError, match="'validation'"):
        pt_nc("validation")


def test_sha256_of_a_folder_depends_on_names_and_content(tmp_path):
    one = sha256(put(tmp_path / "one"))
    assert one == sha256(put(tmp_path / "two"))
    assert one != sha256(put(tmp_path / "three", {"c.txt": b"first", "sub/b.txt": b"second"}))
    assert one != sha256(put(tmp_path / "four", {"a.txt": b"First", "sub/b.txt": b"second"}))


# ---- a local folder


def test_local_folder_comes_first(little, served, monkeypatch):
    folder = put(little / "mine" / "little")
    put(little / "cache" / "a2s" / "little")
    monkeypatch.setenv("A2S_DATA", str(little / "mine"))
    assert available("little") and fetch("little") == folder
    assert served[1] == []


def test_altered_local_file_is_an_error(little, served, monkeypatch):
    put(little / "mine" / "little", CONTENT | {"sub/b.txt": b"tampered"})
    monkeypatch.setenv("A2S_DATA", str(little / "mine"))
    assert not available("little")
    with pytest.raises(DataError, match="altered sub/b.txt.*0 of 2 files missing, 1 with another"):
        fetch("little")
    assert served[1] == []


def test_incomplete_local_folder_is_an_error(little, served, monkeypatch):
    put(little / "mine" / "little", {"a.txt": b"first"})
    monkeypatch.setenv("A2S_DATA", str(little / "mine"))
    assert not available("little")
    with pytest.raises(DataError, match="lacks sub/b.txt"):
        fetch("little")


def test_local_folder_without_the_set_is_passed_over(little, served, monkeypatch):
    cache = put(little / "cache" / "a2s" / "little")
    monkeypatch.setenv("A2S_DATA", str(little / "nowhere"))
    assert available("little") and fetch("little") == cache


# ---- cache and download


def test_download_fills_the_cache_once(little, served):
    assert not available("little") and served[1] == []
    folder = fetch("little")
    assert folder == little / "cache" / "a2s" / "little"
    assert {path: (folder / path).read_bytes() for path in CONTENT} == CONTENT
    gets = [url for method, url in served[1] if method == "GET"]
    assert sorted(gets) == sorted(served[0])
    assert available("little") and fetch("little") == folder
    assert len([1 for method, _ in served[1] if method == "GET"]) == 2


def test_altered_cache_is_downloaded_again(little, served):
    folder = fetch("little")
    (folder / "a.txt").write_bytes(b"rotten")
    assert not available("little")
    assert (fetch("little") / "a.txt").read_bytes() == b"first"


def test_download_is_tried_again(little, served):
    answers = [b"first", None, None]
    served[0]["https://raw.test/commit/a.txt"] = lambda: answers.pop()
    fetch("little")
    assert answers == []


def test_wrong_content_from_the_server_is_refused(little, served):
    served[0]["https://raw.test/commit/a.txt"] = b"something else"
    with pytest.raises(DataUnavailable, match="commit/a.txt.*hash"):
        fetch("little")
    assert not (little / "cache" / "a2s" / "little" / "a.txt").exists()


def test_page_that_is_gone(little, served):
    del served[0]["https://raw.test/commit/else/where.txt"]
    with pytest.raises(DataUnavailable, match="else/where.txt.*404.*A2S_DATA"):
        fetch("little")


# ---- without network


@pytest.mark.parametrize("name", ["pt-nc", "au-particle", "eels-si"])
def test_offline_is_quick_and_says_what_to_do(name, offline):
    start = time.monotonic()
    assert not available(name)
    with pytest.raises(DataUnavailable) as caught:
        fetch(name)
    assert time.monotonic() - start < 3
    for part in (name, "https://raw.githubusercontent.com/", "A2S_DATA", "ConnectionError"):
        assert part in str(caught.value)


def test_silent_network_is_given_up(offline, monkeypatch):
    """A name server that never answers is outside the reach of HTTP timeouts."""
    sleep = time.sleep
    monkeypatch.setattr(public, "PROBE_S", 0.2)
    monkeypatch.setattr(requests.Session, "request", lambda *_, **__: sleep(5))
    start = time.monotonic()
    with pytest.raises(DataUnavailable, match="no answer within 0.2 s"):
        fetch("pt-nc")
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("name", "path"),
    [("picocavity-events", "events.csv, events.npz"), ("sers-series", "three-vitamins-R1.csv")],
)
def test_converted_files_come_only_from_a_local_folder(name, path, offline):
    with pytest.raises(DataUnavailable, match=f"{path} cannot be downloaded.*A2S_DATA"):
        fetch(name)


def test_pt_nc_offline(offline):
    with pytest.raises(DataUnavailable, match="pt-nc"):
        pt_nc()


@pytest.mark.measured
@pytest.mark.parametrize("name", SETS)
def test_measured_sets_are_whole(name):
    try:
        folder = fetch(name)
    except DataUnavailable as exc:
        pytest.skip(f"measured data: {exc}")
    assert available(name)
    for path, digest in registry()[name]["files"].items():
        assert sha256(folder / path) == digest


@pytest.mark.measured
def test_one_changed_byte_in_a_copy_is_noticed(tmp_path, monkeypatch, pt_nc):
    shutil.copytree(fetch("pt-nc"), tmp_path / "pt-nc", copy_function=shutil.copyfile)
    victim = tmp_path / "pt-nc" / "data" / "tif_data" / pt_nc[0].image.source
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    monkeypatch.setenv("A2S_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"altered data/tif_data/{victim.name}"):
        fetch("pt-nc")
