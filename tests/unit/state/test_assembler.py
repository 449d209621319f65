"""The cost and the cases of assembly, on the server in memory."""

import pytest

from flow.model.commits import Commit, StateEvent, Write
from schema import layout
from schema.reply import Reply
from state.contract.repository import Edit, Landed
from state.memory.memory_repository import MemoryRepository, MemoryServer
from state.snapshot import document_cache
from state.snapshot.document_cache import DocumentCache
from state.snapshot.trees import folder_of, says

FILES = {
    "winslow.yaml": "schema: 1\n",
    "pipelines/p.yaml": "name: p\nstages:\n  - {name: work, image: host/x}\n",
    **{f"projects/p{number}/project.yaml": "pipeline: p\n" for number in range(50)},
}
MANY = 10_000


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of every document that was parsed."""
    paths: list[str] = []
    inner = document_cache.documents.parse

    def parse(kind: str, text: str | bytes, file: str) -> object:
        paths.append(file)
        return inner(kind, text, file)

    monkeypatch.setattr(document_cache.documents, "parse", parse)
    return paths


def test_F16_ten_thousand_answered_requests_are_not_looked_at(looked: list[str]) -> None:
    requests = {f"projects/p1/requests/{number:05d}-start.yaml": "request: start\n" for number in range(MANY)}
    server = MemoryServer.create({**FILES, **requests})
    one = MemoryRepository(server)
    replies = tuple(
        Write(layout.reply("p1", f"{number:05d}-start.yaml"), Reply(
            seq=number + 1, request=f"{number:05d}-start.yaml", kind="start", verdict="accepted"
        ))
        for number in range(MANY)
    )  # fmt: skip
    server.refs[layout.STATE] = server.commit(
        server.refs[layout.STATE],
        {write.path: write.content for write in replies},
        node="n1",
        wanted=server.refs[layout.MAIN],
    ).oid
    assert len(one.fetch().projects["p1"].replies) == MANY
    assert not [path for path in looked if "/requests/" in path]
    looked.clear()
    one.propose(
        Edit({"projects/p1/requests/99999-abort.yaml": "request: abort\n"}, "e", "A <a>"), base=one.fetch().main
    )
    [file] = one.fetch().projects["p1"].unanswered
    assert (file.name, looked) == ("99999-abort.yaml", ["projects/p1/requests/99999-abort.yaml"])


def test_what_did_not_change_is_neither_parsed_nor_made_again(looked: list[str]) -> None:
    one = MemoryRepository(MemoryServer.create(FILES))
    before = one.fetch()
    assert len(looked) == 3, "fifty files of one content are parsed once"
    looked.clear()
    outcome = one.swap(
        before, [Commit(StateEvent("x"), (Write("projects/p7/replies/1.yaml", "no reply\n"),))], node="n"
    )
    assert isinstance(outcome, Landed)
    after = one.fetch()
    changed = [id for id in after.projects if after.projects[id] is not before.projects[id]]
    assert looked == ["projects/p7/replies/1.yaml"]
    assert changed == ["p7"]  # a reply that cannot be read: nothing is decided on its project until it is mended
    assert after.problems != before.problems


def test_clients_of_one_server_share_what_they_see() -> None:
    server = MemoryServer.create(FILES)
    one, two = MemoryRepository(server), MemoryRepository(server)
    assert one.fetch().projects is two.fetch().projects


def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    known, loads = DocumentCache(size=2), list[str]()

    def ask(blob: str) -> None:
        known.document("request", "r.yaml", blob, lambda: loads.append(blob) or "request: start\n")

    for blob in ("a", "b", "a", "c", "a", "b"):
        ask(blob)
    assert loads == ["a", "b", "c", "b"]


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("winslow.yaml", ""),
        ("pipelines/p.yaml", "pipelines"),
        ("projects/v/project.yaml", "projects/v"),
        ("projects/v/requests/1.yaml", "projects/v"),
        ("projects/stray.yaml", "projects"),
        ("projects/v/requests/", "projects/v"),
    ],
)
def test_every_path_has_its_folder(path: str, folder: str) -> None:
    assert folder_of(path) == folder


def test_a_line_of_a_message_is_a_whole_line() -> None:
    assert says("away\n\nWinslow-Delete: now \n", "Winslow-Delete: now")
    assert not says("about Winslow-Delete: now", "Winslow-Delete: now")


WITHOUT_EFFECT = {
    "pipelines/q.yml": "a pipeline's file is pipelines/q.yaml",
    "nodes/g.yml": "a node's file is nodes/g.yaml",
    "projects/w/project.yml": "a project's file is projects/w/project.yaml",
    "projects/p1/requests/0001-abort.yml": "a request's file is projects/p1/requests/0001-abort.yaml",
    "projects/gone/requests/0001-start.yaml": "projects/gone/project.yaml is missing",
    "winslow.yml": "the file of the settings is winslow.yaml",
}


def test_N5_what_nothing_reads_is_a_problem_of_the_snapshot_until_it_is_gone() -> None:
    one = MemoryRepository(MemoryServer.create({**FILES, **dict.fromkeys(WITHOUT_EFFECT, "request: start\n")}))
    found = one.fetch().problems
    for path, what in WITHOUT_EFFECT.items():
        assert [problem for problem in found if problem.path == path and problem.text.endswith(what)], path
    assert len(found) == len(WITHOUT_EFFECT)
    one.propose(Edit(dict.fromkeys(WITHOUT_EFFECT), "away", "A <a>"), base=one.fetch().main)
    assert one.fetch().problems == ()


def test_N5_another_wish_under_an_answered_name_is_told_to_take_the_next_number() -> None:
    path = "projects/p1/requests/0001-start.yaml"
    server = MemoryServer.create({**FILES, path: "request: start\n"})
    one = MemoryRepository(server)
    first = one.fetch()
    [file] = first.projects["p1"].unanswered
    reply = Reply(seq=1, request=file.name, kind="start", verdict="accepted", blob=file.blob)
    one.swap(first, [Commit(StateEvent("accept", "p1"), (Write(layout.reply("p1", file.name), reply),))], node="n")
    assert one.fetch().problems == ()
    one.propose(Edit({path: "request: start\ncomment: another\n"}, "second", "B <b>"), base=one.fetch().main)
    [problem] = one.fetch().problems
    said = "0001-start.yaml was answered already, so this has no effect; take the next number: 0002-start.yaml"
    assert problem.text == f"{path}:1:1: {said}"
    assert one.fetch().projects["p1"].unanswered == ()
