"""References of images in all their spellings."""

import pytest

from runner.contract import images

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("ref", "repository", "tag"),
    [
        ("python", "python", "latest"),
        ("python:3.11-slim", "python", "3.11-slim"),
        ("registry:5000/a/b", "registry:5000/a/b", "latest"),
        ("registry:5000/a/b:1", "registry:5000/a/b", "1"),
        (f"registry:5000/a/b:1@{DIGEST}", "registry:5000/a/b", "1"),
    ],
)
def test_a_port_is_no_tag(ref: str, repository: str, tag: str) -> None:
    assert (images.repository(ref), images.tag(ref)) == (repository, tag)


def test_what_is_run_and_pulled_is_the_digest_where_there_is_one() -> None:
    assert images.pinned(f"a/b:1@{DIGEST}") == f"a/b@{DIGEST}"
    assert images.pinned("a/b:1") == "a/b:1"
    assert images.source(f"a/b:1@{DIGEST}") == ("a/b", DIGEST)
    assert images.source("localhost:5000/a/b") == ("localhost:5000/a/b", "latest")


@pytest.mark.parametrize(
    ("ref", "known", "digest"),
    [
        ("a/b:1", [f"a/b@{DIGEST}"], DIGEST),
        ("docker.io/library/python:3", [f"python@{DIGEST}"], DIGEST),
        ("localhost:5000/a/b", [f"localhost:5000/a/b@{DIGEST}"], DIGEST),
        ("a/b:1", [f"other/b@{DIGEST}"], None),
        ("a/b:1", [], None),
        ("a/b:1", None, None),
    ],
)
def test_a_digest_counts_only_under_the_name_that_was_asked_for(
    ref: str, known: list[str] | None, digest: str | None
) -> None:
    found = images.resolved(ref, {"Id": "sha256:id", "RepoDigests": known})
    assert (found.ref, found.digest, found.id) == (ref, digest, "sha256:id")
