"""Which image a stage runs that the repository builds, and who has it. Pure."""

from dataclasses import dataclass, field

from flow.model.builds import made_from
from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_world import BuiltService
from schema import images
from schema.execution import Execution, State
from schema.pipeline import Stage


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """`run` is what an engine is asked for; nothing while there is none, and then `text` says why.

    Without a registry only the node that built it has it: `holders` are the nodes and their installations.
    """

    run: str = ""
    text: str = ""
    holders: frozenset[tuple[str, str]] = frozenset()
    build: int = 0  # the execution of `winslow-images` that made it

    def has(self, node: str, incarnation: str) -> bool:
        return not self.holders or (node, incarnation) in self.holders


def _by_stage(view: ProjectView) -> dict[str, list[Execution]]:
    found: dict[str, list[Execution]] = {}
    for each in view.executions:
        found.setdefault(each.stage, []).append(each)
    return found


_builds: Memo[ProjectView, dict[str, list[Execution]]] = Memo(_by_stage, 8)


def image_of(snapshot: Snapshot, project: str, image: str | None) -> BuiltImage | None:
    """None of an image as registries have them; also of what is itself a build."""
    found = images.built(image)
    if found is None or project == images.PROJECT:
        return None
    name, tree = found
    if not tree:
        return BuiltImage(text=f"main has no {images.FOLDER}/{name}/{images.DOCKERFILE} to build {image} from")
    view = snapshot.projects.get(images.PROJECT)
    named = _builds(view).get(images.stage_name(name, tree), []) if view else []
    runs = [each for each in named if made_from(each) == found]
    done = [each for each in runs if each.state is State.SUCCEEDED and each.result]
    if done:
        return _made(done)
    return BuiltImage(text=f"{images.reference(name)} of tree {tree[:12]} {_progress(runs)}")


def images_of(snapshot: Snapshot, project: str, stage: Stage) -> tuple[BuiltImage, ...]:
    """Of the stage and of its services, those that the repository builds."""
    wanted = (stage.image, *(each.image for each in stage.services))
    return tuple(found for image in wanted if (found := image_of(snapshot, project, image)))


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """What a launch order says of images that the repository builds; its fields are those of the order."""

    built: str = ""
    build: int | None = None
    tree: str = ""
    push: str = ""
    built_services: dict[str, BuiltService] = field(default_factory=dict)


NOT_BUILT = ImageOrder()


def building(snapshot: Snapshot, project: str, stage: Stage) -> ImageOrder:
    """Which images are run, or how the one that is wanted is made."""
    beside = {each.name: image_of(snapshot, project, each.image) for each in stage.services}
    services = {name: BuiltService(run=made.run, build=made.build) for name, made in beside.items() if made}
    if image := image_of(snapshot, project, stage.image):
        return ImageOrder(built=image.run, build=image.build, built_services=services)
    if services:
        return ImageOrder(built_services=services)
    found = images.built(stage.image) if project == images.PROJECT else None
    if found is None:
        return NOT_BUILT
    registry = snapshot.settings.registry
    return ImageOrder(tree=found[1], push=images.repository(registry, found[0]) if registry else "")


def _made(done: list[Execution]) -> BuiltImage:
    newest = done[-1]
    values = newest.result.values if newest.result else {}
    if pushed := str(values.get("image", "")):
        return BuiltImage(pushed, build=newest.execution)
    holders = frozenset((each.claim.node, each.claim.incarnation) for each in done)
    return BuiltImage(str(values.get("id", "")), holders=holders, build=newest.execution)


def _progress(runs: list[Execution]) -> str:
    newest = runs[-1] if runs else None
    if newest is None:
        return "is not built yet"
    where = f"{images.PROJECT}/{newest.execution} on {newest.claim.node}"
    if newest.state.active:
        return f"is being built ({where})"
    if newest.state is State.FAILED:
        return f"could not be built ({where}: {newest.reason}{f': {newest.text}' if newest.text else ''})"[:300]
    return f"is to be built again ({where}: {newest.state})"
