"""How fast the page shows logs: a large one, as a file and archived, at its end, at a line, searched; a live one's lag.

The page is served over HTTP beside a node with processes. The large log takes the place of a real one.
"""

import re
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn

from benchmarks.measure import AUTHOR, Lab, node, spread, timed
from runner.logs.archive import archive
from runner.store.packed import Packed
from schema.execution import Execution
from state.git.git_repository import GitRepository
from webui.asgi.app import create_app
from webui.logs.log_pages import Numbers
from webui.site import Page
from webui.source.outbox import Outbox
from webui.source.view_source import NodeSource

TALK = "import time; [(print(time.time(), flush=True), time.sleep(0.1)) for _ in range({})]"
LINE = b"2026-01-01T00:00:00.000000Z O epoch %08d loss 0.12345 accuracy 0.98765, a line of the usual length of a line\n"
SAID = re.compile(r'class="tx">(\d+\.\d+)<')


def measure(rounds: int, gigabytes: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), ["v0"], f'image: host/python, command: [python, -c, "{TALK.format(5 * rounds)}"]', 1)
        with node(lab, "--runner", "process"):
            lab.ask(["v0"])
            running = lab.until(lambda snapshot: any(map(_runs, snapshot.projects["v0"].executions)))
            record = running.projects["v0"].executions[0]
            with served(lab) as (url, page):
                lags = lag(f"{url}/projects/v0/executions/1/log")
                lab.until(lab.ran(1))
                log = lab.folder / "node" / "runs" / record.claim.container / "log"
                return {"lag": spread(lags), **large(url, page, log, rounds, gigabytes)}


def _runs(record: Execution) -> bool:
    return record.state.active


@contextmanager
def served(lab: Lab) -> Iterator[tuple[str, Page]]:
    outbox = Outbox(lab.folder / "outbox", lambda: GitRepository(str(lab.remote), lab.folder / "page.git"))
    page = Page(NodeSource(lab.folder / "node"), outbox, lambda: AUTHOR, b"secret", lab.folder / "node")
    server = uvicorn.Server(uvicorn.Config(create_app(page), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", page
    server.should_exit = True
    thread.join(10)


def lag(url: str) -> list[float]:
    """From the program's own clock to the arrival of its line, until the stage ends."""
    found: list[float] = []
    with httpx2.stream("GET", url, timeout=60) as answer:
        lines = answer.iter_lines()
        while next(lines):
            pass  # the first event has what was there before
        for line in lines:
            if said := SAID.search(line):
                found.append(time.time() - float(said[1]))
    return found


def large(url: str, page: Page, log: Path, rounds: int, gigabytes: float) -> dict[str, object]:
    lines = int(gigabytes * 2**30) // len(LINE % 0)
    with log.open("wb") as file:
        for first in range(0, lines, 10_000):
            file.write(b"".join(LINE % number for number in range(first, min(first + 10_000, lines))))
    size = log.stat().st_size
    packed = Packed(log.parents[2] / "store")
    found = shown(url, page, rounds, lines, size)
    archiving = timed(lambda: archive(log.parent, packed))
    return {
        "bytes": size,
        **found,
        "archiving": round(archiving, 1),
        "archived_bytes": sum(path.stat().st_size for _, path in packed.all()),
        "archived": shown(url, page, rounds, lines, size),
    }


def shown(url: str, page: Page, rounds: int, lines: int, size: int) -> dict[str, object]:
    def get(path: str) -> float:
        return timed(lambda: urllib.request.urlopen(url + path, timeout=120).read())

    def fresh() -> None:
        page.numbers.indexes = Numbers().indexes

    opened = []
    for _ in range(rounds):
        fresh()
        opened.append(get("/projects/v0/1"))
    fresh()
    cold = get(f"/projects/v0/1?line={lines // 2}")
    place = "/projects/v0/executions/1/log"
    return {
        "open_end": spread(opened),
        "open_middle_first": round(cold, 3),
        "open_middle_again": spread([get(f"/projects/v0/1?line={lines // 2}") for _ in range(rounds)]),
        "number_of_the_last_line": round(get(f"{place}/number?at={size}"), 3),
        "earlier_lines": spread([get(f"{place}/lines?before={size // 2 + 17}") for _ in range(rounds)]),
        "search_all_for_nothing": round(get(f"{place}/search?q=no-such-words&case=1&part=1"), 2),
        "search_any_case": round(get(f"{place}/search?q=NO-SUCH-WORDS&part=1"), 2),
        "search_last_line": round(get(f"{place}/search?q=epoch+{lines - 1:08d}&case=1&part=1"), 2),
    }
