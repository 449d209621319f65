"""What a run's folder says of its job: the only truth of how a stage ended.

order        what to run, for the shim
order.json   labels and command: the run is ours
asked        a job may have been submitted, whether its number is known or not
job.json     its number: now there is a container
released     it was told to begin
begun/       its program began, on some machine of the cluster
shim.json    the stage's process, there
stop.json    it was told to end
exit.json    how the stage ended, by its shim
judged.json  how it ended where no shim can say so any more, by this node
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from runner import durable

FILES = (
    "order", "order.json", "asked", "job.json", "released", "shim.json", "stop.json", "exit.json", "judged.json",
    "seen.json", "shim.err",
)  # fmt: skip
LONGEST = 300


class JobFiles:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def name(self) -> str:
        return self.directory.name

    def has(self, file: str) -> bool:
        return (self.directory / file).exists()

    def read(self, file: str) -> dict[str, object]:
        return durable.read(self.directory / f"{file}.json")

    def write(self, file: str, content: Mapping[str, object]) -> None:
        durable.write(self.directory / file, content)

    def clear(self) -> None:
        """Nothing of a job is left; first what says that there is one. The log stays."""
        for file in ("job.json", "order.json", *FILES):
            (self.directory / file).unlink(missing_ok=True)
        for folder in ("home", "tmp", "begun"):
            shutil.rmtree(self.directory / folder, ignore_errors=True)

    def complaint(self) -> str:
        """The end of what the job itself wrote: that there is no Python, for instance."""
        try:
            text = (self.directory / "shim.err").read_text(errors="replace").strip()
        except OSError:
            return ""
        return " ".join(text[-LONGEST:].split())
