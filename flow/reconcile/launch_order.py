"""From a wanted slot to a claim: the record that is committed and the order that the node keeps."""

from collections.abc import Iterator
from dataclasses import dataclass

from flow.fold.attempts import saved_files
from flow.fold.interpolation import (
    InterpolationError,
    Scope,
    artifacts,
    as_text,
    command,
    environment,
    input_environment,
    services,
)
from flow.fold.steps import Slot
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_world import Beside, HeldClaim, LaunchOrder, NodeIdentity, SavedFiles
from flow.placement.built_images import NOT_BUILT, ImageOrder, building
from flow.placement.capacity import NOTHING, asked
from flow.placement.gpus import share_of
from flow.placement.grants import asker
from flow.reconcile.result_reuse import definition, earlier
from schema.execution import (
    AskedRecord,
    Changes,
    Claim,
    Execution,
    ImageRecord,
    Lease,
    Needed,
    ServiceRecord,
    State,
    Times,
    WorkspaceRecord,
)
from schema.file_input import plain
from schema.inputs import InputKind
from schema.pipeline import Stage
from schema.rights import NO_RIGHTS
from schema.services import Service


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim before it has landed."""

    record: Execution
    entry: HeldClaim


def take(
    me: NodeIdentity,
    view: ProjectView,
    slot: Slot,
    *,
    claim: str,
    lease: Lease,
    wanted: str,
    wall: str,
    gpus: tuple[str, ...] = (),
    built: ImageOrder = NOT_BUILT,
    saved: bool = False,
) -> Taken:
    """A new execution of the slot, held by this node under a fresh claim id. `saved`: it can have what was saved."""
    number = view.last_execution + 1
    scope = Scope(slot.scope.inputs, slot.scope.specs, slot.scope.values, me.pool)
    stage = slot.stage
    assert stage.image is not None
    record = Execution(
        execution=number,
        stage=stage.name,
        chain=slot.chain,
        request=slot.request,
        attempt=slot.attempt,
        point=slot.point,
        state=State.CLAIMED,
        claim=Claim(id=claim, container=claim, node=me.node, incarnation=me.incarnation, lease=lease),
        wanted=wanted,
        image=ImageRecord(ref=stage.image),
        command=command(stage, scope),
        env={
            "winslow": dict(_own_environment(me, view, slot, number, scope)),
            **{name: dict(environment(layer, scope)) for name, layer in slot.env.items()},
        },
        inputs=dict(scope.inputs),
        gpus=gpus,
        asked=_asked(stage),
        services=tuple(map(_service, services(stage, scope))),
        definition=definition(stage),
        workspace=_workspace(view, slot, slot.saved if saved else None),
        needs={stage: tuple(_needed(view, number) for number in numbers) for stage, numbers in slot.needs.items()},
        conditions=dict(slot.conditions),
        times=Times(claimed=wall),
    )
    wanted_order = _with_image(order(view, record, stage, scope), built)
    if stage.cache and not slot.fresh:
        wanted_order = wanted_order.model_copy(update={"earlier": earlier(view, record, wanted_order.files)})
    return Taken(record, _entry(record, wanted_order))


def _asked(stage: Stage) -> AskedRecord | None:
    wants = asked(stage)
    if stage.rights != NO_RIGHTS:
        wants = wants.model_copy(update={"rights": stage.rights.by_name})
    if stage.resource_group:
        wants = wants.model_copy(update={"group": stage.resource_group})
    if stage.interruptible:
        wants = wants.model_copy(update={"min_runtime": stage.min_runtime})
    return wants if wants != NOTHING else None


def _service(each: Service) -> ServiceRecord:
    env = {name: str(value) for name, value in each.env.items()}
    return ServiceRecord(name=each.name, image=ImageRecord(ref=each.image), command=each.command, env=env)


def _entry(record: Execution, order: LaunchOrder) -> HeldClaim:
    claim = record.claim
    lease = claim.lease
    return HeldClaim(
        claim=claim.id,
        container=claim.id,
        order=order,
        lost_after=lease.lost_after,
        give_up_after=lease.give_up_after or 0.0,
        kill_within=lease.kill_within or 0.0,
    )


def _workspace(view: ProjectView, slot: Slot, saved: int | None) -> WorkspaceRecord:
    """What a changed one begins with is known once it is made."""
    changes = slot.changes or Changes()
    manifest = None if slot.changes or saved else _left(view, slot.source)
    return WorkspaceRecord.model_validate(
        {
            "from": slot.source,
            "manifest": manifest,
            "checkpoint": saved,
            "add": changes.add,
            "remove": changes.remove,
        }
    )


def _needed(view: ProjectView, number: int) -> Needed:
    made = view.execution(number)
    return Needed(execution=number, point=made.point if made else None, manifest=_left(view, number))


def _left(view: ProjectView, source: int | None) -> str | None:
    before = view.execution(source) if source is not None else None
    return before.result.manifest if before and before.result else None


def _holder(view: ProjectView, source: int | None) -> str | None:
    before = view.execution(source) if source is not None else None
    return before.claim.node if before else None


def again(
    me: NodeIdentity, snapshot: Snapshot, view: ProjectView, record: Execution, *, claim: str, wall: str
) -> Taken | None:
    """A claim of ours without a journal entry, under a new id. None where its order cannot be told again:
    its chain had another definition of the stage, or its artifacts are named by values of other stages.
    """
    stage = view.definition.stage(record.stage) if view.definition else None
    if stage is None or stage.image is None or not view.definition:
        return None
    stage = as_asked(stage, record)
    if record.definition and record.definition != definition(stage):
        return None
    specs = {**view.definition.inputs, **stage.inputs}
    renewed = _unbegun(record, claim, wall)
    scope = Scope({name: plain(value) for name, value in renewed.inputs.items()}, specs, {}, me.pool)
    try:
        told = _with_image(order(view, renewed, stage, scope), building(snapshot, view.id, stage))
    except InterpolationError:
        return None
    return Taken(renewed, _entry(renewed, told))


def _unbegun(record: Execution, claim: str, wall: str) -> Execution:
    """The record as it was claimed, under another id."""
    new = record.claim.model_copy(update={"id": claim, "container": claim, "epoch": record.claim.epoch + 1})
    return record.model_copy(
        update={
            "claim": new,
            "state": State.CLAIMED,
            "text": "",
            "times": Times(claimed=wall),
            "image": record.image and ImageRecord(ref=record.image.ref),
            "services": tuple(
                each.model_copy(update={"image": ImageRecord(ref=each.image.ref)}) for each in record.services
            ),
            "inputs": {name: plain(value) for name, value in record.inputs.items()},
            "project_files": None,
        }
    )


def as_asked(stage: Stage, record: Execution) -> Stage:
    """With the image that a request may have named. What else it changed, the order takes from the record anyway."""
    return stage.model_copy(update={"image": record.image.ref}) if record.image else stage


def order(view: ProjectView, record: Execution, stage: Stage, scope: Scope) -> LaunchOrder:
    env: dict[str, str] = {}
    for layer in ("winslow", "pipeline", "stage", "project", "request"):
        env |= {name: as_text(value) for name, value in record.env.get(layer, {}).items()}
    resources, who = stage.resources, asker(view)
    return LaunchOrder(
        project=view.id,
        execution=record.execution,
        stage=stage.name,
        point=record.point,
        image=stage.image or "",
        command=record.command,
        entrypoint=stage.entrypoint,
        env=env,
        inputs=dict(record.inputs),
        files=tuple(name for name, spec in scope.specs.items() if spec.type.in_pool and name in scope.inputs),
        folders=tuple(
            name for name, spec in scope.specs.items() if spec.type is InputKind.FOLDER and name in scope.inputs
        ),
        source=record.workspace.source,
        manifest=_left(view, record.workspace.source),
        holder=_holder(view, record.workspace.source),
        beside=tuple(_beside(view, record)),
        saved=_saved(view, record, stage),
        add=record.workspace.add,
        remove=record.workspace.remove,
        gpus=record.gpus,
        gpu_share=share_of(record),
        pull=stage.pull,
        memory=resources.memory,
        cpus=resources.cpus,
        shm_size=resources.shm_size,
        disk=resources.disk,
        pids=resources.pids,
        timeout=stage.timeout,
        idle_timeout=stage.idle_timeout,
        min_runtime=stage.min_runtime if stage.interruptible else None,
        grace=stage.grace,
        save=stage.checkpoint.paths if stage.checkpoint else (),
        save_every=stage.checkpoint.every if stage.checkpoint else None,
        signal=stage.checkpoint.signal if stage.checkpoint else "TERM",
        artifacts=artifacts(stage, scope),
        metrics=stage.artifacts.reports.metrics,
        show=stage.shown_files,
        cache=stage.cache,
        pipeline=who.pipeline,
        tags=who.tags,
        rights=stage.rights,
        services=_as_recorded(stage, record),
    )


def _with_image(order: LaunchOrder, image: ImageOrder) -> LaunchOrder:
    return order.model_copy(
        update={
            "built": image.built,
            "build": image.build,
            "tree": image.tree,
            "push": image.push,
            "built_services": image.built_services,
        }
    )


def _as_recorded(stage: Stage, record: Execution) -> tuple[Service, ...]:
    """With the commands and environments that the claim wrote down, in which every place is filled in."""
    said = {each.name: each for each in record.services}
    return tuple(
        each.model_copy(update={"command": said[each.name].command, "env": dict(said[each.name].env)})
        for each in stage.services
        if each.name in said
    )


def _beside(view: ProjectView, record: Execution) -> Iterator[Beside]:
    """What it may read of each stage that it needs; of a matrix of each point."""
    for stage, needed in record.needs.items():
        for each in needed:
            path = stage if each.point is None else f"{stage}/{each.point}"
            holder = _holder(view, each.execution)
            yield Beside(path=path, execution=each.execution, manifest=each.manifest, holder=holder)


def _saved(view: ProjectView, record: Execution, stage: Stage) -> SavedFiles | None:
    number = record.workspace.checkpoint
    before = view.execution(number) if number is not None else None
    files = saved_files(before) if before else None
    if number is None or files is None or stage.checkpoint is None:
        return None
    return SavedFiles(
        execution=number, manifest=files.manifest, paths=stage.checkpoint.paths, holder=_holder(view, number)
    )


def _own_environment(me: NodeIdentity, view: ProjectView, slot: Slot, number: int, scope: Scope) -> dict[str, str]:
    """`WINSLOW_*`, GitLab's common `CI_*` names and the inputs. Paths are added by the node that runs it."""
    return {
        "WINSLOW": "1",
        "WINSLOW_PROJECT": view.id,
        "WINSLOW_PIPELINE": view.definition.name if view.definition else "",
        "WINSLOW_STAGE": slot.stage.name,
        **({"WINSLOW_POINT": str(slot.point)} if slot.point else {}),
        "WINSLOW_EXECUTION": str(number),
        "WINSLOW_ATTEMPT": str(slot.attempt),
        "WINSLOW_NODE": me.node,
        **({"WINSLOW_GPU_SHARE": str(share)} if (share := slot.stage.resources.gpu_share) else {}),
        "CI": "true",
        "CI_PROJECT_NAME": view.id,
        "CI_JOB_NAME": slot.stage.name,
        "CI_JOB_STAGE": slot.stage.name,
        "CI_JOB_ID": str(number),
        **input_environment(scope),
    }
