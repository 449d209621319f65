"""The pre-receive hook of a bare state repository: a push to `main` has to validate, or nothing of it lands.

`python -m state.hook` runs inside the repository, with git's quarantine in its environment: `old new ref` lines on
standard input, problems as `file:line:col: what` on standard error, exit code 1 if there are any. Everybody who pushes
waits for it, so what nearly all pushes are is passed by `state.server.plain`, which loads next to nothing.
"""

import sys

from state.server import plain


def main() -> int:
    lines = sys.stdin.readlines()
    if plain.passes(lines):
        return 0
    from state.server import push_check

    return push_check.told(lines)


if __name__ == "__main__":
    sys.exit(main())
