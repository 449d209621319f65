"""L3, L9: the order, the shares and the usage as anybody's command computes them, of a real repository and node."""

from collections.abc import Callable

from schema.execution import State
from tests.integration.cli.command import Command
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]


def test_L3_the_queue_is_told_with_accounts_and_reasons_and_usage_adds_up(lab: Labs, command: Commands) -> None:
    here = lab(stage("one", UNTIL_TOLD))
    ctl = command(here)
    here.edit({f"projects/{id}/project.yaml": "pipeline: p\n" for id in ("a", "b", "c")})
    quota = "schema: 1\nlost_after: 4s\nquotas: {'*': {running: 1}}\n"
    here.edit({"winslow.yaml": quota, "projects/c/project.yaml": "pipeline: p\npriority: 90\n"})
    here.node()
    here.ask("request: start\n", "a")
    here.until(lambda view: any(each.state is State.RUNNING for each in view.executions), "a")
    for id in ("b", "c"):
        here.ask("request: start\n", id)
        here.until(lambda view: not view.unanswered, id)
    told = ctl.json("queue")
    assert [(row["place"], row["project"], row["account"], row["priority"]) for row in told] == [
        (1, "c", "ada@example.org", 90),
        (2, "b", "ada@example.org", 50),
    ]
    assert told[0]["reason"] == "Quota"
    assert told[0]["text"] == "ada@example.org has 1 stage of a quota of 1 stage, and it wants 1 stage"
    [share] = ctl.json("shares")
    assert (share["account"], share["cores_now"]) == ("ada@example.org", 1.0)
    here.go()
    for id in ("a", "b", "c"):
        here.until_reason("Done", id)
    assert ctl.json("queue") == []
    sums = {by: ctl.json("usage", "--by", by) for by in ("person", "project", "tag", "node")}
    assert {sum(row["executions"] for row in rows) for rows in sums.values()} == {3}
    assert [row["project"] for row in sorted(sums["project"], key=lambda row: row["project"])] == ["a", "b", "c"]
    assert ctl.json("usage", "--since", "2099-01-01") == []
