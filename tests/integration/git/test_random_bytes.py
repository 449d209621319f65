"""T1: random bytes in any commit, tree, ref or document stop at most the project that they belong to.

Objects are put into the server's repository as git itself would take them, past every check: the ids of tree and
parents are well-formed, all else is anything. The seed is the day's; a failure prints it, `WINSLOW_SEED` repeats it.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

import state.snapshot.assembler
from flow.model.snapshot import ProjectView
from schema import layout
from schema.node import Heartbeat
from state.contract.repository import Edit, Landed
from state.edits.comments import comments
from state.git.clone import entries, named
from state.git.git_repository import GitRepository
from state.history.at_time import at
from state.history.events import events
from state.server import main_check, plain, push_check
from state.snapshot.project_folders import PipelinesInForce, Reading
from tests.integration.git.remotes import AUTHOR, claim, client, remote

SEED = int(os.environ.get("WINSLOW_SEED", time.time() // 86_400))
CASES = 2
FOLDER = 0o040000
ENCODINGS = (b"GBK", b"utf-16", b"idna", b"punycode", b"unicode_escape", b"rot13", b"hex", b"no such", b"\xff\xfe", b"")
HAPPENED = b"Winslow-Event: claim\nWinslow-Execution: "
Chance = random.Random


def noise(chance: Chance, most: int = 60) -> bytes:
    """Bytes that are more often of interest than any bytes are."""
    pieces = [b"\xff", b"\x00", b"<", b">", b"\n", b" ", b"-", b"\xd6\xd0", b"9" * 25, "é".encode(), b"\xed\xa0\x80"]
    return b"".join(
        chance.choice([chance.choice(pieces), chance.randbytes(chance.randrange(6))])
        for _ in range(chance.randrange(most))
    )


def line(chance: Chance) -> bytes:
    return noise(chance).replace(b"\n", b" ").replace(b"\0", b" ")


def odd_commit(chance: Chance, tree: str, parents: list[str]) -> bytes:
    """Any of its parts may be missing, double or noise."""
    wanted = [f"tree {tree}".encode(), *(f"parent {oid}".encode() for oid in parents)]
    who = b"E <e@example.org> 1700000000 +0000"
    for name in (b"author", b"committer", b"encoding", b"gpgsig", line(chance)):
        value = chance.choice([who, line(chance), chance.choice(ENCODINGS), b"A <a> " + b"9" * chance.randrange(30)])
        if chance.random() < 0.8:
            wanted.extend([name + b" " + value] * chance.choice([1, 1, 2]))
    number = chance.choice([b"1", "٣".encode(), b"9" * 6000])
    message = chance.choice([noise(chance, 400), HAPPENED + number, b"Winslow-Duration: nan\n", b"x" * 2_000_000])
    return b"\n".join(wanted) + chance.choice([b"\n\nodd\n\n", b"\n\n"]) + message


def odd_tree(chance: Chance, repo: pygit2.Repository, base: str) -> str:
    """A folder with entries that no library would write beside those that it has."""
    content = repo.odb.read(base)[1]
    blob = str(repo.create_blob(noise(chance)))
    for _ in range(chance.randrange(1, 6)):
        name = line(chance).strip() or b"."
        mode = chance.choice([b"100644", b"40000", b"120000", b"160000", b"1", b"7777777777", b"100755"])
        content += mode + b" " + name + b"\0" + bytes.fromhex(base if mode == b"40000" else blob)
    return str(repo.odb.write(ObjectType.TREE, content))


def put(repo: pygit2.Repository, ref: str, raw: bytes) -> str:
    oid = str(repo.odb.write(ObjectType.COMMIT, raw))
    folder = Path(repo.path) / ref
    folder.write_text(oid + "\n")
    return oid


def head(repo: pygit2.Repository, ref: str) -> tuple[str, str]:
    """Commit and tree at a ref, whatever libgit2 thinks of them."""
    oid = (Path(repo.path) / ref).read_text().strip()
    return oid, repo.odb.read(oid)[1][5:45].decode()


class Bench:
    """A server with a healthy project `v`, and a node that has seen it before anything was odd."""

    def __init__(self, folder: Path) -> None:
        self.folder = remote(folder)
        self.repo, self.one = pygit2.Repository(str(self.folder)), client(folder)
        self.repo.config["receive.fsckObjects"] = False
        self.one.fetch()
        self.number = 0

    def goes_on(self, why: str) -> None:
        """A node that was there before, and one that comes now, go on with the healthy project; so do people."""
        for node in (self.one, client(self.folder.parent, f"fresh-{self.number}")):
            self.number += 1
            snapshot = node.fetch()
            assert snapshot.projects["v"].project, f"{why}: {snapshot.problems}"
            assert isinstance(node.swap(snapshot, [claim(self.number)], node="n"), Landed), why
            self.looked_at(node)
        edit = Edit({"notes/new.txt": f"{self.number}"}, "a note", AUTHOR)
        assert isinstance(self.one.propose(edit, base=self.one.fetch().main), Landed), why
        assert len(self.one.fetch().projects["v"].executions) == self.number, why

    def looked_at(self, node: GitRepository) -> None:
        """As the commands and the page look at it."""
        list(events(node))
        main, state = node.tips()
        list(node.versions("winslow.yaml", main))
        comments(node, main, "v")
        at(node, state[:12], time.time())
        at(node, "9000-01-01", time.time())


@pytest.mark.parametrize("case", range(CASES))
@pytest.mark.parametrize("ref", [layout.MAIN, layout.STATE])
def test_T1_random_bytes_in_a_commit_stop_nobody(tmp_path: Path, ref: str, case: int) -> None:
    chance, bench = random.Random(f"{SEED} commit {ref} {case}"), Bench(tmp_path)
    for _ in range(3):
        tip, tree = head(bench.repo, ref)
        put(bench.repo, ref, odd_commit(chance, tree, [tip]))
    bench.goes_on(f"seed {SEED}, commit {case} on {ref}")


FOLDERS = ("projects/w/requests", "projects/w", "projects", "pipelines", "inventory", "")


@pytest.mark.parametrize("case", range(CASES))
@pytest.mark.parametrize("ref", [layout.MAIN, layout.STATE])
def test_T1_random_entries_in_every_folder_stop_nobody(tmp_path: Path, ref: str, case: int) -> None:
    chance, bench = random.Random(f"{SEED} tree {ref} {case}"), Bench(tmp_path)
    tip, tree = head(bench.repo, ref)
    for folder in FOLDERS:
        parts = folder.split("/") if folder else []
        tree = replaced(bench.repo, tree, parts, lambda old: odd_tree(chance, bench.repo, old))
    put(bench.repo, ref, f"tree {tree}\nparent {tip}\nauthor E <e> 1 +0000\ncommitter E <e> 1 +0000\n\nodd".encode())
    bench.goes_on(f"seed {SEED}, folders {case} on {ref}")


DOCUMENTS = {
    layout.MAIN: (
        "projects/w/project.yaml", "projects/w/requests/0001-start.yaml", "projects/w/comments/000000001.yaml",
        "pipelines/q.yaml", "nodes/x.yaml", "winslow.yaml",
    ),
    layout.STATE: (
        "projects/w/replies/0001-start.yaml", "projects/w/executions/0001-work.yaml", "projects/w/pipeline.yaml",
        "projects/w/deleted.yaml", "projects/w/artifacts/0001-work.json", "projects/w/logs/0001-work.txt",
        "inventory/x.yaml", "README.md",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", range(CASES))
@pytest.mark.parametrize("ref", DOCUMENTS)
def test_T1_random_bytes_in_every_document_stop_nobody(tmp_path: Path, ref: str, case: int) -> None:
    """Noise as a whole, or in the middle of a document that was good."""
    chance, bench = random.Random(f"{SEED} documents {ref} {case}"), Bench(tmp_path)
    tip, tree = head(bench.repo, ref)
    good = b"request: start\nname: q\npipeline: p\nversion: 1\nexecution: 1\nstages: []\n"
    for path in DOCUMENTS[ref]:
        at = chance.randrange(len(good))
        content = chance.choice([noise(chance, 400), good[:at] + noise(chance, 3) + good[at:]])
        blob = str(bench.repo.create_blob(content))
        *folders, name = path.split("/")
        tree = replaced(bench.repo, tree, folders, lambda old, n=name, b=blob: with_file(bench.repo, old, n, b))  # type: ignore[misc]
    put(bench.repo, ref, f"tree {tree}\nparent {tip}\nauthor E <e> 1 +0000\ncommitter E <e> 1 +0000\n\nodd".encode())
    bench.goes_on(f"seed {SEED}, documents {case} on {ref}")


@pytest.mark.parametrize("case", range(CASES))
def test_T1_random_bytes_in_refs_and_heartbeats_stop_nobody(tmp_path: Path, case: int) -> None:
    chance, bench = random.Random(f"{SEED} refs {case}"), Bench(tmp_path)
    for place in (layout.NODES, layout.NODE_BRANCHES):
        for name in (b"x", b"\xff\xfe", "中".encode(), b"gpu-02"):
            path = os.fsencode(bench.folder) + b"/" + place.encode() + name
            os.makedirs(os.path.dirname(path), exist_ok=True)
            blob = str(bench.repo.create_blob(noise(chance, 300))).encode()
            with open(path, "wb") as file:
                file.write(chance.choice([blob, blob, b"ref: refs/heads/none\n"]))
    bench.goes_on(f"seed {SEED}, refs {case}")
    bench.one.heartbeat("x")
    assert isinstance(bench.one.beat(Heartbeat(node="n", incarnation="i", counter=1, nonce="1"), expected=None), Landed)


@pytest.mark.parametrize("case", range(CASES))
def test_T1_the_hook_judges_a_push_of_random_bytes(tmp_path: Path, case: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take it or refuse it, in words; and nothing passes at once that the whole check would refuse."""
    chance, bench = random.Random(f"{SEED} hook {case}"), Bench(tmp_path)
    monkeypatch.chdir(bench.folder)
    tip, tree = head(bench.repo, layout.MAIN)
    blob = str(bench.repo.create_blob(noise(chance, 300)))
    for folders, name in ((["projects", "w"], "project.yaml"), (["pipelines"], "q.yaml"), ([], "winslow.yaml")):
        tree = replaced(bench.repo, tree, folders, lambda old, n=name: with_file(bench.repo, old, n, blob))  # type: ignore[misc]
    oid = str(bench.repo.odb.write(ObjectType.COMMIT, odd_commit(chance, tree, [tip])))
    pushed = [f"{tip} {oid} {layout.MAIN}\n"]
    found = push_check.check(pushed)
    assert all(isinstance(each, str) for each in found), f"seed {SEED}"
    assert not (found and plain.passes(pushed)), f"seed {SEED}"
    assert not (found and main_check.passes(bench.folder, Path(bench.repo.path), tip, oid)), f"seed {SEED}"


def test_T1_a_name_in_another_character_set_is_read_in_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    tip, tree = head(bench.repo, layout.MAIN)
    name, blob = "中文".encode("gbk"), str(bench.repo.create_blob(b"request: start\n"))
    tree = replaced(
        bench.repo, tree, ["projects", "v", "requests"], lambda old: with_file(bench.repo, old, "0001-start.yaml", blob)
    )
    put(
        bench.repo,
        layout.MAIN,
        f"tree {tree}\nparent {tip}\n".encode()
        + b"author %s <z@example.org> 1700000000 +0800\ncommitter %s <z@example.org> 1700000000 +0800\n" % (name, name)
        + b"encoding GBK\n\n"
        + "开始".encode("gbk"),
    )
    snapshot = bench.one.fetch()
    assert snapshot.projects["v"].unanswered[0].by == "中文 <z@example.org>"
    assert next(bench.one.versions("projects/v/requests/0001-start.yaml", snapshot.main)).subject == "开始"


def test_T1_a_fault_in_reading_one_project_is_that_project_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    edit = Edit({"projects/w/project.yaml": "pipeline: p\n"}, "another", AUTHOR)
    assert isinstance(bench.one.propose(edit, base=bench.one.fetch().main), Landed)
    real = state.snapshot.assembler.assemble

    def fails(reading: Reading, pipelines: PipelinesInForce, id: str) -> tuple[ProjectView, bool] | None:
        if id == "w":
            raise RecursionError("nobody thought of this")
        return real(reading, pipelines, id)

    with monkeypatch.context() as patch:
        patch.setattr(state.snapshot.assembler, "assemble", fails)
        fresh = client(tmp_path, "fresh").fetch()
        assert fresh.projects["v"].project
        assert "RecursionError" in fresh.projects["w"].problem
        assert [str(each) for each in fresh.problems] == [fresh.projects["w"].problem]


def replaced(repo: pygit2.Repository, tree: str, parts: list[str], change: Callable[[str], str]) -> str:
    """A tree with one folder below it changed, made where it is not."""
    if not parts:
        return change(tree)
    below = named(entries(repo.odb.read(tree)[1])).get(parts[0], (str(repo.TreeBuilder().write()), FOLDER))[0]
    return with_file(repo, tree, parts[0], replaced(repo, below, parts[1:], change), b"40000")


def with_file(repo: pygit2.Repository, tree: str, name: str, oid: str, mode: bytes = b"100644") -> str:
    """Written as bytes, so that what is odd in it stays."""
    kept = (each for each in entries(repo.odb.read(tree)[1]) if each[1] != name.encode())
    rows = sorted(
        [*kept, (mode, name.encode(), bytes.fromhex(oid))], key=lambda row: row[1] + b"/" * (row[0] == b"40000")
    )
    return str(repo.odb.write(ObjectType.TREE, b"".join(b"%s %s\0%s" % row for row in rows)))
