"""What there is to look at of a project: by stage, the files that its `show` names, as people call them."""

from collections.abc import Iterator

from flow.model.snapshot import ProjectView
from schema.execution import State
from schema.show import ShowFile


def to_look_at(view: ProjectView) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Stage, the number of its newest success, and names: of each file its title with its pattern, or the pattern."""
    pipeline = view.pipeline or view.definition
    newest = {each.stage: each.execution for each in view.executions if each.state is State.SUCCEEDED}
    for stage in pipeline.stages if pipeline else ():
        if stage.show and stage.name in newest:
            yield stage.name, newest[stage.name], tuple(map(called, stage.show))


def called(each: str | ShowFile) -> str:
    if isinstance(each, str):
        return each
    return f"{each.title} ({each.file})" if each.title else each.file
