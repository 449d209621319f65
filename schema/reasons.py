"""Every reason code in one list: why something waits, ended as it did, or was refused."""

import re
from enum import StrEnum
from typing import Self

CODE = re.compile(r"[A-Z][A-Za-z]{2,39}")
MOST_UNKNOWN = 1000
"""Words of other versions that are kept as one object each; beyond that they are equal, and no more the same."""


class RecordedReason(StrEnum):
    """One that stands in records. What a newer version wrote there is kept as it is, and equals none that is known:
    this version reads the record, shows the word, and decides nothing by it.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not CODE.fullmatch(value):
            return None
        known = _UNKNOWN.get((cls.__name__, value))
        if known is None:
            known = str.__new__(cls, value)
            known._name_ = known._value_ = value
            if len(_UNKNOWN) < MOST_UNKNOWN:
                _UNKNOWN[cls.__name__, value] = known
        return known  # type: ignore[return-value]


_UNKNOWN: dict[tuple[str, str], RecordedReason] = {}


class Wait(StrEnum):
    """Why a project or stage does not go on."""

    MANUAL_APPROVAL = "ManualApproval"
    INPUT_MISSING = "InputMissing"
    PAUSE_REQUESTED = "PauseRequested"
    REJECTED = "Rejected"
    FAILED = "Failed"
    DEPENDENCY = "Dependency"
    NODE_OFFLINE = "NodeOffline"
    NODE_TOO_OLD = "NodeTooOld"
    DONE = "Done"
    INVALID = "Invalid"
    RESOURCES = "Resources"
    NO_MATCHING_NODE = "NoMatchingNode"
    PRIORITY = "Priority"
    QUOTA = "Quota"
    DRAINING = "Draining"
    OWNER_ACTIVE = "OwnerActive"
    BACKOFF = "Backoff"
    ELECTION = "Election"
    NOT_STARTED = "NotStarted"
    IMAGE_BUILDING = "ImageBuilding"
    DELETED = "Deleted"


class End(RecordedReason):
    """Why an execution ended, where it did not succeed."""

    EXIT_CODE = "ExitCode"
    OOM_KILLED = "OOMKilled"
    TIMEOUT = "Timeout"
    NO_OUTPUT = "NoOutput"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    START_FAILED = "StartFailed"
    CONTAINER_LOST = "ContainerLost"
    INFRASTRUCTURE = "Infrastructure"
    NODE_LOST = "NodeLost"
    GPU_LOST = "GpuLost"
    GPU_MEMORY_EXCEEDED = "GpuMemoryExceeded"
    MISSING_ARTIFACT = "MissingArtifact"
    SERVICE_NOT_READY = "ServiceNotReady"
    SERVICE_ENDED = "ServiceEnded"
    INVALID_INPUT = "InvalidInput"
    INPUT_CHANGED = "InputChanged"
    ABORTED = "Aborted"
    FAIL_FAST = "FailFast"
    DELETED = "Deleted"
    SUPERSEDED = "Superseded"
    PREEMPTED = "Preempted"


class Refusal(RecordedReason):
    """Why a request was rejected."""

    MALFORMED = "Malformed"
    UNKNOWN_PIPELINE = "UnknownPipeline"
    INVALID_PIPELINE = "InvalidPipeline"
    NOT_SUPPORTED = "NotSupported"
    UNKNOWN_STAGE = "UnknownStage"
    UNKNOWN_INPUT = "UnknownInput"
    INVALID_INPUT = "InvalidInput"
    UNKNOWN_EXECUTION = "UnknownExecution"
    INVALID_PROJECT = "InvalidProject"
    PROJECT_DELETED = "ProjectDeleted"
    NOTHING_TO_RESUME = "NothingToResume"
    NOTHING_ASKED = "NothingAsked"
    NOTHING_RUNNING = "NothingRunning"
    ALREADY_ENDED = "AlreadyEnded"


INFRASTRUCTURE = frozenset({End.CONTAINER_LOST, End.INFRASTRUCTURE, End.GPU_LOST})
"""Failures of the machine, not of the program: they do not use up `retry.max`."""

NO_FAULT = INFRASTRUCTURE | {End.PREEMPTED}
"""What is no failure of the program. One that gave way is wanted again at once, however often."""

TRIGGERS = {
    "exit_code": frozenset({End.EXIT_CODE}),
    "oom": frozenset({End.OOM_KILLED, End.GPU_MEMORY_EXCEEDED}),
    "timeout": frozenset({End.TIMEOUT, End.NO_OUTPUT}),
    "image": frozenset({End.IMAGE_UNAVAILABLE}),
    "artifacts": frozenset({End.MISSING_ARTIFACT}),
    "service": frozenset({End.SERVICE_NOT_READY, End.SERVICE_ENDED}),
    "infrastructure": INFRASTRUCTURE,
}
"""The words of `retry.when`, and the reasons each covers (`node_lost` is a state, not an end)."""
