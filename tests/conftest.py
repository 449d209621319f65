import os

pytest_plugins = ("tests.servers.fixtures",)

os.environ.setdefault("WINSLOW_AUTHOR", "Ada <ada@example.org>")
"""Where tests run there may be nobody whom git knows."""
