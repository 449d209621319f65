"""The whole log of an execution as a file of this machine, wherever it is."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli import settings

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from runner.store.blocks import Blocks
    from schema.execution import Execution

PATIENCE = 30.0
"""Seconds in which this machine's node has to fetch a log from the bucket."""


@contextmanager
def whole(snapshot: "Snapshot", id: str, record: "Execution") -> Iterator[Path]:
    """Of this machine, another node, or the bucket; what was unpacked or copied for it goes at the end of the block.

    Where nobody has it, the place where it would grow on this machine: then the repository has head and tail of it.
    """
    with ExitStack() as stack:
        search = Search(id, record, stack)
        found = search.here() or search.there(snapshot) or search.in_bucket()
        if not found and not record.state.active:
            search.tell()
        yield found or settings.data() / "runs" / record.claim.container / "log"


class Search:
    """`said` is why it was not found where it was looked for."""

    def __init__(self, id: str, record: "Execution", stack: ExitStack) -> None:
        self.id, self.record, self.stack = id, record, stack
        self.said: list[str] = []

    def here(self) -> Path | None:
        from runner.logs.archive import here
        from runner.store.blocks import Blocks

        digest = self.record.log.digest if self.record.log else None
        try:
            found = here(settings.data(), self.record.claim.container, digest)
            return self._unpacked(found) if isinstance(found, Blocks) else found
        except OSError as error:
            self.said.append(str(error))
            return None

    def _unpacked(self, blocks: "Blocks") -> Path:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="winslow-log-"))
        with (Path(folder) / "log").open("wb") as file:
            file.writelines(blocks.pieces())
        return Path(file.name)

    def there(self, snapshot: "Snapshot") -> Path | None:
        from cli import remote
        from peer.client.executions import logs_of, peers_of
        from peer.client.signed import PeerAway

        peers, record = peers_of(settings.data(), snapshot.inventories), self.record
        for log in logs_of(peers, record) if peers else ():
            try:
                copy = self.stack.enter_context(remote.mirrored(log, grows=record.state.active))
            except PeerAway as error:
                self.said.append(str(error))
                continue
            if record.state.active or copy.stat().st_size or not (record.log and record.log.bytes):
                return copy
        return None

    def in_bucket(self) -> Path | None:
        from runner.files.to_bucket import sent
        from runner.logs import far_logs

        try:
            if self.record.state.active or (wish := far_logs.wish(settings.data(), self.id, self.record)) is None:
                return None
            if sent(wish, PATIENCE) and (found := self.here()):
                return found
        except OSError as error:
            self.said.append(str(error))
            return None
        self.said.append("the bucket has not got it, or this machine's node does not answer")
        return None

    def tell(self) -> None:
        from runner.logs.log_file import SUMMARY

        if self.record.log and self.record.log.bytes > SUMMARY and not self.said:
            self.said.append(f"the whole log is on {self.record.claim.node}")
        if self.said:
            settings.warn(f"{'; '.join(self.said)}; this is what the repository has of its log")
