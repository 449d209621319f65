"""Sends what people put in to the bucket, beside the rounds, and again until it is there."""

from collections.abc import Callable
from pathlib import Path

from controller.loop.alarms import Alarms
from runner.files.bucket import Bucket
from runner.files.to_bucket import FOLDER
from runner.store import digests
from runner.store.errors import StoreError
from runner.store.objects import Objects


class BucketUpload:
    def __init__(
        self,
        data: Path,
        objects: Objects,
        bucket: Bucket | None,
        submit: Callable[[Callable[[], None]], None],
        say: Callable[[str], None],
    ) -> None:
        self.folder, self.objects, self.bucket, self.submit = data / FOLDER, objects, bucket, submit
        self.alarms = Alarms(say)
        self._at_work = False

    def look(self) -> None:
        if self.bucket is None or self._at_work or not any(self.folder.glob("*")):
            return
        self._at_work = True
        self.submit(self._work)

    def _work(self) -> None:
        try:
            for path in self.folder.glob("*"):
                self._send(path)
        finally:
            self._at_work = False

    def _send(self, path: Path) -> None:
        assert self.bucket
        digest = f"{digests.PREFIX}{path.name}"
        try:
            if digests.is_digest(digest) and self.objects.has(digest):
                content = self.objects.find(digest)
                if not self.bucket.has(digest, content.stat().st_size):
                    self.bucket.put(digest, content)
        except (StoreError, OSError) as error:
            self.alarms.tell("outgoing", f"what was put in waits to be sent: {error}")
            return
        self.alarms.over("outgoing")
        path.unlink(missing_ok=True)
