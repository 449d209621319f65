"""Small worlds for tests of `flow`: a project, what was asked of it, and what ran."""

from dataclasses import replace

from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from flow.project.replies import answer, answer_all, steps_of
from schema.binding import read
from schema.execution import Claim, Execution, Result, State
from schema.node import Inventory, NodeSettings, Settings
from schema.pipeline import Pipeline
from schema.project import Project
from schema.reasons import End
from schema.reply import Reply
from schema.request import Request

PIPELINE = """
name: p
inputs:
  speed: {type: number, default: 1, min: 0, max: 9}
stages:
  - {name: detect, image: i, retry: {max: 2, when: [exit_code, infrastructure, node_lost]}}
  - {name: review, when: manual, inputs: {keep: {type: boolean, default: true}}}
  - {name: track, image: i, command: [run, "$[[ inputs.speed ]]", "$[[ stages.detect.values.cars ]]"]}
  - {name: report, image: i}
"""


def pipeline(text: str = PIPELINE) -> Pipeline:
    return read(Pipeline, text, "pipelines/p.yaml")


class Story:
    """A project whose history a test tells, one fact after the other."""

    def __init__(self, text: str = PIPELINE, **project: object) -> None:
        self.view = ProjectView("v", Project.model_validate({"pipeline": "p", **project}), pipeline=pipeline(text))
        self.asked = 0

    def file(self, **fields: object) -> RequestFile:
        self.asked += 1
        name = f"{self.asked:04d}-{fields['request']}.yaml"
        return RequestFile(name, "b" * 40, "Ada <ada@example.org>", "c" * 40, Request.model_validate(fields))

    def ask(self, **fields: object) -> Reply:
        """Ask and have it answered at once."""
        answered = answer(self.view, self.file(**fields))
        self.view = answered.view
        return answered.reply

    def pending(self, *wishes: dict[str, object]) -> "Story":
        self.view = replace(self.view, unanswered=tuple(self.file(**wish) for wish in wishes))
        return self

    def replies(self) -> list[Reply]:
        return [answered.reply for answered in answer_all(self.view)]

    def ran(
        self, state: State = State.SUCCEEDED, reason: End | None = None, *, of: str = "", **result: object
    ) -> Execution:
        """The wanted slot, or the one of that name, is taken and ends like this."""
        slot = next((slot for slot in self.steps.slots if of in ("", slot.name)), None)
        assert slot, f"{of or 'nothing'} is wanted: {self.steps.waits}"
        number = self.view.last_execution + 1
        record = Execution.model_validate(
            {
                "execution": number,
                "stage": slot.stage.name,
                "chain": slot.chain,
                "request": slot.request,
                "attempt": slot.attempt,
                "point": slot.point,
                "needs": {stage: [{"execution": n} for n in numbers] for stage, numbers in slot.needs.items()},
                "state": state,
                "reason": reason,
                "claim": Claim(id=f"{number:032x}", container=f"{number:032x}", node="n1", incarnation="i"),
                "workspace": {"from": slot.source},
                "result": Result.model_validate({"values": {"cars": 7}, **result}) if state.ended else None,
            }
        )
        executions = [replace_lost(e, slot.replaces) for e in self.view.executions]
        self.view = replace(self.view, executions=(*executions, record))
        return record

    @property
    def wanted(self) -> list[str]:
        """Names of all slots that are wanted now."""
        return [slot.name for slot in self.steps.slots]

    def now(self, number: int, **update: object) -> None:
        """An execution's record changes."""
        update.setdefault("result", Result(values={"cars": 7}))
        changed = [e.model_copy(update=update) if e.execution == number else e for e in self.view.executions]
        self.view = replace(self.view, executions=tuple(changed))

    @property
    def steps(self):  # type: ignore[no-untyped-def]
        return steps_of(self.view)


def replace_lost(execution: Execution, replaced: int | None) -> Execution:
    if execution.execution != replaced:
        return execution
    return execution.model_copy(update={"state": State.SUPERSEDED})


def started(text: str = PIPELINE, **project: object) -> Story:
    story = Story(text, **project)
    assert story.ask(request="start").accepted
    return story


Node = tuple[Inventory, NodeSettings]


def node(name: str, *, drain: bool = False, labels: tuple[str, ...] = (), **inventory: object) -> Node:
    """What a node says of itself, two slots if nothing else is said, and what people set for it."""
    facts = {"node": name, "incarnation": "i", "slots": 2, "runner": "docker", "limits": True, **inventory}
    return Inventory.model_validate(facts), NodeSettings(drain=drain, labels=labels)


def fleet(stories: Story | dict[str, Story], *nodes: Node, **settings: object) -> Snapshot:
    """A repository of these projects and nodes. A node's file is on `main` only where it says something."""
    told = {"v": stories} if isinstance(stories, Story) else stories
    return Snapshot(
        "m" * 40,
        "s" * 40,
        settings=Settings.model_validate({"schema": 1, **settings}),
        projects={id: replace(story.view, id=id) if id != "v" else story.view for id, story in told.items()},
        nodes={said.node: wish for said, wish in nodes if wish != NodeSettings()},
        inventories={said.node: said for said, _ in nodes},
    )
