"""What the owner of a machine wants of it in this round, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnerWord:
    """`why`: it takes nothing new, and what may be interrupted ends. `settled`: a wish whose time is over.

    `ends_all`: why everything that runs here ends now.
    """

    why: str = ""
    settled: str = ""
    ends_all: str = ""


NOTHING_WANTED = OwnerWord()
