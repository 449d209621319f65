"""Starts a module of Winslow so that nothing is loaded from the current folder or from PYTHONPATH.

`python -I THIS [--with-parent] MODULE ARGUMENT…`: Python's isolated mode leaves both out, and Winslow's own folder
comes before all others, whatever else is installed under the name of one of its packages. With `--with-parent` the
program ends when its standard input does: a pipe that its parent holds open, and loses however that ends.
"""

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WITH_PARENT = "--with-parent"
LINGERS = 3.0
"""Seconds that a program without a parent has to end by itself."""


def command(module: str, *arguments: str, with_parent: bool = False) -> list[str]:
    """What runs `main` of that module. With `with_parent`, give it a pipe as standard input and keep the other end."""
    option = [WITH_PARENT] if with_parent else []
    return [sys.executable, "-I", os.path.abspath(__file__), *option, module, *arguments]


def environment(given: "Mapping[str, str]" = os.environ) -> dict[str, str]:
    """Without what would lead Python astray, also in programs that the started one starts."""
    return {name: value for name, value in given.items() if not name.startswith("PYTHON")}


PACKAGES = ("schema", "flow", "state", "runner", "peer", "controller", "webui", "cli")


def shadows(given: "Mapping[str, str]" = os.environ) -> list[str]:
    """What is called like one of our packages, and comes before it for whoever starts Python in the usual way."""
    places = [os.getcwd(), *filter(None, given.get("PYTHONPATH", "").split(os.pathsep))]
    places += [place for place in sys.path if os.path.basename(place) == "site-packages"]
    others = [each for each in dict.fromkeys(map(os.path.realpath, places)) if each != os.path.realpath(ROOT)]
    named = [os.path.join(place, name) for place in others for name in PACKAGES]
    return [each for each in named if os.path.isfile(f"{each}.py") or os.path.isfile(f"{each}/__init__.py")]


def end_with_parent() -> None:
    """From now on this program ends when its standard input does, which is nothing to read from any more."""
    import threading  # here: the hook of a bare repository is started for each push, and needs none of it

    pipe, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_await_end, args=(pipe,), name="parent", daemon=True).start()


def _await_end(pipe: int) -> None:
    import signal
    import time

    while os.read(pipe, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LINGERS)
    os._exit(1)


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[0] == WITH_PARENT:
        end_with_parent()
        arguments = arguments[1:]
    sys.path.insert(0, ROOT)
    sys.argv = ["winslowctl", *arguments[1:]]
    sys.exit(import_module(arguments[0]).main())


if __name__ == "__main__":
    main()
