"""The command `winslowctl`: where it starts. What it then is stands in `cli.application`, which takes ten times as long
to load as most answers take; the help alone is known without it.

Exit codes: 0 done · 1 an error, said in one line · 2 wrong usage, or `plan` has changes · 3 `wait`: the project stopped
somewhere else · 4 `wait`: the time was over · 130 interrupted.
"""

import os
import sys

HELP = os.path.join(os.path.dirname(__file__), "help.txt")
"""What `--help` says where a line has 80 characters or more; `python docs/generate.py --write` renews it."""
WIDEST = 80


def main() -> None:
    if sys.argv[1:] in (["--help"], ["-h"]) and _columns() >= WIDEST and _shown(HELP):
        return
    from cli.application import run

    run()


def _columns() -> int:
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return WIDEST  # no terminal


def _shown(file: str) -> bool:
    """Whether all of it could be written: else whoever knows more of streams has to say why."""
    try:
        with open(file, encoding="ascii") as opened:
            text = opened.read()
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return False
    return True


if __name__ == "__main__":
    main()
