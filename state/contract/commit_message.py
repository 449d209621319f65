"""Messages of commits on `winslow/state`: one line for people, trailers for programs."""

import re
from dataclasses import dataclass

from flow.model.commits import StateEvent

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_TRAILER = re.compile(r"Winslow-([A-Z][a-z]+): (.*)")
LONGEST = 200


def clean(text: str, longest: int = LONGEST) -> str:
    """One line without control and direction characters."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def said(text: str) -> str:
    """What somebody wrote, as part of a commit's message: no line of it can be taken for a word of Winslow's own."""
    lines = (_CONTROL.sub(" ", line).rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join(f"> {line}" if line.lstrip().startswith("Winslow-") else line for line in lines).strip()


def compose(event: StateEvent, *, node: str, wanted: str) -> str:
    """`<verb> <project>/<execution> <stage>: <fact>` and the trailers."""
    where = event.project + (f"/{event.execution}" if event.execution else "")
    head = " ".join(part for part in (event.verb, where, event.stage) if part)
    subject = clean(head) + (f": {clean(event.fact)}" if event.fact else "")
    return f"{subject or 'event'}\n\n" + "".join(
        f"Winslow-{name}: {value}\n" for name, value in _trailers(event, node, wanted)
    )


def _trailers(event: StateEvent, node: str, wanted: str) -> list[tuple[str, str]]:
    pairs = [
        ("Event", event.verb),
        ("Project", event.project),
        ("Execution", str(event.execution or "")),
        ("Stage", event.stage),
        ("Node", node),
        ("Claim", event.claim),
        ("Request", event.request),
        ("By", event.by),
        ("Wanted", wanted),
        ("Duration", "" if event.duration is None else f"{event.duration:.3f}"),
    ]
    return [(name, clean(value)) for name, value in pairs if value]


@dataclass(frozen=True, slots=True)
class Read:
    """What a message says."""

    subject: str
    trailers: dict[str, str]

    @property
    def wanted(self) -> str:
        return self.trailers.get("Wanted", "")

    @property
    def fact(self) -> str:
        return self.subject.partition(": ")[2]


def parse(message: str) -> Read:
    subject, _, body = message[:20_000].partition("\n")
    found = (_TRAILER.fullmatch(line) for line in body.splitlines())
    return Read(subject, {match[1]: match[2] for match in found if match})
