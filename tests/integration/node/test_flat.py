"""T8: a node's work after a commit is the same with 10 and with 1 000 finished projects: reads, unpackings, scans."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from controller.housekeeping.archive import LogArchive
from controller.housekeeping.disk_index import DiskIndex
from controller.housekeeping.retention import RetentionWork, Room
from flow.boards.root_board import root_board
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings, looked
from flow.project.active import open_views
from flow.reconcile.decide import decide
from runner import durable
from runner.store.workspaces import Workspaces
from schema import layout, packed
from schema.documents import render
from schema.execution import Claim, Execution, State
from schema.node import Inventory
from schema.reply import Reply
from state.contract.repository import Edit, Landed
from state.git import commit_builder
from state.git.clone import Clone
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import AUTHOR, FILES, client, remote, tip

EXECUTIONS = 2
BY = "node n <n@winslow.invalid>"
"""As the node signs its commits: what a person wrote of executions is flagged, and looked at for ever."""
REMEMBERED = 3
"""Folders of one project: of few projects all are remembered, of many they are read again."""


def record(project: int, number: int, state: State = State.SUCCEEDED) -> Execution:
    id = f"{project:016x}{number:016x}"
    return Execution(
        execution=number,
        stage="work",
        chain=1,
        request="0001-start.yaml",
        state=state,
        claim=Claim(id=id, container=id, node="n", incarnation="i"),
        gpus=("GPU-1",),
    )


def finished(folder: Path, projects: int) -> None:
    """So many projects that have come to their end, in the repository and on this node's disk."""
    repo = pygit2.Repository(str(folder / "remote.git"))
    wanted: dict[str, bytes | None] = {}
    known: dict[str, bytes | None] = {}
    ended: dict[str, bytes | None] = {}
    for project in range(projects):
        id = f"p{project:04d}"
        wanted[layout.project(id)] = f"pipeline: p\ntags: [t{project}]\n".encode()
        reply = Reply(seq=1, request="0001-start.yaml", kind="start", verdict="accepted", by=AUTHOR, stage="work")
        known[layout.definition(id)] = FILES["pipelines/p.yaml"].encode()
        known[layout.reply(id, "0001-start.yaml")] = render(reply).encode()
        for number in range(1, EXECUTIONS + 1):
            found = record(project, number)
            known[layout.execution(id, number, "work")] = render(record(project, number, State.CLAIMED)).encode()
            ended[layout.execution(id, number, "work")] = render(found).encode()
            run = folder / "data" / "runs" / found.claim.container
            run.mkdir(parents=True)
            (run / "project").write_text(id)
            (run / "execution").write_text(str(number))
            (run / "log").write_text("a line\n")
            durable.jot(folder / "data" / "projects" / id / f"{number:04d}" / "workspace.json", {"container": run.name})
    for ref, files, author in ((layout.MAIN, wanted, AUTHOR), (layout.STATE, known, BY), (layout.STATE, ended, BY)):
        head = tip(repo, ref)
        tree = commit_builder.write_tree(repo, head.tree, files)
        message = f"more\n\nWinslow-Wanted: {repo.references[layout.MAIN].target}\nWinslow-Node: n\n"
        repo.references[ref].set_target(commit_builder.commit(repo, [str(head.id)], tree, message, author=author))


class Node:
    """What a node does with a look at the repository, without what is beside it."""

    def __init__(self, folder: Path) -> None:
        data = folder / "data"
        self.repository = GitRepository(str(folder / "remote.git"), folder / "one.git")
        self.retaining = RetentionWork(data, Workspaces(data), Room(), lambda work: work(), print, clock=lambda: 0.0)
        self.archiving = LogArchive(data, None, print, submit=lambda work: work(), now=lambda: 1e9, clock=lambda: 0.0)

    def round(self) -> Snapshot:
        snapshot = self.repository.fetch()
        decide(world(snapshot))
        root_board(replace(snapshot))
        self.archiving.look(snapshot, frozenset)
        self.retaining.look(snapshot, frozenset)
        return snapshot


def world(snapshot: Snapshot) -> World:
    inventory = Inventory(node="n", incarnation="i", slots=1)
    return World(
        me=NodeIdentity("n", "i", inventory),
        snapshot=snapshot, fresh=True, now=1.0, wall="", poll=5.0, entries={}, outbox={},
        containers={}, busy=frozenset(), ids=(), wiped={},
        seen=looked(Sightings(), now=1.0, poll=5.0, snapshot=snapshot, watched=frozenset()),
    )  # fmt: skip


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    places = [
        (packed, "unpack"), (os, "scandir"), (os, "listdir"), (durable, "read"), (DiskIndex, "_keep_run"),
        (Clone, "_bytes"), (Clone, "_load"), (Clone, "_below"),
    ]  # fmt: skip
    for owner, name in places:

        def count(*given: object, _real=getattr(owner, name), _name=name, **more: object) -> object:  # type: ignore[no-untyped-def]
            found[_name] += 1
            return _real(*given, **more)

        monkeypatch.setattr(owner, name, count)
    return found


def work_after_a_commit(folder: Path, projects: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter[str]]:
    folder.mkdir()
    remote(folder)
    finished(folder, projects)
    (folder / "remote.git" / "hooks" / "pre-receive").unlink()
    node, people = Node(folder), client(folder, "people")
    assert len(node.round().projects) == projects + 1
    assert not open_views(node.round()), "all of it is over"
    done: dict[str, Counter[str]] = {}
    for name, files in (
        ("of what is new", {"projects/v/project.yaml": "pipeline: p\ntags: [a]\n"}),
        ("of one that is over", {"projects/p0003/project.yaml": "pipeline: p\ntags: [b]\n"}),
    ):
        assert isinstance(people.propose(Edit(dict(files), "an edit", AUTHOR), base=people.fetch().main), Landed)
        packed._whole.cache_clear()  # few projects fit into what is remembered, and many do not
        with monkeypatch.context() as patch:
            done[name] = counted(patch)
            node.round()
    return done


def test_T8_a_commit_is_as_much_work_with_10_as_with_1000_finished_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = work_after_a_commit(tmp_path / "few", 10, monkeypatch)
    many = work_after_a_commit(tmp_path / "many", 1000, monkeypatch)
    for name in few:
        more = many[name].pop("_bytes") - few[name].pop("_bytes")
        assert 0 <= more <= REMEMBERED, f"{name}: {more} more objects were read"
    assert few == many
    assert not many["of what is new"]["unpack"]
    assert many["of one that is over"]["unpack"] <= EXECUTIONS
