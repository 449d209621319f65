"""What can go wrong in front of the store."""


class StoreError(Exception):
    """Base of everything the store raises; the text says what and what to do."""


class Away(StoreError):
    """Who may have it cannot be asked now; the text says who and why."""


class MissingObject(StoreError):
    """This node does not have it."""


class NotGiven(MissingObject):
    """Nobody who could be asked has what a person is said to have put in."""


class DamagedObject(StoreError):
    """What the disk gives back is not what was stored."""


class BadManifest(StoreError):
    """Bytes that are no manifest of ours, or a tree that none can describe."""


class NotFound(StoreError):
    """No such file in a tree."""


class Dropped(NotFound):
    """It was here, and retention let it go."""


def gone(project: str, execution: int, why: str) -> str:
    """That, and what to do."""
    return (
        f"execution {execution} of {project} was dropped by retention ({why}); "
        f"redo its stage, or `winslowctl reproduce {project}/{execution}`"
    )
