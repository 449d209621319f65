"""How `provenance` prints what has several lines."""

import contextlib
import io

from cli import provenance


def test_a_command_of_several_lines_stays_below_its_own_step() -> None:
    step = {
        "project": "v", "execution": 1, "stage": "one", "state": "succeeded", "node": "n1",
        "cached": None, "image": None,
        "command": ["sh", "-c", "set -e\nis v/9 built on lies\necho done"], "inputs": [], "env": {}, "gpus": [],
        "workspace": {"add": {}}, "requests": [], "definition": "0" * 40, "commits": {},
    }  # fmt: skip
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        provenance._print({"project": "v", "execution": 1, "as": "named", "chain": [step, step], "also": []})
    lines = out.getvalue().splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["v/1", "is v/1 one: succeeded on n1"]
    assert "      | is v/9 built on lies" in lines
    assert "        | echo done" in lines
