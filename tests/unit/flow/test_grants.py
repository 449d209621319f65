"""I3: what a stage asks for and no node grants is told with the line of the policy that is missing."""

import pytest

from flow.placement.grants import Asker, refusal
from flow.placement.ranking import place
from schema.binding import read
from schema.pipeline import Stage
from schema.policy import NO_GRANTS, Grants, Policy, summary
from tests.unit.flow.builders import node
from tests.unit.flow.test_ranking import candidate, slot

GRANTED = summary(
    read(
        Policy,
        """
dangerous: true
networks: {lan: bridge-lan, lab: {bridge: lab0, pipelines: ["traffic*"], tags: [drone]}}
volumes: {recordings: {path: /srv/recordings}, scratch: {path: /srv/scratch, read_only: false}}
users: ["1000:1000"]
devices: {camera: /dev/video0}
secrets: [TOKEN, KEY]
capabilities: [NET_ADMIN]
limits: {memory: 1GiB, gpus: 1}
images: ["*/traffic:*", "i"]
""",
        "policy.yaml",
    ),
    frozenset({"TOKEN"}),
)


def stage(**more: object) -> Stage:
    return Stage.model_validate({"name": "a", "image": "i", **more})


ASKER = Asker("ulm", "traffic-2", ("drone",))
WISHES: list[tuple[dict[str, object], str, str]] = [
    ({}, "", ""),
    ({"network": "none"}, "", ""),
    ({"working_dir": "/app"}, "", ""),
    ({"network": "lan"}, "network lan is not granted (policy.networks)", ""),
    ({"network": "lab"}, "(policy.networks)", ""),
    ({"volumes": ["recordings:/rec:ro"]}, "volume recordings is not granted (policy.volumes)", ""),
    ({"volumes": ["recordings:/rec"]}, "(policy.volumes)", "policy.volumes.recordings.read_only"),
    ({"volumes": ["scratch:/rec"]}, "(policy.volumes)", ""),
    ({"user": 1000}, "user 1000:1000 is not granted (policy.users)", ""),
    ({"user": "root"}, "user 0:0 is not granted (policy.users)", "(policy.users)"),
    ({"devices": ["camera"]}, "(policy.devices)", ""),
    ({"secrets": ["TOKEN"]}, "(policy.secrets)", ""),
    ({"secrets": ["KEY"]}, "(policy.secrets)", "winslowctl secrets set KEY"),
    ({"cap_add": ["CAP_NET_ADMIN"]}, "(policy.capabilities)", ""),
    ({"privileged": True}, "`privileged` is not granted (policy.privileged)", "(policy.privileged)"),
    ({"pid": "host"}, "(policy.host)", "(policy.host)"),
    ({"resources": {"memory": "2GiB"}}, "", "(policy.limits.memory)"),
    ({"resources": {"gpus": 2}}, "", "(policy.limits.gpus)"),
    ({"image": "evil"}, "", "(policy.images)"),
    ({"services": [{"name": "db", "image": "evil"}]}, "", "image evil of a service is not granted (policy.images)"),
    ({"services": [{"name": "db", "image": "i", "resources": {"memory": "2GiB"}}]}, "", "(policy.limits.memory)"),
]


@pytest.mark.parametrize(("wish", "by_default", "by_policy"), WISHES)
def test_I3_the_missing_line_is_named(wish: dict[str, object], by_default: str, by_policy: str) -> None:
    for grants, why in ((NO_GRANTS, by_default), (GRANTED, by_policy)):
        found = refusal(stage(**wish), grants, ASKER)
        assert why in found
        assert bool(found) is bool(why)


def test_what_is_granted_to_some_is_not_granted_to_others() -> None:
    wish = stage(network="lab")
    assert refusal(wish, GRANTED, Asker("ulm", "other", ("drone",))).endswith("(policy.networks.lab)")
    assert refusal(wish, GRANTED, Asker("ulm", "traffic", ("night",))).endswith("(policy.networks.lab)")


def test_I6_only_a_node_that_runs_services_fits() -> None:
    wish = slot(services=[{"name": "db", "image": "i", "resources": {"cpus": 0.25}}])
    without = place(wish, [granting(NO_GRANTS)], who=ASKER, data=None)
    assert "it runs no services beside stages" in without.text
    inventory, settings = node("n1")
    able = candidate((inventory.model_copy(update={"services": True}), settings))
    assert place(wish, [able], who=ASKER, data=None).ranked == ("n1",)


def granting(grants: Grants, isolation: bool = True) -> object:
    inventory, settings = node("n1")
    return candidate((inventory.model_copy(update={"grants": grants, "isolation": isolation}), settings))


def test_I3_a_stage_waits_for_the_node_that_grants() -> None:
    wanted = slot(network="lan")
    assert place(wanted, [granting(GRANTED)], who=Asker(), data=None).ranked == ("n1",)  # type: ignore[list-item]
    refused = place(wanted, [granting(NO_GRANTS)], who=Asker(), data=None)  # type: ignore[list-item]
    assert (refused.reason, refused.text) == (
        "NoMatchingNode",
        "no node can run stage 'detect': n1: network lan is not granted (policy.networks)",
    )


def test_processes_get_no_rights_of_their_own() -> None:
    refused = place(slot(network="lan"), [granting(GRANTED, isolation=False)], who=Asker(), data=None)  # type: ignore[list-item]
    assert "isolates nothing" in refused.text
