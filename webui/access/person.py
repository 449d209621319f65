"""Who asks, and what they may: the gate puts a person into the scope of every request it lets through."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from schema.access import Role

KEY, STILL = "winslow.person", "winslow.still"


@dataclass(frozen=True, slots=True)
class Person:
    """`author` is `Name <address>`, as commits carry it. `login` is empty where nobody has to log in.

    `wall`: a screen that may look at `/wall`, and at nothing else.
    """

    author: str
    role: Role
    login: str = ""
    wall: bool = False

    @property
    def name(self) -> str:
        return self.author.partition(" <")[0]

    def may(self, role: Role) -> bool:
        return self.role >= role


NOBODY = Person("nobody <nobody@winslow.invalid>", Role.NOBODY)
"""Who has not logged in, at the few places where that is not needed."""


class NotAllowed(Exception):
    """The person's role does not reach; the text says which would."""

    def __init__(self, person: Person, needed: Role, what: str) -> None:
        article = "an" if needed.word[0] in "ao" else "a"
        super().__init__(f"{what} needs the role of {article} {needed.word}; {person.name} is {person.role.word}")


def person_in(scope: MutableMapping[str, Any]) -> Person:
    """KeyError where a request came past the gate: that is a mistake of ours."""
    return scope[KEY]  # type: ignore[no-any-return]


def still(scope: MutableMapping[str, Any]) -> bool:
    """Whether who asked would be let in now as well: streams look again now and then."""
    return bool(scope[STILL]())


def need(scope: MutableMapping[str, Any], role: Role, what: str) -> Person:
    """The person. NotAllowed."""
    person = person_in(scope)
    if not person.may(role):
        raise NotAllowed(person, role, what)
    return person


__all__ = ["KEY", "NOBODY", "STILL", "NotAllowed", "Person", "Role", "need", "person_in", "still"]
