"""Hook, `validate`, `plan` and snapshot tell alike of what can have no effect, and say what would."""

from pathlib import Path

import pytest

from flow.model.commits import Commit, StateEvent, Write
from schema import layout
from schema.reply import Reply
from state.contract.repository import Edit, Landed, Rejected, Rejection
from state.git.git_repository import GitRepository
from state.history.revisions import put_back
from tests.integration.cli.command import Command
from tests.integration.git.remotes import AUTHOR, client, remote, run

STRAYS = {
    "pipelines/q.yml": "a pipeline's file is pipelines/q.yaml",
    "pipeline/q.yaml": "a pipeline's file is pipelines/q.yaml",
    "nodes/GPU 1.yaml": "a node's file is nodes/gpu-1.yaml",
    "projects/w.yaml": "a project's file is projects/w/project.yaml",
    "projects/w/project.yml": "a project's file is projects/w/project.yaml",
    "projects/v/requests/0001-abort.yml": "a request's file is projects/v/requests/0001-abort.yaml",
    "projects/v/request/0001-abort.yaml": "a request's file is projects/v/requests/0001-abort.yaml",
    "project/w/project.yaml": "a project's file is projects/w/project.yaml",
    "winslow.yml": "the file of the settings is winslow.yaml",
    "triggers/night.yml": "a trigger's file is triggers/night.yaml",
}
START, REQUEST = "request: start\n", "projects/v/requests/0001-start.yaml"
TAKEN = "0001-start.yaml was answered already, so this has no effect; take the next number: 0002-start.yaml"


def edit(one: GitRepository, files: dict[str, str | None]) -> Landed | str:
    outcome = one.propose(Edit(files, "edit", AUTHOR), base=one.fetch().main)
    if isinstance(outcome, Landed):
        return outcome
    assert isinstance(outcome, Rejected)
    assert outcome.kind is Rejection.HOOK
    return outcome.text


def without_hook(folder: Path, one: GitRepository, files: dict[str, str | None]) -> None:
    """As it lands on a server that has no hook of ours."""
    hook = folder / "hooks" / "pre-receive"
    hook.rename(folder / "aside")
    assert isinstance(edit(one, files), Landed)
    (folder / "aside").rename(hook)


def reply(one: GitRepository) -> None:
    base = one.fetch()
    [file] = base.projects["v"].unanswered
    document = Reply(seq=1, request=file.name, kind="start", verdict="accepted", blob=file.blob)
    commit = Commit(StateEvent("accept", "v"), (Write(layout.reply("v", file.name), document),))
    assert isinstance(one.swap(base, [commit], node="n"), Landed)


@pytest.fixture
def answered(tmp_path: Path) -> tuple[Path, GitRepository]:
    """A repository with one request that has its reply."""
    folder, one = remote(tmp_path), client(tmp_path)
    assert isinstance(edit(one, {REQUEST: START}), Landed)
    reply(one)
    return folder, one


def test_N5_hook_validate_and_snapshot_name_each_file_that_nothing_reads(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    work = committed(tmp_path, dict.fromkeys(STRAYS, START))
    said = run("push", "origin", "main", cwd=work).stderr
    assert isinstance(edit(one, {"projects/w.yaml": START}), str)
    without_hook(folder, one, dict.fromkeys(STRAYS, START))
    problems = one.fetch().problems
    checked = Command().run("validate", str(work)).out
    asked = Command().run("--repo", str(folder), "validate", "--rev", "main").out
    shown = Command().run("--repo", str(folder), "ps")
    for path, what in STRAYS.items():
        line = f"{path}:1:1: "
        assert line in said
        assert what in said
        assert [each for each in problems if each.text.startswith(line) and what in each.text], path
        assert line in checked
        assert line in asked
        assert what in shown.err.replace("\n", " ")
    assert len(problems) == len(STRAYS)


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("pipeline: nowhere\n", "projects/w/project.yaml:1:11: there is no pipeline 'nowhere'"),
        ("pipeline: pp\n", "there is no pipeline 'pp' (did you mean 'p'?)"),
        ("pipeline: p\ninputs: {speed: 3}\n", "projects/w/project.yaml:2:17: speed: no such input"),
    ],
)
def test_R1210_the_hook_tells_what_does_not_fit_as_validate_does(tmp_path: Path, project: str, said: str) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    refused = edit(one, {"projects/w/project.yaml": project})
    assert isinstance(refused, str)
    assert said in refused
    without_hook(folder, one, {"projects/w/project.yaml": project})
    assert said in Command().run("--repo", str(folder), "validate", "--rev", "main").out
    tagged = edit(one, {"projects/w/project.yaml": f"{project}tags: [x]\n"})
    assert isinstance(tagged, Landed), "what was so before is not held against the push"


def test_R1130_a_project_whose_pipeline_was_deleted_can_still_be_changed(tmp_path: Path) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    assert isinstance(edit(one, {"pipelines/p.yaml": None}), Landed)
    assert isinstance(edit(one, {"projects/v/project.yaml": "pipeline: p\ntags: [x]\n"}), Landed)


def test_a_request_without_a_project_is_refused_and_told(tmp_path: Path) -> None:
    folder, one = remote(tmp_path), client(tmp_path)
    path, said = "projects/w/requests/0001-start.yaml", "nobody answers it: there is no project here"
    refused = edit(one, {path: START})
    assert isinstance(refused, str)
    assert said in refused
    without_hook(folder, one, {path: START})
    assert any(said in problem.text for problem in one.fetch().problems)
    assert isinstance(edit(one, {"projects/w/project.yaml": "pipeline: p\n"}), Landed)
    assert one.fetch().problems == ()


def test_N5_another_wish_under_an_answered_name_is_told_by_hook_validate_plan_and_snapshot(
    answered: tuple[Path, GitRepository],
) -> None:
    folder, one = answered
    second = {REQUEST: f"{START}comment: of another merge request\n"}
    assert TAKEN in str(edit(one, second))
    branch(folder, one, second)
    assert TAKEN in Command().run("--repo", str(folder), "validate", "--rev", "wish").out
    assert TAKEN in Command().run("--repo", str(folder), "plan", "--rev", "wish").out
    without_hook(folder, one, second)
    assert [str(each) for each in one.fetch().problems] == [f"{REQUEST}:1:1: {TAKEN}"]
    assert isinstance(edit(one, {REQUEST: START}), Landed), "what was answered may be put back"
    assert one.fetch().problems == ()


def test_N5_a_reverted_revert_is_told_to_take_the_next_number(answered: tuple[Path, GitRepository]) -> None:
    folder, one = answered
    assert isinstance(edit(one, {REQUEST: None}), Landed)
    assert TAKEN in str(edit(one, {REQUEST: START}))
    branch(folder, one, {REQUEST: START})
    assert TAKEN in Command().run("--repo", str(folder), "validate", "--rev", "wish").out
    assert TAKEN in Command().run("--repo", str(folder), "plan", "--rev", "wish").out
    tip = run("rev-parse", "wish", cwd=folder).stdout.strip()
    assert [str(each) for each in put_back(one, tip)] == [f"{REQUEST}:1:1: {TAKEN}"]


def test_a_deleted_project_is_put_back_with_its_answered_requests(answered: tuple[Path, GitRepository]) -> None:
    _, one = answered
    assert isinstance(edit(one, {REQUEST: None, "projects/v/project.yaml": None}), Landed)
    assert isinstance(edit(one, {REQUEST: START, "projects/v/project.yaml": "pipeline: p\n"}), Landed)


def branch(folder: Path, one: GitRepository, files: dict[str, str]) -> None:
    """A branch `wish` on the server, one commit above main."""
    work = committed(folder.parent, files)
    assert run("push", "--quiet", "origin", "HEAD:wish", cwd=work).returncode == 0
    one.fetch()
    one.remote.fetch(["+refs/heads/wish:refs/winslow-view/wish"])


def committed(folder: Path, files: dict[str, str]) -> Path:
    """A clone of the remote with one commit above main."""
    run("clone", "--quiet", str(folder / "remote.git"), "work", cwd=folder)
    for path, text in files.items():
        (folder / "work" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "work" / path).write_text(text)
    run("add", "--all", cwd=folder / "work")
    assert run("commit", "--quiet", "-m", "wish", cwd=folder / "work").returncode == 0
    return folder / "work"
