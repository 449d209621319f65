"""What is said of an execution beside its log: how it ended in words, where each input came from; what is asked now."""

from collections.abc import Mapping
from typing import Any

from flow.model.snapshot import ProjectView, RequestFile
from flow.project.replies import steps_of
from schema.execution import Execution
from schema.inputs import Input
from schema.reasons import End

WORDS: Mapping[End, str] = {
    End.EXIT_CODE: "the program ended with an error",
    End.OOM_KILLED: "the program used more memory than it may",
    End.TIMEOUT: "it ran longer than its timeout",
    End.NO_OUTPUT: "it printed nothing for longer than its idle timeout",
    End.IMAGE_UNAVAILABLE: "its image could not be had",
    End.START_FAILED: "it could not be started",
    End.CONTAINER_LOST: "its container is gone",
    End.INFRASTRUCTURE: "the machine, not the program, failed",
    End.NODE_LOST: "its node gave no sign of life",
    End.GPU_LOST: "a GPU was lost while it ran",
    End.GPU_MEMORY_EXCEEDED: "the program used more of a GPU's memory than its share",
    End.MISSING_ARTIFACT: "a file that it promised is not there",
    End.SERVICE_NOT_READY: "a service that it needs was not ready in time",
    End.SERVICE_ENDED: "a service that it needs ended while it ran",
    End.INVALID_INPUT: "one of its inputs cannot be used",
    End.INPUT_CHANGED: "one of its inputs changed while it ran",
    End.ABORTED: "somebody aborted it",
    End.FAIL_FAST: "another stage failed, and the pipeline says fail_fast",
    End.DELETED: "its project was deleted",
    End.SUPERSEDED: "another node had taken it over",
    End.PREEMPTED: "it gave way to something else, and is tried again by itself",
}

REMEDIES: Mapping[End, str] = {
    End.EXIT_CODE: "The end of its log says why.",
    End.OOM_KILLED: "Give the stage more memory (`resources: {memory: …}`), or less to do at a time.",
    End.GPU_MEMORY_EXCEEDED: "Give the stage a larger `resources.gpu.share`, or less to do at a time.",
    End.TIMEOUT: "Raise its `timeout`, or give it less to do.",
    End.NO_OUTPUT: "Let the program print now and then, or raise its `idle_timeout`.",
    End.IMAGE_UNAVAILABLE: "Check the image's name and whether the node may pull it.",
    End.START_FAILED: "Check its command: the image must have that program.",
    End.MISSING_ARTIFACT: "Let the program write that file, or take it out of `artifacts.paths`.",
    End.SERVICE_NOT_READY: "Look at the log of the service; give it more time (`timeout`), or the right port.",
    End.SERVICE_ENDED: "Look at the log of the service (`winslowctl logs --service NAME`).",
    End.INVALID_INPUT: "Give another value; a file has to be in the pool of the node.",
    End.INPUT_CHANGED: "Put changed recordings beside the old ones, under another name.",
}
"""What a person can do. The rest mends itself or was somebody's wish."""


def origin(view: ProjectView, record: Execution, name: str) -> str:
    """Who gave an input: a request of its chain, else the project or the pipeline's default."""
    last = next((reply.seq for reply in reversed(view.replies) if reply.request == record.request), record.chain)
    for reply in reversed(view.replies):
        if record.chain <= reply.seq <= last and reply.accepted and name in reply.inputs:
            return f"request {reply.seq}{' by ' + reply.by.partition(' <')[0] if reply.by else ''}"
    if view.project and name in view.project.inputs:
        return "the project"
    return "the pipeline"


def inputs(view: ProjectView, record: Execution) -> list[tuple[str, Any, str]]:
    """Name, value and origin."""
    return [(name, value, origin(view, record, name)) for name, value in record.inputs.items()]


def asks(view: ProjectView) -> Mapping[str, Input]:
    """The typed questions of the first manual stage that waits for a person."""
    asked = steps_of(view).asked
    return asked[0].asks if asked else {}


def answered_by(view: ProjectView) -> RequestFile | None:
    """The answer that was given and that no node has replied to yet: until then nothing more can be answered."""
    given = (file for file in view.unanswered if file.request and file.request.request == "answer")
    return next(given, None)
