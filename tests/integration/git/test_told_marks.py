"""Of many who could tell that a node was lost one does: marks at real repositories."""

import threading
from pathlib import Path

import pygit2
import pytest

from schema import layout
from state.contract.repository import Landed, Outcome, Unknown
from state.edits.told_marks import Mark, ToldMarks, read
from state.server.setup import init
from state.transport.push import Publisher, Update
from tests.servers.http import HttpServer

AUTHOR = "Ada <ada@example.org>"
ONLY = '#!/bin/sh\nwhile read -r old new ref; do case "$ref" in {}) echo "not here" >&2; exit 1 ;; esac; done\n'


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    init(tmp_path / "state.git", bare=True, files={"winslow.yaml": "schema: 1\n"}, author=AUTHOR)
    return tmp_path / "state.git"


def refusing(remote: Path, refs: str) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text(ONLY.format(refs))
    hook.chmod(0o755)


def marks(remote: Path, name: str) -> ToldMarks:
    return ToldMarks(remote.parent / f"of-{name}", str(remote), name)


def told(remote: Path) -> list[str]:
    repo = pygit2.Repository(str(remote))
    return sorted(each for each in repo.listall_references() if "told" in each)


def test_M12_of_many_who_find_a_node_lost_at_once_one_tells(remote: Path) -> None:
    found: dict[str, Mark] = {}
    gate = threading.Barrier(6)

    def one(name: str) -> None:
        mine = marks(remote, name)
        gate.wait()
        while (said := mine.take("n1", "b" * 40)) is Mark.AGAIN:
            pass
        found[name] = said

    threads = [threading.Thread(target=one, args=(f"t{number}",)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found.values()) == [Mark.OURS, *[Mark.THEIRS] * 5]
    [ours] = [name for name, said in found.items() if said is Mark.OURS]
    assert marks(remote, ours).take("n1", "b" * 40) is Mark.OURS  # and after a restart
    assert told(remote) == ["refs/winslow/told/n1"]


def test_M12_each_loss_is_told_anew_and_the_mark_never_grows(remote: Path) -> None:
    ada, bob = marks(remote, "ada"), marks(remote, "bob")
    assert (ada.take("n1", "1" * 40), bob.take("n1", "1" * 40)) == (Mark.OURS, Mark.THEIRS)
    assert (bob.take("n1", "2" * 40), ada.take("n1", "2" * 40)) == (Mark.OURS, Mark.THEIRS)
    assert ada.take("n2", "2" * 40) is Mark.OURS
    assert told(remote) == ["refs/winslow/told/n1", "refs/winslow/told/n2"]
    repo = pygit2.Repository(str(remote))
    tip = repo.references["refs/winslow/told/n1"].peel(pygit2.Commit)
    assert (tip.parents, read(repo, str(tip.id))) == ([], ("2" * 40, "bob"))


def test_M12_a_lost_answer_tells_neither_twice_nor_never(remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Publisher.push

    def unheard(self: Publisher, updates: list[Update], oid: str) -> Outcome:
        assert isinstance(real(self, updates, oid), Landed)
        return Unknown("the line was cut", oid)

    ada = marks(remote, "ada")
    with monkeypatch.context() as cut:
        cut.setattr(Publisher, "push", unheard)
        assert ada.take("n1", "1" * 40) is Mark.AGAIN
    assert marks(remote, "bob").take("n1", "1" * 40) is Mark.THEIRS
    assert ada.take("n1", "1" * 40) is Mark.OURS


def test_M12_a_server_that_keeps_refs_for_itself_has_marks_on_branches(remote: Path) -> None:
    refusing(remote, "refs/winslow/*")
    assert marks(remote, "ada").take("n1", "1" * 40) is Mark.OURS
    assert marks(remote, "bob").take("n1", "1" * 40) is Mark.THEIRS
    assert told(remote) == [f"{layout.TOLD_BRANCHES}n1"]


def test_M12_who_may_write_no_mark_is_told_so_and_still_sees_those_of_others(remote: Path) -> None:
    assert marks(remote, "ada").take("n1", "1" * 40) is Mark.OURS
    refusing(remote, "refs/*")
    assert marks(remote, "bob").take("n1", "1" * 40) is Mark.THEIRS
    assert marks(remote, "bob").take("n1", "2" * 40) is Mark.CLOSED


def test_M12_while_the_server_is_away_nobody_tells(remote: Path) -> None:
    ada = marks(remote, "ada")
    assert ada.take("n1", "1" * 40) is Mark.OURS
    (remote / "HEAD").rename(remote / "away")
    assert ada.take("n1", "2" * 40) is Mark.AGAIN


def test_M12_what_is_no_mark_is_taken_for_none(remote: Path) -> None:
    repo = pygit2.Repository(str(remote))
    for content in (b"no commit", b"x" * 10_000):
        repo.references.create("refs/winslow/told/n1", repo.create_blob(content), force=True)
        assert read(repo, str(repo.references["refs/winslow/told/n1"].target)) == ("", "")
        assert marks(remote, "ada").take("n1", content[:4].hex()) is Mark.OURS


def test_M12_marks_over_http(http: HttpServer, remote: Path, tmp_path: Path) -> None:
    ada, bob = (ToldMarks(tmp_path / name, http.url(remote), name) for name in ("ada", "bob"))
    assert (ada.take("n1", "1" * 40), bob.take("n1", "1" * 40)) == (Mark.OURS, Mark.THEIRS)
    assert (bob.take("n1", "2" * 40), ada.take("n1", "2" * 40)) == (Mark.OURS, Mark.THEIRS)
