"""I1: which images are built, and what a stage that runs one waits for."""

from dataclasses import replace

import pytest

from flow.model import builds
from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from flow.node.node_world import BuiltService
from flow.placement.built_images import ImageOrder, building, image_of, images_of
from flow.placement.ranking import placed
from flow.project.replies import answer, steps_of
from schema import images
from schema.execution import Claim, Execution, ImageRecord, Result, State
from schema.pipeline import Stage
from schema.reasons import End, Refusal, Wait
from schema.request import Request
from tests.unit.flow.builders import Story, fleet, node, pipeline, started

OLD, NEW = "a" * 40, "b" * 40
RUNS = "name: p\nstages:\n  - {name: one, image: build/hello}\n"
KEEPS = RUNS.replace("build/hello", f"build/hello@git:{OLD}")


def build(number: int, tree: str, state: State, *, on: str = "n1", **values: object) -> Execution:
    return Execution.model_validate(
        {
            "execution": number,
            "stage": images.stage_name("hello", tree),
            "chain": 1,
            "request": "0001-start.yaml",
            "state": state,
            "reason": End.EXIT_CODE if state is State.FAILED else None,
            "image": ImageRecord(ref=images.reference("hello", tree)),
            "claim": Claim(id=f"{number:032x}", container=f"{number:032x}", node=on, incarnation="i"),
            "result": Result(values=values) if state.ended else None,
        }
    )


def view(
    *executions: Execution, trees: dict[str, str] | None = None, kept: tuple[tuple[str, str], ...] = ()
) -> ProjectView:
    before = ProjectView(images.PROJECT, None, executions=executions)
    found = builds.view_of(before, {"hello": NEW} if trees is None else trees, kept)
    assert found
    return found


def wanted(found: ProjectView) -> list[str]:
    return [slot.stage.name for slot in steps_of(found).slots]


def test_a_definition_keeps_the_trees_of_the_moment() -> None:
    plain = pipeline(RUNS)
    pinned = builds.pinned(plain, {"hello": OLD})
    assert [stage.image for stage in pinned.stages] == [f"build/hello@git:{OLD}"]
    assert builds.pinned(pinned, {"hello": NEW}) is pinned
    assert builds.pinned(plain, {}) is plain
    assert builds.kept(pinned) == (("hello", OLD),)
    assert builds.kept(pipeline()) == builds.kept(None) == ()


def test_I1_each_tree_is_wanted_once_and_not_again_when_it_is_built() -> None:
    assert wanted(view()) == [images.stage_name("hello", NEW)]
    assert wanted(view(build(1, NEW, State.SUCCEEDED))) == []
    assert wanted(view(build(1, NEW, State.RUNNING))) == []
    assert wanted(view(build(1, OLD, State.SUCCEEDED))) == [images.stage_name("hello", NEW)]


def test_what_a_chain_keeps_is_built_too_if_it_never_was() -> None:
    both = [images.stage_name("hello", tree) for tree in (OLD, NEW)]
    assert wanted(view(kept=(("hello", OLD),))) == both
    assert wanted(view(build(1, OLD, State.SUCCEEDED), kept=(("hello", OLD),))) == both[1:]
    assert wanted(view(trees={}, kept=(("hello", OLD),))) == both[:1]


def test_a_build_that_failed_is_not_tried_for_ever_but_one_that_was_lost_is() -> None:
    assert wanted(view(build(1, NEW, State.FAILED))) == []
    lost = build(1, NEW, State.FAILED).model_copy(update={"reason": End.INFRASTRUCTURE})
    assert wanted(view(lost)) == [images.stage_name("hello", NEW)]


def test_without_images_there_is_no_such_project() -> None:
    assert builds.view_of(None, {}, ()) is None
    assert builds.view_of(None, {"hello": NEW}, ()) is not None


def world(*executions: Execution, registry: str | None = None, text: str = KEEPS) -> Snapshot:
    story = started(text)
    able = [node(name, isolation=True, build=name == "n1", services=True, cpus=4) for name in ("n1", "n2")]
    found = fleet(story, *able, registry=registry)
    return replace(found, projects={**found.projects, images.PROJECT: view(*executions, kept=(("hello", OLD),))})


def standing(snapshot: Snapshot) -> tuple[Wait | None, str, tuple[str, ...]]:
    from flow.placement.ranking import candidates

    project = snapshot.projects["v"]
    [slot] = steps_of(project).slots
    found = placed(snapshot, project, slot, candidates(snapshot, snapshot.inventories, {}, {}))
    return found.reason, found.text, found.ranked


def test_a_stage_waits_for_its_image_with_where_the_build_stands() -> None:
    assert standing(world())[:2] == (Wait.IMAGE_BUILDING, f"build/hello of tree {OLD[:12]} is not built yet")
    running = standing(world(build(3, OLD, State.RUNNING)))[1]
    assert running.endswith("is being built (winslow-images/3 on n1)")
    assert "could not be built (winslow-images/3 on n1: ExitCode)" in standing(world(build(3, OLD, State.FAILED)))[1]
    assert standing(world(build(3, NEW, State.SUCCEEDED)))[0] == Wait.IMAGE_BUILDING


BESIDE = f"""name: p
stages:
  - name: one
    image: i
    services: [{{name: db, image: 'build/hello@git:{OLD}'}}, {{name: queue, image: 'redis:7'}}]
"""


def test_I1_I6_images_of_services_are_pinned_kept_awaited_and_run_by_digest_too() -> None:
    plain = pipeline(BESIDE.replace(f"@git:{OLD}", ""))
    pinned = builds.pinned(plain, {"hello": OLD})
    assert [each.image for each in pinned.stages[0].services] == [f"build/hello@git:{OLD}", "redis:7"]
    assert pinned.stages[0].image == "i"
    assert builds.pinned(pinned, {"hello": NEW}) is pinned
    assert builds.kept(pinned) == (("hello", OLD),)
    assert standing(world(text=BESIDE))[:2] == (
        Wait.IMAGE_BUILDING,
        f"build/hello of tree {OLD[:12]} is not built yet",
    )
    here = world(build(3, OLD, State.SUCCEEDED, id="sha256:1"), text=BESIDE)
    assert standing(here)[2] == ("n1",), "only that node has it"
    made = build(3, OLD, State.SUCCEEDED, image="r:5000/hello@sha256:1")
    assert set(standing(world(made, text=BESIDE))[2]) == {"n1", "n2"}
    told = building(world(made, text=BESIDE), "v", pinned.stages[0])
    assert told == ImageOrder(built_services={"db": BuiltService(run="r:5000/hello@sha256:1", build=3)})


def test_without_a_registry_only_who_built_it_has_it() -> None:
    reason, _, ranked = standing(world(build(3, OLD, State.SUCCEEDED, id="sha256:1")))
    assert (reason, ranked) == (None, ("n1",))
    assert set(standing(world(build(3, OLD, State.SUCCEEDED, image="r:5000/hello@sha256:1")))[2]) == {"n1", "n2"}


def test_the_order_says_what_is_run_and_how_it_is_made() -> None:
    stage = pipeline(KEEPS).stages[0]
    built = world(build(3, OLD, State.SUCCEEDED, image="r:5000/hello@sha256:1"), registry="r:5000")
    assert building(built, "v", stage) == ImageOrder(built="r:5000/hello@sha256:1", build=3)
    assert building(built, images.PROJECT, stage) == ImageOrder(tree=OLD, push="r:5000/hello")
    assert building(world(), images.PROJECT, stage) == ImageOrder(tree=OLD)
    assert building(world(), "v", pipeline().stages[0]) == ImageOrder()
    assert images_of(world(), "v", pipeline().stages[0]) == ()


def test_only_a_node_that_builds_takes_a_build() -> None:
    from flow.placement.ranking import candidates

    snapshot = world()
    project = snapshot.projects[images.PROJECT]
    slot = steps_of(project).slots[0]
    found = placed(snapshot, project, slot, candidates(snapshot, snapshot.inventories, {}, {}))
    assert found.ranked == ("n1",)
    none = replace(snapshot, inventories={"n2": snapshot.inventories["n2"]})
    told = placed(none, project, slot, candidates(none, none.inventories, {}, {}))
    assert (told.reason, "node --build" in told.text) == (Wait.NO_MATCHING_NODE, True)


def test_an_image_that_is_not_on_main_is_named() -> None:
    stage = pipeline(RUNS).stages[0]
    found = image_of(fleet(Story(RUNS), node("n1")), "v", stage.image)
    assert found
    assert found.text == "main has no images/hello/Dockerfile to build build/hello from"


def forged(ref: str | None) -> Execution:
    """A success under the name of a build, of a program that some other image brought."""
    record = ImageRecord(ref=ref) if ref else None
    return build(3, OLD, State.SUCCEEDED, image="r:5000/evil@sha256:1").model_copy(update={"image": record})


@pytest.mark.parametrize("ref", ["python:3.12", "build/other@git:" + OLD, "build/hello@git:" + OLD[:-1] + "b", None])
def test_S10_what_another_image_made_is_no_build_whatever_its_stage_is_called(ref: str | None) -> None:
    stage = pipeline(KEEPS).stages[0]
    assert building(world(forged(ref)), "v", stage) == ImageOrder(build=0)
    assert standing(world(forged(ref)))[0] == Wait.IMAGE_BUILDING
    assert images.stage_name("hello", OLD) in {each.name for each in wanted_of(forged(ref))}


def wanted_of(execution: Execution) -> tuple[Stage, ...]:
    definition = view(execution, kept=(("hello", OLD),)).definition
    assert definition
    return definition.stages


@pytest.mark.parametrize(
    "said",
    [
        {"image": "python:3.12"},
        {"env": {"PATH": "/x"}},
        {"inputs": {"a": 1}},
        {"workspace": {"from": 1}},
        {"parallel": {"matrix": {"a": [1, 2]}}},
        {"search": {"trials": 2, "objective": {"metric": "loss"}, "space": {"a": {"min": 0, "max": 1}}}},
    ],
)
def test_S10_a_request_says_nothing_of_what_a_build_makes(said: dict[str, object]) -> None:
    before = view(build(1, NEW, State.SUCCEEDED))
    stage = images.stage_name("hello", NEW)
    reply = answer(before, asked({"request": "start", "stage": stage, **said})).reply
    assert (reply.verdict, reply.reason) == ("rejected", Refusal.NOT_SUPPORTED)
    assert reply.text.startswith(f"{next(iter(said))}: an image is built from its folder")
    assert answer(before, asked({"request": "resume", "stage": stage})).reply.verdict == "accepted"


def asked(fields: dict[str, object]) -> RequestFile:
    return RequestFile("0002-wish.yaml", "b" * 40, "Ada", "c" * 40, Request.model_validate(fields))
