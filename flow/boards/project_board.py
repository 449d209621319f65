"""The board of one project: its stages, what to do next, its history by stage, its requests."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from flow.boards.markdown import LONGEST, block, code, link, table, text
from flow.boards.root_board import result, strip, title, why, word
from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import steps_of
from flow.status.show_files import to_look_at
from flow.status.states import ProjectState, StageState, project_state, stage_states, stale
from schema import layout
from schema.execution import Execution
from schema.file_input import FileInput, plain
from schema.inputs import Input

RUNS, REQUESTS, TAILS, ASKED = 20, 20, 2, 20
"""Executions of a stage, requests, log tails, and inputs asked for that are shown."""


def project_board(snapshot: Snapshot, view: ProjectView) -> str:
    """`projects/<id>/README.md`."""
    now, stages = project_state(snapshot, view), stage_states(snapshot, view)
    facts = [f"project {code(view.id)}", f"pipeline {text(now.pipeline)}"]
    if view.project and view.project.tags:
        facts.append(f"tags {text(', '.join(view.project.tags))}")
    lines = [
        f"# {title(view)}",
        "",
        " · ".join(part for part in (strip(stages), word(now.state), why(now)) if part),
        "",
    ]
    lines += [" · ".join(facts), "", *_next(view, now), *_stages(view, stages), *_tails(view, stages)]
    return "\n".join([*lines, *_results(view), *_history(view), *_requests(view)])


# what to do


def _next(view: ProjectView, now: ProjectState) -> list[str]:
    """The file that answers, or that goes on."""
    if view.deletion or view.damage:
        return []
    if now.state == "needs_input":
        asked = steps_of(view).asked
        return _wish(view, "answer", "To answer", now.stage, asked[0].asks if asked else {})
    if now.pauses and now.pauses.undo:
        return _wish(view, "resume", "To take the pause back", None, {})
    return _wish(view, "resume", "To go on", None, {}) if now.state in ("failed", "paused") and now.stage else []


def _wish(view: ProjectView, kind: str, intent: str, stage: str | None, asks: Mapping[str, Input]) -> list[str]:
    file = layout.request(view.id, layout.request_name(view.last_seq + len(view.unanswered) + 1, kind))
    needed = "".join(f" --input {name}=…" for name, spec in islice(asks.items(), ASKED) if spec.required)
    typed = code(f"winslowctl {kind} {view.id}{needed}", LONGEST)
    told = [
        f"- {code(name)} {text(spec.description)}" for name, spec in islice(asks.items(), ASKED) if spec.description
    ]
    wishes = [f"request: {kind}", *([f"stage: {stage}"] if stage else []), *_inputs(asks)]
    head = f"{intent}, commit {code(file, LONGEST)} on {code('main')}, or run {typed}:"
    return [head, "", *told, *([""] if told else []), *block(wishes, "yaml")]


def _inputs(asks: Mapping[str, Input]) -> list[str]:
    """Defaults as they are; what has to be given is left empty, what need not be stands behind a #."""
    lines = [_line(name, spec) for name, spec in islice(asks.items(), ASKED)]
    return ["inputs:" if any(not line.startswith("  #") for line in lines) else "# inputs:", *lines] if lines else []


def _line(name: str, spec: Input) -> str:
    given = json.dumps(spec.default) if spec.default is not None else ""
    if spec.required:
        return f"  {name}:   # {spec.type}"
    return f"  {name}: {given}" if given and len(given) <= LONGEST else f"  # {name}: {spec.type}"


# stages and the end of their logs


def _stages(view: ProjectView, stages: Sequence[StageState]) -> list[str]:
    records = (view.execution(stage.execution) if stage.execution else None for stage in stages)
    rows = (
        [text(stage.stage), word(stage.state), _number(record), result(record), text(stage.text)]
        for stage, record in zip(stages, records, strict=True)
    )
    return table(("stage", "state", "execution", "result", "why"), rows, len(stages))


def _number(record: Execution | None) -> str:
    return link(str(record.execution), f"executions/{_file(record)}.yaml") if record else ""


def _file(record: Execution) -> str:
    return f"{record.execution:04d}-{record.slot}"


def _tails(view: ProjectView, stages: Sequence[StageState]) -> list[str]:
    """How the logs of the stages end that did not succeed."""
    records = (view.execution(stage.execution) for stage in stages if stage.execution)
    ended = [record for record in records if record and record.log and record.log.tail][-TAILS:]
    return [line for record in ended for line in _tail(record)]


def _tail(record: Execution) -> list[str]:
    log = link("whole log", f"logs/{_file(record)}.txt")
    return [
        f"## End of {text(record.stage)}, execution {record.execution} ({log})",
        "",
        *block(record.log.tail if record.log else ()),
    ]


# what came out


def _results(view: ProjectView) -> list[str]:
    """Files to look at, by the names that the pipeline gives them."""
    told = [
        f"- {text(stage)}, execution {number}: {', '.join(map(text, names))}"
        for stage, number, names in to_look_at(view)
    ]
    return ["## Results", "", *told, ""] if told else []


# history


def _history(view: ProjectView) -> list[str]:
    rows = table(
        ("stage", "execution", "state", "changed", "result", "node", "files"), _all_runs(view), len(view.executions)
    )
    return ["## History", "", *rows] if rows else []


def _all_runs(view: ProjectView) -> Iterator[list[str]]:
    """By stage, in the pipeline's order; of each the newest first."""
    outdated, by_stage = stale(view), dict[str, list[Execution]]()
    for record in view.executions:
        by_stage.setdefault(record.stage, []).append(record)
    pipeline = view.definition or view.pipeline
    names = [stage.name for stage in pipeline.stages] if pipeline else []
    for stage in names + sorted(by_stage.keys() - set(names)):
        yield from _runs(stage, by_stage.get(stage, []), outdated)


def _runs(stage: str, runs: Sequence[Execution], outdated: frozenset[int]) -> Iterator[list[str]]:
    """Each with what was changed since the one before."""
    for place in range(len(runs) - 1, max(-1, len(runs) - 1 - RUNS), -1):
        record, before = runs[place], runs[place - 1] if place else None
        state = "stale" if record.execution in outdated else str(record.state)
        reason = f" {text(record.reason)}" if record.reason else ""
        name = text(stage) if place == len(runs) - 1 else ""
        changed = _changed(before, record)
        yield [
            name,
            _number(record),
            word(state) + reason,
            changed,
            result(record),
            text(record.claim.node),
            _files(record),
        ]


def _files(record: Execution) -> str:
    found = [link("log", f"logs/{_file(record)}.txt")] if record.log and record.log.lines else []
    if record.artifacts:
        found.append(link(f"{record.artifacts} files", f"artifacts/{_file(record)}.json"))
    return " ".join(found)


def _changed(before: Execution | None, after: Execution) -> str:
    """Inputs and environment of people, where they differ; a recording by its digest, if both are known."""
    if before is None:
        return ""
    old, new = _settings(before), _settings(after)
    changed = [f"{name}={plain(value)}" for name, value in new.items() if not _same(old.get(name), value)]
    gone = [f"{name} taken out" for name in old if name not in new]
    return " ".join(code(each) for each in [*changed, *gone][:6])


def _settings(record: Execution) -> dict[str, object]:
    env: dict[str, object] = {}
    for layer in ("pipeline", "stage", "project", "request"):
        env |= {f"env {name}": value for name, value in record.env.get(layer, {}).items()}
    return {**record.inputs, **env}


def _same(old: object, new: object) -> bool:
    """A file that is not hashed yet is its path."""
    if isinstance(old, FileInput) and isinstance(new, FileInput):
        return (old.path, old.digest) == (new.path, new.digest)
    return plain(old) == plain(new)


def _requests(view: ProjectView) -> list[str]:
    rows = (
        [link(text(reply.request, 80), f"replies/{reply.request}") if _fit(reply.request) else text(reply.request, 80),
         text(reply.kind), text(reply.stage or ""), text(reply.by.partition(" <")[0], 60),
         "accepted" if reply.accepted else f"rejected: {text(reply.text)}", text(reply.comment)]
        for reply in islice(reversed(view.replies), REQUESTS)
    )  # fmt: skip
    heads = ("request", "asks to", "stage", "by", "reply", "comment")
    shown = table(heads, rows, len(view.replies))
    return ["## Requests", "", *shown] if shown else []


def _fit(name: str) -> bool:
    """People name requests; only a plain name may become the target of a link."""
    return name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum()
