"""One value of a text is changed; every other character stays."""

import pytest

from schema.codec import Path, load
from schema.text_edits import appended, changed, inline, without_item

TEXT = """# of the lab
name: p   # its name
inputs: {}
stages:
  # the first
  - name: detect   # finds
    image: host/x
    command:
      - echo
      - hi
    # of the next key
    resources: {cpus: 2, gpus: 0}
  - {name: merge, image: host/y, needs: [detect]}

  # the end
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("stages", 0, "image"), "host/z", "image: host/x", "image: host/z"),
        (("stages", 0, "command"), ["a b", "c"], "command:\n      - echo\n      - hi", "command: [a b, c]"),
        (("stages", 0, "command"), None, "    command:\n      - echo\n      - hi\n", ""),
        (("stages", 0, "resources", "cpus"), 4, "cpus: 2", "cpus: 4"),
        (("stages", 0, "resources", "cpus"), None, "{cpus: 2, gpus: 0}", "{gpus: 0}"),
        (("stages", 0, "resources", "gpus"), None, "{cpus: 2, gpus: 0}", "{cpus: 2}"),
        (("stages", 0, "resources", "memory"), "2GiB", "gpus: 0}", "gpus: 0, memory: 2GiB}"),
        (("stages", 0, "when"), "always", "gpus: 0}\n", "gpus: 0}\n    when: always\n"),
        (("stages", 1, "resources", "cpus"), 1, "[detect]}", "[detect], resources: {cpus: 1}}"),
        (("stages", 1, "image"), None, "image: host/y, ", ""),
        (("stages", 1, "needs"), None, ", needs: [detect]", ""),
        (("description",), "counts: all", "stages:", 'description: "counts: all"\nstages:'),
        (("inputs", "video"), {"type": "file"}, "inputs: {}", "inputs: {video: {type: file}}"),
        (("nothing",), None, "name", "name"),
        (("stages", 0, "name"), "find", "name: detect   # finds", "name: find   # finds"),
    ],
)  # fmt: skip
def test_P6_one_value_changes_and_the_rest_stays(
    path: tuple[str | int, ...], value: object, old: str, new: str
) -> None:
    made = changed(TEXT, path, value)
    assert made == TEXT.replace(old, new, 1)
    here = load(made, "x").value
    for part in path if value is not None else ():
        here = here[part]
    assert value is None or here == value


@pytest.mark.parametrize(
    ("text", "path", "value", "made"),
    [
        ("a:\n  - image: x\n    name: y\n", ("a", 0, "image"), None, "a:\n  - name: y\n"),
        ("a:\n  b: 1\nc: 2\n", ("a", "b"), None, "a:\n  {}\nc: 2\n"),
        ("a:\n  b: |\n    x\n    y\n\nc: 2\n", ("a", "b"), "z", "a:\n  b: z\n\nc: 2\n"),
        ("a:\nc: 2\n", ("a", "b"), 1, "a: {b: 1}\nc: 2\n"),
        ("a:\nc: 2\n", ("a",), "t", "a: t\nc: 2\n"),
        ("a: 1", ("b",), 2, "a: 1\nb: 2"),
        ("ä: 1 # ö\nb: ü\n", ("b",), "ß", "ä: 1 # ö\nb: ß\n"),
    ],
)
def test_P6_keys_go_and_come_in_every_style(text: str, path: Path, value: object, made: str) -> None:
    assert changed(text, path, value) == made


def test_P6_stages_are_appended_and_taken_away() -> None:
    more = appended(TEXT, ("stages",), {"name": "report", "image": "host/r"})
    assert more == TEXT.replace("[detect]}\n", "[detect]}\n  - name: report\n    image: host/r\n")
    assert without_item(more, ("stages", 2)) == TEXT
    assert [each["name"] for each in load(without_item(TEXT, ("stages", 0)), "x").value["stages"]] == ["merge"]
    row = "stages: [{name: a}, {name: b}]\n"
    assert appended(row, ("stages",), {"name": "c"}) == "stages: [{name: a}, {name: b}, {name: c}]\n"
    assert without_item(row, ("stages", 0)) == "stages: [{name: b}]\n"
    assert without_item(row, ("stages", 1)) == "stages: [{name: a}]\n"
    with pytest.raises(ValueError, match="no item"):
        without_item("stages: [{name: a}]\n", ("stages", 0))


@pytest.mark.parametrize(
    "value", ["a", "a: b", "[x", "no", "3", "", "ä\nb", "x" * 300, ["a", "b, c"], {"a": [1, None]}, 0.5, True]
)
def test_P6_what_is_put_in_stands_on_one_line_and_reads_back(value: object) -> None:
    line = inline(value)
    assert "\n" not in line
    assert load(f"a: [{line}]\n", "x").value == {"a": [value]}
