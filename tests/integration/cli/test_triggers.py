"""`triggers ls|test|hook` and what `validate` says of triggers."""

from collections.abc import Callable
from pathlib import Path

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
NIGHTLY = (
    "schedule: {cron: '30 2 * * *', zone: Europe/Berlin}\nstart: {project: v, comment: \"at $[[ schedule.date ]]\"}\n"
)
ARRIVED = "pool: {files: '**/*.mp4'}\ncreate: {pipeline: p, name: \"$[[ file.stem ]]\"}\n"


def test_G8_what_a_trigger_would_do_and_what_it_did(lab: Labs, command: Commands) -> None:
    here = lab(stage("one"))
    ctl = command(here)
    assert "no triggers yet; commit triggers/NAME.yaml" in ctl("triggers", "ls")
    done = "projects/v/requests/start-nightly-20260301t013000z.yaml"
    here.edit({"triggers/nightly.yaml": NIGHTLY, "triggers/arrived.yaml": ARRIVED, done: "request: start\n"})
    arrived, nightly = ctl.json("triggers", "ls")
    assert (nightly["on"], nightly["makes"]) == ("30 2 * * * Europe/Berlin", "start v")
    assert "T02:30+0" in nightly["next"]
    assert nightly["last"] == "v 20260301t013000z not answered yet"
    assert (arrived["on"], arrived["makes"], arrived["next"]) == ("pool:**/*.mp4", "project of p", "")
    told = ctl.json("triggers", "test", "nightly")
    [(path, text)] = told["files"].items()
    assert path.startswith("projects/v/requests/start-nightly-2")
    assert f"at {told['next'][0][:10]}\n" in text
    assert len(told["next"]) == 5
    assert "example" in ctl("triggers", "test", "arrived")
    assert "did you mean 'nightly'?" in ctl("triggers", "test", "nightl", code=1)
    assert "has no `hook: {}`" in ctl("triggers", "hook", "nightly", code=1)


def test_what_is_wrong_with_triggers_is_told_at_its_place(lab: Labs, command: Commands, tmp_path: Path) -> None:
    here = lab(stage("one"))
    ctl = command(here)
    folder = tmp_path / "work"
    for path, text in {
        "winslow.yaml": "schema: 1\n",
        "pipelines/p.yaml": "name: p\nstages:\n  - {name: a, image: host/x}\n",
        "projects/v/project.yaml": "pipeline: p\n",
        "triggers/one.yaml": NIGHTLY,
        "triggers/two.yaml": NIGHTLY,
        "triggers/three.yaml": "hook: {}\ncreate:\n  pipeline: q\n",
        "triggers/four.yml": "hook: {}\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    told = ctl("validate", str(folder), code=1)
    assert "triggers/two.yaml:1:1: it makes what 'one' makes, twice; remove one of them" in told
    assert "triggers/three.yaml:3:13: there is no pipeline 'q'" in told
    assert "triggers/four.yml:1:1: not read under this name; a trigger's file is triggers/four.yaml" in told
