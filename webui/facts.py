"""What is said of an execution beside its log: how it ended in words, where each input came from; what is asked now."""

from collections.abc import Mapping
from typing import Any

from flow.controls import steps_of
from flow.world import ProjectView
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
    End.MISSING_ARTIFACT: "a file that it promised is not there",
    End.INVALID_INPUT: "one of its inputs cannot be used",
    End.INPUT_CHANGED: "one of its inputs changed while it ran",
    End.ABORTED: "somebody aborted it",
    End.DELETED: "its project was deleted",
    End.SUPERSEDED: "another node had taken it over",
}


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
    """The typed questions of the manual stage that waits for a person."""
    wait = steps_of(view).wait
    return wait.asks if wait else {}
