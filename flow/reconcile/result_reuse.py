"""Which earlier results an execution may take instead of running: `cache: true` on its stage.

Decided in two halves. At the claim, of what the repository says: the same definition, command, environment and inputs.
At the launch, by the node that holds the claim: the same image by digest, the same files, project files and workspace
by content.
"""

import hashlib
import json
from typing import Any

from flow.model.snapshot import ProjectView
from flow.node.node_world import Earlier
from schema.execution import Execution, State
from schema.file_input import plain
from schema.pipeline import Stage
from schema.reasons import End
from schema.rights import NO_RIGHTS

MOST = 5
OWN = frozenset({"WINSLOW_EXECUTION", "WINSLOW_ATTEMPT", "WINSLOW_NODE", "WINSLOW_POINT", "CI_JOB_ID"})
"""Of the environment, what differs from run to run. A program whose result depends on it must not be cached."""
_PARTS = ("name", "image", "entrypoint", "resources", "artifacts", "show", "workspace")


def definition(stage: Stage) -> str:
    """A digest of what a definition says of the result; command and environment stand in the record themselves.

    What is drawn of it (`charts`), how its files are shown, and with whom it shares a GPU changes nothing of it.
    """
    without = {"artifacts": {"reports": {"charts"}}, "resources": {"gpu": {"share"}}}
    parts = stage.model_dump(mode="json", include=set(_PARTS), exclude=without)
    parts["show"] = list(stage.shown_files)
    if stage.rights != NO_RIGHTS:
        parts["rights"] = stage.rights.model_dump(mode="json")
    if stage.services:
        parts["services"] = [each.model_dump(mode="json") for each in stage.services]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def earlier(view: ProjectView, record: Execution, files: tuple[str, ...]) -> tuple[Earlier, ...]:
    """Succeeded executions of the project that began with the same, as far as the repository says, newest first."""
    found = []
    for each in reversed(view.executions):
        if each.image and each.result and _alike(each, record, files):
            image, result = each.image, each.result
            own = {name: each.inputs[name] for name in files if name in each.inputs}
            began = each.workspace.manifest
            found.append(
                Earlier(
                    execution=each.execution,
                    image=image,
                    files=own,
                    began=began,
                    project_files=each.project_files,
                    result=result,
                )
            )
    return tuple(found[:MOST])


def _alike(each: Execution, record: Execution, files: tuple[str, ...]) -> bool:
    return (
        each.state is State.SUCCEEDED
        and each.cached is None
        and not each.text.startswith(End.INPUT_CHANGED)
        and each.stage == record.stage
        and bool(record.definition)
        and each.definition == record.definition
        and each.command == record.command
        and _environment(each) == _environment(record)
        and _values(each, files) == _values(record, files)
        and _read(each) == _read(record)
    )


def _environment(record: Execution) -> dict[str, Any]:
    own = {name: value for name, value in record.env.get("winslow", {}).items() if name not in OWN}
    return {**record.env, "winslow": own}


def _values(record: Execution, files: tuple[str, ...]) -> dict[str, Any]:
    """A file counts here by its path; by its content at the launch."""
    return {name: plain(value) if name in files else value for name, value in record.inputs.items()}


def _read(record: Execution) -> dict[str, list[str | None]]:
    """What it was given of the stages that it needs, by content."""
    return {stage: [each.manifest for each in needed] for stage, needed in record.needs.items()}
