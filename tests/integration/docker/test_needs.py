"""What a join needs lies beside its workspace in a container, of every branch and point, and cannot be written."""

import pytest

from runner.store.workspaces import Workspaces
from schema.execution import State
from tests.integration.docker.test_node import define, lab
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
STAGES = """
  - {name: cut, image: host/python, command: [python, -c, "open('cut', 'w').write('cut')"]}
  - {name: left, image: host/python, needs: [cut], command: [python, -c, "open('same', 'w').write('left')"]}
  - name: parts
    image: host/python
    needs: [cut]
    parallel: {matrix: {part: [1, 2]}}
    command: [python, -c, "import os; open('same', 'w').write(open('cut').read() + os.environ['INPUT_PART'])"]
  - name: join
    image: host/python
    needs: [left, parts]
    command: [sh, -c, "cat $WINSLOW_NEEDS/left/same $WINSLOW_NEEDS/parts/1/same $WINSLOW_NEEDS/parts/2/same > all;
      echo spoilt > $WINSLOW_NEEDS/left/same || echo refused >> all; cat same >> all"]
"""


def test_G3_a_join_in_a_container_sees_what_every_branch_left_and_changes_none_of_it(lab: Lab) -> None:
    define(lab, STAGES)
    lab.node()
    lab.ask("request: start\n")
    view = lab.until_reason("Done")
    assert {record.state for record in view.executions} == {State.SUCCEEDED}
    store = Workspaces(lab.folder / "n1")

    def text(slot: str, path: str) -> str:
        [record] = [each for each in view.executions if each.slot == slot]
        assert record.result
        assert record.result.manifest
        return store.tree(record.result.manifest).read(path, 1000).decode()

    assert text("join", "all") == "leftcut1cut2refused\nleft"
    assert text("left", "same") == "left"
    assert [text(f"parts.{point}", "same") for point in (1, 2)] == ["cut1", "cut2"]


__all__ = ["lab"]
