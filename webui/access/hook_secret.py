"""What a Git server must say so that its hook is believed: `DATA/web/hook-secret`, made once, and read each time."""

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

PLACE = "/hooks/git"
"""Where the page hears it. Whoever calls has no login and no page of ours: neither is asked for there."""
TRIGGERS = "/hooks/triggers"
"""Below it each trigger that has a `hook`."""
PATH = Path("web") / "hook-secret"
SHORTEST = 16
"""Characters; what is shorter counts as none."""


def make(data: Path) -> Path:
    """The file, for its owner only and never half written; one that is there stays."""
    path = data / PATH
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secrets.token_urlsafe(32)}\n")
    with suppress(FileExistsError):  # another process was first
        os.link(part, path)
    part.unlink()
    return path


def read(path: Path) -> str:
    """Empty where there is none that could be believed."""
    try:
        found = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return found if len(found) >= SHORTEST else ""


def token_of(secret: str, trigger: str) -> str:
    """What starts this one trigger, and nothing else. It follows from the secret, so nothing more has to be kept."""
    return hmac.new(secret.encode(), f"trigger {trigger}".encode(), "sha256").hexdigest()
