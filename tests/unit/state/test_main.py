"""Edits of `main`: again after a lost race, once after a lost answer, and a sentence for everything else."""

from collections.abc import Sequence
from random import Random

import pytest

from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from schema import layout
from schema.reply import Reply
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection, Unknown
from state.edits.main import NotCommitted, author, commit_edit, next_request_name
from state.memory.memory_repository import MemoryRepository, MemoryServer

FILES = {"winslow.yaml": "schema: 1\n", "pipelines/p.yaml": "name: p\nstages:\n  - {name: a, image: x}\n"}
ADA = "Ada <ada@example.org>"


class Scripted(MemoryRepository):
    """Answers proposals as told; after the script as the server does."""

    def __init__(self, server: MemoryServer, script: Sequence[str]) -> None:
        super().__init__(server)
        self.script = list(script)

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        match self.script.pop(0) if self.script else "":
            case "race":
                return Rejected(Rejection.RACE)
            case "lost on the way":
                return Unknown("cut", "f" * 40)
            case "answer lost":
                outcome = super().propose(edit, base=base)
                assert isinstance(outcome, Landed)
                return Unknown("cut", outcome.oid)
            case "nothing known":
                return Unknown("cut")
            case "":
                return super().propose(edit, base=base)
            case kind:
                return Rejected(Rejection(kind), "because")


def edit(script: Sequence[str], attempts: int = 5) -> tuple[MemoryServer, str, list[float]]:
    server, slept = MemoryServer.create(FILES), list[float]()
    repository = Scripted(server, script)

    def build(snapshot: Snapshot) -> Edit:
        return Edit({f"x/{snapshot.main}": "x"}, "edit", ADA)

    commit = commit_edit(repository, build, sleep=slept.append, chance=Random(1), attempts=attempts)
    return server, commit, slept


@pytest.mark.parametrize("script", [[], ["race"], ["race", "lost on the way", "race"], ["answer lost"]])
def test_F2_an_edit_lands_once_whatever_is_lost(script: list[str]) -> None:
    server, commit, slept = edit(script)
    assert server.refs[layout.MAIN] == commit
    assert len(server.history(layout.MAIN)) == 1
    assert len(slept) == len(script)
    assert all(0 <= pause <= 0.1 * 2**number for number, pause in enumerate(slept))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (["race"] * 5, "5 attempts"),
        (["nothing known"], "look whether it landed"),
        (["hook"], "the server's check refused it: because"),
        (["protected"], "open a merge request"),
        (["credentials"], "credentials"),
        (["unknown"], "because"),
    ],
)
def test_what_cannot_be_committed_says_why(script: list[str], said: str) -> None:
    with pytest.raises(NotCommitted, match=said):
        edit(script)


def file(name: str) -> RequestFile:
    return RequestFile(name, "b", ADA, "c", None)


def test_the_next_number_is_above_all_that_were_used() -> None:
    answered = Reply(seq=1, request="0007-start.yaml", kind="start", verdict="accepted")
    view = ProjectView("v", None, unanswered=(file("0002-pause.yaml"), file("odd.yaml")), replies=(answered,))
    assert next_request_name(view, "resume") == "0008-resume.yaml"
    waiting = ProjectView("v", None, unanswered=(file("0001-pause.yaml"),), withheld=("0300-pause.yaml",))
    assert next_request_name(waiting, "resume") == "0301-resume.yaml"
    assert next_request_name(ProjectView("v", None), "start") == next_request_name(None, "start") == "0001-start.yaml"


def test_the_author_has_the_form_of_one() -> None:
    name, _, address = author().partition(" <")
    assert name
    assert address.endswith(">")
