"""The API: what the page shows and asks, for programs."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from state.contract.repository import Edit
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository
from tests.integration.node.lab import Lab, stage
from tests.integration.web.conftest import AUTHOR, PIPELINE, Bench, silent
from webui.access.person import Person, Role
from webui.api.late import PATH
from webui.asgi.app import create_app
from webui.site import Page
from webui.source.fleet import Fleet
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

API = "/api/v1"
PERSON = "Grace Hopper <grace@example.org>"
EMPTY = "name: p\nstages: []\n"


class FakeDoorman:
    def __init__(self, role: Role) -> None:
        self.role = role

    def person(self, request: Request) -> Person:
        return Person(PERSON, self.role, "grace")

    def asks(self, request: Request) -> Role:
        return Role.OPERATOR


def as_role(bench: Bench, role: Role) -> TestClient:
    page = Page(bench.source, bench.outbox, lambda: AUTHOR, b"secret", bench.folder, Fleet(bench.source.use))
    return TestClient(create_app(page, doorman=FakeDoorman(role)), base_url="http://localhost")


def get(client: TestClient, address: str, **query: Any) -> Any:
    answer = client.get(f"{API}{address}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- projects -------------------------------------------------------------------------------------------------------


def test_R2_R1460_projects_are_listed_with_state_class_and_stages(bench: Bench) -> None:
    found = get(bench.browser, "/projects")
    assert found["total"] == 2
    assert [each["id"] for each in found["items"]] == ["bonn", "ulm"]
    ulm = found["items"][1]
    assert (ulm["name"], ulm["tags"], ulm["state"], ulm["state_class"]) == ("Ulm crossing", ["drone"], "new", "PAUSED")
    assert [(each["stage"], each["state_class"]) for each in ulm["stages"]] == [
        ("detect", "PAUSED"),
        ("review", "PAUSED"),
    ]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"tag": "drone"}, ["ulm"]),
        ({"q": "CROSSING"}, ["ulm"]),
        ({"state": "running"}, []),
        ({"pipeline": "p", "limit": 1, "offset": 1}, ["ulm"]),
    ],
)
def test_projects_are_filtered_and_paged(bench: Bench, query: dict[str, Any], ids: list[str]) -> None:
    assert [each["id"] for each in get(bench.browser, "/projects", **query)["items"]] == ids


def test_R1210_R1230_a_project_is_made_and_started_in_one_commit(bench: Bench) -> None:
    new = {"id": "aachen", "pipeline": "p", "name": "Aachen", "tags": ["west"], "inputs": {"threshold": 0.7}}
    answer = bench.browser.post(f"{API}/projects", json={**new, "start": True})
    assert answer.status_code == 201
    snapshot = bench.look().snapshot
    assert answer.json() == {"commit": snapshot.main, "sent": True}
    view = snapshot.projects["aachen"]
    assert view.project
    assert (view.project.name, view.project.inputs) == ("Aachen", {"threshold": 0.7})
    assert [file.name for file in view.unanswered] == ["0001-start.yaml"]
    detail = get(bench.browser, "/projects/aachen")
    assert (detail["inputs"], detail["unanswered"]) == ({"threshold": 0.7}, 1)
    assert detail["takes"]["threshold"]["max"] == 1.0
    assert bench.browser.post(f"{API}/projects", json=new).status_code == 409


@pytest.mark.parametrize(
    ("path", "method", "body", "file", "text"),
    [
        ("/projects/ulm", "PATCH", {"name": "Evening"}, "projects/ulm/project.yaml", "pipeline: p\nname: Other\n"),
        ("/pipelines/p", "PUT", {"text": f"description: x\n{PIPELINE}"}, "pipelines/p.yaml", f"{PIPELINE}# other\n"),
    ],
    ids=["project", "pipeline"],
)
def test_R1240_what_somebody_else_changed_meanwhile_is_not_overwritten(
    bench: Bench, path: str, method: str, body: dict[str, Any], file: str, text: str
) -> None:
    """The tag is looked at twice: on what the page sees, and on the `main` that the commit builds on."""

    def send(tag: str) -> Any:
        return bench.browser.request(method, f"{API}{path}", json=body, headers={"If-Match": tag} if tag else {})

    def tag() -> str:
        return str(bench.browser.get(f"{API}{path}").headers["etag"])

    read = tag()
    commit_edit(bench.repository, lambda _: Edit({file: text}, "other", AUTHOR), sleep=lambda _: None)
    late = send(read)
    assert (late.status_code, late.json()["error"]) == (412, "Overtaken"), "the page has not seen it yet"
    assert not bench.outbox.waiting(), "and it is not sent later"
    bench.look()
    bench.repository.fetch()
    assert bench.repository.read_main(file) == text
    assert "look at it again" in send(read).json()["text"]
    assert (send("*, x").status_code, send("W/" + read).status_code) == (422, 412), "weakened"
    done = send(f'"{"0" * 32}", {tag()}')
    assert done.status_code == 200
    bench.look()
    assert done.headers["etag"] == tag()
    bench.repository.fetch()
    assert bench.repository.read_main(file) != text
    gone = bench.browser.put(f"{API}/pipelines/new", json={"text": PIPELINE.replace("name: p", "name: new")},
                             headers={"If-Match": "*"})  # fmt: skip
    assert (gone.status_code, "removed" in gone.json()["text"]) == (412, True)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({"id": "Bad Id"}, "id"),
        ({"pipeline": "nowhere"}, "there is no pipeline"),
        ({"inputs": {"threshold": "seven"}}, "threshold"),
        ({"nmae": "x"}, "nmae"),
    ],
)
def test_R1220_what_cannot_be_is_refused_and_nothing_is_committed(bench: Bench, new: dict[str, Any], said: str) -> None:
    before = bench.look().snapshot.main
    answer = bench.browser.post(f"{API}/projects", json={"id": "x", "pipeline": "p", **new})
    assert answer.status_code == 422
    assert said in answer.json()["text"]
    assert bench.look().snapshot.main == before


def test_R1240_name_tags_and_pipeline_are_changed_and_comments_stay(bench: Bench) -> None:
    bench.commit({"projects/ulm/project.yaml": "pipeline: p  # for now\ntags: [drone]\n"})
    assert bench.browser.patch(f"{API}/projects/ulm", json={"name": "Evening", "tags": ["night"]}).status_code == 200
    bench.look()
    text = bench.source.clone.read_main("projects/ulm/project.yaml")
    assert text == "pipeline: p  # for now\ntags: [night]\nname: Evening\n" or text == (
        "pipeline: p  # for now\ntags:\n  - night\nname: Evening\n"
    )
    assert bench.browser.patch(f"{API}/projects/ulm", json={"name": "Evening"}).status_code == 422
    assert bench.browser.patch(f"{API}/projects/ulm", json={"pipeline": "nowhere"}).status_code == 422


def test_R1250_a_project_is_deleted_by_an_admin(bench: Bench) -> None:
    operator = as_role(bench, Role.OPERATOR)
    assert operator.delete(f"{API}/projects/ulm").status_code == 403
    assert bench.browser.delete(f"{API}/projects/ulm", params={"now": True}).status_code == 200
    deletion = bench.look().snapshot.projects["ulm"].deletion
    assert deletion
    assert deletion.now
    answer = bench.browser.delete(f"{API}/projects/ulmm")
    assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")


# -- requests -------------------------------------------------------------------------------------------------------


def ask(client: TestClient, project: str, **request: Any) -> Any:
    return client.post(f"{API}/projects/{project}/requests", json=request)


def test_R1410_a_request_becomes_the_commit_a_person_could_have_made(bench: Bench) -> None:
    answer = ask(as_role(bench, Role.OPERATOR), "ulm", request="start", inputs={"threshold": "0.25"}, comment="try")
    assert answer.status_code == 201
    found = bench.look().snapshot.projects["ulm"].unanswered[0]
    assert (found.commit, found.by) == (answer.json()["commit"], PERSON)
    assert bench.source.clone.read_main("projects/ulm/requests/0001-start.yaml") == (
        "request: start\ninputs:\n  threshold: 0.25\ncomment: try\n"
    )
    (listed,) = get(bench.browser, "/projects/ulm/requests")["items"]
    assert (listed["request"], listed["kind"], listed["verdict"]) == ("0001-start.yaml", "start", None)
    assert (listed["by"], listed["comment"], listed["inputs"]) == (PERSON, "try", {"threshold": 0.25})


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        ({"request": "start", "inputs": {"threshold": 7}}, 422, "InvalidInput"),
        ({"request": "start", "stage": "detekt"}, 422, "UnknownStage"),
        ({"request": "resume"}, 409, "NothingToResume"),
        ({"request": "answer"}, 409, "NothingAsked"),
        ({"request": "skip"}, 422, "Invalid"),
        ({"request": "stop"}, 422, "Invalid"),
    ],
)
def test_M1_what_nodes_would_reject_is_refused_with_their_reason(
    bench: Bench, request_: dict[str, Any], status: int, error: str
) -> None:
    before = bench.look().snapshot.main
    answer = ask(bench.browser, "ulm", **request_)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert bench.look().snapshot.main == before


def test_one_request_for_many_projects_each_judged_by_itself(bench: Bench) -> None:
    many = {"projects": ["ulm", "nope", "bonn"], "request": {"request": "start", "stage": "detect"}}
    told = bench.browser.post(f"{API}/requests", json=many).json()
    assert [(each["project"], each["sent"]) for each in told] == [("ulm", True), ("nope", False), ("bonn", True)]
    assert "no project" in told[1]["refused"]
    assert all(bench.look().snapshot.projects[id].unanswered for id in ("ulm", "bonn"))


def test_R6_while_the_server_is_away_what_is_asked_waits_and_can_be_taken_back(bench: Bench) -> None:
    away = bench.remote.with_name("away.git")
    bench.remote.rename(away)
    for _ in range(2):
        answer = ask(bench.browser, "ulm", request="start")
        assert (answer.status_code, answer.json()) == (202, {"commit": None, "sent": False})
    first, second = get(bench.browser, "/outbox")
    assert first["subject"] == "start ulm"
    assert get(bench.browser, "/view")["waiting"] == 2
    left = bench.browser.delete(f"{API}/outbox/{first['id']}").json()
    assert [each["id"] for each in left] == [second["id"]]
    away.rename(bench.remote)
    bench.outbox.send_all()
    assert len(bench.look().snapshot.projects["ulm"].unanswered) == 1
    assert get(bench.browser, "/outbox") == []


def test_R6_before_anything_is_known_that_is_said(tmp_path: Path) -> None:
    page = Page(NodeSource(tmp_path), silent(tmp_path), lambda: AUTHOR, b"secret", tmp_path)
    with TestClient(create_app(page), base_url="http://localhost") as client:
        answer = client.get(f"{API}/projects")
    assert (answer.status_code, answer.json()["error"]) == (503, "Unavailable")
    assert "no view of the repository yet" in answer.json()["text"]


# -- who asks -------------------------------------------------------------------------------------------------------


def test_S7_every_role_may_what_it_may(bench: Bench) -> None:
    reader, operator = as_role(bench, Role.READER), as_role(bench, Role.OPERATOR)
    assert get(reader, "/me") == {"name": "Grace Hopper", "author": PERSON, "login": "grace", "role": "reader"}
    assert get(reader, "/projects")["total"] == 2
    text = {"text": PIPELINE}
    for client, method, path, body in (
        (reader, "POST", "/projects/ulm/requests", {"request": "start"}),
        (reader, "POST", "/projects", {"id": "x", "pipeline": "p"}),
        (reader, "POST", "/nodes/n/drain", {}),
        (operator, "PUT", "/pipelines/p", text),
        (operator, "DELETE", "/pipelines/p", None),
        (operator, "DELETE", "/pool/files?path=x", None),
        (operator, "DELETE", "/projects/ulm/files?path=x", None),
    ):
        answer = client.request(method, f"{API}{path}", json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "NotAllowed"), (path, answer.text)
    assert operator.post(f"{API}/pipelines/p/check", json=text).status_code == 200


def test_S7_what_reaches_a_stage_with_rights_is_for_admins(bench: Bench) -> None:
    text = PIPELINE.replace("image: host/x,", "image: host/x, secrets: [TOKEN],")
    bench.commit({"pipelines/p.yaml": f"{text}  - {{name: after, image: host/x, command: [echo, hi]}}\n"})
    operator, admin = as_role(bench, Role.OPERATOR), as_role(bench, Role.ADMIN)
    image = {"request": "start", "stage": "detect", "image": "host/y"}
    env = {"request": "start", "env": {"LD_PRELOAD": "/workspace/x.so"}}
    for wish in (image, env):
        for path, body in (
            ("/projects/ulm/requests", wish),
            ("/requests", {"projects": ["bonn", "ulm"], "request": wish}),
        ):
            answer = operator.post(f"{API}{path}", json=body)
            assert (answer.status_code, answer.json()["error"]) == (403, "NotAllowed"), answer.text
            assert "a stage that asks for rights or secrets needs the role of an admin" in answer.json()["text"]
    assert operator.post(f"{API}/projects/bonn/requests", json={"request": "start"}).status_code == 201
    assert admin.post(f"{API}/projects/ulm/requests", json=image).status_code == 201


def test_S7_variables_of_stages_with_least_rights_are_for_operators(bench: Bench) -> None:
    wish = {"request": "start", "stage": "detect", "image": "host/y", "env": {"A": "b"}}
    assert as_role(bench, Role.OPERATOR).post(f"{API}/projects/ulm/requests", json=wish).status_code == 201


def test_S7_a_page_of_another_site_changes_nothing(bench: Bench) -> None:
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = bench.browser.post(f"{API}/projects/ulm/requests", json={"request": "start"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "NotAllowed")
    assert not bench.look().snapshot.projects["ulm"].unanswered


# -- pipelines ------------------------------------------------------------------------------------------------------


def test_R1120_R1130_pipelines_are_listed_shown_put_and_removed(bench: Bench) -> None:
    assert get(bench.browser, "/pipelines")["items"] == [
        {"name": "p", "description": "", "stages": ["detect", "review"], "projects": 2}
    ]
    found = get(bench.browser, "/pipelines/p")
    assert (found["text"], found["projects"], found["problems"]) == (PIPELINE, ["bonn", "ulm"], [])
    assert found["definition"]["stages"][0]["name"] == "detect"
    text = PIPELINE.replace("echo, hi", "echo, hello")
    answer = bench.browser.put(f"{API}/pipelines/p", json={"text": text, "comment": "Be polite"})
    assert answer.status_code == 200
    assert answer.json()["commit"] == bench.look().snapshot.main
    assert bench.source.clone.read_main("pipelines/p.yaml") == text
    assert bench.browser.delete(f"{API}/pipelines/p").status_code == 200
    assert "p" not in bench.look().snapshot.pipelines
    assert bench.browser.delete(f"{API}/pipelines/p").status_code == 404


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        (EMPTY, 2, 9, "at least 1"),
        ("name: p\nstages:\n  - {name: a, image: x, comand: [x]}\n", 3, 25, "command"),
        ("name: q\nstages: [{name: a, image: x, command: [x]}]\n", 1, 7, "its file says"),
    ],
)
def test_R1110_an_invalid_definition_is_refused_by_line_and_column(
    bench: Bench, text: str, line: int, column: int, said: str
) -> None:
    before = bench.look().snapshot.main
    answer = bench.browser.put(f"{API}/pipelines/p", json={"text": text})
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("pipelines/p.yaml", line, column), problem
    assert said in problem["what"]
    assert bench.browser.post(f"{API}/pipelines/p/check", json={"text": text}).json()["problems"] == [problem]
    assert bench.look().snapshot.main == before


def test_M9_what_a_definition_would_change_is_told_and_it_can_be_proposed(bench: Bench) -> None:
    operator = as_role(bench, Role.OPERATOR)
    text = {"text": PIPELINE.replace("echo, hi", "echo, hello")}
    told = operator.post(f"{API}/pipelines/p/check", json=text).json()
    assert "changed: stage detect" in told["notes"]
    answer = operator.put(f"{API}/pipelines/p?propose=true", json=text).json()
    assert answer["branch"].startswith("winslow-proposals/p-")
    bench.look()
    assert bench.source.clone.read_main("pipelines/p.yaml") == PIPELINE


# -- nodes ----------------------------------------------------------------------------------------------------------


def test_R1510_a_node_is_drained_and_works_again(bench: Bench) -> None:
    bench.commit({"nodes/gpu-02.yaml": "labels: [big]  # the one below the window\n"})
    assert bench.browser.post(f"{API}/nodes/gpu-02/drain", json={"reason": "new disk"}).status_code == 200
    bench.look()
    assert bench.source.clone.read_main("nodes/gpu-02.yaml") == (
        "labels: [big]  # the one below the window\ndrain: true\n"
    )
    node = get(bench.browser, "/nodes/gpu-02")
    assert (node["drain"], node["joined"], node["labels"], node["inventory"]) == (True, False, ["big"], None)
    assert bench.browser.post(f"{API}/nodes/gpu-02/drain").status_code == 409
    assert bench.browser.post(f"{API}/nodes/gpu-02/undrain").status_code == 200
    bench.look()
    assert not get(bench.browser, "/nodes")["items"][0]["drain"]
    assert bench.browser.post(f"{API}/nodes/gpu-03/drain").status_code == 404


def test_L5_a_node_is_given_back_to_its_owner_and_taken_again(bench: Bench) -> None:
    bench.commit({"nodes/gpu-02.yaml": "slots: 2\n"})
    assert bench.browser.post(f"{API}/nodes/gpu-02/yield", json={"for": "2h"}).status_code == 200
    bench.look()
    text = bench.source.clone.read_main("nodes/gpu-02.yaml") or ""
    assert text.startswith("slots: 2\nyield:\n")
    assert "for: 2h" in text
    assert bench.browser.post(f"{API}/nodes/gpu-02/yield", json={"for": "soon"}).status_code == 422
    assert bench.browser.post(f"{API}/nodes/gpu-02/unyield").status_code == 200
    bench.look()
    assert bench.source.clone.read_main("nodes/gpu-02.yaml") == "slots: 2\n"


# -- files ----------------------------------------------------------------------------------------------------------


def test_R1310_R1320_R1340_the_pool_is_listed_had_and_emptied(bench: Bench) -> None:
    folder = bench.folder / "pool" / "2020 ü"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / b"\xff.bin".decode(errors="surrogateescape")).write_bytes(b"odd")
    (top,) = get(bench.browser, "/pool/files")["items"]
    assert (top["name"], top["folder"], top["contents"]) == ("2020 ü", True, "/raw/pool/2020%20%C3%BC?zip")
    plain, odd = sorted(get(bench.browser, "/pool/files", path=top["path"])["items"], key=lambda each: each["name"])
    assert (plain["name"], plain["bytes"], odd["name"]) == ("a.txt", 5, "\ufffd.bin")
    assert bench.browser.get(plain["contents"]).content == b"hello"
    assert bench.browser.delete(f"{API}/pool/files", params={"path": plain["path"]}).json() == {
        "removed": "pool:2020 ü/a.txt"
    }
    assert not (folder / "a.txt").exists()


@pytest.mark.parametrize("path", ["../view.git", "a/../../x", "/etc/passwd", "x\0y", "x" * 300, "nothing"])
def test_S9_paths_that_lead_elsewhere_are_refused(bench: Bench, path: str) -> None:
    (bench.folder / "pool").mkdir()
    for method in ("GET", "DELETE"):
        answer = bench.browser.request(method, f"{API}/pool/files", params={"path": path})
        assert answer.status_code in (404, 422), answer.text
    assert (bench.folder / "view.git").exists()


def test_bodies_and_lists_are_bounded(bench: Bench) -> None:
    huge = b'{"request": "start", "comment": "' + b"x" * (1 << 20) + b'"}'
    kind = {"content-type": "application/json"}
    pieces = (huge[at : at + 65536] for at in range(0, len(huge), 65536))
    for content in (huge, pieces):
        answer = bench.browser.post(f"{API}/projects/ulm/requests", content=content, headers=kind)
        assert (answer.status_code, answer.json()["error"]) == (413, "TooLarge")
    for path in ("/projects?limit=501", "/events?limit=0", "/projects?offset=-1"):
        assert bench.browser.get(f"{API}{path}").status_code == 422
    misspelt = bench.browser.get(f"{API}/projects?sate=running").json()
    assert "did you mean 'state'" in misspelt["problems"][0]["what"]
    deep = bench.browser.post(f"{API}/projects/ulm/requests", content=b"[" * 100_000, headers=kind)
    assert deep.status_code in (400, 422)


# -- what a node left -----------------------------------------------------------------------------------------------

Ran = tuple[Lab, TestClient]
PROGRAM = (
    "import json; json.dump({'cars': float(os.environ['INPUT_SPEED'])}, open('m.json', 'w')); "
    "os.mkdir('d'); open('d/a.txt', 'w').write('hello'); print('counting')"
)
INPUTS = "inputs:\n  speed: {type: number, default: 1}\nstages:\n"
GATE = "  - {name: review, when: manual, confirm: Good?, inputs: {keep: {type: boolean, default: true}}}\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A project that ran twice, with another input, and waits at its gate, beside the node."""
    first = stage("one", PROGRAM, artifacts="{paths: [m.json], reports: {metrics: m.json}}")
    here = Lab(tmp_path_factory.mktemp("api") / "lab", first + GATE)
    try:
        here.repository.fetch()
        pipeline = str(here.repository.read_main("pipelines/p.yaml"))
        here.edit({"pipelines/p.yaml": pipeline.replace("stages:\n", INPUTS)})
        here.node()
        here.ask("request: start")
        here.until_reason("ManualApproval")
        here.ask("request: start\nstage: one\ninputs: {speed: 2}\ncomment: faster")
        here.until(lambda view: len(view.executions) == 2)
        here.until_reason("ManualApproval")
        data = here.folder / "n1"
        outbox = Outbox(here.folder / "outbox", lambda: GitRepository(str(here.remote), here.folder / "page.git"))
        page = Page(NodeSource(data), outbox, lambda: AUTHOR, b"secret", data)
        with TestClient(create_app(page), base_url="http://localhost") as client:
            until(lambda: get(client, "/projects/v")["state"] == "needs_input")
            yield here, client
    finally:
        here.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 45
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_M2_R1340_executions_are_listed_shown_and_compared(ran: Ran) -> None:
    _, client = ran
    newest, oldest = get(client, "/projects/v/executions")["items"]
    assert (newest["execution"], newest["state_class"], newest["metrics"]) == (2, "SUCCEEDED", {"cars": 2.0})
    assert newest["node"] == "n1"
    whole = get(client, "/projects/v/executions/1")
    assert (whole["record"]["inputs"], whole["record"]["claim"]["epoch"]) == ({"speed": 1}, 1)
    assert not whole["stale"]
    assert oldest["seconds"] == whole["seconds"]
    rows = {(each["group"], each["name"]): each for each in get(client, "/projects/v/executions/1/compare/2")["rows"]}
    assert (rows["metric", "cars"]["change"], rows["metric", "cars"]["percent"]) == (1.0, 100.0)
    assert not rows["input", "speed"]["same"]
    assert get(client, "/projects/v/executions", stage="two")["total"] == 0
    assert client.get(f"{API}/projects/v/executions/9").status_code == 404


def test_R1450_a_log_is_read_in_parts_from_either_end(ran: Ran) -> None:
    _, client = ran
    path = f"{API}/projects/v/executions/2/log"
    whole = client.get(path)
    size = int(whole.headers["x-log-size"])
    assert "counting" in whole.text
    assert (len(whole.content), whole.headers["x-log-next"], whole.headers["x-log-live"]) == (size, str(size), "0")
    assert client.get(path, params={"offset": 5, "limit": 7}).content == whole.content[5:12]
    end = client.get(path, params={"offset": -9})
    assert (end.content, end.headers["x-log-start"]) == (whole.content[-9:], str(size - 9))
    assert client.get(path, params={"offset": size + 100}).content == b""
    assert client.get(path, params={"limit": (1 << 20) + 1}).status_code == 422


def test_R1340_what_an_execution_left_is_listed_with_digests_and_had(ran: Ran) -> None:
    _, client = ran
    found = get(client, "/projects/v/executions/2/files")["items"]
    assert [(each["path"], each["folder"]) for each in found] == [("d", True), ("m.json", False)]
    (file,) = get(client, "/projects/v/executions/2/files", path="d")["items"]
    assert file["digest"].startswith("blake3:")
    assert client.get(file["contents"]).content == b"hello"


def test_where_a_result_comes_from_is_told_with_the_commits(ran: Ran) -> None:
    _, client = ran
    found = get(client, "/projects/v/executions/2/provenance")
    step = found["chain"][0]
    assert (step["execution"], step["inputs"][0]["value"], step["inputs"][0]["by"]) == (2, 2, "Ada <ada@example.org>")
    assert step["requests"][0]["comment"] == "faster"
    assert {"claim", "succeed"} <= step["commits"].keys()


def test_R1510_what_a_node_has_and_an_execution_used_is_told(ran: Ran) -> None:
    _, client = ran
    (node,) = get(client, "/nodes")["items"]
    assert (node["name"], node["here"], node["inventory"]["runner"]) == ("n1", True, "process")
    assert "time" in get(client, "/projects/v/executions/2/usage")


def test_R1450_events_go_on_where_they_stopped(ran: Ran) -> None:
    _, client = ran
    known = get(client, "/events", limit=500)
    assert known["next"] is None
    found, before = [], ""
    while before is not None:
        part = get(client, "/events", limit=4, before=before)
        found += part["items"]
        before = part["next"]
    assert [each["commit"] for each in found] == [each["commit"] for each in known["items"]]
    events = get(client, "/events", project="v", event="succeed")["items"]
    assert [each["execution"] for each in events] == [2, 1]
    assert client.get(f"{API}/events", params={"before": "0" * 40}).status_code == 404


def test_M16_projects_and_executions_are_shown_as_they_were(ran: Ran) -> None:
    _, client = ran
    begun = get(client, "/events", project="v", event="claim")["items"][-1]["commit"]
    then = get(client, "/projects/v", at=begun)
    assert (then["state"], then["execution"], then["node"]) == ("running", 1, "n1")
    assert get(client, "/projects/v/executions", at=begun)["total"] == 1
    assert get(client, "/projects", at=begun, state="running")["total"] == 1
    for when in ("nonsense", "1999-01-01"):
        answer = client.get(f"{API}/projects", params={"at": when})
        assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")


def test_M1_a_gate_says_what_it_asks_and_is_answered(ran: Ran) -> None:
    """The last one here: it ends the chain."""
    here, client = ran
    asks = get(client, "/projects/v")["asks"]
    assert (asks["stage"], asks["inputs"]["keep"]["type"]) == ("review", "boolean")
    refused = ask(client, "v", request="answer", inputs={"keep": "perhaps"})
    assert (refused.status_code, refused.json()["error"]) == (422, "InvalidInput")
    assert ask(client, "v", request="answer", inputs={"keep": True}, comment="fine").status_code == 201
    here.until_reason("Done")
    until(lambda: get(client, "/projects/v")["state_class"] == "SUCCEEDED")
    answered = get(client, "/projects/v/requests")["items"][0]
    assert (answered["kind"], answered["verdict"], answered["comment"]) == ("answer", "accepted", "fine")
    assert answered["seq"] == 3


# -- the description ------------------------------------------------------------------------------------------------


def test_every_operation_has_a_summary_and_every_field_a_word(bench: Bench) -> None:
    described = get(bench.browser, "/openapi.json")
    operations = [each for path in described["paths"].values() for each in path.values()]
    assert [each["operationId"] for each in operations if not each.get("summary") or not each.get("description")] == []
    assert len({each["operationId"] for each in operations}) == len(operations)
    parameters = [(each["operationId"], one) for each in operations for one in each.get("parameters", ())]
    assert [(id, one["name"]) for id, one in parameters if not one.get("description")] == []
    models = described["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, model in models.items()
        for field, told in model.get("properties", {}).items()
        if not told.get("description")
    ]
    assert silent == []
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_operations_are_listed_for_a_browser_and_nothing_is_loaded_from_elsewhere(bench: Bench) -> None:
    answer = bench.browser.get(f"{API}/")
    assert "/api/v1/projects/{id}/requests" in answer.text
    assert "<script" not in answer.text
    assert "http" not in answer.text.replace("<!doctype html>", "")
    assert "content-security-policy" in answer.headers


def test_what_cannot_be_asked_of_an_address_is_refused_with_the_methods_that_there_are(bench: Bench) -> None:
    contents = bench.browser.get(f"{PATH}/openapi.json").json()["paths"]
    assert len(contents) > 30
    for path, operations in contents.items():
        known = {method.upper() for method in operations}
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"} - known:
            if (path, method) == ("/uploads", "OPTIONS"):  # tus asks by it what there is
                continue
            address = re.sub(r"\{[^}]*\}", "1", path)
            for below in (PATH, "") if path.startswith(("/raw", "/uploads")) else (PATH,):
                answer = bench.browser.request(method, f"{below}{address}")
                allowed = set(answer.headers.get("allow", "").split(", "))
                assert (answer.status_code, allowed >= known) == (405, True), f"{method} {below}{address}"
    for address in ("/events", "/healthz", "/readyz", "/metrics", "/hooks/git", "/projects/ulm/executions/1/log"):
        answer = bench.browser.put(address)
        assert (answer.status_code, bool(answer.headers["allow"])) == (405, True), address


def test_there_is_one_shape_for_what_is_refused(bench: Bench) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404), ("PUT", "/projects", 405), ("GET", "/projects/x y", 422), ("GET", "/nodes/n", 404),
    ):  # fmt: skip
        answer = bench.browser.request(method, f"{API}{path}")
        assert (answer.status_code, {"error", "text"} <= answer.json().keys()) == (status, True), answer.text
