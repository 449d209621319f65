"""What ends a command with one clear line.

CommandError    a mistake that the person can mend; exit code 1 unless it says another
needs           raises it where a feature's packages are not installed
"""

from runner.extras import Feature, lacking


class CommandError(Exception):
    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def needs(feature: Feature) -> None:
    if why := lacking(feature):
        raise CommandError(why)
