import os

pytest_plugins = ("tests.servers.fixtures",)

os.environ.setdefault("WINSLOW_AUTHOR", "Ada <ada@example.org>")
"""Where tests run there may be nobody whom git knows."""


def pytest_report_header() -> str:
    """A failure of the day's worlds is looked at again on another day by this number."""
    from tests.simulation.seeds import DAY

    return f"simulated worlds of the day: SIMULATED_DAY={DAY}"
