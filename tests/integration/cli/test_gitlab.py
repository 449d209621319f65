"""`.gitlab-ci.yml` as GitLab's runner would run it: a shallow clone of one commit, each line of each script."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from cli.repository import TEMPLATE
from flow.boards.plan_board import HEADS
from tests.docs.pages import blocks
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
ROOT = Path(__file__).resolve().parents[3]
INPUTS = "inputs:\n  speed: {type: number, default: 1, max: 9}\nstages:\n"
PIPELINES = "+refs/pipelines/1:refs/pipelines/1"
"""GitLab makes such a ref for each pipeline, and its runners fetch nothing else."""


class Runner:
    """Pushes merge requests, and runs the jobs on one commit as `GIT_STRATEGY: fetch`, `GIT_DEPTH: 20` do."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.work, self.author = lab, folder / "job", folder / "person"
        self.git(folder, "clone", "-q", str(lab.remote), str(self.author))

    def git(self, folder: Path, *arguments: str) -> str:
        command = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def branch(self, files: dict[str, str | None], base: str = "origin/main") -> str:
        """A merge request's branch with these files; its commit."""
        self.git(self.author, "fetch", "-q")
        self.git(self.author, "checkout", "-q", "-B", "change", base)
        return self.more(files)

    def more(self, files: dict[str, str | None]) -> str:
        """Another commit on it."""
        for path, content in files.items():
            (self.author / path).parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                (self.author / path).unlink()
            else:
                (self.author / path).write_text(content)
        self.git(self.author, "add", "-A")
        self.git(self.author, "commit", "-qm", "Change")
        self.git(self.author, "push", "-qf", "origin", "change", "change:refs/pipelines/1")
        return self.git(self.author, "rev-parse", "HEAD")

    def job(self, name: str, commit: str) -> subprocess.CompletedProcess[str]:
        self.git(self.work.parent, "init", "-q", str(self.work))
        if "origin" not in self.git(self.work, "remote"):
            self.git(self.work, "remote", "add", "origin", f"file://{self.lab.remote}")
        self.git(self.work, "fetch", "-q", "--prune", "--no-tags", "--depth", "20", "origin", PIPELINES)
        self.git(self.work, "checkout", "-f", "-q", "--detach", commit)
        self.git(self.work, "clean", "-ffdxq")
        return self.script(name, commit)

    def script(self, name: str, commit: str) -> subprocess.CompletedProcess[str]:
        lines = yaml.safe_load((self.work / ".gitlab-ci.yml").read_text())[name]["script"]
        script = "set -eo pipefail\n" + "\n".join(lines)
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.work,
            env=self._environment(commit),
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def _environment(self, commit: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        request = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "1"}
        known = {"CI": "true", "CI_COMMIT_SHA": commit, "CI_DEFAULT_BRANCH": "main", "CI_PROJECT_DIR": str(self.work)}
        cache = {"XDG_CACHE_HOME": str(self.work.parent / "cache"), "HOME": str(self.work.parent)}
        return {**request, **known, **cache, "PATH": path, "PYTHONPATH": str(ROOT)}

    def rows(self, commit: str) -> list[dict[str, str]]:
        """The plan's table, as the merge request shows it."""
        done = self.job("plan", commit)
        assert done.returncode == 0, done.stderr
        text = (self.work / "plan.md").read_text()
        assert done.stdout == text
        tokens = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify").parse(text)
        cells = [token.content for before, token in pairwise(tokens) if before.type in ("th_open", "td_open")]
        lines = [cells[at : at + len(HEADS)] for at in range(0, len(cells), len(HEADS))]
        assert not lines or tuple(lines[0]) == HEADS
        return [dict(zip(HEADS, line, strict=True)) for line in lines[1:]]


@pytest.fixture
def runner(lab: Labs, tmp_path: Path) -> Runner:
    here = lab(stage("one", "print(1)") + stage("two", "print(2)"))
    pipeline = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    checks = (TEMPLATE / ".gitlab-ci.yml").read_text()
    here.edit({"pipelines/p.yaml": str(pipeline).replace("stages:\n", INPUTS), ".gitlab-ci.yml": checks})
    return Runner(here, tmp_path)


def with_a_node_seen(lab: Lab) -> None:
    node = lab.node()
    lab.until(lambda _: bool(lab.repository.fetch().inventories))
    node.kill()


START = {"projects/v/requests/0001-start.yaml": "request: start\ninputs: {speed: 7}\n"}


def test_M9_a_merge_request_shows_what_would_start_where_and_with_what(runner: Runner) -> None:
    with_a_node_seen(runner.lab)
    [row] = runner.rows(runner.branch({**START}))
    assert (row["project"], row["would start"], row["on"]) == ("v", "one", "n1")
    assert "<code>speed=7</code>" in row["with"]
    assert row["also"] == "0001-start.yaml accepted"


def test_M9_a_plan_is_made_where_main_is_checked_out(runner: Runner, tmp_path: Path) -> None:
    """As gitlab-ci-local does it in a person's own clone, whose branches stay as they are."""
    with_a_node_seen(runner.lab)
    runner.git(tmp_path, "clone", "-q", str(runner.lab.remote), str(runner.work))
    runner.git(runner.work, "commit", "-q", "--allow-empty", "-m", "not pushed yet")
    own = runner.git(runner.work, "rev-parse", "HEAD")
    runner.lab.ask("request: start\n")
    done = runner.script("plan", own)
    assert done.returncode == 0, done.stderr
    assert runner.git(runner.work, "rev-parse", "HEAD", "main") == f"{own}\n{own}"


def test_M9_a_merge_request_shows_what_becomes_stale(runner: Runner) -> None:
    runner.lab.node()
    runner.lab.ask("request: start\n")
    runner.lab.until_reason("Done")
    redo = "request: start\nstage: one\ninputs: {speed: 3}\n"
    [row] = runner.rows(runner.branch({"projects/v/requests/0002-start.yaml": redo}))
    assert (row["would start"], row["built on"], row["becomes stale"]) == ("one", "an empty workspace", "two")


def test_M9_the_plan_is_of_the_merge_however_long_and_far_behind_the_branch_is(runner: Runner) -> None:
    """What happened on main meanwhile is neither taken back by the branch nor shown as its doing."""
    with_a_node_seen(runner.lab)
    base = runner.lab.repository.fetch().main
    for number in range(25):
        runner.lab.edit({f"projects/w{number}/project.yaml": "pipeline: p\n"})
    runner.lab.ask("request: start\n", "w3")
    runner.branch({"notes.md": "0\n"}, base)
    for number in range(25):
        commit = runner.more({"notes.md": f"{number + 1}\n"})
    assert runner.rows(commit) == []
    assert "Projects that go on in any case: 1." in (runner.work / "plan.md").read_text()
    [row] = runner.rows(runner.more({**START}))
    assert (row["project"], row["would start"]) == ("v", "one")


def test_M9_a_merge_request_shows_what_it_deletes_and_what_it_calls_off(runner: Runner) -> None:
    runner.lab.edit({"projects/w/project.yaml": "pipeline: p\n"})
    runner.lab.ask("request: start\n", "w")
    node = runner.lab.node()
    runner.lab.until_reason("Done", "w")
    node.kill()
    runner.lab.edit(dict(START))
    rows = runner.rows(runner.branch({"projects/w/project.yaml": None, next(iter(START)): None}))
    assert [(row["project"], row["would start"], row["also"]) for row in rows] == [
        ("w", "", "deleted after its grace time"),
        ("v", "", "no longer: start of one"),
    ]


TRAFFIC = (
    "inputs: {threshold: {type: number, default: 0.5}}\nstages:\n" + stage("detect", "print(1)")
    + "  - {name: review, when: manual, confirm: Good enough?, inputs: {keep: {type: boolean, default: true}}}\n"
    + stage("track", "print(2)")
)  # fmt: skip
RECORD = "#!/bin/sh\nenv | sed -n 's/^GIT_PUSH_OPTION_[0-9]*=//p' | sort > options.txt\n"


def typed(runner: Runner, branch: str) -> set[str]:
    """Type the page's commands that push this branch, as they are; what the server heard as push options."""
    hook = runner.lab.remote / "hooks" / "post-receive"
    hook.write_text(RECORD)
    hook.chmod(0o755)
    [block] = [block for block in blocks(ROOT / "docs/gitlab.md") if block.kind == "tested by" and branch in block.text]
    who = {"GIT_AUTHOR_NAME": "Ben", "GIT_AUTHOR_EMAIL": "ben@example.org"}
    who |= {"GIT_COMMITTER_NAME": "Ben", "GIT_COMMITTER_EMAIL": "ben@example.org"}
    runner.git(runner.author, "fetch", "-q")
    typing = ["bash", "-euc", block.text]
    subprocess.run(typing, cwd=runner.author, env={**os.environ, **who}, check=True, capture_output=True, timeout=60)
    return set((runner.lab.remote / "options.txt").read_text().splitlines())


def merge(runner: Runner, branch: str) -> None:
    """As GitLab does it: a merge commit by whoever pressed the button."""
    runner.git(runner.author, "fetch", "-q")
    runner.git(runner.author, "checkout", "-q", "-B", "merging", "origin/main")
    runner.git(runner.author, "merge", "-q", "--no-ff", "-m", f"Merge branch '{branch}'", f"origin/{branch}")
    runner.git(runner.author, "push", "-q", "origin", "merging:main")


OPTIONS = {"merge_request.create", "merge_request.target=main", "merge_request.remove_source_branch"}


def test_an_answer_pushed_as_a_merge_request_is_valid_and_works_late(runner: Runner) -> None:
    here, ulm = runner.lab, "ulm-crossing-1"
    here.edit({"pipelines/t.yaml": f"name: t\nenv: {{RUNS: {here.runs}}}\n{TRAFFIC}"})
    here.edit({f"projects/{ulm}/project.yaml": "pipeline: t\n"})
    here.ask("request: start\n", ulm)
    here.node()
    here.until_reason("ManualApproval", ulm)
    assert typed(runner, "ulm-answer") == {*OPTIONS, "merge_request.title=Ulm: go on?"}
    runner.git(runner.author, "push", "-qf", "origin", "ulm-answer:refs/pipelines/1")
    commit = runner.git(runner.author, "rev-parse", "ulm-answer")
    assert runner.job("validate", commit).returncode == 0
    assert [(row["project"], row["would start"]) for row in runner.rows(commit)] == [(ulm, "track")]

    here.ask("request: pause\n", ulm)
    here.ask("request: resume\n", ulm)
    view = here.until(lambda view: len(view.replies) == 3, ulm)
    assert [reply.request for reply in view.replies][1:] == ["0002-pause.yaml", "0003-resume.yaml"]
    merge(runner, "ulm-answer")
    view = here.until_reason("Done", ulm)
    last = view.replies[-1]
    assert (last.seq, last.request, last.verdict) == (4, "0002-answer.yaml", "accepted")
    assert last.by == "Ben <ben@example.org>"

    assert typed(runner, "ulm-again") == {*OPTIONS, "merge_request.title=Ulm again"}
    merge(runner, "ulm-again")
    view = here.until(lambda view: len(view.replies) == 5 and not view.executions[-1].state.active, ulm)
    assert (view.replies[-1].verdict, view.executions[2].inputs["threshold"]) == ("accepted", 0.35)


def test_an_answer_that_is_merged_too_late_is_rejected_with_its_reason(runner: Runner) -> None:
    late = "request: answer\nstage: review\ninputs: {keep: true}\n"
    runner.lab.node()
    runner.lab.ask("request: start\n")
    runner.lab.until_reason("Done")
    runner.branch({"projects/v/requests/0002-answer.yaml": late})
    merge(runner, "change")
    view = runner.lab.until(lambda view: len(view.replies) == 2)
    assert (view.replies[1].verdict, view.replies[1].reason) == ("rejected", "NothingAsked")
    board = runner.lab.repository.read_text("projects/v/README.md") or ""
    assert "rejected: project 'v' asks for nothing now" in board


def test_a_merge_request_that_changes_nothing_says_so(runner: Runner) -> None:
    assert runner.rows(runner.branch({"README.md": "more words\n"})) == []
    assert "Nothing would change." in (runner.work / "plan.md").read_text()


def test_a_shallow_clone_is_refused_with_what_to_do(runner: Runner, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    both = ["+refs/heads/*:refs/heads/*"]
    runner.git(tmp_path, "init", "-q", "--bare", str(shallow))
    runner.git(shallow, "fetch", "-q", "--depth", "1", f"file://{runner.lab.remote}", *both)
    done = subprocess.run(
        ["winslowctl", "--repo", str(shallow), "plan"],
        env=runner._environment(""),
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "is a shallow clone; `git fetch --unshallow` there mends it" in done.stderr


def test_a_job_runs_again_where_an_earlier_one_left_its_clone(runner: Runner) -> None:
    assert runner.rows(runner.branch({"README.md": "more words\n"})) == []
    assert len(runner.rows(runner.more({**START}))) == 1


def test_a_conflict_with_main_fails_the_job_and_names_the_file(runner: Runner) -> None:
    base = runner.lab.repository.fetch().main
    runner.lab.edit({"projects/v/project.yaml": "pipeline: p\ntags: [main]\n"})
    done = runner.job("plan", runner.branch({"projects/v/project.yaml": "pipeline: p\ntags: [branch]\n"}, base))
    assert done.returncode == 1
    assert "conflicts with main in projects/v/project.yaml" in done.stderr


def test_R1110_an_invalid_document_fails_the_merge_request_with_its_place(runner: Runner) -> None:
    done = runner.job("validate", runner.branch({"pipelines/q.yaml": "name: q\nstages: 7\n"}))
    assert done.returncode == 1
    assert "pipelines/q.yaml:2:" in done.stdout


def test_both_jobs_run_for_merge_requests_and_on_main() -> None:
    jobs = yaml.safe_load((TEMPLATE / ".gitlab-ci.yml").read_text())
    for name in ("validate", "plan"):
        rules = [rule["if"] for rule in jobs[name]["rules"]]
        assert rules == ['$CI_PIPELINE_SOURCE == "merge_request_event"', "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"]


def test_the_example_has_the_same_checks() -> None:
    assert (ROOT / "example-state-repo/.gitlab-ci.yml").read_text() == (TEMPLATE / ".gitlab-ci.yml").read_text()
