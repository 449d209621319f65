"""What a node says of a push that did not land."""

from controller.loop.server_backoff import declined
from state.contract.repository import Rejection


def test_a_full_disk_of_this_machine_is_not_the_servers_doing() -> None:
    said = declined("a push", Rejection.NOT_SENT, "the commit could not be built: No space left on device")
    assert said.startswith("a push could not be sent from this machine: the commit could not be built: No space left")
    assert "server" not in said


def test_what_the_server_said_is_the_servers() -> None:
    assert declined("a heartbeat", Rejection.HOOK, "no") == "the server declined a heartbeat (hook): no"
