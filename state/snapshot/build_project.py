"""The project of builds as a snapshot has it, made anew only when something that it follows from is another."""

from collections.abc import Iterator, Mapping

from flow.model import builds
from flow.model.snapshot import ProjectView
from schema import images
from schema.errors import Problem
from schema.misplaced import misplaced
from schema.pipeline import Pipeline
from state.snapshot.project_folders import PipelinesInForce
from state.snapshot.trees import Branch

Trees = Mapping[str, str]


def image_trees(main: Branch) -> Trees:
    """The folders of images on `main` that have a Dockerfile, each with its tree."""
    if main.content(images.FOLDER) is None:
        return {}
    found = main.trees(images.FOLDER)
    return {n: tree for n, tree in found.items() if images.NAME.fullmatch(n) and main.holds(tree, images.DOCKERFILE)}


def image_problems(main: Branch, trees: Trees) -> Iterator[Problem]:
    """Folders that look like images and are none."""
    found = main.trees(images.FOLDER) if main.content(images.FOLDER) else {}
    for name in sorted(found.keys() - trees.keys()):
        path = f"{images.FOLDER}/{name}/{images.DOCKERFILE}"
        yield Problem(path, 1, 1, misplaced(path) or "it is not there, so nobody builds this image")


class BuildProject:
    def __init__(self) -> None:
        self._pinned: dict[str, tuple[Pipeline, Trees, Pipeline]] = {}
        self._kept: dict[str, tuple[Pipeline, tuple[tuple[str, str], ...]]] = {}
        self._made: tuple[object, ...] = ()
        self._view: ProjectView | None = None

    def pin(self, pipelines: PipelinesInForce, trees: Trees) -> PipelinesInForce:
        """Those in force, with the trees of the images that they let build. What did not change keeps its identity."""
        good = {name: self._pin(name, pipeline, trees) for name, pipeline in pipelines.good.items()}
        return PipelinesInForce(good, pipelines.broken, trees)

    def _pin(self, name: str, pipeline: Pipeline, trees: Trees) -> Pipeline:
        known = self._pinned.get(name)
        if known is None or known[0] is not pipeline or known[1] != trees:
            made = builds.pinned(pipeline, trees)
            known = self._pinned[name] = (pipeline, trees, made)
        return known[2]

    def project(self, view: ProjectView | None, trees: Trees, others: Mapping[str, ProjectView]) -> ProjectView | None:
        if view is None and not trees:
            return None
        kept = tuple(each for other in others.values() for each in self._keeps(other))
        made = (view, trees, kept)
        if self._view is None or self._made[0] is not view or self._made[1:] != made[1:]:
            self._made, self._view = made, builds.view_of(view, trees, kept)
        return self._view

    def _keeps(self, view: ProjectView) -> tuple[tuple[str, str], ...]:
        if view.definition is None:
            return ()
        known = self._kept.get(view.id)
        if known is None or known[0] is not view.definition:
            known = self._kept[view.id] = (view.definition, builds.kept(view.definition))
        return known[1]
