import pytest

from helpers import data


@pytest.fixture(scope="session")
def pt_nc():
    """The 21 measured images; skips, with the reason, where they cannot be had."""
    try:
        return data.pt_nc()
    except data.DataUnavailable as exc:
        pytest.skip(f"measured data: {exc}")


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No local data, an empty cache, and a network that refuses every connection."""
    import socket

    import requests

    def refuse(*_, **__):
        raise requests.ConnectionError("no network in this test")

    def no_socket(*_, **__):
        raise OSError("no network in this test")

    monkeypatch.delenv("A2S_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(requests.Session, "request", refuse)
    monkeypatch.setattr(socket, "create_connection", no_socket)
    return tmp_path


@pytest.fixture(scope="session")
def dm4():
    """Writer of a DigitalMicrograph 4 file: ``dm4(path, values, steps, units, origins)``."""
    return write_dm4


def write_dm4(path, values, steps=(0.04, 0.05, 0.05), units=("s", "nm", "nm"), origins=(0, 0, 0)):
    """Write the tags of a DigitalMicrograph 4 file that readers need; axes as those of values."""
    import struct

    big = ">"

    def name(text):
        return struct.pack(big + "H", len(text)) + text.encode()

    def entry(text, payload, info):
        body = b"%%%%" + struct.pack(big + "Q", len(info))
        body += b"".join(struct.pack(big + "Q", i) for i in info) + payload
        return b"\x15" + name(text) + struct.pack(big + "Q", len(body)) + body

    def number(text, value, kind):
        code = {"H": 4, "i": 3, "I": 5, "f": 6, "d": 7, "B": 8}[kind]
        return entry(text, struct.pack("<" + kind, value), [code])

    def words(text, value):
        data = value.encode("utf-16-le")
        return entry(text, data, [20, 4, len(value)])

    def group(text, parts):
        body = b"\x00\x00" + struct.pack(big + "Q", len(parts)) + b"".join(parts)
        return b"\x14" + name(text) + struct.pack(big + "Q", len(body)) + body

    def axis(scale, unit, origin):
        return group("", [number("Origin", origin, "f"), number("Scale", scale, "f"),
                          words("Units", unit)])  # fmt: skip

    flat = values.astype("<f4").ravel()
    pixels = entry("Data", flat.tobytes(), [20, 6, flat.size])
    sizes = group("Dimensions", [number("", n, "I") for n in values.shape[::-1]])
    axes = [axis(*about) for about in zip(steps, units, origins)]
    dimension = group("Dimension", axes[::-1])
    calibrations = group("Calibrations", [
        group("Brightness", [number("Origin", 0.0, "f"), number("Scale", 1.0, "f"),
                             words("Units", "")]),
        dimension,
    ])  # fmt: skip
    image_data = group("ImageData", [
        calibrations, pixels, number("DataType", 2, "I"), sizes, number("PixelDepth", 4, "I"),
    ])  # fmt: skip
    image = group("", [image_data, group("ImageTags", []), words("Name", "video")])
    root = [number("InImageMode", 1, "B"), group("ImageList", [image])]
    body = b"\x01\x00" + struct.pack(big + "Q", len(root)) + b"".join(root)
    header = (
        struct.pack(big + "I", 4) + struct.pack(big + "Q", len(body)) + struct.pack(big + "I", 1)
    )
    path.write_bytes(header + body + b"\x00" * 8)
    return path
