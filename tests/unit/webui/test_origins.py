"""Which pages may ask for a change: by what a browser says of the site, however a proxy passes the Host on."""

from pathlib import Path

import pytest
from starlette.requests import Request

from schema.errors import DocumentError
from webui.access.config import PageConfig, config_of, origin_of
from webui.access.gate import crosses

ORIGINS = PageConfig(url="https://winslow.lan", hosts=("gpu-01.lan",)).origins
HOST = ("host", "127.0.0.1:8484")


def asked(*headers: tuple[str, str], method: str = "POST") -> bool:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return crosses(Request({"type": "http", "method": method, "path": "/", "headers": raw}), ORIGINS)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("sec-fetch-site", "same-origin"), ("origin", "https://winslow.lan")),
        (("sec-fetch-site", "same-origin"), ("origin", "null")),
        (("origin", "https://winslow.lan"),),
        (("origin", "https://winslow.lan:443"),),
        (("origin", "https://gpu-01.lan"),),
        (("origin", "http://gpu-01.lan"),),
        (("origin", "http://127.0.0.1:8484"),),
        (("referer", "https://winslow.lan/login?next=/"),),
        (("sec-fetch-site", "none"), ("origin", "https://winslow.lan")),
    ],
)
def test_S8_what_this_page_sends_passes_behind_a_proxy_that_changes_the_host(
    headers: tuple[tuple[str, str], ...],
) -> None:
    assert not asked(HOST, *headers)


@pytest.mark.parametrize(
    "headers",
    [
        (("sec-fetch-site", "cross-site"), ("origin", "https://winslow.lan")),
        (("sec-fetch-site", "same-site"), ("origin", "https://winslow.lan")),
        (("sec-fetch-site", "cross-site"),),
        (("sec-fetch-site", "none"), ("origin", "https://evil.example")),
        (("origin", "https://evil.example"),),
        (("origin", "https://winslow.lan:8443"),),
        (("origin", "http://winslow.lan"),),
        (("origin", "http://gpu-01.lan:3000"),),
        (("origin", "https://winslow.lan.evil.example"),),
        (("origin", "null"),),
        (("origin", ""), ("referer", "https://evil.example/")),
        (("referer", "https://evil.example/"),),
        (("origin", "http://127.0.0.1:9999"),),
        (("origin", "http://[::1"),),
    ],
)
def test_S8_what_another_sites_page_sends_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    assert asked(HOST, *headers)
    assert not asked(HOST, *headers, method="GET")


def test_a_page_below_a_path_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("url: https://lab.example/winslow/\n")
    with pytest.raises(DocumentError, match="does not work below a path: give it a host name of its own"):
        config_of(file)


def test_an_origin_is_written_as_browsers_write_it() -> None:
    assert origin_of("HTTPS://Winslow.LAN:443/login") == "https://winslow.lan"
    assert origin_of("http://[::1]:8484/") == "http://[::1]:8484"
    assert origin_of("javascript:alert(1)") == ""
