"""Units of systemd: what stands in the node's, where it lies, and what systemd says of it."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cli.errors import CommandError

NAME = "winslow-node"
ENVIRONMENT = "/etc/winslow/node.env"
SYSTEM = Path("/etc/systemd/system")
PATIENCE = 60.0

UNIT = """# Written by `winslowctl service install`, which also renews it. Options of your own: `systemctl edit`.
[Unit]
Description=Winslow node
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target docker.service
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
EnvironmentFile=-{environment}
{account}Restart=always
RestartSec=5
RestartPreventExitStatus=2
# Only the controller ends with the service: stages outlive its restart, and the next start takes them over.
KillMode=process
TimeoutStopSec=30
UMask=0022
# No private /tmp and nothing else that a stage, which runs on, would lose with the service.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
{hardening}
[Install]
WantedBy={target}
"""
NO_ROOT = """CapabilityBoundingSet=
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
"""
"""Not for root, which mounts workspaces, and finds the mounts again after a restart. A user's manager cannot do it."""


def unit(command: Sequence[str], *, account: str, environment: str) -> str:
    """The text of the unit; without an account it is one of the user's own manager."""
    return UNIT.format(
        command=" ".join(map(_quoted, command)),
        environment=environment.replace("%", "%%"),
        account=f"User={account}\n" if account else "",
        hardening=NO_ROOT if account not in ("", "root") else "",
        target="multi-user.target" if account else "default.target",
    )


def _quoted(word: str) -> str:
    """As systemd reads it: `%` and `$` mean something to it."""
    if any(ord(letter) < 32 for letter in word):
        raise CommandError(
            f"{word[:60]!r} cannot stand in a unit: it holds a line break or another control character", 2
        )
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return plain if plain and not set(plain) & set(" ;'\"\\") else f'"{plain}"'


def place(name: str, *, user: bool) -> Path:
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user" if user else SYSTEM
    if not name or set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"):
        raise CommandError(f"{name[:60]!r} cannot be the name of a service: letters, digits, . _ - only", 2)
    return folder / f"{name}.service"


def write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o644)
        fresh.rename(path)
    except PermissionError:
        raise CommandError(
            f"{path} cannot be written; run it with sudo, or give --user for a service of your own"
        ) from None


def start(name: str, *, user: bool) -> str:
    """Why it was not enabled and started, or nothing."""
    return _ask("daemon-reload", user=user) or _ask("enable", "--now", name, user=user)


def restart(name: str, *, user: bool) -> str:
    """Why it was not, or nothing."""
    return _ask("restart", name, user=user)


def stop(name: str, *, user: bool) -> str:
    return _ask("disable", "--now", name, user=user)


def remove(path: Path, *, user: bool) -> None:
    try:
        path.unlink()
    except PermissionError:
        raise CommandError(f"{path} cannot be removed; run it with sudo") from None
    _ask("daemon-reload", user=user)


def command(user: bool) -> str:
    return "systemctl --user" if user else "sudo systemctl"


def state(name: str, *, user: bool) -> dict[str, str]:
    """Nothing where it is not installed."""
    path = place(name, user=user)
    if not path.exists():
        return {}
    asked = {"ActiveState": "active", "UnitFileState": "enabled", "ActiveEnterTimestamp": "since", "MainPID": "pid"}
    done = _run("show", f"--property={','.join(asked)}", name, user=user)
    pairs = dict(line.split("=", 1) for line in (done.stdout if done else "").splitlines() if "=" in line)
    said = {short: pairs.get(long, "") for long, short in asked.items()}
    said["active"], said["enabled"] = said["active"] or "unknown", said["enabled"] or "unknown"
    return {"unit": str(path), "kind": "user" if user else "system", **said}


def _ask(*arguments: str, user: bool) -> str:
    done = _run(*arguments, user=user)
    if done is None:
        return "there is no systemctl here"
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0] if done.returncode else ""


def _run(*arguments: str, user: bool) -> "subprocess.CompletedProcess[str] | None":
    program = shutil.which("systemctl")
    if program is None:
        return None
    kind = ["--user"] if user else []
    try:
        return subprocess.run(
            [program, *kind, "--no-pager", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"systemctl {arguments[0]} does not answer") from None
