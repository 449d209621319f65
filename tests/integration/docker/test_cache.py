"""`cache: true`, `provenance` and `reproduce`, with real containers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schema.execution import Execution, State
from tests.contract.runners import Bench
from tests.integration.cli.command import Command
from tests.integration.cli.conftest import command  # noqa: F401  (a fixture)
from tests.integration.docker.test_node import _remove
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
Commands = Callable[[Lab], Command]
PIPELINE = """name: p
inputs: {word: {type: string, default: hello}, video: {type: file, default: a.bin}}
stages:
  - name: one
    image: host/python
    cache: true
    command: [python, -c, "open('out.txt', 'w').write('$[[ inputs.word ]]'); open('/winslow/result', 'w').write('n=4')"]
    artifacts: {paths: [out.txt]}
  - name: two
    image: host/python
    command: [python, -c, "import os; open('r.txt', 'w').write(open('out.txt').read() + WHAT)"]
"""


@pytest.fixture
def lab(tmp_path: Path, bench: Bench) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab", "  - {name: x, image: y}\n", runner="docker")
    lab.edit({"pipelines/p.yaml": PIPELINE.replace("WHAT", "'!'")})
    pool = lab.folder / "n1" / "pool"
    pool.mkdir(parents=True)
    (pool / "a.bin").write_bytes(b"film")
    yield lab
    lab.close()
    for path in lab.folder.glob("*/runs/*"):
        _remove(path.name)


def run(lab: Lab, request: str, number: int) -> Execution:
    lab.ask(request)
    view = lab.until(lambda view: (record := view.execution(number)) is not None and record.state.ended)
    record = view.execution(number)
    assert record
    assert record.state is State.SUCCEEDED, record.text
    return record


def test_M2_an_unchanged_stage_takes_its_earlier_result_and_says_whose(lab: Lab, command: Commands) -> None:  # noqa: F811
    lab.node()
    first = run(lab, "request: start", 1)
    lab.until_reason("Done")
    second = run(lab, "request: start\nstage: one", 3)
    assert second.cached
    assert second.cached.execution == 1
    assert second.result == first.result
    lab.until_reason("Done")  # the next stage builds on it
    other = run(lab, "request: start\nstage: one\ninputs: {word: bye}\nthen: pause", 5)
    assert other.cached is None
    (lab.folder / "n1" / "pool" / "a.bin").write_bytes(b"another film")
    changed = run(lab, "request: start\nstage: one\nthen: pause", 6)
    assert changed.cached is None, "the input's content has changed"
    fresh = run(lab, "request: start\nstage: one\nthen: pause\nfresh: true", 7)
    assert fresh.cached is None
    said = command(lab)
    assert "did not run: the result is execution 1's" in said("provenance", "v/3")


def test_provenance_tells_the_whole_chain_of_a_file(
    lab: Lab,
    command: Commands,  # noqa: F811
    tmp_path: Path,
) -> None:
    lab.node()
    run(lab, "request: start\ncomment: first try\ninputs: {word: bye}", 2)
    lab.until_reason("Done")
    said = command(lab)
    file = tmp_path / "found.txt"
    file.write_text("bye!")
    told = said.json("provenance", str(file))
    assert (told["project"], told["execution"], told["as"]) == ("v", 2, "r.txt")
    assert [step["execution"] for step in told["chain"]] == [2, 1]
    first = told["chain"][1]
    assert {each["name"]: each["request"] for each in first["inputs"]}["word"] == "0001-start.yaml"
    assert next(each for each in first["inputs"] if each["name"] == "video")["value"]["digest"].startswith("blake3:")
    assert first["image"]["id"].startswith("sha256:")
    assert (first["exit_code"], first["requests"][0]["comment"]) == (0, "first try")
    assert set(first["commits"]) >= {"claim", "succeed"}
    shown = said("provenance", first["manifest"])
    assert "asked: start 0001-start.yaml by Ada" in shown
    file.write_text("something else")
    assert "no execution left this very content" in said("provenance", str(file), code=1)


@pytest.mark.parametrize(("what", "code"), [("'!'", 0), ("os.environ['CI_JOB_ID']", 1)])
def test_reproduce_says_whether_the_result_is_the_same(lab: Lab, command: Commands, what: str, code: int) -> None:  # noqa: F811
    lab.edit({"pipelines/p.yaml": PIPELINE.replace("WHAT", what)})
    lab.node()
    run(lab, "request: start", 2)
    lab.until_reason("Done")
    said = command(lab).run("reproduce", "v/2", "-o", "json")
    assert said.code == code, said
    assert ('"agrees": true' in said.out) is (code == 0)
    assert ("r.txt" in said.out) is (code == 1)


def test_reproduce_refuses_what_is_defined_otherwise_now(lab: Lab, command: Commands) -> None:  # noqa: F811
    lab.node()
    run(lab, "request: start", 1)
    lab.until_reason("Done")
    lab.edit({"pipelines/p.yaml": PIPELINE.replace("paths: [out.txt]", "paths: [out.txt, r.txt]")})
    assert "pins the definition of then" in command(lab)("reproduce", "v/1", code=1)
