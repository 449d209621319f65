"""The project `winslow-images`, whose stages are builds: one for each image and tree that somebody wants.

Nobody writes it down. Its definition follows from the trees below `images/` on `main` and from the trees that chains
keep; that it was started is taken for granted. All else (claims, leases, retries, logs, requests to abort or to build
anew) is as of any project.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from flow.model.snapshot import ProjectView
from schema import images
from schema.execution import Execution, State
from schema.pipeline import Pipeline, Retry, Stage
from schema.project import Project
from schema.reply import Position, Reply

MOST = 100
"""Builds that are wanted at once; the rest of what old chains keep waits."""
TIMEOUT = 3600.0
PROJECT = Project(name="Images", pipeline=images.PROJECT, description="images that nodes build from images/ on main")
STARTED = Reply(
    seq=1,
    request="0001-start.yaml",
    kind="start",
    verdict="accepted",
    position=Position(stage=images.PROJECT),
    pipeline=images.PROJECT,
)
BLANK = ProjectView(images.PROJECT, PROJECT)


def pinned(pipeline: Pipeline, trees: Mapping[str, str]) -> Pipeline:
    """With the tree of each image that it lets build, as a chain keeps it. What is not on `main` stays without."""
    stages = tuple(_pinned(stage, trees) for stage in pipeline.stages)
    changed = any(new is not old for new, old in zip(stages, pipeline.stages, strict=True))
    return pipeline.model_copy(update={"stages": stages}) if changed else pipeline


def _pinned(stage: Stage, trees: Mapping[str, str]) -> Stage:
    """Unchanged, and the same object, where it lets nothing build."""
    if image := _with_tree(stage.image, trees):
        stage = stage.model_copy(update={"image": image})
    if any(_with_tree(each.image, trees) for each in stage.services):
        services = (
            each.model_copy(update={"image": _with_tree(each.image, trees) or each.image}) for each in stage.services
        )
        stage = stage.model_copy(update={"services": tuple(services)})
    return stage


def _with_tree(image: str | None, trees: Mapping[str, str]) -> str:
    """Nothing where it has one already, or there is none."""
    found = images.built(image)
    return images.reference(found[0], trees[found[0]]) if found and not found[1] and found[0] in trees else ""


def kept(definition: Pipeline | None) -> tuple[tuple[str, str], ...]:
    """The images and trees that a chain keeps, of its stages and of what runs beside them."""
    stages = definition.stages if definition else ()
    found = (images.built(image) for stage in stages for image in (stage.image, *(s.image for s in stage.services)))
    return tuple(dict.fromkeys(each for each in found if each and each[1]))


def view_of(view: ProjectView | None, trees: Mapping[str, str], kept: Iterable[tuple[str, str]]) -> ProjectView | None:
    """The project as everybody sees it; None where no image was ever wanted."""
    if view is None and not trees:
        return None
    view = view or BLANK
    done = {made_from(each) for each in view.executions if each.state is State.SUCCEEDED}
    missing = dict.fromkeys(each for each in kept if each not in done)
    wanted = dict.fromkeys([*trees.items(), *list(missing)[:MOST]])
    definition = _definition(tuple(wanted)) if wanted else None
    replies = (STARTED, *(each for each in view.replies if each.seq > STARTED.seq))
    return replace(
        view, project=PROJECT, pipeline=definition, definition=definition, replies=replies, deletion=None,
        tombstone=None, left=(), problem="",
    )  # fmt: skip


def _definition(wanted: tuple[tuple[str, str], ...]) -> Pipeline:
    return Pipeline(name=images.PROJECT, stages=tuple(_stage(name, tree) for name, tree in sorted(wanted)[: 2 * MOST]))


def _stage(name: str, tree: str) -> Stage:
    return Stage(
        name=images.stage_name(name, tree),
        image=images.reference(name, tree),
        needs=(),
        workspace="standalone",
        timeout=TIMEOUT,
        retry=Retry(max=0),
    )


def made_from(execution: Execution) -> tuple[str, str] | None:
    """The name and tree of what a build made; None of an execution that ran any other image, and so is no build."""
    found = images.built(execution.image.ref) if execution.image else None
    return found if found and found[1] else None


def tree_of(execution: Execution) -> str:
    """What a build was made from."""
    found = made_from(execution)
    return found[1] if found else ""
