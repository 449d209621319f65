"""F24: the page's process dies in the middle of an upload, and what had come is not sent again."""

import http.client
import os
from collections.abc import Callable
from pathlib import Path

from runner.store.digests import of_bytes
from tests.browser.house import House
from tests.integration.node.lab import Lab, stage
from tests.integration.web.test_files import HEAD, meta

Labs = Callable[..., Lab]
CONTENT = os.urandom(6 << 20)
DIGEST = of_bytes(CONTENT)
FIRST = 2 << 20


def asked(house: House, method: str, path: str, told: dict[str, str], content: bytes = b"") -> http.client.HTTPResponse:
    client = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    client.request(method, path, body=content, headers={**HEAD, **told})
    answer = client.getresponse()
    answer.read()
    return answer


def piece(offset: int) -> dict[str, str]:
    return {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}


def test_F24_an_upload_goes_on_after_a_kill_within_one_of_its_pieces(lab: Labs) -> None:
    made = House(lab(stage("one")))
    try:
        told = {
            "Upload-Length": str(len(CONTENT)),
            "Upload-Metadata": meta(where="pool:film", digest=DIGEST),
        }
        url = asked(made, "POST", "/uploads", told).headers["location"]
        assert asked(made, "PATCH", url, piece(0), CONTENT[:FIRST]).status == 204
        [part] = (made.lab.folder / "n1" / "pool").glob("film.*.part")
        _half_a_piece(made, url, part)
        made.restart_page()
        came = int(asked(made, "HEAD", url, {}).headers["upload-offset"])
        assert FIRST < came == part.stat().st_size < len(CONTENT)
        done = asked(made, "PATCH", url, piece(came), CONTENT[came:])
        assert (done.status, done.headers["winslow-digest"]) == (204, DIGEST)
        assert [path.name for path in part.parent.iterdir()] == ["film"]
        assert (part.parent / "film").read_bytes() == CONTENT
    finally:
        made.close()


def _half_a_piece(house: House, url: str, part: Path) -> None:
    """The beginning of a piece that is announced as all the rest; returns once some of it is in the file."""
    client = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    client.putrequest("PATCH", url)
    length = {"Content-Length": str(len(CONTENT) - FIRST)}
    for name, value in {**HEAD, **piece(FIRST), **length}.items():
        client.putheader(name, value)
    client.endheaders()
    client.send(CONTENT[FIRST : FIRST + (2 << 20)])
    house.until(lambda: part.stat().st_size > FIRST)
