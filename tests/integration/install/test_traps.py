"""K1: whatever lies in the current folder or on PYTHONPATH, nothing of it is loaded."""

import sys
from pathlib import Path

import pytest

from cli.application import app
from cli.verbs import everything
from tests.integration.install.places import Place, run
from tests.unit.test_dependencies import LAYERS, ROOT, imported

TRAP = "import os\nos.write(2, b'the trap {name} was run')\nos._exit(66)\n"
OURS = ("runner.isolated", "winslow_controller", "sitecustomize", "usercustomize")


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module of each name that we have, that we import, and that Python has."""
    folder = tmp_path_factory.mktemp("traps")
    ours = {*LAYERS, *OURS}.union(*(imported(ROOT / layer) for layer in LAYERS))
    for name in ours | sys.stdlib_module_names:
        (folder / f"{name}.py").write_text(TRAP.format(name=name))
    for name in LAYERS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(TRAP.format(name=name))
    return folder


def verbs() -> list[str]:

    return sorted(everything(app).commands)


@pytest.mark.parametrize("verb", verbs())
def test_K1_no_verb_loads_what_lies_about(bare: Place, traps: Path, verb: str) -> None:
    code, said = bare.ask(verb, "--help", cwd=traps, PYTHONPATH=str(traps))
    assert code == 0, said
    assert "the trap" not in said


def test_K1_nor_do_up_its_page_its_stages_its_hook_or_a_sender(node: Place, traps: Path) -> None:
    about = {"PYTHONPATH": str(traps), "PYTHONSTARTUP": str(traps / "os.py")}
    repo, data = str(node.folder / "trapped.git"), str(node.folder / "trapped.git.node")
    where = {**about, "WINSLOW_REPO": repo, "WINSLOW_DATA": data}
    with node.running("up", repo, "--runner", "process", "--web", "127.0.0.1:18520", cwd=traps, **about) as up:
        said = up.until(" polling every ")
        [page] = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("The page: ")]
        code, said = node.ask("projects", "create", "first", "--pipeline", "hello", "--start", cwd=traps, **where)
        assert code == 0, said
        code, said = node.ask("wait", "first", "--timeout", "50s", cwd=traps, **where)
        assert code == 0, said + up.said()
        assert "<title>" in run("curl", "-sf", "--retry", "20", "--retry-connrefused", page, cwd=node.folder)
        targets = node.folder / "targets.yaml"
        targets.write_text("targets: {ada: 'json://127.0.0.1:9'}\n")
        targets.chmod(0o600)
        code, told = node.ask("notify", "ada", "--file", str(targets), cwd=traps, **about)
        assert code == 1
        assert told.startswith("winslowctl: target 'ada' did not take it"), told
        work = node.folder / "work"
        run("git", "clone", "-q", repo, str(work), cwd=traps)
        (work / "pipelines" / "hello.yaml").write_text("name: hello\n")
        mine = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        run("git", *mine, "commit", "-qam", "break it", cwd=work)
        with pytest.raises(AssertionError, match="main was not changed") as refused:
            run("git", "push", "-q", cwd=work, **about)
        assert "the trap" not in str(refused.value)
        assert "the trap" not in up.said()
