"""Calling the command in this process, as a person would in a shell."""

import contextlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from cli.main import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


class Ear(io.StringIO):
    """Tells what is printed while the command still runs."""

    def __init__(self, heard: Callable[[str], object]) -> None:
        super().__init__()
        self.heard = heard

    def write(self, text: str) -> int:
        self.heard(text)
        return super().write(text)


class Command:
    """`may_fail`: a mistake of Winslow itself is what a test is about; everywhere else it is one."""

    def __init__(self, *, may_fail: bool = False) -> None:
        self.may_fail = may_fail

    def __call__(self, *arguments: str, code: int = 0, heard: Callable[[str], object] = len) -> str:
        said = self.run(*arguments, heard=heard)
        assert said.code == code, said
        return said.out if code == 0 else said.err + said.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def run(self, *arguments: str, heard: Callable[[str], object] = len) -> Said:
        out, err = Ear(heard), io.StringIO()
        code = 0
        said = patch.object(sys, "argv", ["winslowctl", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), said:
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        assert self.may_fail or "mistake in Winslow" not in err.getvalue(), err.getvalue()
        return Said(code, out.getvalue(), err.getvalue())
