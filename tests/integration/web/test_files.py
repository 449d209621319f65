"""Files on the page: uploads that go on, downloads in parts, archives of known length, looks into files."""

import base64
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from runner.files.shared_folder import Item, Shelf
from runner.store.digests import of_bytes
from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage
from tests.integration.web.conftest import Bench
from webui.asgi.app import create_app
from webui.files import downloads
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

CONTENT = bytes(range(256)) * 4000
EVIL = "<img src=x onerror=alert(1)>.txt"
HEAD = {"Tus-Resumable": "1.0.0"}


def meta(**told: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())


def create(browser: TestClient, size: int, **told: str):  # type: ignore[no-untyped-def]
    headers = {**HEAD, "Upload-Length": str(size), "Upload-Metadata": meta(**told)}
    return browser.post("/uploads", headers=headers)


def piece(browser: TestClient, url: str, offset: int, content: bytes):  # type: ignore[no-untyped-def]
    headers = {**HEAD, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return browser.patch(url, headers=headers, content=content)


def pool(bench: Bench) -> Path:
    return bench.folder / "pool"


def test_F24_R1310_an_upload_is_invisible_until_whole_and_goes_on(bench: Bench) -> None:
    made = create(bench.browser, len(CONTENT), where="pool:2026/a.bin", digest=of_bytes(CONTENT))
    assert made.status_code == 201
    url = made.headers["location"]
    assert piece(bench.browser, url, 0, CONTENT[:300_000]).headers["upload-offset"] == "300000"
    assert "a.bin" not in bench.browser.get("/files/2026").text
    again = bench.browser.head(url, headers=HEAD)
    assert (again.headers["upload-offset"], again.headers["upload-length"]) == ("300000", str(len(CONTENT)))
    assert piece(bench.browser, url, 5, b"x").status_code == 409
    done = piece(bench.browser, url, 300_000, CONTENT[300_000:])
    assert (done.status_code, done.headers["winslow-digest"]) == (204, of_bytes(CONTENT))
    assert (pool(bench) / "2026" / "a.bin").read_bytes() == CONTENT
    assert "a.bin" in bench.browser.get("/files/2026").text
    assert [path.name for path in (pool(bench) / "2026").iterdir()] == ["a.bin"]
    assert bench.browser.head(url, headers=HEAD).status_code == 404


def test_F24_a_source_that_changed_meanwhile_is_refused_and_nothing_is_put_in(bench: Bench) -> None:
    url = create(bench.browser, 6, where="pool:a", digest=of_bytes(b"before")).headers["location"]
    piece(bench.browser, url, 0, b"bef")
    refused = piece(bench.browser, url, 3, b"???")
    assert refused.status_code == 460
    assert "changed meanwhile" in refused.text
    assert not list(pool(bench).iterdir())


@pytest.mark.parametrize(
    "where",
    ["pool:../x", "pool:/etc/x", "pool:a/../../x", "pool:a\0b", "pool:" + "x" * 300, "pool:x.part", "../x:y", "ulm/0/x",
     "pool:", "", "nonsense", "UP:x", "pool:lnk/x"],
)  # fmt: skip
def test_S9_names_that_lead_elsewhere_are_refused(bench: Bench, where: str) -> None:
    outside = bench.folder / "outside"
    outside.mkdir()
    pool(bench).mkdir()
    (pool(bench) / "lnk").symlink_to(outside)
    before = sorted(bench.folder.rglob("*"))
    assert create(bench.browser, 1, where=where).status_code in (400, 422)
    assert [path for path in sorted(bench.folder.rglob("*")) if path not in before and path.is_file()] == []


def test_what_is_there_already_and_what_does_not_fit_is_refused_at_once(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "a").write_text("old")
    assert create(bench.browser, 3, where="pool:a").status_code == 409
    too_large = create(bench.browser, 1 << 43, where="pool:b")
    assert too_large.status_code == 507
    assert "do not fit" in too_large.text
    url = create(bench.browser, 3, where="pool:a", replace="true").headers["location"]
    assert piece(bench.browser, url, 0, b"new").status_code == 204
    assert (pool(bench) / "a").read_text() == "new"


def test_a_place_below_a_file_is_refused_in_words(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "a").write_text("old")
    answer = create(bench.browser, 3, where="pool:a/b")
    assert answer.status_code == 409
    assert "lies below a file" in answer.text


def test_of_two_uploads_to_one_place_the_first_that_is_whole_stays_and_the_other_leaves_nothing(bench: Bench) -> None:
    urls = [create(bench.browser, 3, where="pool:a").headers["location"] for _ in range(2)]
    assert piece(bench.browser, urls[1], 0, b"new").status_code == 204
    late = piece(bench.browser, urls[0], 0, b"old")
    assert late.status_code == 409
    assert "has come to be there meanwhile" in late.text
    assert bench.browser.head(urls[0], headers=HEAD).status_code == 404
    assert [each.name for each in pool(bench).iterdir()] == ["a"]
    assert (pool(bench) / "a").read_text() == "new"


def test_where_files_lie_on_this_machine_is_told_nobody(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "folder").mkdir()
    for path in ("/raw/pool/none.bin", "/raw/pool/folder", "/raw/pool/a/b/c", "/raw/projects/ulm/none", "/files/none"):
        answer = bench.browser.get(path)
        assert answer.status_code == 404, path
        assert str(bench.folder) not in answer.text, path


def test_contents_that_did_not_change_are_not_sent_again(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "a.bin").write_bytes(CONTENT)
    first = bench.browser.get("/raw/pool/a.bin")
    tag = first.headers["etag"]
    for said in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = bench.browser.get("/raw/pool/a.bin", headers={"if-none-match": said})
        assert (again.status_code, again.content) == (304, b""), said
        assert again.headers["etag"] == tag
    assert bench.browser.get("/raw/pool/a.bin", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("number", ["", "-1", "1.5", "9" * 5000, str(1 << 45)])
def test_what_is_no_number_of_bytes_is_refused_in_words(bench: Bench, number: str) -> None:
    told = {**HEAD, "Upload-Length": number, "Upload-Metadata": meta(where="pool:a")}
    assert bench.browser.post("/uploads", headers=told).status_code == 400
    url = create(bench.browser, 3, where="pool:a").headers["location"]
    told = {**HEAD, "Upload-Offset": number, "Content-Type": "application/offset+octet-stream"}
    assert bench.browser.patch(url, headers=told, content=b"new").status_code == 409
    assert piece(bench.browser, url, 0, b"new").status_code == 204


@pytest.mark.parametrize("replace", ["true", "false"])
def test_no_file_takes_the_place_of_a_folder(bench: Bench, replace: str) -> None:
    late = create(bench.browser, 3, where="pool:a", replace=replace).headers["location"]
    (pool(bench) / "a").mkdir()
    assert create(bench.browser, 3, where="pool:a", replace="true").status_code == 409
    answer = piece(bench.browser, late, 0, b"new")
    assert (answer.status_code, "is a folder" in answer.text) == (409, True)
    assert bench.browser.head(late, headers=HEAD).status_code == 404
    assert [each.name for each in pool(bench).iterdir()] == ["a"]


def test_more_than_was_announced_is_refused(bench: Bench) -> None:
    url = create(bench.browser, 3, where="pool:a").headers["location"]
    assert piece(bench.browser, url, 0, b"four").status_code == 413
    assert not (pool(bench) / "a").exists()


def test_S7_a_form_of_another_site_cannot_begin_an_upload(bench: Bench) -> None:
    """Without the header, which a simple request of a browser cannot carry."""
    headers = {"Upload-Length": "1", "Upload-Metadata": meta(where="pool:a")}
    assert bench.browser.post("/uploads", headers=headers).status_code == 412


def test_an_upload_can_be_given_up(bench: Bench) -> None:
    url = create(bench.browser, 3, where="ulm:a").headers["location"]
    assert bench.browser.delete(url, headers=HEAD).status_code == 204
    assert not list((bench.folder / "projects" / "ulm" / "files").iterdir())
    for id in ("x", "..%2f..%2fsecret", "0" * 32):
        assert bench.browser.head(f"/uploads/{id}", headers=HEAD).status_code == 404


def test_an_empty_file_is_whole_at_once(bench: Bench) -> None:
    assert create(bench.browser, 0, where="pool:empty").status_code == 201
    assert (pool(bench) / "empty").read_bytes() == b""


def test_R1320_a_part_of_a_file_is_had_while_it_is_the_same(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "film.mp4").write_bytes(CONTENT)
    whole = bench.browser.get("/raw/pool/film.mp4")
    assert whole.content == CONTENT
    tag = whole.headers["etag"]
    part = bench.browser.get("/raw/pool/film.mp4", headers={"Range": "bytes=100-199", "If-Range": tag})
    assert (part.status_code, part.content) == (206, CONTENT[100:200])
    other = bench.browser.get("/raw/pool/film.mp4", headers={"Range": "bytes=100-199", "If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, len(CONTENT))
    assert bench.browser.get("/raw/pool/nothing").status_code == 404
    assert bench.browser.get("/raw/pool/..%2fstate").status_code == 404


def test_S6_what_could_be_a_page_is_only_ever_saved(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "evil.html").write_text("<script>alert(1)</script>")
    (pool(bench) / "evil.svg").write_text("<svg onload=alert(1)>")
    for name in ("evil.html", "evil.svg"):
        answer = bench.browser.get(f"/raw/pool/{name}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"].startswith("sandbox")
    assert bench.browser.get("/raw/pool/evil.html?view").headers["content-disposition"].startswith("attachment")
    text = bench.browser.get("/files/evil.html").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_S6_names_never_become_markup(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / EVIL).write_text("x")
    for path in ("/files", f"/files/{EVIL}"):
        text = bench.browser.get(path).text
        assert "<img src=x" not in text
        assert "&lt;img" in text


def test_a_table_is_shown_as_one_and_the_rest_by_links_or_windows(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "t.csv").write_text("a,b\n" + "".join(f"{n},<b>{n}</b>\n" for n in range(500)))
    text = bench.browser.get("/files/t.csv").text
    assert text.count("<tr>") == 201
    assert "rows 1 to 200" in text
    assert "?at=200&amp;" in text or "?at=200&" in text
    assert "<b>1" not in text
    assert "&lt;b&gt;499" in bench.browser.get("/files/t.csv?at=400").text
    found = bench.browser.get("/files/t.csv?rows=498").json()
    assert found["total"] == 500
    assert found["rows"] == [[499, "498", "<b>498</b>"], [500, "499", "<b>499</b>"]]
    assert bench.browser.get("/files/t.csv?rows=x&sort=99&within=-7&at=-5").json()["total"] == 500


def test_P3_a_pdf_is_shown_in_a_frame_and_markdown_makes_no_element_of_its_own(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "a.pdf").write_bytes(b"%PDF-1.4")
    (pool(bench) / "a.md").write_text(
        "# T\n<img src=x onerror=alert(1)> ![b](../x.png) ![c](https://elsewhere/x.png)\n"
    )
    assert "/raw/pool/a.pdf?view" in bench.browser.get("/files/a.pdf").text
    answer = bench.browser.get("/raw/pool/a.pdf?view")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert bench.browser.get("/raw/pool/a.pdf").headers["content-disposition"].startswith("attachment")
    text = bench.browser.get("/files/a.md").text
    assert "<h3>T</h3>" in text
    for hostile in ("<img src=x", "elsewhere", "../x.png"):
        assert hostile not in text.partition("<main")[2]


def test_files_are_removed_by_a_form(bench: Bench) -> None:
    pool(bench).mkdir()
    (pool(bench) / "a").write_text("x")
    token = bench.token("/files")
    assert bench.browser.post("/files/remove", data={"path": "a"}).status_code == 400, "without the token"
    form = {"path": "a", "csrf_token": token}
    assert bench.browser.post("/files/remove", data=form, follow_redirects=False).status_code == 303
    assert not (pool(bench) / "a").exists()
    assert bench.browser.post("/files/remove", data={**form, "path": "../x"}).status_code == 404


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, TestClient]]:
    program = "os.mkdir('d'); open('d/a.txt', 'w').write('hello'); open('b.bin', 'wb').write(bytes(100000))"
    here = Lab(tmp_path_factory.mktemp("files") / "lab", stage("one", program))
    try:
        here.node()
        here.ask("request: start")
        here.until_reason("Done")
        data = here.folder / "n1"
        outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
        page = Page(NodeSource(data), outbox, lambda: "Ada <a@b>", b"secret", data)
        with TestClient(create_app(page), base_url="http://localhost") as client:
            here.until(lambda _: client.get("/projects/v/1").status_code == 200)
            yield here, client
    finally:
        here.close()


def test_R1340_what_an_execution_left_is_looked_at_and_had(ran: tuple[Lab, TestClient]) -> None:
    _, client = ran
    assert "d/" in client.get("/projects/v/1/files").text
    assert "hello" in client.get("/projects/v/1/files/d/a.txt").text
    answer = client.get("/raw/executions/v/1/b.bin", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, len(answer.content)) == (206, 10)
    assert answer.headers["etag"] == f'"{of_bytes(bytes(100000))}"'
    for bad in ("nothing", "..%2f..%2fstate.git", "d"):
        assert client.get(f"/raw/executions/v/1/{bad}").status_code == 404
    assert client.get("/projects/v/9/files").status_code == 404


def test_R1320_a_folder_comes_as_one_archive_of_known_length(ran: tuple[Lab, TestClient]) -> None:
    _, client = ran
    answer = client.get("/raw/executions/v/1/?zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert sorted(archive.namelist()) == ["b.bin", "d/a.txt"]
    assert archive.read("d/a.txt") == b"hello"
    assert archive.testzip() is None


def test_S8_an_archive_of_too_many_files_is_refused_before_all_are_gathered(
    ran: tuple[Lab, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, client = ran
    monkeypatch.setattr(downloads, "MOST_FILES", 1)
    looked: list[str] = []
    gathered = Shelf.files

    def files(self: Shelf, path: str = "") -> Iterator[Item]:
        for item in gathered(self, path):
            looked.append(item.path)
            yield item

    monkeypatch.setattr(Shelf, "files", files)
    (here.folder / "n1" / "pool" / "many").mkdir(parents=True)
    for number in range(5):
        (here.folder / "n1" / "pool" / "many" / str(number)).touch()
    answer = client.get("/raw/pool/many?zip")
    assert (answer.status_code, len(looked)) == (404, 2)
    assert "too many for one archive" in answer.text
    assert "too many for one archive" in client.get("/raw/executions/v/1/?zip").text
    assert client.get("/raw/executions/v/1/d?zip").status_code == 200


def test_R1310_a_changed_file_for_the_next_stage_goes_into_the_store(ran: tuple[Lab, TestClient]) -> None:
    here, client = ran
    url = create(client, 3, where="v/1/d/new.txt").headers["location"]
    digest = piece(client, url, 0, b"new").headers["winslow-digest"]
    assert "new.txt" not in client.get("/projects/v/1/files/d").text
    here.ask(f"request: start\nstage: one\nworkspace: {{from: 1, add: {{d2.txt: '{digest}'}}}}")
    view: Callable[..., object] = here.until
    view(lambda found: (record := found.execution(2)) is not None and record.state.ended)
    record = here.view().execution(2)
    assert record
    assert record.workspace.add == {"d2.txt": digest}


def test_S6_deep_json_is_shown_as_it_stands_rather_than_blown_up() -> None:
    from webui.pages.previews import LOOKED_AT, _indented

    deep = "[" * 400 + ",".join(["1"] * 50_000) + "]" * 400
    assert len(deep) < LOOKED_AT
    assert _indented(deep) == ""
    assert _indented("[" * 100_000) == ""
    assert _indented('{"a": [1]}') == '{\n  "a": [\n    1\n  ]\n}'
