"""Waiting for several projects, and logs that go on to the next stages."""

from collections.abc import Callable

from tests.integration.cli.command import Command
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
CHATTY = stage(
    "one",
    f"print('first', flush=True); {UNTIL_TOLD}; print('second'); open('metrics.json', 'w').write('loss: 1')",
    artifacts="{reports: {metrics: metrics.json}}",
)
DIES = stage("two", "import sys; print('the camera is gone'); sys.exit(3)")


def test_wait_and_logs_tell_of_all_stages(lab: Labs, command: Commands) -> None:
    here = lab(CHATTY + DIES)
    ctl = command(here)
    here.node()
    ctl("projects", "create", "w", "--pipeline", "p")
    ctl("start", "v")
    here.until(lambda view: bool(view.executions))
    followed = ctl("logs", "v", "-f", heard=lambda text: here.go() if "first" in text else None)
    assert [followed.index(text) for text in ("first", "succeed one", "the camera is gone", "fail two")] == sorted(
        followed.index(text) for text in ("first", "succeed one", "the camera is gone", "fail two")
    )
    assert "no metrics are taken from metrics.json: it is no JSON" in ctl("logs", "v", "--stage", "one")
    assert ctl("logs", "v/2", "--tail", "2").count("\n") == 2
    assert "first" not in ctl("logs", "v/1", "--since", "2100-01-01")
    assert "stage 'tow' of v does not exist (did you mean 'two'?)" in ctl("logs", "v", "--stage", "tow", code=1)
    assert "not both" in ctl("logs", "v/1", "--stage", "one", code=2)

    said = ctl.run("wait", "v", "--timeout", "20s")
    assert said.code == 3, "a project that failed is no success of `wait v && …`"
    assert "ExitCode: exit code 3; its log ends: the camera is gone" in said.err
    assert "winslowctl logs v/2, then winslowctl resume v" in said.err
    assert ctl.run("wait", "v", "--for", "settled").code == 0, "who says settled means any end"
    both = ctl.run("wait", "w", "v", "--timeout", "20s", "-o", "json")
    assert (both.code, [line.split('"')[3] for line in both.out.splitlines()]) == (3, ["w", "v"])
    assert ctl.run("wait", "w", "v", "--for", "failed", "--timeout", "20s").code == 3, "w never started"

    described = ctl("describe", "v/2")
    assert "the camera is gone" in described
    assert ctl.json("describe", "v/2")["result"]["exit_code"] == 3
    page = ctl.json("status")
    assert ([row["project"] for row in page["failed"]], [row["project"] for row in page["new"]]) == (["v"], ["w"])
    assert "FAILED" in ctl("status")
    row = next(row for row in ctl.json("ps", "v"))
    assert row["took"] is not None
