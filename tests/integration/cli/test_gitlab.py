"""`.gitlab-ci.yml` as GitLab's runner would run it: a shallow clone, a detached commit, each line of each script."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.repository import TEMPLATE
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
ROOT = Path(__file__).resolve().parents[3]
INPUTS = "inputs:\n  speed: {type: number, default: 1, max: 9}\nstages:\n"


class Runner:
    """Clones what was pushed, and runs the jobs on one commit."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.work, self.author = lab, folder / "job", folder / "person"
        self.git(folder, "clone", "-q", str(lab.remote), str(self.author))

    def git(self, folder: Path, *arguments: str) -> str:
        command = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def branch(self, files: dict[str, str]) -> str:
        """A merge request's branch with these files; its commit."""
        self.git(self.author, "checkout", "-q", "-B", "change", "origin/main")
        for path, content in files.items():
            (self.author / path).parent.mkdir(parents=True, exist_ok=True)
            (self.author / path).write_text(content)
        self.git(self.author, "add", "-A")
        self.git(self.author, "commit", "-qm", "Change")
        self.git(self.author, "push", "-qf", "origin", "change")
        return self.git(self.author, "rev-parse", "HEAD")

    def job(self, name: str, commit: str) -> subprocess.CompletedProcess[str]:
        url = f"file://{self.lab.remote}"
        self.git(
            self.author, "clone", "-q", "--depth", "20", "--no-single-branch", "--no-checkout", url, str(self.work)
        )
        for branch in self.git(self.work, "for-each-ref", "--format=%(refname)", "refs/heads").split():
            self.git(self.work, "update-ref", "-d", branch)
        self.git(self.work, "checkout", "-q", "--detach", commit)
        lines = yaml.safe_load((TEMPLATE / ".gitlab-ci.yml").read_text())[name]["script"]
        script = "set -eo pipefail\n" + "\n".join(lines)
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.work,
            env=self._environment(commit),
            text=True,
            capture_output=True,
            check=False,
        )

    def _environment(self, commit: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        known = {"CI": "true", "CI_COMMIT_SHA": commit, "CI_DEFAULT_BRANCH": "main"}
        cache = {"XDG_CACHE_HOME": str(self.work.parent / "cache"), "HOME": str(self.work.parent)}
        return {**known, **cache, "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def runner(lab: Labs, tmp_path: Path) -> Runner:
    here = lab(stage("one", "print(1)"))
    pipeline = here.repository.fetch() and here.repository.read_main("pipelines/p.yaml")
    here.edit({"pipelines/p.yaml": str(pipeline).replace("stages:\n", INPUTS)})
    return Runner(here, tmp_path)


def test_M9_a_merge_request_shows_what_would_start_where_and_with_what(runner: Runner) -> None:
    node = runner.lab.node()
    runner.lab.until(lambda _: bool(runner.lab.repository.fetch().inventories))
    node.kill()
    commit = runner.branch({"projects/v/requests/0001-start.yaml": "request: start\ninputs: {speed: 7}\n"})
    done = runner.job("plan", commit)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("| v |")]
    assert "| one | n1 |" in line
    assert "speed=7" in line
    assert (runner.work / "plan.md").read_text() == done.stdout


def test_a_merge_request_that_changes_nothing_says_so(runner: Runner) -> None:
    done = runner.job("plan", runner.branch({"README.md": "more words\n"}))
    assert (done.returncode, "Nothing would change." in done.stdout) == (0, True)


def test_R1110_an_invalid_document_fails_the_merge_request_with_its_place(runner: Runner) -> None:
    done = runner.job("validate", runner.branch({"pipelines/q.yaml": "name: q\nstages: 7\n"}))
    assert done.returncode == 1
    assert "pipelines/q.yaml:2:" in done.stdout


def test_the_example_has_the_same_checks() -> None:
    assert (ROOT / "example-state-repo/.gitlab-ci.yml").read_text() == (TEMPLATE / ".gitlab-ci.yml").read_text()
