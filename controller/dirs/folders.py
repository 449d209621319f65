"""The real directories of executions.

DATA/store, DATA/projects/<project>/<execution>/   workspaces, see `runner.store.workspaces`
DATA/projects/<project>/files                      files of the project
DATA/projects/<project>/files.deleted-<generation> the same of a deleted one, whose name is free for a new one
DATA/runs/<container>/log, io/, inputs.json        the log, what the program says by files, inputs as they were
DATA/runs/<container>/project, execution           whose run it is
DATA/runs/<container>/archived                     where its log is later on, see `runner.logs.archive`
"""

import errno
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from itertools import accumulate, islice
from pathlib import Path

from controller.dirs.contract import (
    Gathered,
    InputMissing,
    Interrupted,
    LogSummary,
    NotKept,
    NotYet,
    Ready,
    Tell,
    quiet,
)
from controller.failpoints import Failpoint, nothing
from controller.housekeeping.deletion import DeletionWork
from flow.node.node_world import Beside, LaunchOrder
from peer.client.pool_fetch import NotFetched, PoolFetch
from peer.client.signed import Peers
from runner import durable, program_output
from runner.contract.spec import Mount
from runner.files import modes, pool_names
from runner.files.bucket import Bucket
from runner.logs import log_events, log_file, log_hints
from runner.secrets.node_secrets import forget
from runner.store import digests
from runner.store.capture import digest_of, folder_digest
from runner.store.errors import Away, NotFound, NotGiven, StoreError, gone
from runner.store.fetch import Holder
from runner.store.manifest import Row, shown
from runner.store.push import push
from runner.store.tree import Tree
from runner.store.workspaces import Opened, Workspaces
from schema.execution import Artifact, ArtifactList
from schema.file_input import FileInput
from schema.globs import BadGlob
from schema.quantities import readable_size
from schema.reasons import End

LISTED = 200
"""Artifacts named in the repository; the counts say how many there are."""
LONGEST_LIST = 16 * 1024
"""Signs of their paths together."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries to send a result to a bucket."""
AWAITED = 600.0
"""Seconds for which a node that has what was saved may be away, before a stage begins without."""
ASKED = 8
"""Nodes that are asked, at most, for what is damaged here."""
FILES = "/files"
"""The project's files, where stages see them."""
NEEDS = "/needs"
"""What the stages left that it needs, where it sees them."""
BY_PATH = frozenset(
    {
        errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM,
        errno.EINVAL, errno.ENXIO,
    }
)  # fmt: skip
"""What is wrong with a path, not with the disk: only a person who names another one, or moves the file, helps."""


def _beside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="tidy", daemon=True).start()


class Folders:
    """`isolated` says whether stages see the container's paths or, as processes, the host's; `user` who they are.

    `overlays`: False where stages run on other machines, None where this one's abilities decide.
    """

    def __init__(
        self,
        data: Path,
        pool: Path,
        *,
        isolated: bool,
        user: tuple[int, int] | None = None,
        overlays: bool | None = None,
        say: Callable[[str], None] = lambda text: None,
        failpoint: Failpoint = nothing,
        peers: Peers | None = None,
        store: str = "",
        bucket: Bucket | None = None,
    ) -> None:
        self.data, self.pool, self.isolated, self.user = data.absolute(), pool.absolute(), isolated, user
        self.workspaces = Workspaces(self.data, user, overlays=overlays, say=say, passing=failpoint, later=_beside)
        self.workspaces.repair()
        self.peers, self.store, self.bucket = peers, store, bucket
        self.fetch = PoolFetch(self.data, self.pool, peers, bucket) if peers and (peers.key or bucket) else None
        self._retries: dict[str, int] = {}
        self._awaited: dict[str, float] = {}  # since when what was saved could not be fetched
        deleting = DeletionWork(self.data, self.workspaces)
        self.wipe, self.part = deleting.wipe, deleting.part

    def files(self, project: str) -> Path:
        return self.data / "projects" / project / "files"

    def run(self, container: str) -> Path:
        return self.data / "runs" / container

    # -- before -----------------------------------------------------------------------------------------------------

    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        inputs = {name: self._input(order, name, tell) for name in order.files}
        tell("making its workspace", 0, 0)
        workspace = self._open(container, order)
        files = self.files(order.project)
        files.mkdir(parents=True, exist_ok=True)
        directory = self.run(container)
        (directory / "io").mkdir(parents=True, exist_ok=True)
        (directory / "project").write_text(order.project)
        (directory / "execution").write_text(str(order.execution))
        project_files = digest_of(self.workspaces.objects.cache, files) if order.cache else None
        stamps = {name: self._stamp(order, name) for name in order.files}
        durable.jot(directory / "inputs.json", {**stamps, FILES: project_files})
        needs = self._beside(order, tell)
        environment = self._environment(order, workspace.path, files, directory, needs)
        self._write_inputs(directory, order, environment)
        mounts = (Mount(self.pool, "/pool"), Mount(files, "/files")) if self.isolated else ()
        if needs and self.isolated:
            mounts = (*mounts, Mount(needs, NEEDS))
        return Ready(
            workspace.path, directory, environment, mounts, inputs, workspace.overlay, workspace.manifest,
            project_files, needs,
        )  # fmt: skip

    def _beside(self, order: LaunchOrder, tell: Tell) -> Path | None:
        """What the stages left that it needs, laid out beside the workspace. None where it needs nothing."""
        if not order.beside:
            return None
        tell("laying out what the stages left that it needs", 0, 0)
        try:
            return self.workspaces.lay_beside(
                order.project,
                order.execution,
                [(each.path, self._left(order, each), self._holders(order, each.holder)) for each in order.beside],
            )
        except Away as error:
            raise Interrupted(f"what a stage left that it needs could not be fetched: {error}") from None
        except StoreError as error:
            raise InputMissing(f"what a stage left that it needs is not on this node: {error}") from None

    def _left(self, order: LaunchOrder, each: Beside) -> str:
        return each.manifest or self.workspaces.finish(order.project, each.execution)

    def _open(self, container: str, order: LaunchOrder) -> Opened:
        """The manifest that the record names, else what this node knows of that execution."""
        try:
            base = order.manifest
            if order.source is not None and base is None:
                base = self.workspaces.finish(order.project, order.source)
            base, holders = self._with_saved(container, order, base)
            return self.workspaces.open(
                order.project,
                order.execution,
                container,
                base,
                add=order.add,
                remove=order.remove,
                holders=holders,
                givers=self._givers(order),
            )
        except Away as error:
            raise Interrupted(f"the workspace of execution {order.source} could not be fetched: {error}") from None
        except NotGiven as error:
            raise InputMissing(str(error)) from None
        except StoreError as error:
            if order.source is not None and (why := self.workspaces.dropped(order.project, order.source)):
                raise InputMissing(gone(order.project, order.source, why)) from None
            where = f"; {order.holder} ran it" if order.holder else ""
            text = f"the workspace of execution {order.source} is not on this node{where}: {error}"
            raise InputMissing(text) from None

    def _with_saved(self, container: str, order: LaunchOrder, base: str | None) -> tuple[str | None, list[Holder]]:
        """The manifest that it begins with, and who may have its files. Anew where what was saved cannot be had."""
        holders = self._holders(order)
        if order.saved is None:
            return base, holders
        givers = [*self._holders(order, order.saved.holder), *(replace(each, sure=False) for each in holders)]
        what = f"what execution {order.saved.execution} had saved"
        try:
            found, count = self.workspaces.with_saved(base, order.saved.manifest, order.saved.paths, holders, givers)
        except Away as error:
            since = self._awaited.setdefault(container, time.monotonic())
            if time.monotonic() - since < AWAITED:
                raise NotYet(f"{what} cannot be fetched yet: {error}") from None
            self._note(container, f"{what} could not be fetched, so it begins anew: {error}")
            return base, holders
        except (StoreError, BadGlob) as error:
            self._note(container, f"{what} cannot be had, so it begins anew: {error}")
            return base, holders
        self._note(container, f"it begins with {what}: {count} file{'s' if count != 1 else ''}")
        return found, givers

    def _note(self, container: str, text: str) -> None:
        directory = self.run(container)
        directory.mkdir(parents=True, exist_ok=True)
        log_events.note(directory, text)

    def _holders(self, order: LaunchOrder, holder: str | None = None) -> list[Holder]:
        """Who may have what this node lacks. The bucket first: it is there when a node is not."""
        holder = holder or order.holder
        holders = [Holder(self.bucket.name, self.bucket.open, self.bucket.put)] if self.bucket else []
        if self.peers and holder == self.peers.me:  # what was damaged here, another that fetched it may have
            return [*holders, *(replace(other, sure=False) for other in self._others(order))]
        source = self.peers.source(holder) if self.peers and holder else None
        return [*holders, Holder(holder, source)] if source and holder else holders

    def _others(self, order: LaunchOrder) -> list[Holder]:
        sources = [(node, self.peers.source(node)) for node in sorted(self.peers.known)] if self.peers else []
        return [Holder(node, source) for node, source in sources if source and node != order.holder]

    def mend(self) -> None:
        """What is damaged of lists of files here, from whoever has them. OSError."""
        self.workspaces.mend(self._anybody)

    def _anybody(self) -> Iterator[Holder]:
        if self.bucket:
            yield Holder(self.bucket.name, self.bucket.open)
        sources = ((node, self.peers.source(node)) for node in sorted(self.peers.known)) if self.peers else ()
        yield from islice((Holder(node, source) for node, source in sources if source), ASKED)

    def _givers(self, order: LaunchOrder) -> list[Holder]:
        """Who may have what a person put in: it lies where they put it in, which no record says."""
        if not order.add:
            return []
        near = [holder for holder in self._holders(order) if holder.sure]
        return [*near, *self._others(order)]

    def _input(self, order: LaunchOrder, name: str, tell: Tell) -> FileInput:
        path = str(order.inputs[name])
        try:
            return self._found(name, path, tell, folder=name in order.folders)
        except digests.Changing:
            raise NotYet(f"{name}: {path!r} in the pool of this node ({self.pool}) is still written to") from None
        except (OSError, RuntimeError, ValueError) as error:  # of Path: a loop of links, a name that cannot be
            if isinstance(error, OSError) and error.errno not in BY_PATH:
                raise
            why = error.strerror if isinstance(error, OSError) else str(error)
            where = f"{path!r} in the pool of this node ({self.pool})"
            raise InputMissing(f"{name}: {where} cannot be read: {why}") from None

    def _found(self, name: str, path: str, tell: Tell, *, folder: bool) -> FileInput:
        full = self.pool / path
        root = self.pool.resolve()
        real = full.resolve()
        if root not in real.parents:
            raise InputMissing(f"{name}: {path!r} leads out of the pool {self.pool}")
        if folder and real.is_dir():
            if self.user and (shut := modes.unreadable_in(root, real, self.user)):
                raise InputMissing(self._shut(name, path, shut, f"-R a+rX {real}" if real in shut.parents else ""))
            tell(f"hashing {path}", 0, 0)
            return FileInput(path=path, **asdict(folder_digest(self.workspaces.objects.cache, real)))
        if not folder and not real.exists() and self._fetched(path, tell):
            real = full.resolve()
        if folder or not real.is_file():
            raise InputMissing(self._absent(name, path, real, "folder" if folder else "file"))
        if self.user and (shut := modes.unreadable(root, real, self.user)):
            raise InputMissing(self._shut(name, path, shut))
        what = f"hashing {path} ({readable_size(real.stat().st_size)})"
        digest = self.workspaces.objects.cache.file(real, partial(tell, what))
        return FileInput(path=path, digest=digest, bytes=real.stat().st_size)

    def _fetched(self, path: str, tell: Tell) -> bool:
        """Whether another node's pool had it. Interrupted where it did not come."""
        try:
            return self.fetch.bring(path, tell) if self.fetch else False
        except NotFetched as error:
            raise Interrupted(str(error)) from None

    def _shut(self, name: str, path: str, shut: Path, all: str = "") -> str:
        """`all` mends what is like it as well."""
        uid, gid = self.user or (0, 0)
        mends = all or f"{'a+rx' if shut.is_dir() else 'a+r'} {shut}"
        what = f"{shut.name!r} in {path!r}" if all else repr(path)
        return f"{name}: stages run as {uid}:{gid} and cannot read {what} in the pool: chmod {mends}"

    def _absent(self, name: str, path: str, real: Path, what: str) -> str:
        here = f"{name}: no {what} {path!r} in the pool of this node ({self.pool})"
        if real.is_dir() or real.is_file():
            other = "folder" if what == "file" else "file"
            return f"{here}, but a {other}: an input of `type: {other}` takes it"
        return f"{here}{pool_names.hint(self.pool, path)}: `winslowctl files put` puts it in"

    def _stamp(self, order: LaunchOrder, name: str) -> list[int | str]:
        """Nothing for a file that is gone, or for a folder that changes."""
        try:
            real = (self.pool / str(order.inputs[name])).resolve()
            if name in order.folders:
                return [folder_digest(self.workspaces.objects.cache, real).digest]
            return [*digests.stamp(real.stat())]
        except (OSError, ValueError):
            return []

    def _environment(
        self, order: LaunchOrder, workspace: Path, files: Path, directory: Path, needs: Path | None = None
    ) -> dict[str, str]:
        beside = {"WINSLOW_NEEDS": NEEDS if self.isolated else str(needs)} if needs else {}
        inside = "/winslow" if self.isolated else str(directory / "io")
        return {
            **order.env,
            **beside,
            "WINSLOW_WORKSPACE": "/workspace" if self.isolated else str(workspace),
            "WINSLOW_POOL": "/pool" if self.isolated else str(self.pool),
            "WINSLOW_FILES": "/files" if self.isolated else str(files),
            "WINSLOW_INPUTS": f"{inside}/inputs.json",
            "WINSLOW_PROGRESS": f"{inside}/progress",
            "WINSLOW_RESULT": f"{inside}/result",
        }

    def _write_inputs(self, directory: Path, order: LaunchOrder, environment: Mapping[str, str]) -> None:
        shown = {name: value for name, value in order.inputs.items() if name not in order.files}
        shown |= {name: environment[f"INPUT_{name.upper()}"] for name in order.files}
        (directory / "io" / "inputs.json").write_text(json.dumps(shown, indent=1, ensure_ascii=False))

    # -- after ------------------------------------------------------------------------------------------------------

    def gather(self, container: str, order: LaunchOrder) -> Gathered:
        directory = self.run(container)
        values = program_output.results(directory)
        try:
            manifest = self.workspaces.finish(order.project, order.execution, container)
            tree = self.workspaces.tree(manifest)
            self._send(container, order, manifest)
        except StoreError as error:
            return Gathered(values, missing=(f"its workspace: {error}",), log=_log(directory))
        log_hints.tell(directory)
        metrics = self._metrics(directory, tree, order.metrics) if order.metrics else {}
        found = {pattern: _matching(tree, pattern) for pattern in order.artifacts}
        return Gathered(
            values=values,
            metrics=metrics,
            missing=tuple(_missing(tree, pattern) for pattern, rows in found.items() if not rows),
            artifacts=_listed(tree, [row for rows in found.values() for row in rows], order, manifest),
            manifest=manifest,
            store=self.store,
            bucket=self._bucket_name,
            log=_log(directory),
            note=self._changed(directory, order),
        )

    def _metrics(self, directory: Path, tree: Tree, path: str) -> dict[str, float]:
        """What cannot be taken is told in the stage's own log."""
        content = _beginning(tree, path)
        if problem := "there is no such file" if content is None else program_output.metrics_problem(content):
            log_events.say(directory, f"no metrics are taken from {path}: {problem}")
        return program_output.metrics(content or b"")

    def reuse(self, container: str, order: LaunchOrder, manifest: str) -> Gathered | None:
        try:
            tree = self.workspaces.tree(manifest)
            found = {pattern: _matching(tree, pattern) for pattern in order.artifacts}
            if not all(found.values()):
                return None
            self.workspaces.take(order.project, order.execution, container, manifest)
            self._send(container, order, manifest)
        except StoreError:
            return None
        listed = _listed(tree, [row for rows in found.values() for row in rows], order, manifest)
        return Gathered(artifacts=listed, manifest=manifest, store=self.store, bucket=self._bucket_name)

    def _send(self, container: str, order: LaunchOrder, manifest: str) -> None:
        """To the bucket, before anybody is told of it. NotKept."""
        if self.bucket is None:
            return
        began = time.monotonic()
        try:
            went = push(self.workspaces.objects, manifest, self.bucket, order.manifest, self._sent)
        except Away as error:
            tries = self._retries[container] = self._retries.get(container, 0) + 1
            pause = min(LONGEST_PAUSE, 2.0 ** min(tries, 10))
            what = f"{order.project}/{order.execution} has ended, and its result waits here until it is in the bucket"
            raise NotKept(f"{what}; try {tries} failed, the next in {pause:g} s: {error}", pause) from None
        self._retries.pop(container, None)
        if went:
            self.workspaces.say(
                f"sent {went / 2**20:.1f} MiB to {self.bucket.name} in {time.monotonic() - began:.1f} s"
            )

    @property
    def _bucket_name(self) -> str:
        return self.bucket.name if self.bucket else ""

    def _sent(self) -> None:
        self.workspaces.passing("object-sent")

    def _changed(self, directory: Path, order: LaunchOrder) -> str:
        """Inputs in the pool that are no longer what the stage was started with."""
        before = durable.read(directory / "inputs.json")
        if not before and (order.files or order.cache):
            return f"{End.INPUT_CHANGED}: what its inputs were when the stage began went with a power cut"
        changed = [name for name in order.files if name in before and before[name] != self._stamp(order, name)]
        if before.get(FILES) and before[FILES] != digest_of(self.workspaces.objects.cache, self.files(order.project)):
            changed.append(FILES)
        return f"{End.INPUT_CHANGED}: {', '.join(changed)} changed while the stage ran" if changed else ""

    def let_go(self, container: str, order: LaunchOrder) -> None:
        forget(self.run(container))
        self.workspaces.let_go(order.project, order.execution, container)
        self.workspaces.collect()


def _log(directory: Path) -> LogSummary:
    summary = log_file.summarise(directory / "log")
    return LogSummary(summary.text, summary.lines, summary.bytes, summary.digest)


def _beginning(tree: Tree, path: str) -> bytes | None:
    try:
        return tree.read(path, program_output.MOST)
    except NotFound:
        return None


def _matching(tree: Tree, pattern: str) -> list[Row]:
    """What is no pattern names nothing: definitions that were kept before that was checked may have one."""
    try:
        return tree.matching(pattern)
    except BadGlob:
        return []


def _missing(tree: Tree, pattern: str) -> str:
    why = tree.why_none(pattern)
    return f"{pattern} ({why})" if why else pattern


def _listed(tree: Tree, promised: list[Row], order: LaunchOrder, manifest: str) -> ArtifactList:
    rows = sorted({row.path: row for row in promised}.values(), key=lambda row: row.path)
    listed = tuple(Artifact(path=shown(row.path), bytes=row.size, digest=row.value) for row in _few(rows))
    show = _few([row for pattern in order.show for row in _matching(tree, pattern)])
    return ArtifactList(
        files=len(rows),
        bytes=sum(row.size for row in rows),
        manifest=manifest,
        artifacts=listed,
        show=tuple(shown(row.path) for row in show),
    )


def _few(rows: list[Row]) -> list[Row]:
    """As many as there is room for in a file of the repository."""
    sizes = accumulate(len(row.path) for row in rows[:LISTED])
    return [row for row, size in zip(rows, sizes, strict=False) if size <= LONGEST_LIST]
