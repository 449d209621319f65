"""I6: labels of images make no container a service, and name no folder."""

from pathlib import Path
from typing import Any

import pytest

from runner import durable
from runner.contract.labels import Owner, for_service
from runner.docker.docker_ids import ContainerIds, is_service

OWNER = Owner("r", "n", "i")
RUN = "0" * 32


def entry(name: str = f"winslow-{RUN}-db", **labels: str) -> dict[str, Any]:
    told = {f"winslow.{key.replace('_', '.')}": value for key, value in labels.items()}
    made = OWNER.labels() | {"winslow.service": "db", "winslow.service.of": RUN} | told
    return {"Id": "1", "Names": [f"/{name}"], "Labels": made, "State": "running"}


def test_I6_a_service_is_known_by_its_name_or_by_the_id_that_was_noted(tmp_path: Path) -> None:
    assert is_service(entry(), tmp_path)
    assert not is_service(entry("mine"), tmp_path)
    (tmp_path / RUN).mkdir()
    durable.write(tmp_path / RUN / "services.json", {"services": {"db": {"id": "1"}}})
    assert is_service(entry("mine"), tmp_path)
    assert not is_service({**entry("mine"), "Id": "2"}, tmp_path)


@pytest.mark.parametrize(
    "hostile",
    [
        {"service": "../../../etc/x"},
        {"service_of": "../../etc"},
        {"service_of": ".."},
        {"service": ""},
        {"claim": "1" * 32},
    ],
)
def test_I6_a_stage_whose_image_is_labelled_as_a_service_is_none(tmp_path: Path, hostile: dict[str, str]) -> None:
    one = entry(**hostile)
    one["Names"] = [f"/winslow-{one['Labels']['winslow.service.of']}-{one['Labels']['winslow.service']}"]
    ids = ContainerIds(lambda: engine, OWNER, tmp_path)

    class engine:
        class api:
            containers = staticmethod(lambda **_: [one])

    ids.all()
    assert ids.services == {}


def test_I6_the_labels_of_a_service_s_image_do_not_make_it_a_stage() -> None:
    image = {"winslow.claim": RUN, "winslow.gpus": "GPU-1"}
    assert ({**image, **for_service(OWNER, {}, RUN, "db")}["winslow.claim"]) == ""
    assert ({**image, **for_service(OWNER, {}, RUN, "db")}["winslow.gpus"]) == ""
