"""`service upgrade`: nodes are upgraded one after the other, and one that does not come back stops the row."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli import upgrading
from cli.errors import CommandError
from cli.upgrading import BACK, NodeUpgrade
from flow.model.snapshot import Snapshot
from flow.node.upgrade_turns import ahead_of, not_yet
from schema.node import NodeAway
from tests.unit.flow.builders import Story, fleet, node

ROOT = Path(__file__).parents[3]
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
OLD, NEW = "1.0.0", "1.1.0"


class Lab:
    """Nodes by name and the versions they run; time that passes only while somebody sleeps."""

    def __init__(self, *names: str) -> None:
        told = [node(name, winslow=OLD) for name in names]
        self.snapshot: Snapshot = replace(fleet(Story(), *told), heartbeats=dict.fromkeys(names, "0"))
        self.now, self.beats = 0.0, 0
        self.said: list[str] = []
        self.done: list[str] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.away = False

    def runs(self, name: str, version: str) -> None:
        """As its new process says so."""
        self.beats += 1
        told = self.snapshot.inventories[name].model_copy(update={"winslow": version, "away": None})
        self.snapshot = replace(
            self.snapshot,
            inventories={**self.snapshot.inventories, name: told},
            heartbeats={**self.snapshot.heartbeats, name: f"b{self.beats}"},
        )

    def stops(self, name: str, since: str = "2026-01-01T11:59:00Z") -> None:
        away = NodeAway(why="stopped", beat=self.snapshot.heartbeats[name], since=since)
        told = self.snapshot.inventories[name].model_copy(update={"away": away})
        self.snapshot = replace(self.snapshot, inventories={**self.snapshot.inventories, name: told})

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [each for each in self.later if each[0] <= self.now]
        self.later = [each for each in self.later if each[0] > self.now]
        for _, act in due:
            act()

    def machine(self, name: str, *, works: tuple[str, ...] = (OLD, NEW), install: str = "") -> NodeUpgrade:
        """Whose node comes back six seconds after a restart, with a version that works there."""
        installed = [OLD]

        def put(version: str) -> str:
            self.done.append(f"install {version}")
            installed.append(version)
            return install

        def restart() -> str:
            self.done.append("restart")
            self.stops(name)
            if installed[-1] in works:
                self.later.append((self.now + 6.0, lambda: self.runs(name, installed[-1])))
            return ""

        look = lambda: None if self.away else self.snapshot  # noqa: E731
        return NodeUpgrade(put, restart, look, lambda: self.now, self.sleep, self.said.append)


def test_L8_a_node_waits_for_those_before_it_by_name_and_for_no_others() -> None:
    lab = Lab("a", "b", "c")
    lab.later = [(10.0, lambda: lab.runs("a", NEW))]
    lab.machine("b").wait_for_turn(lab.snapshot, "b", NEW, 60.0)
    assert 10.0 <= lab.now < 14.0
    assert lab.said == ["waits for its turn: a runs 1.0.0"]
    lab.now = 0.0
    Lab("a", "b").machine("a").wait_for_turn(lab.snapshot, "a", NEW, 0.0)


@pytest.mark.parametrize("version", [OLD, NEW])
def test_L8_nobody_passes_a_node_that_did_not_come_back(version: str) -> None:
    lab = Lab("a", "b")

    def breaks() -> None:
        lab.runs("a", version)
        lab.stops("a")

    lab.later = [(2.0, breaks)]
    with pytest.raises(CommandError, match=r"b is as it was: its turn did not come in time\. a runs ") as told:
        lab.machine("b").wait_for_turn(lab.snapshot, "b", NEW, 30.0)
    assert ("is not back: stopped at" in str(told.value)) == (version == NEW)
    assert lab.done == []


@pytest.mark.parametrize(
    ("since", "counts"),
    [("2026-01-01T11:59:00Z", True), ("2026-01-01T10:59:00Z", False), ("yesterday", False), ("2026-01-01T11:59", True)],
)
def test_L8_who_stopped_just_now_may_be_upgrading_and_who_is_away_for_long_holds_nobody_up(
    since: str, counts: bool
) -> None:
    lab = Lab("a", "b")
    lab.stops("a", since)
    assert ahead_of(lab.snapshot, "b", NOON) == (frozenset({"a"}) if counts else frozenset())


def test_a_node_that_was_removed_is_waited_for_no_longer() -> None:
    assert not_yet(Lab("b").snapshot, ["a"], NEW) == {}


def test_L8_it_is_installed_restarted_and_seen_to_work() -> None:
    lab = Lab("a")
    lab.machine("a").move(lab.snapshot, "a", NEW)
    assert lab.done == ["install 1.1.0", "restart"]
    assert lab.said[-1] == "a works with 1.1.0"


def test_L8_a_version_with_which_the_node_does_not_come_back_is_taken_back() -> None:
    lab = Lab("a")
    with pytest.raises(CommandError, match=r"a is not back with 1\.1\.0: .*; it works with 1\.0\.0 again"):
        lab.machine("a", works=(OLD,)).move(lab.snapshot, "a", NEW)
    assert lab.done == ["install 1.1.0", "restart", "install 1.0.0", "restart"]
    assert BACK < lab.now < 2 * BACK


def test_what_the_repository_held_before_is_no_sign_that_it_is_back() -> None:
    """Nothing comes: the old inventory says the former version, and its node is dead all the same."""
    lab = Lab("a")
    with pytest.raises(CommandError, match=r"nor with 1\.0\.0, which it ran before"):
        lab.machine("a", works=()).move(lab.snapshot, "a", NEW)


def test_what_is_not_installed_is_not_restarted() -> None:
    lab = Lab("a")
    with pytest.raises(CommandError, match=r"a is as it was: no such version"):
        lab.machine("a", install="no such version").move(lab.snapshot, "a", NEW)
    assert lab.done == ["install 1.1.0"]


def test_a_repository_that_is_away_is_waited_for() -> None:
    lab = Lab("a", "b")
    lab.away = True

    def back() -> None:
        lab.away = False
        lab.runs("a", NEW)

    lab.later = [(20.0, back)]
    lab.machine("b").wait_for_turn(lab.snapshot, "b", NEW, 60.0)
    assert lab.said[-1] == "waits for its turn: the repository does not answer"


@pytest.mark.parametrize("version", ["", "latest", "1.0;x", "-e .", "1.0 --index-url http://x", "@git"])
def test_a_version_is_a_number(version: str) -> None:
    with pytest.raises(CommandError, match="is no version"):
        upgrading.upgrade(version, "a", user=True, timeout="1s")


# -- the installation itself ------------------------------------------------------------------------------------------

PUT = """
import subprocess, sys
from runner import extras
found = extras.exactly(sys.argv[1])
print(found)
sys.exit(found if isinstance(found, str) else subprocess.run(found).returncode)
"""


def wheel(folder: Path, version: str) -> None:
    name = f"winslow_controller-{version}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as file:
        file.writestr("winslow_marker.py", f"VERSION = {version!r}\n")
        file.writestr(
            f"{name}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: winslow-controller\nVersion: {version}\nProvides-Extra: age\n",
        )
        file.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{name}.dist-info/RECORD", "")


def test_L8_pip_puts_exactly_that_version_there_with_the_extras_that_are_there(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=120)
    python = str(tmp_path / "venv" / "bin" / "python")
    for version in (OLD, NEW, "2.0.0"):
        wheel(tmp_path, version)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "pyrage.py").touch()
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{tmp_path}/there", "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path),
    }  # fmt: skip

    def put(version: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [python, "-c", PUT, version], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def there() -> str:
        look = "import winslow_marker; print(winslow_marker.VERSION)"
        return subprocess.run([python, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    for version in (OLD, NEW, OLD):
        done = put(version)
        assert done.returncode == 0, done.stderr
        assert f"winslow-controller[age]=={version}" in done.stdout
        assert there() == f"{version}\n"
    assert put("9.9.9").returncode == 1
    assert there() == f"{OLD}\n"


def test_what_came_from_a_folder_is_upgraded_there() -> None:
    from runner import extras

    told = extras.exactly(NEW)
    assert isinstance(told, str)
    assert told.startswith(f"this one was installed from {ROOT}")
