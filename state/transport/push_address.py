"""Where git's own configuration sends pushes to an address: `url.BASE.pushInsteadOf` of whoever runs this.

A node reads where it pushes. A mirror that lags behind would show it a repository without its own commits, which is
what a branch that was rewound looks like.
"""

from pathlib import Path

from state.transport import urls
from state.transport.command import git

TIMEOUT = 10.0
_KEYS = r"^url\..*\.pushinsteadof$"


def push_address(url: str) -> str:
    """The address itself where nothing is said. StateError."""
    if urls.local_path(url) is not None:
        return url
    said = git(["config", "--null", "--get-regexp", _KEYS], folder=Path("/nonexistent"), timeout=TIMEOUT).out
    there = rewritten(url, said)
    return url if there == url else urls.check(there)


def rewritten(url: str, said: str) -> str:
    """By the longest beginning that fits, as git does it. `said` is what `git config --null` prints."""
    rules = [each.partition("\n") for each in said.split("\0") if each]
    fitting = [(prefix, key) for key, _, prefix in rules if prefix and url.startswith(prefix)]
    if not fitting:
        return url
    prefix, key = max(fitting, key=lambda rule: len(rule[0]))
    return key.removeprefix("url.").removesuffix(".pushinsteadof") + url[len(prefix) :]
