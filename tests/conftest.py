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
