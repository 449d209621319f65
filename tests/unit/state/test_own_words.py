"""What git says of this clone is told apart from what the server says of itself."""

import pytest

from state.transport.remote import damaged
from state.transport.server_answers import own_words


@pytest.mark.parametrize(
    "text",
    [
        "the server takes no push (remote: fatal: not a git repository: '.' | error: failed to push some refs to 'x')",
        "fatal: not a git repository: '.' | error: failed to push some refs to 'x'",
        "remote: error: unable to read tree 12ab | ! [remote rejected] (missing necessary objects)",
    ],
)
def test_F10_what_ails_the_server_is_no_damage_here(text: str) -> None:
    assert not damaged(own_words(text))


def test_F22_what_git_says_of_the_clone_is_kept() -> None:
    assert damaged(own_words("remote: Resolving deltas | fatal: not a git repository: '/data/clone.git'"))
    assert damaged(own_words("fatal: unable to read 12ab"))
