"""People of a simulation: they ask for things at any time, sensible or not, and finally let everything finish."""

import re
from random import Random

from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import steps_of
from schema.reasons import Wait
from state.contract.repository import Edit, Repository
from tests.simulation import turns

AUTHOR = "Ada <ada@example.org>"
MIN_RUNTIME = 20.0
STAGES = ("detect", "review", "track", "report")


def initial_files(
    projects: int, chance: Random, lost_after: float, stubborn: bool = False, limit: int = 600, graphs: bool = False
) -> dict[str, str]:
    """Stubborn stages run long and end by KILL only. `limit`: the timeout of `detect` and `track`. `graphs`: stages of
    the same names, which branch and join.
    """
    files = {
        "winslow.yaml": f"schema: 1\nlost_after: {lost_after:g}s\ndelete_after: 60s\n",
        "pipelines/p.yaml": GRAPH if graphs else PIPELINE.replace("LIMIT", str(limit)),
    }
    for number in range(projects):
        seconds, code = chance.choice((5, 20, 60, 150)), chance.choice((0, 0, 0, 0, 75, 1))
        script = f"FAKE_SECONDS: {seconds}, FAKE_EXIT: {code}"
        if stubborn:
            script = f"FAKE_SECONDS: {seconds + 100}, FAKE_IGNORE_TERM: 1"
        files[f"projects/v{number}/project.yaml"] = (
            f"pipeline: p\npriority: {chance.randint(0, 100)}\nenv: {{{script}}}\n"
        )
    return files


PIPELINE = """
name: p
inputs:
  speed: {type: number, default: 1, min: 0, max: 9}
stages:
  - name: detect
    image: fake
    resources: {gpus: 1}
    grace: 60s
    timeout: LIMITs
    retry: {max: 2, when: [exit_code, infrastructure, node_lost], exit_codes: [75], backoff: 5s}
  - {name: review, when: manual, inputs: {keep: {type: boolean, default: true}}}
  - name: track
    image: fake
    resources: {gpus: 1, gpu: {memory: ">=16GiB"}}
    grace: 60s
    timeout: LIMITs
    env: {FAKE_EXIT: 0}
  - {name: report, image: fake, env: {FAKE_SECONDS: 3}}
"""


def rivals(files: dict[str, str]) -> dict[str, str]:
    """The same with stages that may be interrupted, of projects of few priorities."""
    told = files["pipelines/p.yaml"].replace(
        "    grace: 60s\n", f"    grace: 20s\n    interruptible: true\n    min_runtime: {MIN_RUNTIME:g}s\n", 1
    )
    found = {**files, "pipelines/p.yaml": told}
    for number, name in enumerate(sorted(name for name in files if name.startswith("projects/"))):
        found[name] = re.sub("priority: .*", f"priority: {number % 3}", files[name])
        found[name] = re.sub("FAKE_SECONDS: .*?,", f"FAKE_SECONDS: {100 + 40 * (number % 4)},", found[name])
    return found


def sharing(files: dict[str, str]) -> dict[str, str]:
    """The same with a first stage that shares its GPU, of which every fourth project's uses more than its share."""
    share = files["pipelines/p.yaml"].replace("resources: {gpus: 1}", "resources: {gpus: 1, gpu: {share: 3GiB}}", 1)
    found = {**files, "pipelines/p.yaml": share}
    for number, name in enumerate(sorted(name for name in files if name.startswith("projects/"))):
        used = (4 if number % 4 == 3 else 3) << 30
        found[name] = files[name].replace("FAKE_SECONDS", f"FAKE_GPU_MEMORY: {used}, FAKE_SECONDS", 1)
    return found


def alone(files: dict[str, str]) -> dict[str, str]:
    """The same with exclusive stages; their times leave little between a node's end and another's beginning."""
    grace, times = "    grace: 60s\n", "exclusive: {give_up_after: 25s, kill_within: 10s, lost_after: 38s}\n"
    return {
        **files,
        "winslow.yaml": files["winslow.yaml"] + times,
        "pipelines/p.yaml": files["pipelines/p.yaml"].replace(grace, f"{grace}    exclusive: true\n"),
    }


GRAPH = """
name: p
inputs:
  speed: {type: number, default: 1, min: 0, max: 9}
stages:
  - {name: detect, image: fake, retry: {max: 1, when: [exit_code, node_lost], exit_codes: [75]}}
  - {name: review, when: manual, needs: [detect], inputs: {keep: {type: boolean, default: true}}}
  - {name: track, image: fake, needs: [detect], env: {FAKE_EXIT: 0}, parallel: {matrix: {half: [1, 2, 3]}, max: 2}}
  - {name: report, image: fake, needs: [review, track], env: {FAKE_SECONDS: 3}}
"""


class Person:
    def __init__(
        self, repository: Repository, chance: Random, projects: int, deletes: float = 0.1, graphs: bool = False
    ) -> None:
        self.graphs, self.turns = graphs, False
        self.repository, self.chance, self.projects, self.deletes = repository, chance, projects, deletes
        self.gone: dict[str, bool] = {}  # projects that stay deleted in the end
        self.obliging = False
        self.asked: list[str] = []
        self.deleted: dict[str, str] = {}

    def act(self) -> None:
        snapshot = self.repository.fetch()
        project = f"v{self.chance.randrange(self.projects)}"
        if project in self.deleted and not self._given_up(project):
            self._restore(snapshot, project)
            return
        if self.obliging:
            for view in snapshot.projects.values():
                self._answer(snapshot, view)
            return
        view = snapshot.projects.get(project)
        if view is None:
            return
        if self.chance.random() < self.deletes:
            self._delete(snapshot, project)
            return
        self._request(snapshot, view, self._wish(view))

    def _wish(self, view: ProjectView) -> dict[str, object]:
        stage = self.chance.choice(STAGES)
        wishes: list[dict[str, object]] = [
            {"request": "start"},
            {"request": "start", "stage": stage},
            {"request": "start", "stage": stage, "then": "pause", "inputs": {"speed": self.chance.randint(0, 12)}},
            {"request": "pause"},
            {"request": "resume"},
            {"request": "resume", "stage": stage},
            {"request": "abort"},
            {"request": "skip", "stage": stage},
            {"request": "answer", "inputs": {"keep": self.chance.random() < 0.8}},
            {"request": "answer", "inputs": {"keep": "maybe"}},
        ]
        if self.graphs:
            point = f"track.{self.chance.randint(1, 4)}"
            wishes += [{"request": "start", "stage": point}, {"request": "resume", "stage": point}]
            wishes += [{"request": "abort", "stage": point}, {"request": "skip", "stage": point}]
        if self.turns:
            wishes += turns.WISHES
        return wishes[0] if not view.replies else self.chance.choice(wishes)

    def _answer(self, snapshot: Snapshot, view: ProjectView) -> None:
        if any(each.reason is Wait.MANUAL_APPROVAL for each in steps_of(view).asked) and not view.unanswered:
            self._request(snapshot, view, {"request": "answer", "inputs": {"keep": True}})

    def _request(self, snapshot: Snapshot, view: ProjectView, wish: dict[str, object]) -> None:
        number = len(self.asked) + 1
        name = f"{number:04d}-{wish['request']}.yaml"
        self.asked.append(f"{view.id}/{name}")
        lines = [f"{key}: {_yaml(value)}" for key, value in wish.items()]
        self._edit(snapshot, {f"projects/{view.id}/requests/{name}": "\n".join(lines) + "\n"}, "ask")

    def _delete(self, snapshot: Snapshot, project: str) -> None:
        text = self.repository.read_main(f"projects/{project}/project.yaml")  # type: ignore[attr-defined]
        if text:
            self.deleted[project] = text
            self._edit(snapshot, {f"projects/{project}/": None}, self._farewell())

    def _given_up(self, project: str) -> bool:
        return self.obliging and self.gone.setdefault(project, self.chance.random() < 0.5)

    def _restore(self, snapshot: Snapshot, project: str) -> None:
        """Or make it anew, if so much time has passed. Some notice at once that they meant it after all."""
        text = self.deleted[project]
        if not self.obliging and self.chance.random() < 0.3:
            self._edit(snapshot, {f"projects/{project}/project.yaml": text}, "restore")
            self._edit(self.repository.fetch(), {f"projects/{project}/": None}, self._farewell())
            return
        del self.deleted[project]
        self._edit(snapshot, {f"projects/{project}/project.yaml": text}, "restore")

    def _farewell(self) -> str:
        return self.chance.choice(("delete", "delete\n\nWinslow-Delete: now\n"))

    def _edit(self, snapshot: Snapshot, files: dict[str, str | None], message: str) -> None:
        self.repository.propose(Edit(files, message, AUTHOR), base=snapshot.main)


def _yaml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_yaml(v)}" for k, v in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)
