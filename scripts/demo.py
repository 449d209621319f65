"""The main job from end to end, on this machine: real and synthetic video through the pipeline `traffic`.

Everything a person would do is done with `winslowctl`, and shown before it is done. All files are under
`.demo/`, or the folder that WINSLOW_DEMO names.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.live import Live  # noqa: E402
from rich.table import Table  # noqa: E402

from flow.model.snapshot import ProjectView  # noqa: E402
from flow.project.replies import steps_of  # noqa: E402
from runner.program_output import progress  # noqa: E402
from runner.store.tree import export  # noqa: E402
from runner.store.workspaces import Workspaces  # noqa: E402
from schema.execution import Execution, State  # noqa: E402
from state.edits.main import author  # noqa: E402
from state.git.git_repository import GitRepository  # noqa: E402

DEMO = Path(os.environ.get("WINSLOW_DEMO") or ROOT / ".demo")
os.environ.setdefault("WINSLOW_AUTHOR", author())  # somebody who has not told git their name can try it, too
REPO, DATA, CLIPS, RESULTS = DEMO / "state.git", DEMO / "node", DEMO / "clips", DEMO / "results"
EXAMPLE = ROOT / "example-state-repo"
TRAFFIC = EXAMPLE / "images" / "traffic"
IMAGE = "winslow/traffic:1"
BASE = "python:3.11-slim"
WORSE, BETTER = 0.8, 0.35
LONGEST = 300.0
console = Console(highlight=False, soft_wrap=True)


class Failed(Exception):
    """The demo cannot go on; the text says why."""


def say(text: str) -> None:
    console.print(text)


def run(*command: str, quiet: bool = True, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=quiet, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"{' '.join(command[:4])} …: {(done.stderr or done.stdout or '').strip()[-600:]}")
    return (done.stdout or "").strip()


def ctl(*arguments: str, show: bool = True) -> str:
    if show:
        say(f"[bold cyan]$ winslowctl {shlex.join(arguments)}[/]")
    return run(str(ROOT / ".venv/bin/winslowctl"), *arguments, WINSLOW_REPO=str(REPO), WINSLOW_DATA=str(DATA))


# -- what the pipeline needs ------------------------------------------------------------------------------------------


def choose_runner(wanted: str) -> str:
    """Docker where an engine answers and the image can be made, else processes. Says which, and why."""
    if wanted == "process":
        return "process"
    try:
        import docker

        client = docker.from_env(timeout=20)
        client.ping()
    except Exception as error:
        return _without_docker(wanted, f"no Docker Engine answers ({str(error).splitlines()[0][:80]})")
    try:
        say(f"Docker Engine {client.version()['Version']}: stages run as containers")
        for left in client.containers.list(all=True, filters={"label": "winslow.node=demo"}):
            left.remove(force=True)  # of an earlier demo, whose node's memory is deleted
        _build(client)
        return "docker"
    except Exception as error:
        return _without_docker(wanted, f"the image could not be made ({str(error).splitlines()[0][:200]})")


def _without_docker(wanted: str, why: str) -> str:
    if wanted == "docker":
        raise Failed(why)
    say(f"{why}: stages run as processes of this machine")
    return "process"


def _build(client: object) -> None:
    base = _base(client)
    say(f"building {IMAGE} from {base}")
    client.images.build(  # type: ignore[attr-defined]
        path=str(TRAFFIC), tag=IMAGE, buildargs={"BASE": base}, network_mode=None if base == BASE else "none", rm=True
    )


def _base(client: object) -> str:
    """The official image if it can be pulled, else one made of this host's own Python."""
    try:
        client.images.pull(BASE)  # type: ignore[attr-defined]
        return BASE
    except Exception as error:
        why = str(getattr(error, "explanation", None) or error).splitlines()[0]
        say(f"{BASE} cannot be pulled ({why[:200]}); making a base image from this host's Python")
    from runner.docker.host_image import build_base

    sites = Path(run(sys.executable, "-c", "import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])"))
    wanted = DEMO / "site"
    shutil.rmtree(wanted, ignore_errors=True)
    wanted.mkdir(parents=True)
    for name in ("numpy", "numpy.libs", "cv2", "opencv_python_headless.libs"):
        if (sites / name).exists():
            shutil.copytree(sites / name, wanted / name)
    return build_base("winslow/host-python:3", [wanted])


def fetch_clip() -> Path | None:
    try:
        found = run("scripts/fetch-clip", str(CLIPS), PYTHON=sys.executable)
        return Path(found.splitlines()[-1])
    except Failed as error:
        say(f"[yellow]no package registry gave the real clip, so only the synthetic one is run[/] ({error})"[:300])
        return None


def make_clip() -> Path:
    folder = CLIPS / "synthetic"
    if not (folder / "scene.json").exists():
        say("generating a drone view of a crossing, with exact ground truth")
        run(sys.executable, "-m", "traffic.generate", str(folder), "--seed", "1", PYTHONPATH=str(TRAFFIC))
    return folder


def fill_pool(real: Path | None, synthetic: Path) -> None:
    pool = DATA / "pool"
    (pool / "synthetic").mkdir(parents=True)
    for name in ("video.mp4", "ground_truth.csv"):
        shutil.copy(synthetic / name, pool / "synthetic" / name)
    if real:
        shutil.copy(real, pool / real.name)


def images_file() -> Path:
    """What stands for the image where stages run as processes."""
    path = DEMO / "images.json"
    path.write_text(json.dumps({"winslow/traffic:*": {"folder": str(TRAFFIC), "interpreter": sys.executable}}))
    return path


@contextmanager
def node(runner: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node that ends with the demo, and takes its stages with it."""
    command = [
        str(ROOT / ".venv/bin/winslowctl"), "node", "--repo", str(REPO), "--name", "demo", "--data", str(DATA),
        "--runner", runner, "--poll", "1s", "--images", str(images_file()), "--stop-stages",
    ]  # fmt: skip
    log = (DEMO / "node.log").open("wb")
    child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()


# -- watching ---------------------------------------------------------------------------------------------------------


class Watcher:
    """Shows all projects until each of some is where it should be."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self.repository = GitRepository(str(REPO), DEMO / "view.git")

    def view(self, project: str) -> ProjectView:
        return self.repository.fetch().projects[project]

    def until(self, projects: list[str], reason: str) -> None:
        """Until all wait for that reason. Failed if one waits for another one, or the node is gone."""
        deadline = time.monotonic() + LONGEST
        with Live(console=console, refresh_per_second=8, transient=not console.is_terminal) as live:
            while True:
                views = [self.view(project) for project in projects]
                live.update(self._table(views))
                if all(self._arrived(view, reason) for view in views):
                    return
                if self.child.poll() is not None:
                    raise Failed(f"the node ended: {(DEMO / 'node.log').read_text()[-500:]}")
                if time.monotonic() > deadline:
                    raise Failed(f"not there after {LONGEST:g} s; see {DEMO / 'node.log'}")
                time.sleep(0.15)

    def _arrived(self, view: ProjectView, reason: str) -> bool:
        steps = steps_of(view)
        if view.unanswered or steps.active or steps.wait is None:
            return False
        if steps.wait.reason != reason:
            raise Failed(f"{view.id} waits for {steps.wait.reason}: {steps.wait.text}")
        return True

    def _table(self, views: list[ProjectView]) -> Table:
        table = Table(box=None, padding=(0, 2), header_style="bold")
        for head in ("project", "stage", "state", "progress"):
            table.add_column(head)
        for view in views:
            table.add_row(view.id, *self._row(view))
        return table

    def _row(self, view: ProjectView) -> tuple[str, str, str]:
        steps = steps_of(view)
        if steps.active:
            record = steps.active[-1]
            percent = progress(DATA / "runs" / record.claim.container)
            return record.stage, str(record.state), _bar(percent)
        if steps.wait:
            return steps.wait.stage or "", str(steps.wait.reason), ""
        return steps.stage or "", "queued", ""


def _bar(percent: float | None) -> str:
    if percent is None:
        return ""
    full = round(percent / 5)
    return f"[green]{'━' * full}[/][dim]{'━' * (20 - full)}[/] {percent:3.0f}%"


# -- the job ----------------------------------------------------------------------------------------------------------


def newest(view: ProjectView, stage: str) -> Execution:
    return next(e for e in reversed(view.executions) if e.stage == stage and e.state is State.SUCCEEDED)


def result(view: ProjectView, stage: str) -> Path:
    """What the stage left, copied to where a person can look at it."""
    number = newest(view, stage).execution
    folder = RESULTS / view.id / f"{number:04d}-{stage}"
    if not folder.exists():
        export(Workspaces(DATA).look(view.id, number), folder)
    return folder


def ask_person(watcher: Watcher, projects: list[str], *, yes: bool) -> None:
    """What a person would look at, and how to answer."""
    for project in projects:
        folder = result(watcher.view(project), "detect")
        say(f"[bold]{project}[/] waits for a person: are the detections good enough?")
        say(f"  look at {folder / 'preview.webm'} and {folder / 'frames'}/")
        say(f"  answer with: winslowctl answer {project} --input keep=true   (keep=false rejects)")
    if not yes and sys.stdin.isatty():
        console.input("press Enter to keep the detections, Ctrl-C to stop here ")
    elif not yes:
        raise Failed("nobody is at the terminal; scripts/demo --yes answers by itself")
    for project in projects:
        ctl("answer", project, "--input", "keep=true")


def show_results(watcher: Watcher, projects: list[str]) -> None:
    table = Table(title="results", header_style="bold")
    for head in ("project", "vehicles", "mean speed", "MOTA", "IDF1"):
        table.add_column(head)
    for project in projects:
        view = watcher.view(project)
        summary = json.loads((result(view, "report") / "summary.json").read_text())
        metrics = (newest(view, "analyse").result or None) and newest(view, "analyse").result.metrics  # type: ignore[union-attr]
        table.add_row(
            project,
            str(summary.get("vehicles", "")),
            f"{summary.get('mean_speed_mps', 0):.1f} m/s",
            *(f"{metrics[name]:.3f}" if metrics and name in metrics else "–" for name in ("mota", "idf1")),
        )
    console.print(table)
    for project in projects:
        say(f"report of {project}: {result(watcher.view(project), 'report') / 'report.html'}")


def redo(watcher: Watcher, project: str, threshold: float) -> int:
    """Redo detection with another threshold, keep it, and give the number of the new analysis."""
    ctl(
        "redo",
        project,
        "--stage",
        "detect",
        "--input",
        f"threshold={threshold}",
        "--comment",
        "how much does it matter?",
    )
    watcher.until([project], "ManualApproval")
    ctl("answer", project, "--input", "keep=true")
    watcher.until([project], "Done")
    return newest(watcher.view(project), "analyse").execution


def job(options: argparse.Namespace, runner: str) -> None:
    real, synthetic = fetch_clip(), make_clip()
    fill_pool(real, synthetic)
    say(ctl("init", "--bare", str(REPO), "--example", str(EXAMPLE)))
    with node(runner) as child:
        watcher = Watcher(child)
        projects = ["synthetic"]
        ctl(
            "projects", "create", "synthetic", "--pipeline", "traffic", "--name", "Synthetic crossing",
            "--input", "video=synthetic/video.mp4", "--input", "ground_truth=synthetic/ground_truth.csv", "--start",
        )  # fmt: skip
        if real:
            projects.append("real")
            ctl(
                "projects", "create", "real", "--pipeline", "traffic", "--name", "Real crossing", "--tag", "real",
                "--input", f"video={real.name}", "--start",
            )  # fmt: skip
        watcher.until(projects, "ManualApproval")
        ask_person(watcher, projects, yes=options.yes)
        watcher.until(projects, "Done")
        show_results(watcher, projects)
        say("\nthe same video again: detection redone with a worse threshold, then with a better one")
        worse = redo(watcher, "synthetic", WORSE)
        better = redo(watcher, "synthetic", BETTER)
        console.print(ctl("compare", f"synthetic/{worse}", f"synthetic/{better}"))
        say("every request, claim and result is a commit:")
        say(f"  git --git-dir {REPO} log --oneline winslow/state   (or: winslowctl events)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--yes", action="store_true", help="answer the review by itself")
    parser.add_argument("--runner", choices=("auto", "docker", "process"), default="auto")
    options = parser.parse_args()
    for name in ("state.git", "node", "view.git"):
        shutil.rmtree(DEMO / name, ignore_errors=True)
    DEMO.mkdir(exist_ok=True)
    began = time.monotonic()
    try:
        job(options, choose_runner(options.runner))
    except Failed as error:
        console.print(f"[red]the demo stopped:[/] {error}", markup=True)
        return 1
    except KeyboardInterrupt:
        say(f"\nstopped; nothing is left running. All files are in {DEMO}")
        return 130
    say(f"done in {time.monotonic() - began:.0f} s; all files are in {DEMO}")
    return 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
