"""Workspaces at the edges: very many small files, and one very large one that is mostly holes.

Beside each figure its floor. Of the end of the stage that made the files: plain BLAKE3 of each, as many links, and
the wait until the file system is on the disk. Of a file with holes: BLAKE3 of as many zeros that nobody reads.
"""

import os
import tempfile
from pathlib import Path

from blake3 import blake3

from benchmarks.measure import timed
from benchmarks.workspaces import Bench, in_turn, one_thread, ratio
from runner.store import writeback
from runner.store.workspaces import Workspaces

SMALL = 1000
"""Bytes of a small file."""
PIECE = bytes(8 << 20)


def measure(rounds: int, files: int, gigabytes: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("WINSLOW_BENCH")) as folder:
        return {"many": _many(Path(folder), rounds, files), "sparse": _sparse(Path(folder) / "sparse", gigabytes)}


def _many(folder: Path, rounds: int, files: int) -> dict[str, object]:
    bench = Bench(folder / "many", files * SMALL, files)

    def by_hand() -> float:
        hashed = timed(lambda: [one_thread(path) for path in bench.paths()])
        return hashed + bench.copied("-al") + timed(lambda: writeback.whole(folder))

    actions = {
        "open": bench.open,
        "finish": bench.finish,
        "finish_cpu": lambda: bench.cpu,
        "written_through": bench.written_through,
        "cp_al": lambda: bench.copied("-al"),
        "first_by_hand": by_hand,
    }
    took = in_turn(actions, rounds)
    median = {name: figures["median"] for name, figures in took.items()}
    return {
        "files": files,
        "first": {"seconds": round(bench.first, 3), "ratio": ratio(bench.first, median["first_by_hand"])},
        **took,
        "open_to_cp_al": {"ratio": ratio(median["open"], median["cp_al"])},
        "finish_to_written_through": {"ratio": ratio(median["finish"], median["written_through"])},
    }


def _sparse(folder: Path, gigabytes: int) -> dict[str, object]:
    """One stage that leaves such a file, and the workspace of the next one."""
    store = Workspaces(folder)
    opened = store.open("bench", 1, "c1")
    target = opened.overlay.upper if opened.overlay else opened.path
    with (target / "holes").open("wb") as file:
        file.write(b"begin")
        file.seek((gigabytes << 30) - 3)
        file.write(b"end")
    left: list[str] = []
    finish = timed(lambda: left.append(store.finish("bench", 1)))
    following = timed(lambda: store.open("bench", 2, "c2", left[0]))
    (row,) = store.manifest(left[0])
    zeros = timed(lambda: _zeros(gigabytes << 30))
    return {
        "gigabytes": gigabytes,
        "finish": {"seconds": round(finish, 3), "ratio": ratio(finish, zeros)},
        "zeros": {"seconds": round(zeros, 3)},
        "next": {"seconds": round(following, 3)},
        "kilobytes_on_disk": sum(path.stat().st_blocks for path in folder.rglob("*") if path.is_file()) // 2,
        "bytes": row.size,
    }


def _zeros(size: int) -> None:
    state = blake3(max_threads=blake3.AUTO)
    for _ in range(size // len(PIECE)):
        state.update(PIECE)
