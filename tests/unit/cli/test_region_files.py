"""`--input roi=@file.json` reads the file of a region, and of nothing else."""

from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.region_files import MOST_BYTES, specs_of, with_files
from schema.binding import read
from schema.inputs import fit
from schema.pipeline import Pipeline

PIPELINE = read(
    Pipeline,
    "name: p\ninputs: {area: {type: region}, note: {type: string}}\n"
    "stages: [{name: review, when: manual, inputs: {lanes: {type: region, shapes: [line]}}}]\n",
    "p.yaml",
)
LANES = '{"shapes": [{"kind": "line", "points": [[1, 2.5], [3, 4]]}]}'


def test_P7_a_region_is_given_as_a_file_at_a_start_and_at_a_gate(tmp_path: Path) -> None:
    file = tmp_path / "lanes.json"
    file.write_text(f"\ufeff{LANES}\n")
    specs = specs_of(PIPELINE, None)
    given = with_files({"area": f"@{file}", "lanes": f"@{file}", "note": f"@{file}", "x": "@y"}, specs)
    assert given == {"area": LANES, "lanes": LANES, "note": f"@{file}", "x": "@y"}
    assert fit(specs["lanes"], given["lanes"], "lanes") == LANES


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"\xff\xff", "no UTF-8"), (b" " * (MOST_BYTES + 1), "larger")]
)
def test_P7_a_file_that_is_none_says_so(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "lanes.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=said):
        with_files({"area": f"@{file}"}, specs_of(PIPELINE))
