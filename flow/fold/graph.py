"""Which stages a stage needs, directly and in the end. A row is the graph in which each needs the one before it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flow.model.memo import Memo
from schema.pipeline import Need, Pipeline


@dataclass(frozen=True, slots=True)
class Graph:
    """By name of stage. `above` is all that it needs in the end, `below` all that needs it in the end."""

    needs: Mapping[str, tuple[Need, ...]]
    above: Mapping[str, frozenset[str]]
    below: Mapping[str, frozenset[str]]

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(name for name, needs in self.needs.items() if not needs)

    @property
    def ends(self) -> tuple[str, ...]:
        """Stages that no other needs."""
        return tuple(name for name, below in self.below.items() if not below)


def _graph(pipeline: Pipeline) -> Graph:
    needs = {stage.name: pipeline.needs(stage.name) for stage in pipeline.stages}
    above: dict[str, frozenset[str]] = {}
    for name, direct in needs.items():
        above[name] = frozenset(part for need in direct for part in (need.stage, *above[need.stage]))
    below = {name: frozenset(other for other in needs if name in above[other]) for name in needs}
    return Graph(needs, above, below)


graph_of: Memo[Pipeline, Graph] = Memo(_graph, 8192)
