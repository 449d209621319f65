"""Workspaces of a whole node: nothing is copied, nothing earlier is changed, nothing is left behind."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import durable
from runner.store import overlay
from runner.store.digests import of_bytes
from runner.store.tree import Tree
from runner.store.workspaces import Workspaces
from schema.execution import State
from schema.reasons import End
from tests.integration.node.lab import Lab, stage

Make = Callable[..., Lab]
FIRST = "os.makedirs('d/e'); [open(p, 'w').write(p) for p in ('kept', 'changed', 'gone', 'd/e/x')]; os.mkdir('empty')"
SECOND = (
    "import shutil; assert open('changed').read() == 'changed'; open('changed', 'a').write('!'); os.remove('gone'); "
    "shutil.rmtree('d'); open('d', 'w').write('now a file'); os.symlink('kept', 'link'); os.chmod('kept', 0o755)"
)


def store(lab: Lab, data: str = "n1") -> Workspaces:
    return Workspaces(lab.folder / data)


def contents(tree: Tree) -> dict[str, str]:
    return {row.path: tree.read(row.path, 100).decode() for row in tree.files()}


def left_behind(lab: Lab, data: str) -> list[str]:
    names = ("lower", "upper", "work", "workspace")
    folders = [path for name in names for path in lab.folder.glob(f"{data}/projects/*/*/{name}")]
    trash = [*lab.folder.glob(f"{data}/store/trash/*"), *lab.folder.glob(f"{data}/store/tmp/*")]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(lab.folder) in line]
    return [*map(str, folders), *map(str, trash), *mounts]


def check(lab: Lab, data: str = "n1") -> None:
    """Both executions of `pipeline`, as records and on disk."""
    first, second = lab.until_reason("Done").executions
    assert first.result is not None
    assert second.result is not None
    assert second.workspace.source == 1
    assert second.workspace.manifest == first.result.manifest
    looked = store(lab, data)
    before, after = looked.tree(first.result.manifest or ""), looked.tree(second.result.manifest or "")
    assert contents(before) == {name: name for name in ("kept", "changed", "gone", "d/e/x")}
    assert contents(after) == {"kept": "kept", "changed": "changed!", "d": "now a file"}
    assert (after.rows["link"].value, after.rows["kept"].kind, "empty" in after.rows) == ("kept", "x", True)
    assert left_behind(lab, data) == []


def pipeline(lab: Make, **options: str) -> Lab:
    return lab(stage("one", FIRST) + stage("two", SECOND), **options)


def test_a_stage_changes_what_the_one_before_left_and_not_its_result(lab: Make) -> None:
    here = pipeline(lab)
    here.node()
    here.ask("request: start\n")
    check(here)
    note = durable.read(store(here).folder("v", 2) / "workspace.json")
    assert note["overlay"] == (overlay.probe(here.folder) is None)


def test_where_no_overlay_can_be_the_same_is_done_with_copies(lab: Make) -> None:
    """The comma cannot stand in mount options."""
    here = pipeline(lab)
    here.node_in("n1", "n,1")
    here.ask("request: start\n")
    check(here, "n,1")
    assert (here.folder / "n,1.log").read_text().count("workspaces are copied, not overlaid: ") == 1


@pytest.mark.parametrize(
    "failpoint",
    [f"workspace-{place}:{count}" for place in ("linked", "ready", "hashed", "kept") for count in (1, 2)],
)
def test_F12_a_node_killed_at_its_workspaces_repairs_them(lab: Make, failpoint: str) -> None:
    if "linked" in failpoint and os.geteuid() != 0:
        pytest.skip("only overlays are linked")
    here = pipeline(lab)
    first = here.node(failpoint=failpoint)
    here.ask("request: start\n")
    assert first.died()
    here.node()
    check(here)


def test_a_running_stage_shows_its_files_and_a_retry_does_not_see_them(lab: Make) -> None:
    program = (
        "assert not os.path.exists('half'); open('half', 'w').write('half'); print('up', flush=True); "
        "time.sleep(600 if os.environ['WINSLOW_ATTEMPT'] == '1' else 0)"
    )
    here = lab(stage("one", program, retry="{max: 1, when: [timeout], backoff: 0s}", timeout="2s"))
    here.node()
    here.ask("request: start\n")
    here.until_state(State.RUNNING)
    tree = store(here).look("v", 1)
    assert tree.changing
    failed, succeeded = here.until_reason("Done").executions
    assert (failed.state, succeeded.state) == (State.FAILED, State.SUCCEEDED)
    assert failed.result is not None
    assert contents(store(here).tree(failed.result.manifest or "")) == {"half": "half"}


def test_very_many_small_files_are_kept_and_laid_out_for_the_next_stage(lab: Make) -> None:
    """As many as a test has time for: `python -m benchmarks edges` takes a hundred thousand."""
    many = 10_000
    makes = (
        "[os.mkdir(str(n)) for n in range(100)]; "
        f"[open(f'{{n % 100}}/{{n}}', 'w').write(str(n)) for n in range({many})]"
    )
    changes = (
        f"assert sum(len(names) for _, _, names in os.walk('.')) == {many}; "
        "[open(f'{n}/{n}', 'a').write('!') for n in range(10)]; os.remove('50/50')"
    )
    here = lab(stage("one", makes) + stage("two", changes))
    here.node()
    here.ask("request: start\n")
    one, two = here.until_reason("Done").executions
    assert [one.state, two.state] == [State.SUCCEEDED] * 2
    assert one.result
    assert two.result
    before, after = (store(here).manifest(each.result.manifest or "").rows for each in (one, two) if each.result)
    assert {path: row.value for path, row in before.items() if row.kind.content} == {
        f"{number % 100}/{number}": of_bytes(b"%d" % number) for number in range(many)
    }
    changed = {f"{number}/{number}": of_bytes(b"%d!" % number) for number in range(10)}
    assert {path: row.value for path, row in after.items() if row != before.get(path)} == changed
    assert before.keys() - after.keys() == {"50/50"}


def test_redo_begins_with_the_state_of_then(lab: Make) -> None:
    here = lab(stage("count", "n = len(os.listdir('.')); open(f'f{n}', 'w')"))
    here.node()
    here.ask("request: start\n")
    here.until_reason("Done")
    here.ask("request: start\nworkspace: {from: 1}\n")
    here.until(lambda view: len(view.executions) == 2 and view.executions[-1].state.ended)
    here.ask("request: start\nworkspace: {from: 1}\n")
    view = here.until(lambda view: len(view.executions) == 3 and view.executions[-1].state.ended)
    one, two, three = (record.result.manifest if record.result else None for record in view.executions)
    assert two == three != one


def test_deleting_a_project_frees_its_objects_and_keeps_those_of_others(lab: Make) -> None:
    here = lab(stage("one", "open('same', 'w').write('same'); open('own', 'w').write(os.environ['WINSLOW_PROJECT'])"))
    here.edit({"projects/w/project.yaml": "pipeline: p\n"})
    here.node()
    for project in ("v", "w"):
        here.ask("request: start\n", project)
        here.until_reason("Done", project)
    tree = store(here).look("w", 1)
    here.edit({"projects/v/": None}, "delete v\n\nWinslow-Delete: now\n")
    objects = store(here).objects
    here.until(lambda _: len(list(objects.folder.glob("*/*"))) == 4, "w")  # two files, two manifests
    assert contents(tree) == {"same": "same", "own": "w"}


def test_a_person_replaces_a_file_before_the_next_stage(lab: Make) -> None:
    """And a redo of that stage begins with the same; execution 1 stays as it was."""
    here = lab(stage("one", FIRST) + stage("two", "print(open('kept').read(), sorted(os.listdir('.')))"))
    here.node()
    here.ask("request: start\nthen: pause\n")
    here.until_reason("PauseRequested")
    added = store(here).add(io.BytesIO(b"by hand"))
    changes = f"add: {{kept: '{added.digest}'}}, remove: [d, gone]"
    here.ask(f"request: start\nstage: two\nworkspace: {{from: 1, {changes}}}\n")
    here.until_reason("Done")
    here.ask("request: start\nstage: two\n")
    view = here.until(lambda view: len(view.executions) == 3 and view.executions[-1].state.ended)
    for record in view.executions[1:]:
        log = here.repository.read_text(f"projects/v/logs/{record.execution:04d}-two.txt") or ""
        assert log.rstrip().endswith("by hand ['changed', 'empty', 'kept']")
        assert (record.workspace.source, record.workspace.add) == (1, {"kept": added.digest})
    second, third = view.executions[1:]
    assert second.workspace.manifest == third.workspace.manifest != view.executions[0].result.manifest  # type: ignore
    assert contents(store(here).look("v", 1))["kept"] == "kept"


def test_a_content_that_the_node_does_not_have_is_a_clear_failure(lab: Make) -> None:
    here = lab(stage("one", FIRST))
    here.node()
    here.ask("request: start\n")
    here.until_reason("Done")
    here.ask(f"request: start\nworkspace: {{from: 1, add: {{a: 'blake3:{'0' * 64}'}}}}\n")
    [_, failed] = here.until_reason("Failed").executions
    assert (failed.reason, "has no object" in failed.text) == (End.INVALID_INPUT, True)
