"""S2: what a stage may do when nobody granted it anything, seen from inside."""

import json
import os
from pathlib import Path

import pytest

from runner.contract.errors import EngineRefused
from runner.contract.spec import Limits, Mount
from runner.docker.options import stages_user
from tests.contract.runners import Bench, log

pytestmark = pytest.mark.docker

LOOK = r"""
import json, os
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
def writes(path):
    try:
        open(path + "/probe", "w").write("x")
        return True
    except OSError:
        return False
print(json.dumps({
    "caps": [int(status[k], 16) for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "nnp": status["NoNewPrivs"], "seccomp": status["Seccomp"], "ids": [os.getuid(), os.getgid()],
    "writes": {p: writes(p) for p in
        ("/", "/etc", "/usr", "/tmp", os.environ["HOME"], "/workspace", "/winslow", "/pool")},
    "net": sorted(os.listdir("/sys/class/net")), "cwd": os.getcwd(), "init": open("/proc/1/comm").read().strip(),
    "gpus": os.environ["NVIDIA_VISIBLE_DEVICES"], "old": open("/workspace/old/file").read(),
    "socket": os.path.exists("/var/run/docker.sock"), "winslow": sorted(os.listdir("/winslow")),
}))
"""


def seen(bench: Bench, tmp_path: Path) -> dict[str, object]:
    pool = tmp_path / "pool"
    pool.mkdir(mode=0o777)
    runner, spec = bench.runner(), bench.spec(LOOK, mounts=(Mount(pool, "/pool"),))
    (spec.workspace / "old").mkdir()
    (spec.workspace / "old" / "file").write_text("before")
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0, log(spec)
    return dict(json.loads(log(spec).split(" ", 2)[2]))


def test_S2_a_stage_has_no_rights_that_nobody_granted(bench: Bench, tmp_path: Path) -> None:
    facts = seen(bench, tmp_path)
    assert facts["caps"] == [0, 0, 0, 0, 0]
    assert (facts["nnp"], facts["seccomp"], facts["ids"]) == ("1", "2", [64000, 64000])
    assert facts["net"] == ["lo"]
    assert not facts["socket"]


def test_S2_only_its_own_places_can_be_written_to(bench: Bench, tmp_path: Path) -> None:
    facts = seen(bench, tmp_path)
    writable = {path for path, yes in dict(facts["writes"]).items() if yes}  # type: ignore[call-overload]
    assert writable == {"/tmp", "/home/winslow", "/workspace", "/winslow"}
    assert (facts["cwd"], facts["old"], facts["gpus"]) == ("/workspace", "before", "void")
    assert facts["winslow"] == ["probe"]


def test_a_node_that_is_not_root_runs_stages_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stages_user() == ("64000:64000" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    assert stages_user() == "1000:100"


def test_S2_another_user_is_as_poor_in_rights(bench: Bench) -> None:
    runner, spec = (
        bench.runner(user="1000:100"),
        bench.spec("import os; print(os.getuid(), os.getgid()); open('x', 'w')"),
    )
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0, log(spec)
    assert log(spec).endswith("1000 100\n")
    assert (spec.workspace / "x").stat().st_uid == 1000


def test_S2_a_writable_mount_is_one_that_says_so(bench: Bench, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    runner = bench.runner()
    spec = bench.spec("open('/shared/x', 'w').write('1')", mounts=(Mount(shared, "/shared", writable=True),))
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0
    assert (shared / "x").read_text() == "1"


def test_limits_arrive_in_the_engines_units(bench: Bench) -> None:
    limits = Limits(memory=256 * 2**20, cpus=1.5, shm_size=32 * 2**20, pids=50)
    runner, spec = bench.runner(), bench.spec("pass", limits=limits)
    bench.run(runner, spec)
    host = runner.client.api.inspect_container(f"winslow-{spec.id}")["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (256 * 2**20, 256 * 2**20)
    assert (host["NanoCpus"], host["ShmSize"], host["PidsLimit"]) == (1_500_000_000, 32 * 2**20, 50)
    bench.end(runner, spec.id)


def test_a_mount_that_is_not_there_is_refused_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    runner, spec = bench.runner(), bench.spec("pass", mounts=(Mount(tmp_path / "missing", "/pool"),))
    with pytest.raises(EngineRefused, match="missing"):
        runner.create(spec)
    assert runner.containers() == {}


def test_gpus_are_asked_for_by_their_ids() -> None:
    from runner.contract.spec import Spec
    from runner.docker.options import environment, options

    spec = Spec(
        "c", {}, "i", (), None, {"NVIDIA_VISIBLE_DEVICES": "all"}, Path("/w"), Path("/d"), gpus=("GPU-a", "GPU-b")
    )
    [request] = options(spec, "1:1")["device_requests"]
    assert (request["DeviceIDs"], request["Capabilities"]) == (["GPU-a", "GPU-b"], [["gpu"]])
    assert environment(spec)["NVIDIA_VISIBLE_DEVICES"] == "GPU-a,GPU-b"


def test_I8_an_engine_without_the_vendor_s_runtime_gives_exactly_the_devices_by_cdi(tmp_path: Path) -> None:
    from runner.contract.spec import Spec
    from runner.docker.options import by_cdi, options

    spec = Spec("c", {}, "i", (), None, {}, Path("/w"), Path("/d"), gpus=("GPU-a", "GPU-b"))
    [request] = options(spec, "1:1", cdi=True)["device_requests"]
    assert (request["Driver"], request["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=GPU-a", "nvidia.com/gpu=GPU-b"])
    assert not request["Count"]
    folders = {"CDISpecDirs": [str(tmp_path), "/nonexistent"], "Runtimes": {"runc": {}}}
    assert not by_cdi(folders)
    (tmp_path / "nvidia.yaml").touch()
    assert by_cdi(folders)
    assert not by_cdi({**folders, "Runtimes": {"runc": {}, "nvidia": {}}})
    assert not by_cdi({"Runtimes": None, "CDISpecDirs": None})
