"""A commit of `winslow/state` that no controller may have made, `projects/<id>/flags/<commit>.yaml`, until settled."""

from schema.base import Recorded


class FlaggedPath(Recorded):
    """A document that the commit changed. `before` is its blob in force: nothing where there was no such document."""

    path: str
    before: str = ""
    execution: int = 0
    stage: str = ""  # of the execution; nothing more of this stage starts. Without one, nothing more of the project
    why: str = ""


class Flag(Recorded):
    """Written by the steward that saw the commit; a person removes it with `winslowctl recover`."""

    version: int = 1
    commit: str
    by: str = ""  # author of the commit
    paths: tuple[FlaggedPath, ...] = ()

    @property
    def text(self) -> str:
        """In words, with what to do about it."""
        what = "; ".join(dict.fromkeys(each.why for each in self.paths if each.why))
        short, by = self.commit[:12], self.by or "nobody named"
        return (
            f"commit {short} of winslow/state, by {by}, is not legal: {what}; what it wrote is not used, and a person "
            f"decides: winslowctl recover --revert {short}, or --accept {short}"
        )
