"""One pass over the stages of the latest chain: what it goes by, and what it has found so far.

The rules stand in files of their own, by subject; each takes the walk that it looks at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flow.fold.chains import Chain, grounds, skipped_since
from flow.fold.graph import graph_of
from flow.fold.interpolation import Scope
from flow.fold.remembered import ChainMemory, values_of
from flow.fold.steps import PointStanding, Slot, Status, Waiting
from schema.execution import Changes, Execution, slot_name
from schema.inputs import InputError, Value, fit_all, with_defaults
from schema.pipeline import Pipeline, Stage
from schema.project import Project
from schema.reasons import Wait
from schema.services import EnvValue

Start = tuple[int | None, Changes | None]
"""The execution whose result a workspace begins with, and what is changed of it."""


@dataclass(slots=True)
class StageFound:
    """Where one stage stands, for those that need it.

    `settled`: nothing of it or above it is to come. `upset`: it failed, or something above it did.
    """

    status: Status = "pending"
    text: str = ""
    settled: bool = False
    upset: bool = False
    start: Start = (None, None)  # what what needs it begins with
    results: list[tuple[int | None, Execution]] = field(default_factory=list)  # accepted ones, by point
    answered: Mapping[str, object] = field(default_factory=dict)
    points: list[PointStanding] | None = None

    @property
    def values(self) -> Mapping[str, object]:
        """What it gave: of a matrix, of each key a list in the order of its points."""
        given = [values_of(each) for _, each in self.results]
        if self.points is None:
            return given[0] if given else self.answered
        keys = dict.fromkeys(key for values in given for key in values)
        return {key: [values.get(key) for values in given] for key in keys}


class ValuesAbove(Mapping[str, Mapping[str, object]]):
    """What the stages above gave, by name. Of a thousand points it is read only if somebody asks for it."""

    def __init__(self, found: Mapping[str, StageFound]) -> None:
        self.found, self.known = found, dict[str, Mapping[str, object]]()

    def __getitem__(self, name: str) -> Mapping[str, object]:
        if name not in self.known:
            self.known[name] = self.found[name].values
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


@dataclass(frozen=True, slots=True)
class StageGiven:
    """What all slots of a stage are given: by requests and the project, and by the stages above it."""

    scope: Scope
    env: Mapping[str, Mapping[str, EnvValue]]
    start: Start
    needs: Mapping[str, tuple[int, ...]]
    skips: Mapping[str, str]


class Walk:
    def __init__(
        self, pipeline: Pipeline, project: Project, chain: Chain, executions: Sequence[Execution], memory: ChainMemory
    ) -> None:
        self.pipeline, self.project, self.chain, self.memory = pipeline, project, chain, memory
        self.graph = graph_of(pipeline)
        self.grounds = grounds(self.graph, chain)
        self.by_number = {e.execution: e for e in executions}
        self.by_slot: dict[tuple[str, int | None], list[Execution]] = {}
        for e in executions:
            self.by_slot.setdefault((e.stage, e.point), []).append(e)
        self.found: dict[str, StageFound] = {}
        self.slots: list[Slot] = []
        self.waits: list[Waiting] = []
        self.given: dict[str, StageGiven] = {}
        self.bases: dict[tuple[str, int | None], int] = {}  # the result that the next run of a repetition begins with
        self.complete: set[str] = set()  # stages of which no slot lacks anything
        self.held: Waiting | None = None  # by the slot that was looked at last
        self.problem = ""
        self.inputs = self._inputs()

    def _inputs(self) -> dict[str, Value]:
        try:
            wanted = fit_all(self.pipeline.inputs, self.project.inputs)
            known = {name: value for name, value in self.chain.inputs.items() if name in self.pipeline.inputs}
            return with_defaults(self.pipeline.inputs, {**wanted, **fit_all(self.pipeline.inputs, known)})
        except InputError as error:
            self.problem = str(error)
            return {}

    def runs_of(self, stage: str) -> Iterator[list[Execution]]:
        """All that was ever run of it, by slot."""
        return (runs for (name, _), runs in self.by_slot.items() if name == stage)

    def left_out(self, stage: str, point: int | None) -> bool:
        return skipped_since(self.chain, slot_name(stage, point), self.grounds.of(stage, point))

    def hold(self, found: StageFound, waiting: Waiting) -> Status:
        self.held = waiting
        if waiting not in self.waits[-1:]:
            self.waits.append(waiting)
        found.text = waiting.text
        failed = waiting.reason in (Wait.FAILED, Wait.REJECTED)
        found.status = "failed" if failed else "waiting"
        return found.status

    def answer(self, stage: Stage) -> Mapping[str, Value] | None:
        """What a person said at it, since it is wanted."""
        answer = self.chain.answers.get(stage.name)
        return answer.values if answer and answer.seq > self.grounds.stages[stage.name].seq else None
