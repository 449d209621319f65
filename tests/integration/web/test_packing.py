"""What travels packed, and what does not."""

import pytest

from tests.integration.web.conftest import Bench

PACKED = {"accept-encoding": "gzip"}


@pytest.mark.parametrize("path", ["/", "/projects/ulm", "/static/winslow.css", "/static/vendor/htmx.min.js"])
def test_pages_and_their_files_travel_packed_for_those_who_can_unpack(bench: Bench, path: str) -> None:
    answer = bench.browser.get(path, headers=PACKED)
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    plain = bench.browser.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_what_a_browser_has_is_not_sent_again(bench: Bench) -> None:
    answer = bench.browser.get("/static/winslow.css", headers=PACKED)
    assert answer.headers["cache-control"] == "no-cache"
    again = bench.browser.get("/static/winslow.css", headers={**PACKED, "if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_downloads_are_sent_as_they_are_and_in_parts(bench: Bench) -> None:
    folder = bench.folder / "projects" / "ulm" / "files"
    folder.mkdir(parents=True)
    (folder / "words.txt").write_text("a word " * 10_000)
    whole = bench.browser.get("/raw/projects/ulm/words.txt", headers=PACKED)
    assert "content-encoding" not in whole.headers
    assert whole.headers["content-length"] == "70000"
    part = bench.browser.get("/raw/projects/ulm/words.txt", headers={**PACKED, "range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, b"word")
