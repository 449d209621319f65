"""What the command says of pasts, plans and logs, to programs and to people."""

import io
import json
import time
from collections.abc import Callable

import pytest

from cli.doctor import _clock
from schema.execution import State
from state.edits.comments import comments
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
ONE = stage("one", "print('hello')")
GATE = "  - {name: look, when: manual}\n"
LONG = stage("long", "time.sleep(600)")


def test_M16_any_past_state_is_seen(lab: Labs, command: Commands) -> None:
    here = lab(ONE + GATE)
    ctl = command(here)
    here.node()
    ctl("start", "v")
    ctl("wait", "v", "--timeout", "20s")
    ctl("projects", "create", "later", "--pipeline", "p")
    commits = {event["event"]: event["commit"] for event in ctl.json("events", "--project", "v")}
    states = {event: ctl.json("describe", "v", "--at", commits[event])["state"] for event in ("accept", "succeed")}
    assert states == {"accept": "queued", "succeed": "needs_input"}
    [then] = ctl.json("ps", "--at", commits["claim"][:12])
    assert (then["project"], then["state"], then["stage"]) == ("v", "running", "one")
    assert {row["project"] for row in ctl.json("ps")} == {"v", "later"}
    created = here.repository.fetch().main
    assert {row["project"] for row in ctl.json("ps", "--at", created)} == {"v", "later"}


def test_M16_a_time_or_an_age_names_the_past(lab: Labs, command: Commands) -> None:
    here = lab(ONE + GATE)
    ctl = command(here)
    assert ctl.json("ps", "--at", "2100-01-01") == ctl.json("ps") == ctl.json("ps", "--at", "0s")
    assert "did not exist at 2001-01-01T10:00Z" in ctl("ps", "--at", "2001-01-01T10:00Z", code=1)
    assert "did not exist at 400 days" in ctl("describe", "v", "--at", "400 days", code=1)
    assert "a time like 2026-03-01T09:30, or an age like 2h" in ctl("ps", "--at", "yesterday", code=1)
    assert "no branch or commit 'abcdef0'" in ctl("ps", "--at", "abcdef0", code=1)


def test_M9_a_plan_tells_a_pending_abort(lab: Labs, command: Commands) -> None:
    here = lab(LONG)
    node = here.node()
    ctl = command(here)
    ctl("start", "v")
    here.until_state(State.RUNNING)
    node.kill()
    ctl("abort", "v")
    [planned] = json.loads(ctl.run("plan", "-o", "json").out)
    assert (planned["project"], planned["aborts"], planned["stage"]) == ("v", 1, None)
    said = ctl.run("plan")
    assert said.code == 2
    assert "abort  execution 1; it counts as failed, and the project pauses" in said.out


def test_a_log_is_one_object_a_line_for_programs(lab: Labs, command: Commands) -> None:
    ctl = command(here := lab(ONE))
    here.node()
    ctl("start", "v")
    ctl("wait", "v", "--timeout", "20s")
    lines = [json.loads(line) for line in ctl("logs", "v", "-o", "json").splitlines()]
    assert all(list(line) == ["time", "stream", "text"] for line in lines)
    assert [line["text"] for line in lines if line["stream"] == "O"] == ["hello"]
    assert lines[-1]["text"].startswith("succeed one on n1")
    assert ctl("logs", "v", "-o", "yaml").count("---\n") == len(lines)


def test_wait_prints_the_last_state_for_programs_in_every_case(lab: Labs, command: Commands) -> None:
    ctl = command(lab(ONE))
    new = {"project": "v", "state": "new", "reason": "NotStarted", "stage": None, "execution": None}
    reached = ctl.run("wait", "v", "--for", "new", "-o", "json")
    assert (reached.code, json.loads(reached.out), reached.err) == (0, new, "")
    stopped = ctl.run("wait", "v", "--for", "succeeded", "-o", "json")
    assert (stopped.code, json.loads(stopped.out)) == (3, new)
    ctl("start", "v")
    late = ctl.run("wait", "v", "--for", "succeeded", "--timeout", "300ms", "-o", "json")
    assert (late.code, json.loads(late.out)["state"]) == (4, "new")


def test_validate_is_the_hook_of_a_bare_repository(
    lab: Labs, command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = lab(ONE)
    ctl = command(here)
    before = here.repository.fetch().main
    after = here.edit({"projects/v/project.yaml": "pipeline: p\npriority: 7\n"})
    monkeypatch.chdir(here.remote)

    def hook(text: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        said = ctl.run("validate", "--hook")
        return said.code, said.err

    assert hook(f"{before} {after} refs/heads/main\n") == (0, "")
    code, err = hook(f"{before} {'0' * 40} refs/heads/main\n")
    assert (code, "main cannot be deleted" in err) == (1, True)
    for rubbish in ("rubbish\n", f"{before} {'1' * 40} refs/heads/main\n"):
        code, err = hook(rubbish)
        assert code == 1
        assert "Traceback" not in err
        assert "old new ref" in err or "git" in err


def test_doctor_doubts_a_clock_that_is_behind(lab: Labs, command: Commands) -> None:
    ctl = command(lab(ONE))
    found = {row["check"]: row for row in json.loads(ctl.run("doctor", "-o", "json").out)}
    assert (found["clock"]["result"], found["repository"]["result"]) == ("ok", "ok")
    name, result, text = _clock(["2026-01-01T00:10:00Z"], 1767225600.0)
    assert (name, result) == ("clock", "warn")
    assert text == "this clock is 600 s behind the newest event's; set it (timedatectl set-ntp true)"
    assert _clock([], time.time())[1] == "ok"


def test_a_node_is_drained_and_takes_work_again(lab: Labs, command: Commands) -> None:
    here = lab(ONE)
    here.edit({"nodes/n1.yaml": "# in the cellar\nlabels: [fast]\n"})
    ctl = command(here)
    assert "there is no node 'n2'; `winslowctl nodes` lists them" in ctl("drain", "n2", code=1)
    assert "takes work already" in ctl("drain", "n1", "--off", code=1)
    ctl("drain", "n1")
    assert here.repository.fetch().nodes["n1"].drain
    assert here.repository.read_main("nodes/n1.yaml") == "# in the cellar\nlabels: [fast]\ndrain: true\n"
    assert "drains already" in ctl("drain", "n1", code=1)
    ctl("drain", "n1", "--off")
    assert not here.repository.fetch().nodes["n1"].drain


def test_what_is_not_there_is_named_with_what_to_do(lab: Labs, command: Commands) -> None:
    ctl = command(lab(ONE))
    assert "there is no project 'w'" in ctl("events", "--project", "w", code=1)
    assert "no project is like that" in ctl("ps", "--tag", "nothing")
    assert "`winslowctl describe v` says why" in ctl("logs", "v", code=1)
    assert "there is no execution 4; nothing ran yet" in ctl("abort", "v", "--execution", "4", code=1)


def test_R1510_R1520_R1530_top_shows_what_every_node_last_said(lab: Labs, command: Commands) -> None:
    here = lab(ONE)
    here.node()
    ctl = command(here)
    for _ in range(100):
        found = json.loads(ctl.run("top", "-o", "json").out)
        if found and found[0]["cpu"] is not None:
            break
        time.sleep(0.2)
    [row] = found
    assert row["node"] == "n1"
    assert 0 < row["memory"] <= 100
    assert row["disk_free"] > 0
    assert {"received", "sent", "load", "gpus", "drain", "halted"} <= set(row)
    text = ctl.run("top").out
    assert "n1" in text
    assert "ready" in text
    assert "Traceback" not in ctl.run("top", "--every", "often").err


def test_a_comment_is_left_on_a_project_or_an_execution(lab: Labs, command: Commands) -> None:
    here = lab(ONE)
    ctl = command(here)
    here.node()
    ctl("start", "v")
    ctl("wait", "v", "--timeout", "20s")
    before = here.view()
    made = ctl.json("comment", "v/1", "shadows count as cars")
    assert made["path"] == "projects/v/comments/0001.yaml"
    ctl("comment", "v", "done")
    here.repository.fetch()
    said = comments(here.repository, here.repository.tips()[0], "v")
    assert [(each.number, each.text, each.execution) for each in said] == [
        (2, "done", None),
        (1, "shadows count as cars", 1),
    ]
    assert said[1].commit == made["commit"]
    after = here.view()
    assert (after.replies, after.executions, after.unanswered) == (before.replies, before.executions, ())
    assert "no execution 9 of v" in ctl("comment", "v/9", "x", code=1)
    assert "PROJECT/N" in ctl("comment", "v/x", "x", code=2)
    ctl("comment", "nowhere", "x", code=1)
