"""What befalls one simulated world, numbered as it comes, so that a run can be repeated with a part of it only."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Misfortune:
    """`at`: seconds of virtual time; `whom`: the machine, or nothing where it is everybody."""

    number: int
    at: float
    whom: str
    what: str

    def __str__(self) -> str:
        return f"{self.number:>5}  {self.at:7.1f} s  {self.whom or '-':<4} {self.what}"


@dataclass
class Schedule:
    """`kept`: the numbers that come true; all of them where nobody has chosen. What is left out keeps its number."""

    kept: frozenset[int] | None = None
    befell: list[Misfortune] = field(default_factory=list)
    count: int = 0

    def falls(self, at: float, whom: str, what: str) -> bool:
        """Whether this comes true in this run."""
        number, self.count = self.count, self.count + 1
        if self.kept is not None and number not in self.kept:
            return False
        self.befell.append(Misfortune(number, at, whom, what))
        return True
