"""I6: services live exactly as long as their stage, however it ends, and give nobody a way out."""

import json
import subprocess
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from docker.errors import APIError

from cli import logs
from cli.errors import CommandError
from cli.logs import Excerpt
from runner.contract.errors import EngineFailed, ServiceNotReady
from runner.contract.labels import for_claim
from runner.contract.spec import ContainerRights, Ending, ServiceSpec, Spec
from runner.docker import options
from schema.execution import State
from schema.reasons import End
from tests.contract.runners import WAITS, Bench, log
from tests.integration.docker.engine import IMAGE
from tests.integration.docker.test_node import define, lab  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker

SERVES = "import http.server as h; print('serving', flush=True); h.test(h.SimpleHTTPRequestHandler, port=8000)"
LOOKS = """
import socket, urllib.request
print('up', urllib.request.urlopen('http://db:8000/', timeout=5).status, flush=True)
for host, port in (('192.0.2.2', 22), ('1.1.1.1', 53)):
    try:
        socket.create_connection((host, port), 1)
        print('reached', host)
    except OSError as error:
        print('not reached', host)
"""


def service(script: str, name: str = "db", port: int = 8000, timeout: float = 30.0) -> ServiceSpec:
    return ServiceSpec(name, IMAGE, "", ("python", "-u", "-c", script), port=port, timeout=timeout)


def serve(bench: Bench, runner: Any, spec: Spec) -> None:
    bench.made.append((runner, spec.id))
    runner.create(spec)
    bench.until(lambda: not runner.serve(spec.id))


def alive(container: str) -> list[str]:
    """Its services, by name and state; and its network."""
    api = docker.from_env().api
    wanted = {"label": f"winslow.service.of={container}"}
    found = [
        f"{each['Labels']['winslow.service']}: {each['State']}" for each in api.containers(all=True, filters=wanted)
    ]
    return found + [each["Name"] for each in api.networks(filters=wanted)]


def test_I6_a_service_is_ready_before_its_stage_begins_and_gone_after_it_with_its_log_kept(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(LOOKS, services=(service(SERVES),))
    serve(bench, runner, spec)
    assert alive(spec.id) == ["db: running", f"winslow-{spec.id}"]
    runner.start(spec.id)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.EXIT, 0)
    assert alive(spec.id) == [f"winslow-{spec.id}"]
    assert "up 200" in log(spec)
    assert "not reached 192.0.2.2" in log(spec)
    assert "not reached 1.1.1.1" in log(spec)
    assert " O reached" not in log(spec)
    kept = (spec.directory / "services" / "db" / "log").read_text()
    assert "serving" in kept
    assert "GET / HTTP" in kept
    runner.remove(spec.id)
    assert alive(spec.id) == []


def test_I6_S1_a_service_has_no_more_rights_than_a_stage(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS, services=(service(SERVES),))
    serve(bench, runner, spec)
    found = docker.from_env().api.inspect_container(f"winslow-{spec.id}-db")
    host = found["HostConfig"]
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert (host["ReadonlyRootfs"], host["Privileged"], host["PortBindings"] or {}) == (True, False, {})
    assert (host["Binds"], found["Mounts"]) == (None, [])
    assert found["Config"]["User"] == runner.user
    assert found["Config"]["Labels"]["winslow.claim"] == ""
    runner.remove(spec.id)


def test_I6_I3_a_granted_network_is_the_stage_s_alone(bench: Bench) -> None:
    api = docker.from_env().api
    granted = api.create_network(f"test-{bench.owner.repository}", driver="bridge", internal=True)
    try:
        rights = ContainerRights(network=f"test-{bench.owner.repository}")
        spec = bench.spec(WAITS, services=(service(SERVES),), rights=rights)
        runner = bench.runner()
        serve(bench, runner, spec)
        runner.start(spec.id)
        has = [
            set(api.inspect_container(name)["NetworkSettings"]["Networks"])
            for name in (f"winslow-{spec.id}", f"winslow-{spec.id}-db")
        ]
        own = f"winslow-{spec.id}"
        assert has == [{own, rights.network}, {own}]
        api.kill(own)
        bench.end(runner, spec.id)
        runner.remove(spec.id)
    finally:
        api.remove_network(granted["Id"])


LATE = "import time; print('warming up', flush=True); time.sleep(60)"
ALONE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000, bind='127.0.0.1')"
DIES = "import sys; print('no disk', flush=True); sys.exit(4)"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (LATE, "not ready within 0.5 s: nothing listens on port 8000; its log ends: warming up"),
        (ALONE, "for itself only"),
        (DIES, "ended before it was ready, exit code 4; its log ends: no disk"),
    ],
)
def test_I6_a_service_that_is_never_ready_ends_the_launch_with_its_last_line(
    bench: Bench, script: str, told: str
) -> None:
    runner = bench.runner()
    patient = 30.0 if script is DIES else 0.5 if script is LATE else 3.0
    spec = bench.spec(WAITS, services=(service(SERVES, "other"), service(script, timeout=patient)))
    with pytest.raises(ServiceNotReady, match="service db") as refused:
        serve(bench, runner, spec)
    assert told in str(refused.value)
    assert alive(spec.id) == [f"winslow-{spec.id}"]
    runner.remove(spec.id)
    assert alive(spec.id) == []


FAILS = SERVES.replace("; h.test(", "; import threading, os; threading.Timer(1, os._exit, (3,)).start(); h.test(")


def test_I6_a_service_that_fails_in_the_middle_ends_its_stage_with_that_reason(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS, services=(service(FAILS),), grace=1.0)
    serve(bench, runner, spec)
    runner.start(spec.id)
    found = bench.end(runner, spec.id)
    assert found.ending is Ending.SERVICE
    assert found.detail.startswith("service db ended, exit code 3; its log ends: Serving HTTP")
    assert alive(spec.id) == [f"winslow-{spec.id}"]


def test_I6_a_service_that_is_done_with_0_leaves_its_stage_alone(bench: Bench) -> None:
    once = service("print('made')", "init", port=0)
    runner, spec = bench.runner(), bench.spec("import time; time.sleep(1); print('fine')", services=(once,))
    serve(bench, runner, spec)
    runner.start(spec.id)
    assert bench.end(runner, spec.id).ending is Ending.EXIT
    assert "fine" in log(spec)


@pytest.mark.parametrize("how", ["kill", "remove"])
def test_I6_who_ends_a_service_outside_winslow_makes_it_infrastructure(bench: Bench, how: str) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS, services=(service(SERVES),), grace=1.0)
    serve(bench, runner, spec)
    runner.start(spec.id)
    bench.up(runner, spec)
    subprocess.run(["docker", *{"kill": ["kill"], "remove": ["rm", "-f"]}[how], f"winslow-{spec.id}-db"], check=True)
    found = bench.end(runner, spec.id)
    assert (found.ending, "service db" in found.detail) == (Ending.INFRASTRUCTURE, True)
    assert alive(spec.id) == [f"winslow-{spec.id}"]


@pytest.mark.parametrize("boot", ["", "another"])
def test_I6_services_that_were_killed_before_their_stage_began_are_made_anew(bench: Bench, boot: str) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS, services=(service(SERVES),))
    serve(bench, runner, spec)
    subprocess.run(["docker", "kill", f"winslow-{spec.id}-db"], check=True)
    runner._services.boot = boot or runner._services.boot
    with pytest.raises(EngineFailed, match="service db was ended from outside before its stage began"):
        runner.serve(spec.id)
    assert alive(spec.id) == [f"winslow-{spec.id}"]
    runner.create(spec)
    bench.until(lambda: not runner.serve(spec.id))
    assert alive(spec.id) == ["db: running", f"winslow-{spec.id}"]
    runner.remove(spec.id)


def test_I6_a_stage_whose_image_was_made_of_one_with_services_has_none(bench: Bench) -> None:
    assert options.labels(bench.spec(WAITS))["winslow.services"] == ""
    assert for_claim(bench.owner, claim="c", project="v", execution=1, stage="a")["winslow.gpus"] == ""


def test_I6_services_of_a_stage_that_somebody_removed_end(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS, services=(service(SERVES),))
    serve(bench, runner, spec)
    runner.start(spec.id)
    bench.up(runner, spec)
    subprocess.run(["docker", "rm", "-f", f"winslow-{spec.id}"], check=True)
    assert spec.id not in runner.containers()
    assert alive(spec.id) == []


def test_I6_another_controller_adopts_services_with_their_stage_and_ends_what_outlived_it(bench: Bench) -> None:
    first, spec = bench.runner(), bench.spec(WAITS.replace("60", "2"), services=(service(SERVES),))
    serve(bench, first, spec)
    first.start(spec.id)
    bench.up(first, spec)
    first.reap()
    subprocess.run(["docker", "wait", f"winslow-{spec.id}"], check=True, stdout=subprocess.DEVNULL)
    again = bench.runner()
    assert bench.end(again, spec.id).ending is Ending.EXIT
    assert alive(spec.id) == [f"winslow-{spec.id}"]
    assert "serving" in (spec.directory / "services" / "db" / "log").read_text()


def refused(stages: object) -> None:
    raise APIError("not now")


def test_I6_a_network_without_a_stage_goes_at_the_next_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS, services=(service(SERVES),))
    runner._services.network(spec)
    assert alive(spec.id) == [f"winslow-{spec.id}"]
    again = bench.again(runner)
    with monkeypatch.context() as failing:
        failing.setattr(again._services, "sweep", refused)
        again.containers()
    assert alive(spec.id) == [f"winslow-{spec.id}"]
    again.containers()
    assert alive(spec.id) == []


# -- a whole node -----------------------------------------------------------------------------------------------------

DB = f"{{name: db, image: host/python, command: [python, -u, -c, {json.dumps(SERVES)}], ready: {{tcp: 8000}}}}"


def stage(program: str, more: str = "", services: str = DB) -> str:
    command = f"[python, -u, -c, {json.dumps(program)}]"
    return f"  - {{name: one, image: host/python, command: {command}, services: [{services}]{more}}}\n"


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.05)


def test_I6_what_services_ran_is_in_the_record(lab: Lab) -> None:  # noqa: F811
    define(lab, stage(LOOKS))
    lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.SUCCEEDED).executions
    [ran] = record.services
    assert (ran.name, ran.image.ref, ran.command[:3]) == ("db", "host/python", ("python", "-u", "-c"))
    assert (ran.image.id or "").startswith("sha256:")
    assert record.asked
    assert record.asked.services
    assert record.asked.services.cpus == 1.0
    until(lambda: alive(record.claim.container) == [])


def test_I6_the_name_of_a_service_in_a_forged_record_leads_to_no_folder() -> None:
    forged = SimpleNamespace(services=[SimpleNamespace(name="../../x")])
    with pytest.raises(CommandError, match="cannot be the name of a service"):
        logs._show_service(SimpleNamespace(last=forged), "../../x", Excerpt(None, ""), follow=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["abort", "timeout", "failure"])
def test_I6_services_end_with_their_stage_however_that_ends(lab: Lab, how: str) -> None:  # noqa: F811
    program = "import sys; sys.exit(3)" if how == "failure" else WAITS
    define(lab, stage(program, ", grace: 1s, timeout: 2s" if how == "timeout" else ", grace: 1s"))
    lab.node()
    lab.ask("request: start\n")
    if how == "abort":
        lab.until_state(State.RUNNING)
        lab.ask("request: abort\n")
    [record] = lab.until_state(State.ABORTED if how == "abort" else State.FAILED).executions
    assert record.reason is {"abort": End.ABORTED, "timeout": End.TIMEOUT, "failure": End.EXIT_CODE}[how]
    until(lambda: alive(record.claim.container) == [])


def test_I6_F5_a_controller_that_was_killed_finds_services_again_and_ends_them(lab: Lab) -> None:  # noqa: F811
    define(lab, stage(WAITS, ", grace: 1s"))
    first = lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.RUNNING).executions
    first.kill()
    container = record.claim.container
    assert alive(container) == ["db: running", f"winslow-{container}"]
    lab.node()
    lab.ask("request: abort\n")
    lab.until_state(State.ABORTED)
    until(lambda: alive(container) == [])


def test_I6_an_abort_while_services_are_waited_for_ends_them_at_once(lab: Lab) -> None:  # noqa: F811
    define(lab, stage(WAITS, services=DB.replace("8000}", "8001}, timeout: 10m")))
    lab.node()
    lab.ask("request: start\n")
    until(
        lambda: bool(docker.from_env().api.containers(filters={"label": ["winslow.project=v", "winslow.service=db"]}))
    )
    lab.ask("request: abort\n")
    [record] = lab.until_state(State.ABORTED).executions
    assert record.reason is End.ABORTED
    until(lambda: alive(record.claim.container) == [])


def test_I6_a_service_that_is_never_ready_is_a_named_reason(lab: Lab) -> None:  # noqa: F811
    define(lab, stage(WAITS, services=DB.replace("8000}", "8001}, timeout: 8s")))
    lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.FAILED).executions
    assert record.reason is End.SERVICE_NOT_READY
    assert record.text.startswith(
        "service db was not ready within 8 s: nothing listens on port 8001; its log ends: Serv"
    )
    until(lambda: alive(record.claim.container) == [])


def test_I6_F3_services_of_an_exclusive_stage_end_without_their_controller(lab: Lab) -> None:  # noqa: F811
    settings = "schema: 1\nlost_after: 4s\nexclusive: {give_up_after: 6s, kill_within: 1s, lost_after: 10s}\n"
    lab.edit({"winslow.yaml": settings})
    define(lab, stage(WAITS, ", exclusive: true, retry: {when: []}"))
    node = lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.RUNNING).executions
    node.kill()
    until(lambda: alive(record.claim.container) == ["db: exited", f"winslow-{record.claim.container}"])
    lab.node()
    until(lambda: alive(record.claim.container) == [])
