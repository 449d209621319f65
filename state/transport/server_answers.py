"""What an answer of a Git server means, by what git prints of it: one class, one sentence, one pace for each.

The table stands in `docs/operating.md`. Only git's own lines are looked at, not what a server, a hook or a banner says.
"""

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

LONGEST_REST = 3600.0
"""Seconds: whatever a server asks for, it is looked at again after an hour."""


class Fault(StrEnum):
    CREDENTIALS = "credentials"
    ABSENT = "absent"
    TOO_LARGE = "too large"
    THROTTLED = "throttled"
    DUMB = "dumb"
    NO_GIT = "no git"
    LACKS_ATOMIC = "lacks atomic"
    BROKEN_REF = "broken ref"
    REFUSED = "refused"
    FAILING = "failing"


SENTENCES = {
    Fault.CREDENTIALS: "the server refuses our credentials",
    Fault.ABSENT: "the server has no such repository, or shows it to nobody with these rights",
    Fault.TOO_LARGE: "the server, or a proxy before it, takes no request of this size (413); allow larger ones there "
    "(nginx: client_max_body_size)",
    Fault.THROTTLED: "the server asks us to come less often",
    Fault.DUMB: "the server only hands out files (dumb http), so nothing can be pushed; serve the repository by "
    "`git http-backend`, or use ssh",
    Fault.NO_GIT: "something that is no Git server answers in its place, perhaps a login page or a proxy; look at the "
    "address with a browser",
    Fault.LACKS_ATOMIC: "the server cannot move two refs at once (it lacks `atomic`)",
    Fault.BROKEN_REF: "the server takes no push because a ref there names an object that it does not have",
    Fault.REFUSED: "the server, or a proxy before it, does not let this request through",
    Fault.FAILING: "the server fails at this",
}
_CODE = r"(?:returned error: |HTTP )"
_FAULTS = {
    Fault.CREDENTIALS: r"authentication failed|could not read (?:username|password)|invalid (?:username|credentials)"
    r"|not authorized|" + _CODE + r"40[13]\b",
    Fault.ABSENT: r"repository .*not found|does not appear to be a git repository|" + _CODE + r"404\b",
    Fault.TOO_LARGE: _CODE + r"413\b",
    Fault.THROTTLED: _CODE + r"429\b",
    Fault.DUMB: r"git-http-push failed|dumb http transport|no DAV locking support",
    Fault.NO_GIT: r"unable to update url base from redirection|not valid: is this a git repository"
    r"|bad line length character|invalid server response|expected flush after ref listing",
    Fault.LACKS_ATOMIC: r"does not support --atomic",
    Fault.BROKEN_REF: r"bad object refs/|bad object [0-9a-f]{40}|missing necessary objects",
    Fault.REFUSED: _CODE + r"4(?!08|99)[0-9]{2}\b",
    Fault.FAILING: _CODE + r"5[0-9]{2}\b",
}
_PATTERNS = {fault: re.compile(pattern, re.IGNORECASE) for fault, pattern in _FAULTS.items()}
_OWN = re.compile(r"fatal:|error:|ERROR:|FATAL|send-pack:|fetch-pack:|!\t", re.ASCII)
_SSH = re.compile(
    r"^(?:[^\s:]+@[^\s:]+: )?Permission denied(?: \(|,)|^Host key verification failed|^(?:ERROR|FATAL): .*denied",
    re.IGNORECASE | re.MULTILINE,
)
"""As ssh itself says it. A banner may speak of denied access too, and means nothing by it."""
_BROKEN = re.compile(r"bad object (refs/[^\s|]+)")
_OF_THE_SERVER = re.compile(r"^(?:[^|]*\()?remote:|not a git repository: '\.'$")
_RETRY = re.compile(rb"Recv header: retry-after: *([^\r\n]+)", re.IGNORECASE)
_DATE = re.compile(rb"Recv header: date: *([^\r\n]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """`sent`: whether the request may have reached the server before this."""

    fault: Fault
    sent: bool

    @property
    def sentence(self) -> str:
        return SENTENCES[self.fault]


def answer(text: str) -> ServerAnswer | None:
    """None where nobody answered."""
    own = "\n".join(line for line in text.splitlines() if _OWN.match(line.strip()))
    sent = "RPC failed" in own or "protocol error" in own
    if _SSH.search(text):
        return ServerAnswer(Fault.CREDENTIALS, sent)
    found = next((fault for fault, pattern in _PATTERNS.items() if pattern.search(own)), None)
    return ServerAnswer(found, sent) if found else None


def own_words(text: str) -> str:
    """What git says of this clone in a refusal, without what the server says of itself: also one by path, as `.`."""
    return " | ".join(part for part in text.split(" | ") if not _OF_THE_SERVER.search(part))


def broken_refs(text: str) -> frozenset[str]:
    """Refs on the server that it says are broken; its own words, as no client knows better."""
    return frozenset(_BROKEN.findall(text))


def retry_after(trace: bytes) -> float | None:
    """Seconds that the last answer in curl's trace asks for. A date counts from the server's own clock."""
    asked = _RETRY.findall(trace)
    if not asked:
        return None
    text = asked[-1].strip()
    if text.isdigit():
        return min(float(text[:9]), LONGEST_REST)
    try:
        until, now = (parsedate_to_datetime(raw.decode("ascii")) for raw in (text, _DATE.findall(trace)[-1].strip()))
        return min(max((until - now).total_seconds(), 0.0), LONGEST_REST)
    except (IndexError, TypeError, ValueError):
        return None
