"""The rules of the protocol broken one by one, each in the smallest world in which a promise breaks then."""

from dataclasses import dataclass

from tests.model.rules import Bounds, Rules

SMALL = Bounds(nodes=2, slots=1, answers=0)
UNSURE = Bounds(nodes=2, slots=1, answers=1)
EXCLUSIVE = Bounds(nodes=2, slots=1, answers=0, lost_after=3, exclusive=True)
REWOUND = Bounds(nodes=2, slots=1, answers=0, rewinds=1)
COPIED = Bounds(nodes=2, slots=1, answers=0, copies=1)


@dataclass(frozen=True, slots=True)
class Variant:
    """`breaks` is part of what is said of the promise that breaks, in as many `steps` as there must be."""

    name: str
    rules: Rules
    bounds: Bounds
    breaks: str
    steps: int


VARIANTS = (
    Variant("a push lands whatever the branch holds by then", Rules(swap=False), SMALL, "does not carry", 5),
    Variant(
        "a stage is started before its claim has landed", Rules(start_after_landing=False), SMALL, "does not carry", 2
    ),
    Variant(
        "a result is pushed whether or not the record carries the claim",
        Rules(look_at_the_claim=False),
        SMALL,
        "every node flags",
        11,
    ),
    Variant("a lease counts from the answer", Rules(lease_from_sending=False), SMALL, "does not carry", 8),
    Variant("the lease is not measured before a start", Rules(lease_before_start=False), SMALL, "does not carry", 7),
    Variant("a heartbeat revives a lease that was over", Rules(lapse_is_final=False), SMALL, "does not carry", 8),
    Variant(
        "the moment of sending is forgotten with a lost answer",
        Rules(moment_of_sending=False),
        UNSURE,
        "does not carry",
        8,
    ),
    Variant("a claim goes on under its old id", Rules(fresh_ids=False), SMALL, "under the id of a lost claim", 9),
    Variant("what was superseded is taken back", Rules(only_lost_comes_back=False), SMALL, "every node flags", 11),
    Variant(
        "an abort is answered in one push and obeyed in the next",
        Rules(reply_with_effect=False),
        Bounds(nodes=1, slots=1, answers=0, aborts=1),
        "an abort was answered",
        5,
    ),
    Variant(
        "a claim does not wait for what was asked",
        Rules(obey_before_claim=False),
        Bounds(nodes=1, slots=1, answers=0, aborts=1),
        "passed a request",
        2,
    ),
    Variant(
        "observers count the time in which they were cut off",
        Rules(connected_time=False),
        Bounds(nodes=2, slots=1, answers=0, outages=True),
        "nobody could hear anybody",
        7,
    ),
    Variant("nothing ends an exclusive stage but its node", Rules(watchdog=False), EXCLUSIVE, "runs twice", 11),
    Variant(
        "lost_after is no longer than giving up and killing take",
        Rules(),
        Bounds(nodes=2, slots=1, answers=0, lost_after=2, give_up=1, kill=2, exclusive=True),
        "runs twice",
        10,
    ),
    Variant("the commit of a claim is no sign of life", Rules(claim_is_a_sign=False), EXCLUSIVE, "does not carry", 12),
    Variant("who saw what was lost goes on", Rules(halts=False), REWOUND, "branch went back", 5),
    Variant("who did not see it does not listen", Rules(listens=False), REWOUND, "had halted", 5),
    Variant(
        "claims go on at once after a loss was let stand",
        Rules(truce=False),
        Bounds(nodes=2, slots=1, answers=0, lost_after=3, exclusive=True, rewinds=1),
        "runs twice",
        8,
    ),
    Variant("a process does not look at its own heartbeat", Rules(own_beat=False), COPIED, "does not carry", 9),
    Variant("a copy does not wait whether the other one lives", Rules(doubts=False), COPIED, "a copy", 5),
    Variant(
        "a claim that is not in the journal is renewed at once",
        Rules(strangers_wait=False),
        COPIED,
        "does not carry",
        6,
    ),
)
