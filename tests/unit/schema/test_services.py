"""I6: services as they are written, and what is said of those that cannot be."""

import pytest

from schema.binding import read
from schema.errors import DocumentError
from schema.pipeline import Pipeline


def parsed(services: str, more: str = "") -> Pipeline:
    text = f"name: p\nstages:\n  - {{name: a, image: i, services: [{services}]{more}}}\n"
    return read(Pipeline, text, "p.yaml")


def test_a_service_needs_a_name_and_an_image() -> None:
    [service] = parsed("{name: db, image: 'postgres:16', ready: {tcp: 5432}, timeout: 2m}").stages[0].services
    assert (service.timeout, service.ready and service.ready.tcp) == (120.0, 5432)
    assert (service.resources.cpus, service.resources.memory, service.resources.limits) == (1.0, 2**30, frozenset())


@pytest.mark.parametrize(
    ("services", "more", "said"),
    [
        ("{name: db}", "", "image"),
        ("{name: DB, image: x}", "", "the name of a host"),
        ("{name: -x, image: x}", "", "the name of a host"),
        ("{name: 'a b', image: x}", "", "the name of a host"),
        ("{name: a/../b, image: x}", "", "the name of a host"),
        ("{name: localhost, image: x}", "", "means something else already"),
        ("{name: db, image: x}, {name: db, image: y}", "", "two services are called 'db'"),
        ("{name: db, image: x, ready: {tcp: 0}}", "", "at least 1 is wanted"),
        ("{name: db, image: x, ready: {http: /}}", "", "http"),
        ("{name: db, image: x, timeout: 2h}", "", "an hour at most"),
        ("{name: db, image: x, timeout: 0s}", "", "it would be ended at once"),
        ("{name: db, image: x, command: []}", "", "no command"),
        ("{name: db, image: x, volumes: ['a:/b']}", "", "volumes"),
        ("{name: db, image: x, secrets: [A]}", "", "secrets"),
        ("{name: db, image: x, ports: ['80:80']}", "", "ports"),
        ("{name: db, image: x, privileged: true}", "", "privileged"),
        ("{name: db, image: x, env: {'A=B': c}}", "", "a name (letters"),
        ("{name: db, image: x}", ", cache: true", "`cache` is for stages without"),
        (", ".join(f"{{name: s{n}, image: x}}" for n in range(9)), "", "at most 8"),
    ],
)
def test_I6_what_cannot_be_is_told_with_its_place(services: str, more: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parsed(services, more)
    assert "p.yaml:3:" in str(caught.value)
    assert said in str(caught.value)


def test_a_gate_has_no_services() -> None:
    with pytest.raises(DocumentError, match="`services` are for stages that run"):
        read(Pipeline, "name: p\nstages: [{name: a, when: manual, services: [{name: db, image: x}]}]\n", "p.yaml")
