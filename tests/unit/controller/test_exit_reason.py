"""What an exit code means in words."""

import pytest

from controller.launch.exit_reason import exit_reason

T = "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("code", "log", "text"),
    [
        (1, "", "exit code 1"),
        (139, "", "exit code 139: ended by signal 11 (SEGV)"),
        (137, "", "exit code 137: ended by signal 9 (KILL)"),
        (143, "", "exit code 143: ended by signal 15 (TERM)"),
        (255, "", "exit code 255"),
        (127, "", "exit code 127: the command was not found"),
        (1, f"{T} O begun\n{T} E ValueError: no   cars\n{T} E \n", "exit code 1; its log ends: ValueError: no cars"),
        (1, f"{T} O begun\n{T} W the log was cut\n", "exit code 1; its log ends: begun"),
        (2, f"{T} O {'x' * 300}\n", f"exit code 2; its log ends: {'x' * 199}…"),
        (None, "", "exit code None"),
    ],
)
def test_an_exit_code_says_what_happened(code: int | None, log: str, text: str) -> None:
    assert exit_reason(code, log) == text
