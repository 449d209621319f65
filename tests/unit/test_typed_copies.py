"""The checker holds each entry of `model_copy(update=…)` to its field."""

from pathlib import Path

from mypy import api

PLUGIN = Path(__file__).parents[2] / "scripts" / "typed_copies.py"
MODULE = """
from pydantic import BaseModel

class Parcel(BaseModel):
    weight: float
    to: str | None = None

parcel = Parcel(weight=1)
more = {"weight": 2.0}
parcel.model_copy(update={"weight": 2, "to": None})
parcel.model_copy(update={"weight": 2} | {"to": "x"})
parcel.model_copy(update={"wieght": 2})
parcel.model_copy(update={"weight": "2"})
parcel.model_copy(update=more)
parcel.model_copy(update={**more, "to": "x"})
"""


def test_an_update_names_fields_and_gives_values_of_their_types(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nplugins = {PLUGIN}\ncache_dir = {tmp_path / 'cache'}\n")
    (tmp_path / "parcel.py").write_text(MODULE.lstrip())
    said, mistakes, _ = api.run(["--config-file", str(tmp_path / "mypy.ini"), str(tmp_path / "parcel.py")])
    assert mistakes == ""
    at = {int(line.split(":")[1]): line for line in said.splitlines() if ": error: " in line}
    assert sorted(at) == [10, 11, 12, 13, 14]
    assert 'no field "wieght"' in at[11]
    assert '"weight" of "Parcel" is given "str", and takes "float"' in at[12]
    assert all("is written as" in at[line] for line in (10, 13, 14))
