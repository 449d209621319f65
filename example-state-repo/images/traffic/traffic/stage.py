"""How a stage program talks to Winslow; without Winslow the same program runs by hand.

Winslow gives, by environment: ``WINSLOW_WORKSPACE`` (the working directory), ``INPUT_<NAME>`` for each input,
``WINSLOW_INPUTS`` (a JSON file of them), ``WINSLOW_PROGRESS`` (a file for a number from 0 to 100) and
``WINSLOW_RESULT`` (a file for ``key=value`` lines). Each may be missing. ``--name value`` on the command line
wins over the environment, which wins over the JSON file.

Exit codes: 0 done, 2 bad input (one line on standard error says what and what to do).
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

REPORT_EVERY_S = 1.0

Values = dict[str, str]
"""Inputs by name, as text."""


class BadInput(Exception):
    """What the program was given cannot be used; the message is for the person who gave it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; it becomes `path` only if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    yield part
    os.replace(part, path)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(data)


def write_json(path: Path, value: object) -> None:
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: Path, *, made_by: str) -> dict[str, object]:
    """Read a JSON object that the stage `made_by` should have left in the workspace."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"{path.name} is missing: run the stage {made_by} first") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise BadInput(f"{path.name} is not a JSON object: run the stage {made_by} again")
    return value


def parse_arguments(argv: Sequence[str], known: Mapping[str, str]) -> Values:
    """``--name value`` and ``--name=value`` pairs; a name that is not in `known` is refused."""
    values: Values = {}
    rest = list(argv)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or name not in known:
            raise BadInput(f"unknown argument {option}; known: {' '.join('--' + name for name in known)}")
        if not equals and not rest:
            raise BadInput(f"argument {option} needs a value")
        values[name] = value if equals else rest.pop(0)
    return values


def environment_inputs(environment: Mapping[str, str], known: Mapping[str, str]) -> Values:
    values = {name: environment.get(f"INPUT_{name.upper()}", "") for name in known}
    return {name: value for name, value in values.items() if value}


def file_inputs(environment: Mapping[str, str], known: Mapping[str, str]) -> Values:
    path = environment.get("WINSLOW_INPUTS")
    if not path or not Path(path).is_file():
        return {}
    given = read_json(Path(path), made_by="Winslow")
    plain = {name: value for name, value in given.items() if isinstance(value, str | int | float)}
    return {name: str(value) for name, value in plain.items() if name in known and value != ""}


class Stage:
    """One run of a stage program: its inputs, its workspace, and its words to Winslow."""

    def __init__(self, name: str, known: Mapping[str, str], argv: Sequence[str]) -> None:
        environment = os.environ
        self.name = name
        self.workspace = Path(environment.get("WINSLOW_WORKSPACE") or ".")
        self._values = (
            file_inputs(environment, known) | environment_inputs(environment, known) | parse_arguments(argv, known)
        )
        self._progress_file = environment.get("WINSLOW_PROGRESS")
        self._result_file = environment.get("WINSLOW_RESULT")
        self._metrics: dict[str, float] = {}
        self._next_report = 0.0
        if not self.workspace.is_dir():
            raise BadInput(f"the workspace {self.workspace} is not a directory")

    def path(self, name: str) -> Path:
        return self.workspace / name

    # -- inputs

    def number(self, name: str, default: float, *, low: float = float("-inf"), high: float = float("inf")) -> float:
        text = self._values.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            raise BadInput(f"input {name} is not a number: {text!r}") from None
        if not low <= value <= high:
            raise BadInput(f"input {name} is {value:g}, not within {low:g} … {high:g}")
        return value

    def whole(self, name: str, default: int, *, low: int = 0) -> int:
        value = self.number(name, default, low=low)
        if value != int(value):
            raise BadInput(f"input {name} is {value:g}, not a whole number")
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        text = self._values.get(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise BadInput(f"input {name} is not true or false: {text!r}")
        return text.lower() in ("true", "1", "yes")

    def choice(self, name: str, default: str, options: Sequence[str]) -> str:
        value = self._values.get(name, default)
        if value not in options:
            raise BadInput(f"input {name} is {value!r}, not one of {', '.join(options)}")
        return value

    def text(self, name: str, default: str) -> str:
        return self._values.get(name, default)

    def file(self, name: str) -> Path:
        path = self.optional_file(name)
        if path is None:
            raise BadInput(f"input {name} is missing: set INPUT_{name.upper()} or give --{name}")
        return path

    def optional_file(self, name: str) -> Path | None:
        text = self._values.get(name)
        if not text:
            return None
        if not Path(text).is_file():
            raise BadInput(f"input {name}: there is no file {text}")
        return Path(text)

    # -- reports

    def progress(self, percent: float, text: str = "") -> None:
        """Tell how far the work is; called as often as convenient, said about once a second."""
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY_S
            self._say_progress(percent, text)

    def finish(self, text: str = "", **values: object) -> None:
        """Write metrics, result values and 100 %."""
        write_json(self.path("metrics.json"), self._metrics)
        if self._result_file:
            lines = [f"{key}={value}\n" for key, value in values.items()]
            Path(self._result_file).write_text("".join(lines))
        self._say_progress(100, text)

    def metric(self, name: str, value: float) -> None:
        self._metrics[name] = value if isinstance(value, int) else round(float(value), 4)

    def _say_progress(self, percent: float, text: str) -> None:
        print(f"{self.name} {percent:.0f}% {text}".rstrip(), flush=True)
        if self._progress_file:
            Path(self._progress_file).write_text(f"{percent:.1f}\n")


def run(name: str, known: Mapping[str, str], work: Callable[[Stage], None]) -> int:
    """Run one stage program; the returned number is its exit code."""
    arguments = sys.argv[1:]
    if "--help" in arguments:
        print(f"python -m traffic.{name} [--input value]…\n" + "\n".join(f"  --{k}  {v}" for k, v in known.items()))
        return 0
    try:
        work(Stage(name, known, arguments))
    except BadInput as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return 2
    return 0
