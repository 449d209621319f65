"""The policy file on disk: who may write it, and what holds while it cannot be taken."""

import re
import stat
from pathlib import Path

import pytest

from controller.grants.granting import Granted, Granting, NotGranted
from controller.grants.policy_file import PolicyFile, PolicyRefused, load
from controller.grants.run_grants import RunGrants
from controller.launch.needed_services import service_specs
from flow.node.node_world import LaunchOrder
from runner.contract.spec import Limits
from runner.secrets.node_secrets import NodeSecrets
from schema.execution import ImageRecord, ServiceRecord
from schema.pipeline import Stage
from schema.policy import Policy
from schema.services import Service

GOOD = "networks: {lan: bridge-lan}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir(mode=0o755)
    path = tmp_path / "etc" / "policy.yaml"
    path.write_text(GOOD)
    path.chmod(0o644)
    return path


def test_a_file_that_others_may_write_is_refused(path: Path) -> None:
    assert load(path).networks
    path.chmod(0o666)
    with pytest.raises(PolicyRefused, match="can be written by others"):
        load(path)


def test_a_folder_that_others_may_write_is_as_bad(path: Path) -> None:
    path.parent.chmod(0o777)
    with pytest.raises(PolicyRefused, match="can be written by others"):
        load(path)


def test_what_was_in_force_stays_while_the_file_cannot_be_read_also_over_a_restart(path: Path, tmp_path: Path) -> None:
    told: list[str] = []
    data = tmp_path / "data"
    (data / "node").mkdir(parents=True)
    file = PolicyFile(path, data, told.append)
    assert file.look().networks.keys() == {"lan"}
    path.write_text("netwroks: {}\n")
    assert file.look().networks.keys() == {"lan"}
    assert "the policy stays as it was" in told[-1]
    assert "netwroks" in told[-1]
    assert PolicyFile(path, data, told.append).look().networks.keys() == {"lan"}
    path.write_text("networks: {lab: lab0}\n")
    assert file.look().networks.keys() == {"lab"}
    assert told[-1] == ""
    path.unlink()
    assert file.look() == Policy()
    assert PolicyFile(path, data, told.append).look() == Policy()


def test_without_a_file_nothing_is_granted(tmp_path: Path) -> None:
    assert PolicyFile(tmp_path / "none.yaml", tmp_path, lambda text: None).look() == Policy()


def order(**wishes: object) -> LaunchOrder:
    rights = Stage.model_validate({"name": "a", "image": "i", **wishes}).rights
    return LaunchOrder(project="v", execution=1, stage="a", image="i", pipeline="p", rights=rights)


def test_the_policy_of_the_moment_decides_at_the_launch(tmp_path: Path) -> None:
    policies = [Policy.model_validate({"networks": {"lan": "bridge-lan"}})]
    granting = Granting(lambda: policies[-1], NodeSecrets(Path("/nonexistent")), isolated=True)
    assert granting(order(network="lan")).rights.network == "bridge-lan"
    policies.append(Policy())
    with pytest.raises(NotGranted, match=r"policy\.networks"):
        granting(order(network="lan"))


def test_the_stricter_of_both_decides_whether_a_volume_is_written(tmp_path: Path) -> None:
    given = {"volumes": {"v": {"path": str(tmp_path), "read_only": False}}}
    granting = Granting(lambda: Policy.model_validate(given), NodeSecrets(Path("/nonexistent")), isolated=True)
    assert [mount.writable for mount in granting(order(volumes=["v:/a", "v:/b:ro"])).mounts] == [True, False]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    given = {"volumes": {"v": {"path": str(tmp_path / "none")}}}
    with pytest.raises(NotGranted, match="there is no"):
        Granting(lambda: Policy.model_validate(given), NodeSecrets(Path("/nonexistent")), isolated=True)(
            order(volumes=["v:/a:ro"])
        )


def granted(given: dict[str, object], **wishes: object) -> Granted:
    policy = Policy.model_validate(given)
    return Granting(lambda: policy, NodeSecrets(Path("/nonexistent")), isolated=True)(order(**wishes))


def test_S1_a_folder_that_became_a_link_is_refused_unless_the_policy_is_dangerous(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "data").symlink_to("/etc")
    for path in (top / "data", top / "data" / "ssl"):
        given = {"volumes": {"v": {"path": str(path)}}}
        with pytest.raises(NotGranted, match=r"links lead from there to /etc.*policy\.volumes\.v\.path"):
            granted(given, volumes=["v:/a:ro"])
        assert granted({**given, "dangerous": True}, volumes=["v:/a:ro"]).mounts


def test_S1_a_disk_is_known_by_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {"devices": {"d": "/dev/null"}}
    assert granted(given, devices=["d"]).rights.devices == ("/dev/null",)
    monkeypatch.setattr("controller.grants.granting.S_ISBLK", lambda mode: stat.S_ISCHR(mode))
    with pytest.raises(NotGranted, match=r"dangerous: true.*policy\.devices\.d"):
        granted(given, devices=["d"])
    assert granted({**given, "dangerous": True}, devices=["d"]).rights.devices == ("/dev/null",)


def test_S1_a_link_to_memory_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.grants.granting.RAW", re.compile("/dev/null"))
    (tmp_path / "camera").symlink_to("/dev/null")
    with pytest.raises(NotGranted, match="dangerous: true"):
        granted({"devices": {"d": str(tmp_path / "camera")}}, devices=["d"])


def test_limits_hold_for_stages_that_ask_for_nothing_else(tmp_path: Path) -> None:
    policy = Policy.model_validate({"limits": {"memory": "1GiB", "gpus": 1, "pids": 100}})
    granting = Granting(lambda: policy, NodeSecrets(tmp_path / "none"), isolated=True)
    for asked, line in (({"memory": 2**31}, "memory"), ({"gpus": ("a", "b")}, "gpus"), ({"pids": 101}, "pids")):
        with pytest.raises(NotGranted, match=rf"policy\.limits\.{line}"):
            granting(order().model_copy(update=asked))
    run = RunGrants(granting, lambda name: tmp_path / name, None)
    assert run.give("c", order().model_copy(update={"pids": 7})).limits == Limits(memory=2**30, pids=7)


def test_processes_are_refused_where_isolation_is_wanted() -> None:
    with pytest.raises(NotGranted, match=r"policy\.isolation"):
        Granting(lambda: Policy(isolation=True), NodeSecrets(Path("/nonexistent")), isolated=False)(order())


def test_S10_the_project_of_builds_launches_builds_only() -> None:
    granting = Granting(lambda: Policy(), NodeSecrets(Path("/nonexistent")), isolated=True)
    forged = order().model_copy(update={"project": "winslow-images"})
    with pytest.raises(NotGranted, match="runs builds of folders on main and nothing else, not i"):
        granting(forged)
    assert granting(forged.model_copy(update={"tree": "a" * 40})).mounts == ()


def test_I6_policy_limits_hold_for_a_stage_and_its_services_together(tmp_path: Path) -> None:
    policy = Policy.model_validate({"limits": {"memory": "4GiB", "cpus": 4, "pids": 100}})
    grants = RunGrants(Granting(lambda: policy, NodeSecrets(tmp_path / "none"), isolated=True), Path, None)
    beside = [Service.model_validate({"name": name, "image": "i"}) for name in ("a", "b")]
    ordered = order().model_copy(update={"services": tuple(beside)})
    given = grants.give("c", ordered)
    assert given.limits == Limits(memory=2 * 2**30, cpus=2.0, pids=33)
    assert given.service_pids == 33
    own = grants.give("c", order().model_copy(update={"services": tuple(beside), "pids": 60}))
    assert (own.limits.pids, own.service_pids) == (60, 20)
    named = Service.model_validate({"name": "c", "image": "i", "resources": {"cpus": 3.995, "memory": "4GiB"}})
    least = grants.give("c", order().model_copy(update={"services": (named,)}))
    assert least.limits == Limits(memory=6 * 2**20, cpus=0.01, pids=50)
    records = tuple(ServiceRecord(name=each.name, image=ImageRecord(ref="i")) for each in beside)
    assert [each.limits.pids for each in service_specs(ordered, records, given.service_pids)] == [33, 33]
    assert [each.limits.pids for each in service_specs(ordered, records)] == [None, None]
