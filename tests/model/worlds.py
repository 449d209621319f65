"""The worlds in which the whole protocol is explored: small ones for CI, large ones on demand."""

from tests.model.rules import Bounds

SMALL = {
    "lost answers": Bounds(nodes=2, slots=1, answers=1),
    "three nodes": Bounds(nodes=3, slots=1, answers=0),
    "reboots": Bounds(nodes=2, slots=1, answers=0, reboots=1),
    "aborts": Bounds(nodes=2, slots=1, answers=0, aborts=1),
    "outages": Bounds(nodes=2, slots=1, answers=0, outages=True),
    "exclusive": Bounds(nodes=3, slots=1, answers=1, lost_after=3, exclusive=True),
    "exclusive and crashes": Bounds(nodes=2, slots=1, answers=0, crashes=1, reboots=1, lost_after=3, exclusive=True),
    "rewinds": Bounds(nodes=2, slots=1, answers=0, executions=1, rewinds=1),
    "exclusive and rewinds": Bounds(nodes=2, slots=1, answers=0, lost_after=3, exclusive=True, rewinds=1),
    "two of one name": Bounds(nodes=2, slots=1, answers=0, copies=1),
}
LARGE = {
    "two slots": Bounds(nodes=3, slots=2, answers=0),
    "answers": Bounds(nodes=3, slots=1, answers=2),
    "crashes": Bounds(nodes=3, slots=1, answers=1, crashes=1, reboots=1),
    "aborts": Bounds(nodes=3, slots=1, answers=1, crashes=1, aborts=1),
    "outages": Bounds(nodes=3, slots=1, answers=0, outages=True),
    "exclusive": Bounds(nodes=3, slots=2, answers=1, crashes=1, lost_after=3, exclusive=True),
    "rewinds": Bounds(nodes=3, slots=1, answers=0, rewinds=1),
    "exclusive and rewinds": Bounds(nodes=3, slots=1, answers=1, crashes=1, lost_after=3, exclusive=True, rewinds=1),
    "two of one name": Bounds(nodes=3, slots=1, answers=0, copies=1),
}
