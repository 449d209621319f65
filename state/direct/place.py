"""Whether a direct push to a folder does all that git's push would do there.

Git itself is asked for the settings. They are asked for anew when a file that they come from, or one that git would
read, has changed, and after a while in any case. Everything else is looked at each time.
"""

import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schema import layout
from state.contract.errors import StateError
from state.direct.own_hook import HOOK_FILE, hook_text, is_own
from state.direct.settings import Settings, most_bytes, unusual
from state.transport.command import git

ASKED_FOR = 10.0
"""Seconds for which an answer of git counts while no file that it is known to come from has changed."""
TIMEOUT = 10.0
HOOKS = (
    "pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive", "push-to-checkout",
)  # fmt: skip
"""That git runs where it receives a push."""
CHANGES_PUSHES = ("objects/info/alternates", "shallow", "worktrees", "logs", "reftable", "config.worktree", "commondir")
"""In a repository that has one of these, a push does more, or other things."""
MOST_PACKS = 50
"""As many as git lets come together. Where there are more, nobody tidies; git's push does not add to them."""
MOST_HOOK = 16 * 1024
Mark = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Fitness:
    """`unfit` says why pushes are git's to do; `most` is how many bytes one push may have.

    `checked`: our own hook, of this very installation, would look at what it brings.
    """

    unfit: str = ""
    most: int | None = None
    checked: bool = False


class PushPlace:
    """A folder that is pushed to, by its address."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.mark: Mark = ()
        """Another one each time something may have changed that git's programs read when they start."""
        self.packs = 0
        self._checked = False
        self._asked = 0.0
        self._settings: Settings = {}
        self._origins: tuple[str, ...] = ()

    def fitness(self, refs: Iterable[str]) -> Fitness:
        try:
            self._checked = False
            why = self._other() or self._hooked(frozenset(refs)) or self._crowded()
            if not why:
                self._ask()
                why = unusual(self._settings, self.url)
        except (OSError, StateError) as error:
            why = str(error)
        return Fitness(why) if why else Fitness("", most_bytes(self._settings), self._checked)

    def _other(self) -> str:
        """Another user's, or not a plain bare repository."""
        for name in ("", "objects", "objects/pack", "refs", "HEAD"):
            found = os.stat(self.folder / name)
            if found.st_uid != os.geteuid():
                return f"{self.folder / name} is not this user's"
            if not stat.S_ISDIR(found.st_mode) and name != "HEAD":
                return f"{self.folder / name} is no folder"
        return next((name for name in CHANGES_PUSHES if os.path.lexists(self.folder / name)), "")

    def _hooked(self, refs: frozenset[str]) -> str:
        """A hook that is not ours, or that has to look at what is pushed."""
        there = [name for name in HOOKS if os.path.lexists(self.folder / "hooks" / name)]
        if not there:
            return ""
        hook = self.folder / HOOK_FILE
        if there != ["pre-receive"] or not hook.is_file() or hook.stat().st_size > MOST_HOOK:
            return f"hook {there[-1]}"
        text = hook.read_text(errors="replace")
        self._checked = layout.MAIN in refs
        if not os.access(hook, os.X_OK) or not is_own(text) or (self._checked and text != hook_text()):
            return "hook pre-receive"
        return ""

    def _crowded(self) -> str:
        self.packs = sum(name.endswith(".pack") for name in os.listdir(self.folder / "objects" / "pack"))
        return f"{self.packs} packs" if self.packs > MOST_PACKS else ""

    def _ask(self) -> None:
        now, mark = time.monotonic(), self._look()
        if mark == self.mark and now - self._asked < ASKED_FOR:
            return
        said = git(["config", "--null", "--show-origin", "--list"], folder=self.folder, timeout=TIMEOUT)
        if said.code != 0:
            raise StateError(f"the settings of {self.folder} cannot be read: {said.err[:200]}")
        found: dict[str, list[str]] = defaultdict(list)
        origins = []
        for origin, key, value in _said(said.out):
            if not origin.startswith("command line:"):  # what we say ourselves; who receives a push does not hear it
                found[key].append(value)
                origins.append(origin.removeprefix("file:"))
        self._settings, self._origins, self._asked = found, tuple(dict.fromkeys(origins)), now
        after = self._look()
        self.mark = after if set(mark) <= {*after} else ()  # else one has changed while git read it

    def _look(self) -> Mark:
        home = os.environ.get("HOME", "/")
        usual = ("/etc/gitconfig", f"{home}/.gitconfig", _xdg(home), str(self.folder / "config"), str(self.folder))
        return tuple((name, _stamp(name)) for name in (*usual, *self._origins))


def _xdg(home: str) -> str:
    return f"{os.environ.get('XDG_CONFIG_HOME') or home + '/.config'}/git/config"


def _stamp(name: str) -> tuple[int, ...]:
    """Of a folder only which one it is: what lies in it changes with every push."""
    try:
        found = os.stat(name)
    except OSError:
        return ()
    if stat.S_ISDIR(found.st_mode):
        return found.st_dev, found.st_ino
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _said(listed: str) -> Iterator[tuple[str, str, str]]:
    """Origin, key in small letters, value. A key without a value means `true`."""
    fields = listed.split("\0")
    for origin, said in zip(fields[::2], fields[1::2], strict=False):
        key, between, value = said.partition("\n")
        yield origin, key.lower(), _plain(value) if between else "true"


def _plain(value: str) -> str:
    return value.lower() if value.lower() in ("true", "false") else value
