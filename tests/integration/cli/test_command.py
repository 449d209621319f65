"""The command against a real bare repository, and where something has to run, a real node."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from schema.execution import State
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
GATED = stage("one", "open(os.environ['WINSLOW_RESULT'], 'w').write('cars=7')") + (
    "  - {name: review, when: manual, confirm: Good enough?, inputs: {keep: {type: boolean, default: true}}}\n"
)
TWO = GATED + stage("two", "print('line', 1)")
PS = ["project", "pipeline", "state", "reason", "stage", "execution", "node", "gpus", "progress", "since", "took"]
EVENT = ["commit", "time", "event", "project", "execution", "stage", "node", "claim", "request", "by", "wanted"]
EVENT += ["duration", "text"]


def test_R1110_an_invalid_pipeline_is_refused_with_its_place(lab: Labs, command: Commands, tmp_path: Path) -> None:
    ctl = command(lab(TWO))
    file = tmp_path / "broken.yaml"
    file.write_text("name: broken\nstages:\n  - name: a\n    imagee: x\n")
    assert re.search(r"broken.yaml:4:5: .*image", ctl("pipelines", "put", str(file), code=1))
    assert "broken" not in ctl("pipelines", "ls")


def test_R1120_R1130_pipelines_are_seen_changed_and_deleted(lab: Labs, command: Commands, tmp_path: Path) -> None:
    ctl = command(lab(TWO))
    file = tmp_path / "q.yaml"
    file.write_text("name: q\nstages: [{name: a, image: host/x, command: [ls]}]\n")
    ctl("pipelines", "put", str(file))
    assert {p["pipeline"] for p in ctl.json("pipelines", "ls")} == {"p", "q"}
    assert ctl("pipelines", "show", "q") == file.read_text()
    ctl("pipelines", "rm", "q")
    assert "there is no pipeline 'q'" in ctl("pipelines", "show", "q", code=1)


def test_R1210_a_project_needs_an_existing_pipeline(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    ctl = command(here)
    assert "there is no pipeline 'pp' (did you mean 'p'?)" in ctl("projects", "create", "x", "--pipeline", "pp", code=1)
    ctl("projects", "create", "x", "--pipeline", "p", "--name", "Morning", "--tag", "ulm", "--start")
    view = here.view("x")
    assert view.project is not None
    assert (view.project.name, view.project.tags, len(view.unanswered)) == ("Morning", ("ulm",), 1)


def test_R1220_R1230_R1240_name_tags_and_pipeline_change_and_comments_stay(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    ctl = command(here)
    here.edit({"projects/v/project.yaml": "# flight of monday\npipeline: p   # for now\n"})
    ctl("projects", "edit", "v", "--name", "Evening", "--tag", "a", "--tag", "b")
    here.repository.fetch()
    text = here.repository.read_main("projects/v/project.yaml")
    assert text is not None
    assert text.startswith("# flight of monday\npipeline: p   # for now\n")
    assert here.view().project.tags == ("a", "b")  # type: ignore[union-attr]


def test_bad_names_never_become_paths(lab: Labs, command: Commands) -> None:
    ctl = command(lab(TWO))
    for name in ("../x", "A", "a/b", ".hidden", "x" * 300, "a\n"):
        assert "cannot be the name" in ctl("projects", "create", name, "--pipeline", "p", code=1)


def test_a_control_command_prints_its_commit_and_names_its_author(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    out = command(here)("start", "v", "--comment", "first try")
    commit, path = out.split()
    [file] = here.view().unanswered
    assert (file.commit, file.by, path) == (commit, "Ada <ada@example.org>", "projects/v/requests/0001-start.yaml")


def test_M1_a_wrong_answer_is_refused_before_it_is_committed(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    here.node()
    ctl = command(here)
    ctl("start", "v")
    ctl("wait", "v", "--for", "needs_input", "--timeout", "20s")
    assert "keep: true or false is wanted" in ctl("answer", "v", "--input", "keep=maybe", code=1)
    assert "kepe: no such input (did you mean 'keep'?)" in ctl("answer", "v", "--input", "kepe=true", code=1)
    assert len(here.view().replies) == 1
    ctl("answer", "v", "--input", "keep=true")
    assert "succeeded" in ctl("wait", "v", "--for", "succeeded", "--timeout", "20s")
    assert here.view().replies[-1].inputs == {"keep": True}


def test_M2_a_redo_is_compared_with_what_was(lab: Labs, command: Commands) -> None:
    here = lab("  - {name: only, image: host/x, env: {N: '1'}, command: [python, -c, 'import os; "
               "open(os.environ[\"WINSLOW_RESULT\"], \"w\").write(\"n=\" + os.environ[\"N\"])']}\n")  # fmt: skip
    here.node()
    ctl = command(here)
    ctl("start", "v")
    ctl("wait", "v", "--timeout", "20s")
    ctl("redo", "v", "--stage", "only", "--env", "N=5")
    here.until_state(State.SUCCEEDED, 2)
    rows = {(row["group"], row["name"]): row for row in ctl.json("compare", "v/1", "v/2")["rows"]}
    assert (rows["value", "n"]["left"], rows["value", "n"]["right"], rows["value", "n"]["change"]) == (1, 5, 4)


def test_R1450_logs_live_and_from_the_repository(lab: Labs, command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    here = lab(stage("one", "print('hello from the stage')"))
    here.node()
    ctl = command(here)
    ctl("start", "v")
    ctl("wait", "v", "--timeout", "20s")
    live = ctl("logs", "v/1")
    assert "hello from the stage" in live
    assert re.search(r"^-- \S+ claim one on n1", live, re.MULTILINE)
    monkeypatch.setenv("WINSLOW_DATA", str(here.folder / "elsewhere"))
    assert "hello from the stage" in ctl("logs", "v")


def test_R1460_R2_ps_and_describe_say_where_everything_stands(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    here.node()
    ctl = command(here)
    ctl("start", "v")
    ctl("wait", "v", "--for", "needs_input", "--timeout", "20s")
    [row] = ctl.json("ps")
    assert list(row) == PS
    assert (row["state"], row["reason"], row["stage"]) == ("needs_input", "ManualApproval", "review")
    described = ctl.json("describe", "v")
    assert list(described) == ["project", "pipeline", "state", "reason", "stages", "to_come", "executions", "requests"]
    assert list(described["stages"][0]) == ["stage", "state", "reason", "execution"]
    assert [(s["stage"], s["state"]) for s in described["stages"]] == [
        ("one", "succeeded"),
        ("review", "waiting"),
        ("two", "pending"),
    ]
    assert [(r["request"], r["reply"]["verdict"]) for r in described["requests"]] == [("0001-start.yaml", "accepted")]
    assert described["executions"][0]["claim"]["node"] == "n1"


def test_events_have_their_keys_oldest_first(lab: Labs, command: Commands) -> None:
    here = lab(stage("one"))
    here.node()
    ctl = command(here)
    ctl("start", "v")
    ctl("wait", "v", "--timeout", "20s")
    found = ctl.json("events")
    assert list(found[0]) == EVENT
    verbs = [event["event"] for event in found if event["project"] == "v"]
    assert verbs.index("accept") < verbs.index("claim") < verbs.index("succeed")


def test_M8_a_waiting_stage_says_why_and_who_could(lab: Labs, command: Commands) -> None:
    here = lab("  - {name: big, image: host/x, command: [x], resources: {memory: 1GiB}}\n")
    here.node()
    ctl = command(here)
    ctl("start", "v")
    here.until(lambda view: bool(view.replies))
    [row] = ctl.json("ps")
    assert (row["state"], row["reason"]) == ("queued", "NoMatchingNode")
    assert "n1: its runner (process) cannot limit resources" in ctl("ps")


def test_M9_a_plan_of_a_branch_shows_what_would_start(lab: Labs, command: Commands) -> None:
    import pygit2

    here = lab(TWO)
    here.edit({"projects/v/requests/0001-start.yaml": "request: start\n"})
    repo = pygit2.Repository(str(here.remote))
    tip = repo.references["refs/heads/main"].target
    repo.references.create("refs/heads/idea", tip)
    repo.references.create("refs/heads/main", repo[tip].parents[0].id, force=True)  # type: ignore[attr-defined]
    ctl = command(here)
    assert "nothing would change" in ctl("plan")
    out = ctl("plan", "--rev", "idea", code=2)
    assert "0001-start.yaml accepted" in out
    assert "start  one on no node yet" in out


def test_wait_has_its_exit_codes(lab: Labs, command: Commands) -> None:
    here = lab(stage("bad", "raise SystemExit(4)"))
    ctl = command(here)
    ctl("start", "v")
    ctl("wait", "v", "--for", "succeeded", "--timeout", "300ms", code=4)
    here.node()
    assert "ExitCode: exit code 4" in ctl("wait", "v", "--for", "succeeded", "--timeout", "20s", code=3)


def test_R1250_deleting_asks_for_a_yes(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    ctl = command(here)
    ctl("start", "v")
    assert "say --yes" in ctl("projects", "rm", "v", code=2)
    ctl("projects", "rm", "v", "--yes", "--now")
    deleted = here.repository.fetch().projects["v"].deletion
    assert deleted
    assert deleted.now


def test_validate_names_every_mistake_of_a_folder(lab: Labs, command: Commands, tmp_path: Path) -> None:
    ctl = command(lab(TWO))
    root = tmp_path / "copy"
    (root / "projects" / "v").mkdir(parents=True)
    (root / "pipelines").mkdir()
    (root / "winslow.yaml").write_text("schema: 1\n")
    (root / "pipelines" / "p.yaml").write_text(
        "name: p\nstages:\n  - {name: a, image: x, command: ['$[[ inputs.q ]]']}\n"
    )
    (root / "projects" / "v" / "project.yaml").write_text("pipeline: pq\npriority: high\n")
    out = ctl("validate", str(root), code=1)
    assert "pipelines/p.yaml:3:35: stage 'a': $[[ inputs.q ]]: no such input" in out
    assert "projects/v/project.yaml:2:11:" in out


@pytest.mark.parametrize(
    ("repo", "word"),
    [
        ("/nonexistent/nothing.git", "nothing.git"),
        ("ext::sh -c true", "no repository address"),
        ("--upload-pack=touch x", "no repository address"),
        ("-oProxyCommand=x", "no repository address"),
    ],
)
def test_S4_a_repository_that_cannot_be_is_one_clear_line(
    lab: Labs, command: Commands, monkeypatch: pytest.MonkeyPatch, repo: str, word: str
) -> None:
    ctl = command(lab(TWO))
    monkeypatch.setenv("WINSLOW_REPO", repo)
    said = ctl.run("ps")
    assert said.code == 1
    assert word in said.err
    assert said.err.count("\n") == 1


def test_init_twice_and_on_a_foreign_folder(command: Commands, lab: Labs, tmp_path: Path) -> None:
    ctl = command(lab(TWO))
    assert "made a state repository" in ctl("init", "--bare", str(tmp_path / "new.git"))
    assert "already" in ctl("init", "--bare", str(tmp_path / "new.git"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "not empty" in ctl("init", "--bare", str(tmp_path / "full"), code=1)


def test_options_stand_before_or_after_the_verb(lab: Labs, command: Commands) -> None:
    ctl = command(lab(TWO))
    assert ctl("-o", "json", "ps") == ctl("ps", "-o", "json") == ctl("ps", "--output=json")
    assert "not 'xml'" in ctl("ps", "-o", "xml", code=2)
