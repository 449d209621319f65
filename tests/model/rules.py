"""The rules of the protocol as switches: all on is the protocol, each one off is a variant that has to break.

docs/model.md says in words what each of them is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    swap: bool = True  # a push lands only on the tip that it was decided on
    start_after_landing: bool = True
    look_at_the_claim: bool = True  # a result is pushed only where the record carries the claim
    lease_from_sending: bool = True  # not from the answer
    lease_before_start: bool = True  # measured again between "landed" and "start"
    moment_of_sending: bool = True  # kept with a claim that was sent, for the next process
    beats_count_from_the_look: bool = True  # of a heartbeat that was decided on before a sleep
    fresh_ids: bool = True  # a claim that is taken back has a new id
    only_lost_comes_back: bool = True  # not what was superseded
    adopt_after_lost_answer: bool = True
    reply_with_effect: bool = True  # in one push
    obey_before_claim: bool = True  # no claim while a request is unanswered
    connected_time: bool = True  # only time between two polls that succeeded counts as silence
    claim_is_a_sign: bool = True  # the commit of a claim is a sign of life
    watchdog: bool = True  # ends an exclusive container though its controller does nothing
    lapse_is_final: bool = True  # no later heartbeat revives a lease that was over
    halts: bool = True  # who saw what was lost
    listens: bool = True  # to those who halted
    truce: bool = True  # nobody claims for a while after a loss that was let stand
    own_beat: bool = True  # a process looks whether its heartbeat is the one that stands
    doubts: bool = True  # one that lacks what its journal says was started waits whether another one beats
    strangers_wait: bool = True  # a claim of its own that a process does not know of is renewed once its lease is over


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a world is. Times are in ticks."""

    nodes: int = 3
    slots: int = 2
    executions: int = 2  # of one slot
    epochs: int = 2
    lost_after: int = 2
    give_up: int = 1
    kill: int = 1
    answers: int = 1  # that may be lost
    crashes: int = 0
    reboots: int = 0
    aborts: int = 0
    rewinds: int = 0
    copies: int = 0  # of the data folder of n0, started as n1 under the same name
    exclusive: bool = False
    outages: bool = False  # count for how long nobody was heard though somebody looked
    deaf: bool = False  # every answer to a push is lost
