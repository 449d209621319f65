"""Pictures of the page, taken of a real node at work on a synthetic recording, with a lab's usual states.

One project is finished, one waits for a person, some run, some wait, one has failed. Nothing is drawn by hand: whoever
runs this sees the same page, and pictures that no longer look like it are taken anew by running it again.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
WORK = ROOT / ".pictures"
os.environ["WINSLOW_DEMO"] = str(WORK)
os.environ["WINSLOW_AUTHOR"] = "Ada Lovelace <ada@example.org>"

import demo  # noqa: E402

from flow.model.snapshot import ProjectView  # noqa: E402
from flow.project.replies import steps_of  # noqa: E402
from state.contract.repository import Edit  # noqa: E402
from state.edits.main import commit_edit  # noqa: E402
from state.git.git_repository import GitRepository  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
GUARD = 900.0
WIDTH, HEIGHT = 1360, 900
SLOW = """name: night-run
description: stands for detection on a long recording
inputs:
  recording: {type: string, default: A}
stages:
  - name: stabilise
    image: winslow/traffic:1
    command: [python, -c, "print('aligned 4 200 frames')"]
  - name: detect
    image: winslow/traffic:1
    needs: [stabilise]
    command:
      - python
      - -uc
      - |
        import os, time
        for n in range(620, 1000):
            print("frame", n * 42, "vehicles", n % 17)
            open(os.environ["WINSLOW_PROGRESS"], "w").write(str(n / 10))
            time.sleep(8)
  - {name: track, image: winslow/traffic:1, command: [python, -c, ""]}
  - {name: report, image: winslow/traffic:1, command: [python, -c, ""]}
"""
LARGE = """name: large
description: needs a GPU that is not there yet
stages:
  - name: detect
    image: winslow/traffic:1
    command: [python, -c, ""]
    resources: {gpus: 1}
"""
VIDEO, TRUTH = "video=synthetic/video.mp4", "ground_truth=synthetic/ground_truth.csv"
PROJECTS = (
    ("crossing-b", "Crossing B, morning", "traffic", "drone", (VIDEO, TRUTH)),
    ("ring-road", "Ring road north, 8 May", "traffic", "drone", (VIDEO,)),
    ("harbour", "Harbour, take 2", "traffic", "harbour", ("video=synthetic/broken.mp4",)),
    ("segments", "Motorway A8, km 12", "traffic-segments", "camera", (VIDEO, "segment_frames=110", "overlap=10")),
    ("roundabout", "Roundabout, 2 June", "large", "drone", ()),
    ("crossing-a", "Crossing A, evening", "night-run", "drone", ("recording=A",)),
)
"""Id, name, pipeline, tag and inputs."""


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + GUARD
    while not condition():
        if time.monotonic() > deadline:
            raise demo.Failed(f"{what}: not after {GUARD:g} s; see {WORK / 'node.log'}")
        time.sleep(0.3)


class Lab:
    """The repository of a lab, its node, and its page."""

    def __init__(self) -> None:
        self.repository = GitRepository(str(demo.REPO), WORK / "view.git")

    def view(self, project: str) -> ProjectView:
        return self.repository.fetch().projects[project]

    def waits(self, project: str, reason: str) -> Callable[[], bool]:
        def reached() -> bool:
            steps = steps_of(self.view(project))
            return not self.view(project).unanswered and any(wait.reason == reason for wait in steps.waits)

        return reached

    def make(self) -> None:
        files: dict[str, str | None] = {
            "pipelines/night-run.yaml": SLOW,
            "pipelines/large.yaml": LARGE,
            "nodes/demo.yaml": "slots: 3\n",
        }
        commit_edit(
            self.repository,
            lambda _: Edit(files, "Put two pipelines", os.environ["WINSLOW_AUTHOR"]),
            sleep=time.sleep,
        )
        (demo.DATA / "pool/synthetic/broken.mp4").write_text("no video")
        for id, name, pipeline, tag, inputs in PROJECTS:
            given = [part for each in inputs for part in ("--input", each)]
            demo.ctl("projects", "create", id, "--pipeline", pipeline, "--name", name, "--tag", tag, *given, "--start")

    def work(self) -> None:
        """What people would do meanwhile."""
        until(self.waits("crossing-b", "ManualApproval"), "the detections of crossing-b")
        demo.ctl("answer", "crossing-b", "--input", "keep=true")
        until(self.waits("crossing-b", "Done"), "the report of crossing-b")
        demo.ctl("redo", "crossing-b", "--stage", "analyse", "--input", "metres_per_pixel=0.12")
        demo.ctl("comment", "crossing-b", "the shadows at 12:40 are counted twice")
        until(self.waits("crossing-b", "Done"), "the report of crossing-b with another scale")
        until(self.waits("ring-road", "ManualApproval"), "the detections of ring-road")
        until(lambda: any(each.state == "failed" for each in self.view("harbour").executions), "the failure of harbour")


@contextmanager
def page() -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    command = [ROOT / ".venv/bin/winslowctl", "--repo", demo.REPO, "--data", demo.DATA, "web", "--node-view"]
    log = (WORK / "page.log").open("wb")
    child = subprocess.Popen([*map(str, command), "--address", address], stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: "http" in (WORK / "page.log").read_text(), "the page")
        yield f"http://{address}"
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(20)


def shoot(url: str, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise demo.Failed("chromium is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for name, path, scheme, width in shots():
            size = {"width": width, "height": HEIGHT}
            context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
            tab = context.new_page()
            tab.goto(f"{url}{path}")
            tab.wait_for_timeout(1500)  # charts and videos are drawn a moment after the page
            tab.screenshot(path=str(folder / f"{name}.png"), full_page=False)
            context.close()
        browser.close()


def shots() -> list[tuple[str, str, str, int]]:
    last = max(each.execution for each in Lab().view("crossing-b").executions if each.stage == "detect")
    redone = [each.execution for each in Lab().view("crossing-b").executions if each.stage == "analyse"]
    return [
        ("overview", "/", "light", WIDTH),
        ("overview-phone", "/", "light", 390),
        ("project", "/projects/crossing-b", "light", WIDTH),
        ("project-dark", "/projects/segments", "dark", WIDTH),
        ("review", "/projects/ring-road", "light", WIDTH),
        ("run", f"/projects/crossing-b/{last}", "dark", WIDTH),
        ("compare", f"/projects/crossing-b/compare/{redone[0]}/{redone[-1]}", "light", WIDTH),
        ("nodes", "/nodes", "light", WIDTH),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave node and page running, to look at, until Ctrl-C")
    parser.add_argument("--to", type=Path, default=PICTURES, help="the folder for the pictures")
    options = parser.parse_args()
    for name in ("state.git", "node", "view.git"):
        shutil.rmtree(WORK / name, ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    try:
        demo.fill_pool(None, demo.make_clip())
        demo.ctl("init", "--bare", str(demo.REPO), "--example", str(demo.EXAMPLE), show=False)
        with demo.node("process"), page() as url:
            lab = Lab()
            lab.make()
            lab.work()
            shoot(url, options.to)
            print(f"pictures are in {options.to}")
            if options.keep:
                print(f"the page is at {url}; Ctrl-C ends all")
                signal.pause()
    except demo.Failed as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
