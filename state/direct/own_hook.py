"""The pre-receive hook of a bare state repository, and whether a hook is that one."""

import re
import shlex
import sys
from pathlib import Path

HOOK_FILE = "hooks/pre-receive"
YOUNG = "2.hours.ago"
"""What is younger may belong to a push or a fetch that is under way."""
LOOSE = 12
"""Loose objects in one of the 256 folders that are let come together, as git itself would guess their number."""
DEAD = 10
"""Minutes after which a lock of a ref belongs to nobody: git holds one for as long as a disk needs to write a line."""
HOOK = """#!/bin/sh
# Written by `winslowctl init`: refuses a push to main that does not validate. Other pushes pass at once, and when
# some thousands of loose objects have come together, they are packed in the background. Locks of refs that a crash of
# this machine left behind are removed: every push to such a ref would fail.
python={python}
root={root}
main=
while read -r old new ref; do
  [ "$ref" = refs/heads/main ] && main="$old $new $ref"
done
set -- objects/17/*
if [ $# -gt {loose} ]; then
  (
    unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
    exec 9>winslow-tidy.lock
    flock -n 9 && git repack --geometric=2 -d -q && git prune --expire={young}
  ) </dev/null >/dev/null 2>&1 &
fi
find refs -name '*.lock' -mmin +{dead} -delete
[ -n "$main" ] || exit 0
if [ ! -x "$python" ] || [ ! -f "$root/state/hook.py" ]; then
  echo "Winslow is no longer installed at $python ($root), so this push to main cannot be checked;" >&2
  echo "install it there, or run 'winslowctl init --bare $PWD' here with the new one" >&2
  exit 1
fi
echo "$main" | "$python" -I "$root/runner/isolated.py" state.hook
"""
_WHERE = re.compile(r"^(python|root)=.*$", re.MULTILINE)


def hook_text() -> str:
    """As this installation writes it."""
    python, root = sys.executable, str(Path(__file__).resolve().parents[2])
    return HOOK.format(python=shlex.quote(python), root=shlex.quote(root), loose=LOOSE, young=YOUNG, dead=DEAD)


def is_own(text: str) -> bool:
    """Whether a hook is what this version of Winslow writes, for an installation at any place."""
    return _WHERE.sub("", text) == _WHERE.sub("", hook_text())
