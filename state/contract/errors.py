"""What can go wrong between a node and the state repository.

StateError
├── Unreachable           no answer; whatever was asked may or may not have happened
├── CredentialsRefused    the server wants other credentials; a person must act
├── NotAStateRepository   no `winslow.yaml` on `main`, or no `main`: `winslowctl init` makes one
├── NewerSchema           the repository is of a newer version than this program
├── Inconsistent          `main` in hand is older than the one the state was decided on: fetch again
└── Damaged               the clone cannot be read: it is made anew
"""


class StateError(Exception):
    """Base of everything the state repository raises; the text says what and what to do."""


class Unreachable(StateError):
    """`retry_after`: seconds for which the server wants to be left alone, where it said so."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class CredentialsRefused(StateError):
    pass


class NotAStateRepository(StateError):
    pass


class NewerSchema(StateError):
    pass


class Inconsistent(StateError):
    """`wanted` is the commit that `main` does not hold."""

    wanted = ""


class Damaged(StateError):
    pass
