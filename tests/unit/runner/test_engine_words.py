"""N4: an engine that is not there is told in the system's own words, not in those of the libraries around it."""

import pytest

from runner.contract.errors import EngineUnavailable
from runner.docker.engine import connect


@pytest.mark.parametrize(
    ("address", "why"),
    [("unix:///nowhere.sock", "No such file or directory"), ("tcp://127.0.0.1:1", "Connection refused")],
)
def test_N4_an_engine_that_is_away_is_told_in_plain_words(
    address: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EngineUnavailable) as told:
        connect()
    assert f"the Docker Engine at {address} does not answer ({why}): start it" in str(told.value)
