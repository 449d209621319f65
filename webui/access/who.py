"""Who asks, and what they may: the gate puts a person into the scope of every request it lets through.

| role | may |
|---|---|
| reader | look at everything |
| operator | ask (start, pause, answer ...), make and change projects, put files, drain nodes, propose pipelines |
| admin | also change pipelines on `main`, delete projects, remove files |

A role holds all of those before it.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

KEY = "winslow.person"


class Role(IntEnum):
    NOBODY = 0
    READER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Person:
    """`author` is `Name <address>`, as commits carry it. `login` is empty where nobody has to log in."""

    author: str
    role: Role
    login: str = ""

    @property
    def name(self) -> str:
        return self.author.partition(" <")[0]

    def may(self, role: Role) -> bool:
        return self.role >= role


class NotAllowed(Exception):
    """The person's role does not reach; the text says which would."""

    def __init__(self, person: Person, needed: Role, what: str) -> None:
        article = "an" if needed.word[0] in "ao" else "a"
        super().__init__(f"{what} needs the role of {article} {needed.word}; {person.name} is {person.role.word}")


def person_in(scope: MutableMapping[str, Any]) -> Person:
    """KeyError where a request came past the gate: that is a mistake of ours."""
    return scope[KEY]  # type: ignore[no-any-return]


def need(scope: MutableMapping[str, Any], role: Role, what: str) -> Person:
    """The person. NotAllowed."""
    person = person_in(scope)
    if not person.may(role):
        raise NotAllowed(person, role, what)
    return person
