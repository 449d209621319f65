"""The shipped `.gitlab-ci.yml` by gitlab-ci-local, which people try their jobs with, in a clone as they have it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.repository import TEMPLATE
from tests.integration.node.lab import Lab, stage
from tests.tools.npm import modules

ROOT = Path(__file__).parents[3]
NO_IMAGE = "default:\n  image: null\n"
"""Jobs run in the shell of this machine: an image with winslowctl is another test's."""


@pytest.fixture
def clone(lab: Callable[..., Lab], tmp_path: Path) -> Path:
    here = lab(stage("one", "print(1)"))
    here.edit({".gitlab-ci.yml": (TEMPLATE / ".gitlab-ci.yml").read_text()})
    node = here.node()
    here.until(lambda _: bool(here.repository.fetch().inventories))
    node.kill()
    subprocess.run(["git", "clone", "-q", str(here.remote), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


def ask(clone: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = modules() / ".bin" / "gitlab-ci-local"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"HOME": str(clone.parent), "XDG_CACHE_HOME": str(clone.parent / "cache"), "PYTHONPATH": str(ROOT)}
    command = [str(program), "--color=false", *arguments]
    environment = {**os.environ, **own, "PATH": path}
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=120, check=False)


def git(clone: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", "-C", str(clone), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_R5_our_own_file_is_one_of_gitlabs_and_releases_by_tags_alone(clone: Path) -> None:
    (clone / ".gitlab-ci.yml").write_text((ROOT / ".gitlab-ci.yml").read_text())
    listed = ask(clone, "--list")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "json schema validated" in listed.stdout + listed.stderr
    assert "release" not in {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}
    git(clone, "checkout", "-q", "-B", "main")
    tagged = ask(clone, "--list", "--variable", "CI_COMMIT_TAG=v1.2.3")
    assert "release" in {line.split()[0] for line in tagged.stdout.splitlines() if line.strip()}, tagged.stdout


def test_the_file_is_one_of_gitlabs_and_has_both_jobs(clone: Path) -> None:
    """It is checked against GitLab's own schema."""
    listed = ask(clone, "--list")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "json schema validated" in listed.stdout + listed.stderr
    assert {line.split()[0] for line in listed.stdout.splitlines() if " check " in line} >= {"validate", "plan"}


def test_M9_both_jobs_pass_on_a_checkout_of_main_and_leave_its_branches_alone(clone: Path) -> None:
    (clone / ".gitlab-ci-local.yml").write_text(NO_IMAGE)
    request = clone / "projects" / "v" / "requests" / "0001-start.yaml"
    request.parent.mkdir(parents=True)
    request.write_text("request: start\n")
    git(clone, "add", "projects")
    git(clone, "commit", "-qm", "Start v")
    before = git(clone, "for-each-ref", "refs/heads"), git(clone, "rev-parse", "HEAD")
    done = ask(clone, "--json-schema-validation=false", "validate", "plan")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 problems" in done.stdout
    assert "0001-start.yaml accepted" in done.stdout
    assert (git(clone, "for-each-ref", "refs/heads"), git(clone, "rev-parse", "HEAD")) == before


def test_R1110_a_wrong_document_fails_the_job(clone: Path) -> None:
    (clone / ".gitlab-ci-local.yml").write_text(NO_IMAGE)
    (clone / "pipelines" / "p.yaml").write_text("name: p\nstages: 7\n")
    git(clone, "commit", "-qam", "Break it")
    done = ask(clone, "--json-schema-validation=false", "validate")
    assert done.returncode == 1
    assert "pipelines/p.yaml:2:9: a list is wanted, not 7" in done.stdout
