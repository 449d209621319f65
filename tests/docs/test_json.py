"""The keys of `-o json` that docs/reference.md promises to programs are those that the verbs print."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

REFERENCE = (ROOT / "docs" / "reference.md").read_text().partition("## Commands")[2]
GATE = "  - {name: look, when: manual}\n"
QUERIES = {
    "doctor": (),
    "pipelines ls": (),
    "projects ls": (),
    "projects show": ("v",),
    "ps": (),
    "status": (),
    "describe": ("v",),
    "events": (),
    "compare": ("v/1", "v/2"),
    "files ls": ("v",),
    "nodes": (),
    "top": (),
}
WISHES = {
    "pipelines put": ("{folder}/q.yaml",),
    "projects create": ("x", "--pipeline", "q"),
    "projects edit": ("x", "--name", "Evening"),
    "projects rm": ("x", "--yes"),
    "pipelines rm": ("q",),
    "start": ("v",),
    "redo": ("v", "--stage", "one"),
    "resume": ("v", "--force"),
    "answer": ("v", "--force"),
    "pause": ("v", "--force"),
    "abort": ("v", "--force"),
    "skip": ("v", "--stage", "one", "--force"),
    "drain": ("n1",),
}


def promised(verb: str) -> set[str]:
    row = re.search(rf"^\| `{verb}[^`]*` \|[^|]*\|[^|]*\|([^|]*)\|", REFERENCE, re.MULTILINE)
    assert row, verb
    if row[1].strip().startswith("as `"):
        return promised(row[1].strip()[4:-1])
    return set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row[1])))


def differing(said: dict[str, set[str]]) -> dict[str, set[str]]:
    return {verb: found ^ promised(verb) for verb, found in said.items() if found != promised(verb)}


def keys(found: Any) -> set[str]:
    return set(found[0] if isinstance(found, list) else found)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab", stage("one", "open('a', 'w').write('x')") + stage("two") + GATE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WINSLOW_AUTHOR", "Ada <ada@example.org>")
    monkeypatch.setenv("WINSLOW_REPO", str(lab.remote))
    monkeypatch.setenv("WINSLOW_DATA", str(lab.folder / "n1"))
    yield lab
    lab.close()


def test_verbs_that_look_print_the_keys_that_are_promised(lab: Lab) -> None:
    lab.node()
    lab.ask("request: start\n")
    lab.until_reason("ManualApproval")
    ctl = Command()
    said = {verb: keys(ctl.json(*verb.split(), *more)) for verb, more in QUERIES.items()}
    assert differing(said) == {}
    compared = ctl.json("compare", "v/1", "v/2")["rows"][0]
    assert set(compared) == set(re.findall(r"`(\w+)`", re.search(r"`rows` \(([^)]*)\)", REFERENCE)[1]))  # type: ignore[index]


def test_verbs_that_wish_print_the_keys_that_are_promised(lab: Lab) -> None:
    lab.edit({"nodes/n1.yaml": "drain: false\n"})
    (lab.folder / "q.yaml").write_text("name: q\nstages: [{name: a, image: host/x, command: [ls]}]\n")
    ctl = Command()
    said = {}
    for verb, more in WISHES.items():
        said[verb] = keys(ctl.json(*verb.split(), *(word.format(folder=lab.folder) for word in more)))
    assert differing(said) == {}


def test_plan_and_validate_print_the_keys_that_are_promised(lab: Lab) -> None:
    lab.ask("request: start\n")
    planned = Command().run("plan", "-o", "json")
    assert planned.code == 2
    said = {"plan": keys(json.loads(planned.out)), "validate": keys(Command().json("validate", "--rev", "main"))}
    assert differing(said) == {}
