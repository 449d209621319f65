"""Wheel and source distribution, installed elsewhere; `scripts/winslowctl` is what starts."""

import json
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from schema.published import PUBLISHED
from tests.integration.install.places import ROOT, UV, Place, built, run

TOOLS = {
    "uv": ((UV, "tool", "install", "--quiet", "--python", sys.executable), "UV_TOOL_DIR", "UV_TOOL_BIN_DIR"),
    "pipx": (
        (str(Path(sys.executable).with_name("pipx")), "install", "--quiet", "--python", sys.executable),
        "PIPX_HOME",
        "PIPX_BIN_DIR",
    ),
}


def test_N1_a_wheel_puts_one_folder_among_everybodys_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        tops = {name.partition("/")[0] for name in opened.namelist()}
        assert b"Apache License" in opened.read("winslow_controller-0.1.0.dist-info/licenses/LICENSE")
        assert "winslow_controller/webui/static/vendor/htmx.min.js" in opened.namelist()
        for name in PUBLISHED:
            held = opened.read(f"winslow_controller/schema/json/{name}.schema.json")
            assert held == (ROOT / f"docs/schemas/{name}.schema.json").read_bytes()
    assert tops == {
        "winslow_controller", "winslow_controller.pth",
        "winslow_controller-0.1.0.data", "winslow_controller-0.1.0.dist-info",
    }  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_N1_the_command_comes_by_uv_and_pipx(tmp_path: Path, wheel: Path, tool: str) -> None:
    command, home, bin_dir = TOOLS[tool]
    folders = {home: str(tmp_path / "tools"), bin_dir: str(tmp_path / "bin")}
    run(*command, str(wheel), cwd=tmp_path, **folders)
    program = str(tmp_path / "bin" / "winslowctl")
    assert "Usage: winslowctl" in run(program, "--help", cwd=tmp_path)
    run(program, "init", "lab", cwd=tmp_path, WINSLOW_AUTHOR="Ada <ada@example.org>")
    assert "0 problems" in run(program, "validate", "lab", cwd=tmp_path)


def test_K5_the_source_distribution_builds_without_network(tmp_path: Path, sdist: Path) -> None:
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    [source] = tmp_path.glob("winslow_controller-*")
    assert not (source / ".git").exists()
    nowhere = {"PATH": str(Path(sys.executable).parent), "HTTPS_PROXY": "http://127.0.0.1:9", "HOME": str(tmp_path)}
    made = built("wheel", source, tmp_path / "dist", **nowhere)
    with zipfile.ZipFile(made) as opened:
        assert "winslow_controller/webui/static/vendor/uPlot.iife.min.js" in opened.namelist()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="a machine without network needs root")
def test_K5_pip_installs_the_source_distribution_without_network(tmp_path: Path, sdist: Path) -> None:
    """With what is there already: the packages that it needs, and hatchling."""
    options = ("--no-index", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site"))
    run("unshare", "-n", sys.executable, "-m", "pip", "install", "--quiet", *options, str(sdist), cwd=tmp_path)
    assert (tmp_path / "site" / "winslow_controller" / "cli" / "main.py").is_file()


def test_N1_another_package_called_schema_breaks_nothing_and_is_not_broken(bare: Place) -> None:
    site = next((bare.folder / "venv" / "lib").glob("python3.*")) / "site-packages"
    (site / "schema").mkdir()
    (site / "schema" / "__init__.py").write_text("OTHERS = 1\n")
    try:
        assert bare.ask("--help")[0] == 0
        python = str(bare.folder / "venv" / "bin" / "python")
        assert run(python, "-c", "import schema; print(schema.OTHERS)", cwd=bare.folder) == "1\n"
    finally:
        shutil.rmtree(site / "schema")


@pytest.mark.slow
def test_R5_a_release_is_complete_and_says_what_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    run(sys.executable, "scripts/release.py", "--to", str(folder), cwd=ROOT, CI_PROJECT_URL="https://git.lab/winslow")
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        metadata = opened.read("winslow_controller-0.1.0.dist-info/METADATA").decode()
    assert "Project-URL: Source, https://git.lab/winslow\n" in metadata
    [bill] = folder.glob("*.cdx.json")
    listed = json.loads(bill.read_text())
    assert listed["metadata"]["component"]["name"] == "winslow-controller"
    names = {each["name"].lower() for each in listed["components"]}
    assert {"docker", "pygit2", "starlette"} <= names
    assert not {"pytest", "mypy"} & names
    assert str(ROOT) not in bill.read_text()
    run("sha256sum", "--check", "SHA256SUMS", cwd=folder)
    notes = (folder / "RELEASE.md").read_text()
    assert all(line.split()[0] in notes for line in (folder / "SHA256SUMS").read_text().splitlines())
