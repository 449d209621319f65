"""B3: what runs a node's stages does not change between two starts, unless a person says so."""

from pathlib import Path

import pytest

from controller.node.inventory import choose_runner
from controller.node.options import CannotStart, NodeOptions
from runner.contract.errors import EngineUnavailable
from runner.contract.labels import Owner
from runner.contract.runner import Runner

OWNER = Owner("r", "n", "i")


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def chosen(data: Path, runner: str = "auto", claims: tuple[str, ...] = ()) -> tuple[Runner, list[str]]:
    said: list[str] = []
    options = NodeOptions(repo="", name="n", data=data, runner=runner)
    found = choose_runner(options, OWNER, lambda: None, said.append, claims=claims)
    found.reap()
    return found, said


def keep(data: Path, kind: str) -> None:
    (data / "node").mkdir(parents=True, exist_ok=True)
    (data / "node" / "runner").write_text(kind)


def test_B3_the_first_start_decides_and_says_how_to_decide_otherwise(tmp_path: Path) -> None:
    found, said = chosen(tmp_path)
    assert found.capabilities.name == "process"
    assert "--runner docker changes that" in said[0]
    again, said = chosen(tmp_path)
    assert (again.capabilities.name, said) == ("process", [])


def test_B3_a_node_with_an_engine_waits_for_it(tmp_path: Path) -> None:
    keep(tmp_path, "docker")
    found, said = chosen(tmp_path, claims=("c",))
    assert (found.capabilities.name, said) == ("docker", [])
    with pytest.raises(EngineUnavailable, match="start it"):
        found.containers()


def test_B3_also_one_of_an_older_version_whose_containers_are_known(tmp_path: Path) -> None:
    (tmp_path / "runs" / "c").mkdir(parents=True)
    (tmp_path / "runs" / "c" / "log.position").touch()
    assert chosen(tmp_path, claims=("c",))[0].capabilities.name == "docker"


@pytest.mark.parametrize(("kept", "asked"), [("docker", "process"), ("process", "docker")])
def test_B3_what_still_runs_is_not_left_where_nobody_can_see_it(tmp_path: Path, kept: str, asked: str) -> None:
    keep(tmp_path, kept)
    with pytest.raises(CannotStart, match=f"1 of this node's executions run with --runner {kept}"):
        chosen(tmp_path, asked, claims=("c",))


def test_B3_a_person_may_change_it(tmp_path: Path) -> None:
    keep(tmp_path, "docker")
    assert chosen(tmp_path, "process")[0].capabilities.name == "process"
    assert chosen(tmp_path)[0].capabilities.name == "process"


def test_who_insists_on_an_engine_that_was_never_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="does not answer"):
        chosen(tmp_path, "docker")
