"""What ends a command with one clear line.

CommandError    a mistake that the person can mend; exit code 1 unless it says another
"""


class CommandError(Exception):
    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code
