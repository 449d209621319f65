"""Who may do what on the page: `access` in `winslow.yaml`. Who somebody is, the page finds out, not the repository."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Annotated

from pydantic import StringConstraints

from schema.base import Wanted

WHO = (
    r"^(\*|user:[a-z0-9][a-z0-9._-]{0,62}|group:[A-Za-z0-9_][A-Za-z0-9_./-]{0,254}"
    r"|(\*|[!-9;-?A-~]{1,64})@[A-Za-z0-9.-]{1,253})$"
)

Who = Annotated[str, StringConstraints(pattern=WHO)]
"""`user:ada` of this node's users, `group:lab/traffic` of GitLab's groups and all below it, `ada@example.org`,
`*@example.org`, or `*`: everyone who can log in."""


class Role(IntEnum):
    """A role holds all of those before it.

    | role | may |
    |---|---|
    | reader | look at everything |
    | operator | ask (start, pause, answer …), make and change projects, put files, drain nodes, propose pipelines |
    | admin | also change pipelines on `main`, delete projects, remove and replace files |
    """

    NOBODY = 0
    READER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Access(Wanted):
    reader: tuple[Who, ...] = ()
    operator: tuple[Who, ...] = ()
    admin: tuple[Who, ...] = ()

    @property
    def said(self) -> bool:
        return bool(self.reader or self.operator or self.admin)

    def role(self, names: Iterable[str]) -> Role:
        """The highest of somebody who goes by all these names (`user:…`, `group:…`, `mail:…`)."""
        known = tuple(names)
        given = ((Role.ADMIN, self.admin), (Role.OPERATOR, self.operator), (Role.READER, self.reader))
        meant = (role for role, who in given if any(fits(each, name) for each in who for name in known))
        return next(meant, Role.NOBODY)


def fits(who: str, name: str) -> bool:
    """Whether somebody called `name` (`user:…`, `group:…` or `mail:…`) is meant. Each kind means its own only."""
    kind, _, rest = name.partition(":")
    if who == "*":
        return True
    if who.startswith("group:"):
        return kind == "group" and (rest == who[6:] or rest.startswith(f"{who[6:]}/"))
    if who.startswith("user:"):
        return name == who
    if kind != "mail" or not rest.isascii():
        return False
    return rest.lower().endswith(who[1:].lower()) if who.startswith("*@") else rest.lower() == who.lower()
