"""Documents that are wrong or look it: `NAME.yaml`, and in `NAME.expected` where it stands and all that is said of it.

An expectation without `:line:col:` is a document that is accepted. All cases can stand in one tree. Giants are made
here instead of being kept.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    path: str
    content: bytes
    expected: tuple[str, ...]
    """`path:line:col: what`, in order."""

    def __str__(self) -> str:
        return Path(self.path).stem if self.path.startswith("pipelines/") else self.path.split("/")[1]


def cases() -> list[Case]:
    return [_case(file) for file in sorted(FOLDER.glob("*.yaml"))]


def _case(file: Path) -> Case:
    said = tuple(file.with_suffix(".expected").read_text().splitlines())
    path = said[0].partition(":")[0]
    return Case(path, file.read_bytes(), () if said == (path,) else said)


def giant(name: str, content: bytes) -> Case:
    path = f"pipelines/{name}.yaml"
    return Case(path, content, (f"{path}:1:1: the file is too large; at most 262,144 bytes are read",))


def giants() -> list[Case]:
    return [
        giant("five-megabyte-integer", b"name: " + b"9" * 5_000_000),
        giant("megabyte-of-brackets", b"[" * 1_000_000),
        giant("megabyte-of-aliases", b"a: &a [x]\n" + b"b: *a\n" * 170_000),
    ]


WRONG = [case for case in cases() if case.expected] + giants()
RIGHT = [case for case in cases() if not case.expected]
