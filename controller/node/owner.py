"""Whether the owner of this machine wants it for himself: he works on it, has asked for it, or keeps certain hours.

Only this node judges that, by its own clock and what stands on its own disk. What others are told changes seldom: once
the owner was seen, the machine is his until nothing was seen of him for `away` seconds. So an owner who comes back
every minute is one who never left, and no stage is started only to be ended a minute later.
"""

import json
import re
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from controller.journal.small_files import Disk
from flow.node.owner_word import OwnerWord
from schema.node import Health, NodeGpu, NodeSettings, TimedWish
from schema.quantities import format_duration

UTMP = Path("/var/run/utmp")
DEVICES = Path("/dev")
_ENTRY = struct.Struct("=h2xi32s4s32s256s52x")
_USER_PROCESS = 7
MOST_BYTES = 1 << 20
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))? )?([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
WISHES = "wishes.json"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """On these days of the week (0: Monday), minutes of the day; over midnight where `end` is not after `begin`."""

    days: frozenset[int]
    begin: int
    end: int
    text: str

    def hold(self, moment: time.struct_time) -> bool:
        minute, today = moment.tm_hour * 60 + moment.tm_min, moment.tm_wday
        if self.begin < self.end:
            return today in self.days and self.begin <= minute < self.end
        return (today in self.days and minute >= self.begin) or ((today - 1) % 7 in self.days and minute < self.end)


def quiet_hours(text: str) -> QuietHours:
    """`mon-fri 08:00-18:00`, `sat 10:00-12:00`, `22:00-06:00`. ValueError."""
    match = _HOURS.fullmatch(text.strip().lower())
    first, last = (match[1] or "mon", match[2] or match[1] or "sun") if match else ("", "")
    if match is None or first not in DAYS or last not in DAYS or (match[5] == "24" and match[6] != "00"):
        raise ValueError(f"{text[:40]!r} are no hours; write 'mon-fri 08:00-18:00', 'sat 10:00-12:00' or '22:00-06:00'")
    at, to = DAYS.index(first), DAYS.index(last)
    days = frozenset((at + step) % 7 for step in range((to - at) % 7 + 1))
    return QuietHours(days, int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6]), text.strip())


@dataclass(frozen=True, slots=True)
class OwnerOptions:
    """`watch`: by which signs its owner is seen, of `login` and `gpu`. `away`: seconds without them and he has left."""

    hours: tuple[QuietHours, ...] = ()
    watch: frozenset[str] = frozenset()
    away: float = 900.0


NOT_WATCHED = OwnerOptions()


def sessions(now: float, within: float, utmp: Path = UTMP, devices: Path = DEVICES) -> dict[str, float]:
    """Terminals on which somebody typed within so many seconds, with how many ago that was, and desktops on which
    somebody is logged in: he may be at work at this moment.
    """
    try:
        with utmp.open("rb") as file:
            content = file.read(MOST_BYTES)
    except OSError:
        return {}
    found = dict[str, float]()
    for at in range(0, len(content) - _ENTRY.size + 1, _ENTRY.size):
        kind, pid, line, _, _, _ = _ENTRY.unpack_from(content, at)
        terminal = line.split(b"\0", 1)[0].decode("ascii", "replace")
        if kind != _USER_PROCESS or not Path(f"/proc/{pid}").exists():
            continue
        ago = _idle(terminal, devices, now)
        if ago is not None and ago <= within:
            found[terminal] = ago
    return found


def _idle(terminal: str, devices: Path, now: float) -> float | None:
    """Seconds since somebody typed there; None where that is not known. What is no terminal here is a desktop."""
    if not re.fullmatch(r"[a-z]+/?[0-9]+", terminal):
        return 0.0 if terminal.startswith(":") else None
    with suppress(OSError):
        return max(0.0, now - (devices / terminal).stat().st_atime)
    return None


class OwnerWatch:
    def __init__(
        self,
        options: OwnerOptions,
        disk: Disk,
        boot: Callable[[], float],
        wall: Callable[[], float] = time.time,
        typed: Callable[[float, float], Mapping[str, float]] = sessions,
    ) -> None:
        self.options, self.disk, self.boot, self.wall, self.typed = options, disk, boot, wall, typed
        self._seen: tuple[float, str] | None = None  # when, since boot, the owner was seen last, and by what
        self._wishes = self._read()

    def look(self, settings: NodeSettings, gpus: Sequence[NodeGpu]) -> OwnerWord:
        """Once in a round."""
        self._forget(settings)
        wish, deadline = settings.gives_back, settings.deadline if settings.drain else None
        over = wish is not None and self._over(wish)
        asked = self._asked(wish) if wish and not over else ""
        late = f"the time of its drain, {format_duration(deadline.time)}, is over" if deadline and deadline.time else ""
        return OwnerWord(
            why=asked or self._quiet() or self._active(gpus),
            settled=wish.asked if wish and over else "",
            ends_all=late if deadline and self._over(deadline) else "",
        )

    def _asked(self, wish: TimedWish) -> str:
        return "asked for by its owner" + (f", for {format_duration(wish.time)}" if wish.time else "")

    def _quiet(self) -> str:
        moment = time.localtime(self.wall())
        return next((f"quiet hours, {each.text}" for each in self.options.hours if each.hold(moment)), "")

    def _active(self, gpus: Sequence[NodeGpu]) -> str:
        typed = self.typed(self.wall(), self.options.away) if "login" in self.options.watch else {}
        if typed:
            self._seen = (self.boot() - min(typed.values()), "its owner is logged in and active")
        elif "gpu" in self.options.watch and any(gpu.health is Health.BUSY for gpu in gpus):
            self._seen = (self.boot(), "its owner uses a GPU")
        if self._seen is None or self.boot() - self._seen[0] >= self.options.away:
            self._seen = None
            return ""
        return self._seen[1]

    # -- wishes, and since when this node knows of them ---------------------------------------------------------------

    def _over(self, wish: TimedWish) -> bool:
        """By this machine's own clock, from when it saw the wish first; a restart does not begin anew."""
        if wish.asked not in self._wishes:
            self._write({**self._wishes, wish.asked: self.wall()})
        return wish.time is not None and self.wall() - self._wishes[wish.asked] >= wish.time

    def _forget(self, settings: NodeSettings) -> None:
        present = {wish.asked for wish in (settings.gives_back, settings.deadline) if wish}
        if not self._wishes.keys() <= present:
            self._write({asked: at for asked, at in self._wishes.items() if asked in present})

    def _read(self) -> dict[str, float]:
        try:
            return {str(key): float(at) for key, at in json.loads(self.disk.read(WISHES) or b"{}").items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self, wishes: dict[str, float]) -> None:
        self._wishes = wishes
        with suppress(OSError):  # after a restart the time then begins anew
            self.disk.write(WISHES, json.dumps(wishes).encode())
