"""What a person asks for becomes the commit they could have made themselves; while the server is away it waits here.

The outbox is a folder of small files, one a wish. It is emptied in order, and an entry leaves it only once its commit
stands on `main`, or the server refused it: then it stays, with the reason, until a person has seen it.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from blake3 import blake3

from flow.model.snapshot import Snapshot
from flow.project.precheck import Wish, WouldBeRejected, judged
from runner import durable
from runner.worker import keep_at
from schema import layout
from schema.errors import SchemaError
from state.contract.errors import StateError
from state.contract.repository import Edit
from state.edits import giving_back, nodes
from state.edits.comments import checked, comment_edit
from state.edits.main import NotCommitted, commit_edit, request_edit, requests_edit
from state.git.git_repository import GitRepository

Answer = TypeVar("Answer")
RETRY = 5.0
"""Seconds between two attempts to send what waits."""


@dataclass(frozen=True, slots=True)
class UnsentWish:
    """A wish, an edit of files on `main`, or a drain, that is not committed yet. `refused` is why it never will be."""

    id: str
    subject: str
    author: str
    asked: float
    project: str = ""
    wish: Wish | None = None
    files: dict[str, str | None] | None = None
    drain: tuple[str, bool, str] | None = None  # node, whether it drains, why
    give_back: tuple[str, str, float] | None = None  # node, the wish (nothing: taken back), seconds (0: until then)
    wishes: dict[str, Wish] | None = None  # one for each of several projects
    comment: dict[str, Any] | None = None  # on the project
    expected: dict[str, str] | None = None  # paths, and the tags of the texts that it was made of
    refused: str = ""

    @property
    def looks(self) -> bool:
        """Whether its commit depends on how projects stand."""
        return not (self.wish is None and self.wishes is None and self.comment is None)


class Overtaken(NotCommitted):
    """A file on `main` is not any more what the edit was made of."""


def tag_of(text: str | None) -> str:
    """Of a file's text; empty where there is no such file."""
    return "" if text is None else blake3(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


class CommitYourself(Exception):
    """This page may not commit; `edit` is the commit that somebody else can make."""

    def __init__(self, edit: Edit) -> None:
        what = "\n".join(
            f"--- {path}\n{text}" if text is not None else f"--- remove {path}" for path, text in edit.files.items()
        )
        super().__init__(f"this page commits nothing; commit this to main yourself ({edit.message.strip()}):\n{what}")
        self.edit = edit


class Outbox:
    """`repository` is a client of this page's own, made when it is first needed, as its clone takes a while.

    Without `push` nothing is ever sent: each wish is refused with the commit that it would have been.
    """

    def __init__(self, folder: Path, repository: Callable[[], GitRepository], *, push: bool = True) -> None:
        self.folder, self._make, self.push = folder, repository, push
        self._repository: GitRepository | None = None
        self._sending = threading.Lock()
        self.landed: Callable[[str, Path], None] = lambda commit, clone: None
        self.changed: Callable[[], None] = lambda: None  # told when something has to wait
        self._first: set[str] = set()  # what is just being sent for the first time: nobody was promised anything yet
        self._leaving: dict[str, UnsentWish] = {}  # what has landed, until `landed` was told
        self._parsed: dict[str, tuple[int, UnsentWish]] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if push:
            keep_at("outbox", self.send_all, lambda: time.sleep(RETRY))

    def ask(self, snapshot: Snapshot, project: str, wish: Wish, author: str) -> str | None:
        """The commit, or None while it waits to be sent.

        flow.project.precheck.WouldBeRejected, DocumentError, NotCommitted; CommitYourself as every change here.
        """
        fitted = judged(snapshot.projects[project], wish)
        stage = f" at {wish['stage']}" if wish.get("stage") else ""
        return self._put(_fresh(f"{wish['request']} {project}{stage}", author, project=project, wish=fitted))

    def ask_all(self, wishes: dict[str, Wish], author: str) -> str | None:
        """Wishes that were judged, one a project, in one commit; None while it waits. NotCommitted."""
        kind = next(iter(wishes.values()))["request"]
        return self._put(_fresh(f"{kind} {len(wishes)} projects", author, wishes=wishes))

    def comment(self, snapshot: Snapshot, project: str, fields: dict[str, Any], author: str) -> str | None:
        """As `ask`, of what nothing follows from. CannotComment, DocumentError, NotCommitted."""
        comment = checked(snapshot, project, fields)
        return self._put(_fresh(f"comment on {project}", author, project=project, comment=comment))

    def edit(
        self, files: dict[str, str | None], subject: str, author: str, expected: dict[str, str] | None = None
    ) -> str | None:
        """The commit, or None while it waits to be sent. NotCommitted.

        Overtaken where a path of `expected` does not have that tag on the `main` that the commit builds on.
        """
        return self._put(_fresh(subject, author, files=files, expected=expected))

    def drain(self, node: str, drain: bool, reason: str, author: str) -> str | None:
        """As `edit`; what else the node's file says is taken from `main` at the time of the commit."""
        return self._put(_fresh(nodes.message(node, drain), author, drain=(node, drain, reason)))

    def give_back(self, node: str, asked: str | None, time: float | None, author: str) -> str | None:
        """As `drain`: its owner wants the node, or no longer does."""
        subject = giving_back.message(node, asked, time)
        return self._put(_fresh(subject, author, give_back=(node, asked or "", time or 0.0)))

    def use(self, work: Callable[[GitRepository], Answer]) -> Answer:
        """What `work` finds out with the outbox's client, alone with it."""
        with self._sending:
            return work(self._client())

    def waiting(self) -> list[UnsentWish]:
        return list(self._read())

    def unsent(self) -> list[UnsentWish]:
        """What was accepted and is not sent yet, in its order. What was refused is told, and not among it."""
        found = {**self._files(), **self._leaving}
        return [found[name] for name in sorted(found) if not found[name].refused and found[name].id not in self._first]

    def _files(self) -> dict[str, UnsentWish]:
        """By file name; each is read when it is new or was written anew."""
        now: dict[str, tuple[int, UnsentWish]] = {}
        for path in self.folder.glob("*.json"):
            try:
                stamp = path.stat().st_mtime_ns
            except OSError:
                continue
            known = self._parsed.get(path.name)
            found = known[1] if known and known[0] == stamp else _unsent(path)
            if found is not None:
                now[path.name] = (stamp, found)
        self._parsed = now
        return {name: each for name, (_, each) in now.items()}

    def forget(self, id: str) -> None:
        for path in self.folder.glob(f"*-{id}.json"):
            path.unlink(missing_ok=True)
        self.changed()

    def _put(self, unsent: UnsentWish) -> str | None:
        if not self.push:
            raise CommitYourself(self.use(lambda client: self._built(client.fetch(), unsent)))
        path = self.folder / f"{time.time_ns():020d}-{unsent.id}.json"
        self._first.add(unsent.id)
        try:
            durable.write(path, asdict(unsent))
            return self._tried(path, unsent)
        finally:
            self._first.discard(unsent.id)
            if path.exists():
                self.changed()

    def _tried(self, path: Path, unsent: UnsentWish) -> str | None:
        try:
            return self._send(path, unsent)
        except NotCommitted:
            path.unlink(missing_ok=True)
            raise
        except (StateError, OSError):
            return None
        except Exception:  # nobody was promised anything yet
            path.unlink(missing_ok=True)
            raise

    def _read(self) -> Iterator[UnsentWish]:
        for path in sorted(self.folder.glob("*.json")):
            if (unsent := _unsent(path)) is not None:
                yield unsent

    def send_all(self) -> None:
        """Each by itself: what is wrong with one keeps no other back."""
        for path in sorted(self.folder.glob("*.json")):
            unsent = _unsent(path)
            if unsent is None or unsent.refused:
                continue
            try:
                self._send(path, unsent)
            except NotCommitted as error:
                self._refuse(path, unsent, str(error))
            except (StateError, OSError):
                return
            except Exception as error:
                self._refuse(path, unsent, f"it cannot be committed: {type(error).__name__}: {error}")

    def _refuse(self, path: Path, unsent: UnsentWish, why: str) -> None:
        durable.write(path, asdict(replace(unsent, refused=why)))
        self.changed()

    def _send(self, path: Path, unsent: UnsentWish) -> str | None:
        with self._sending:
            if not path.exists():
                return None  # sent by the other thread meanwhile
            commit = commit_edit(self._client(), lambda snapshot: self._built(snapshot, unsent), sleep=time.sleep)
            self._leaving[path.name] = unsent
            try:
                path.unlink(missing_ok=True)
                self.landed(commit, self._client().path)
            finally:
                del self._leaving[path.name]
            return commit

    def _built(self, snapshot: Snapshot, unsent: UnsentWish) -> Edit:
        return self.built(snapshot, unsent, self._client().read_main)

    def built(self, snapshot: Snapshot, unsent: UnsentWish, read: Callable[[str], str | None]) -> Edit:
        """Its commit on `main` as the snapshot has it, of which `read` gives files. NotCommitted, SchemaError."""
        if unsent.wish is not None:
            return request_edit(snapshot, unsent.project, unsent.wish, unsent.author)
        if unsent.wishes is not None:
            return requests_edit(snapshot, unsent.wishes, unsent.author)
        if unsent.comment is not None:
            return comment_edit(snapshot, unsent.project, unsent.comment, unsent.author)
        for path, tag in (unsent.expected or {}).items():
            wanted = tag_of((unsent.files or {}).get(path))  # it stands there where an answer to the push was lost
            if tag_of(read(path)) not in (tag, wanted):
                raise Overtaken(f"{path} was changed since; look at it again, and ask anew")
        if unsent.give_back is not None:
            return _given_back(*unsent.give_back, unsent.author, read)
        if unsent.drain is None:
            return Edit(dict(unsent.files or {}), unsent.subject, unsent.author)
        node, drain, reason = unsent.drain
        try:
            files = nodes.files(read(layout.node(node)), node, drain)
        except SchemaError as error:
            raise NotCommitted(str(error)) from None
        return Edit(files, nodes.message(node, drain, reason), unsent.author)

    def _client(self) -> GitRepository:
        if self._repository is None:
            self._repository = self._make()
        return self._repository


def _given_back(node: str, asked: str, time: float, author: str, read: Callable[[str], str | None]) -> Edit:
    try:
        files = giving_back.given_back(read(layout.node(node)), node, asked or None, time or None)
    except SchemaError as error:
        raise NotCommitted(str(error)) from None
    return Edit(files, giving_back.message(node, asked or None, time or None), author)


def _unsent(path: Path) -> UnsentWish | None:
    """What lies in a file of the outbox; None where it has just been sent. One that cannot be read is told of too."""
    try:
        return UnsentWish(**json.loads(path.read_bytes()))
    except OSError:
        return None
    except (ValueError, TypeError):
        why = f"its file {path} is damaged, perhaps by a power cut: ask for it again"
        asked = int(path.name[:20]) / 1e9 if path.name[:20].isdecimal() else 0.0
        id = path.stem.rpartition("-")[2]
        return UnsentWish(id, "something that was asked for here", "unknown", asked, refused=why)


def _fresh(subject: str, author: str, **content: Any) -> UnsentWish:
    return UnsentWish(secrets.token_hex(8), subject, author, time.time(), **content)


def judge_many(snapshot: Snapshot, ids: Iterable[str], wish: Wish) -> tuple[dict[str, Wish], dict[str, str]]:
    """One wish for many projects, each judged by itself: what can be asked of which, and why not of the others."""
    fit, refused = dict[str, Wish](), dict[str, str]()
    for id in ids:
        view = snapshot.projects.get(id)
        try:
            if view is None:
                raise NotCommitted(f"there is no project {id[:80]!r}")
            fit[id] = judged(view, wish)
        except (StateError, SchemaError, WouldBeRejected) as error:
            refused[id] = str(error)
    return fit, refused


def ask_many(
    outbox: Outbox, snapshot: Snapshot, ids: Sequence[str], wish: Wish, author: str
) -> list[tuple[str, str | None, str]]:
    """All that can be asked, in one commit: id, commit if there is one, why not if it is refused. CommitYourself."""
    fit, refused = judge_many(snapshot, ids, wish)
    commit = None
    if fit:
        try:
            commit = outbox.ask_all(fit, author)
        except (StateError, SchemaError) as error:
            refused |= dict.fromkeys(fit, str(error))
    return [(id, None if id in refused else commit, refused.get(id, "")) for id in ids]
