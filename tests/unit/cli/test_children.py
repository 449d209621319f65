"""Servers beside a node: a taken port is told once and waited for, and they end with their parent."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli import children
from cli.children import Server, child
from runner import isolated

SERVER = """
import socket, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from runner.isolated import end_with_parent
end_with_parent()
Path(sys.argv[2]).write_text("there")
socket.socket(fileno=int(sys.argv[-1])).accept()
"""
HANG = 30.0


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a server writes when it has begun."""
    file = tmp_path / "there"
    command = [sys.executable, "-I", "-c", SERVER, isolated.ROOT, str(file)]
    monkeypatch.setattr(isolated, "command", lambda *arguments, with_parent: command)
    monkeypatch.setattr(children, "AGAIN", 0.01)
    return file


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_N3_a_taken_port_is_told_once_and_taken_when_it_is_free(there: Path) -> None:
    told, changed = list[str](), threading.Condition()

    def say(text: str) -> None:
        with changed:
            told.append(text)
            changed.notify()

    port = free_port()
    other = socket.create_server(("127.0.0.1", port))
    server = Server("the page", ("web",), f"127.0.0.1:{port}")
    with child("repo", Path("data"), server, say), changed:
        assert changed.wait_for(lambda: len(told) == 1, HANG)
        other.close()
        assert changed.wait_for(lambda: len(told) == 2, HANG)
    assert told[0].startswith(f"the page is left out: port {port} is taken by another program; 127.0.0.1:")
    assert told[1] == f"the page is there now: 127.0.0.1:{port} is free"


def test_N3_a_program_ends_when_its_parent_lets_go_of_the_pipe(there: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        command = [*isolated.command("cli.main", with_parent=True), str(own.fileno())]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[own.fileno()])
        assert process.stdin
        process.stdin.close()
        assert process.wait(HANG) != 0


def test_K1_a_child_gets_nothing_that_leads_python_astray() -> None:
    given = {"PATH": "/bin", "PYTHONPATH": "/trap", "PYTHONSTARTUP": "/trap/x.py", "WINSLOW_REPO": "r"}
    assert isolated.environment(given) == {"PATH": "/bin", "WINSLOW_REPO": "r"}


def test_K1_a_child_is_started_by_absolute_programs_in_isolated_mode() -> None:
    python, option, program, *rest = isolated.command("cli.main", "ps")
    assert os.path.isabs(python)
    assert option == "-I"
    assert os.path.isabs(program)
    assert rest == ["cli.main", "ps"]


def test_K1_doctor_tells_of_folders_called_like_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow" / "__init__.py").touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "schema.py").touch()
    monkeypatch.chdir(tmp_path / "here")
    assert isolated.shadows({"PYTHONPATH": str(tmp_path)}) == [f"{tmp_path}/here/schema", f"{tmp_path}/flow"]
    assert isolated.shadows({}) == [f"{tmp_path}/here/schema"]
