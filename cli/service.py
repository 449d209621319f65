"""Verb `service`: the node of this machine as a service of systemd."""

import getpass
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import output, settings, systemd, upgrading
from cli.errors import CommandError
from cli.words import Verbs

User = Annotated[bool, typer.Option("--user", help="a service of your own, without root, instead of the machine's")]
Name = Annotated[str, typer.Option("--service", help="the service's name")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(cls=Verbs, no_args_is_help=True, help="The node of this machine as a service of systemd.")
    for verb in (install, uninstall, status, upgrading.upgrade):
        group.command()(verb)
    app.add_typer(group, name="service")


def install(
    node: Annotated[list[str] | None, typer.Argument(metavar="[-- OPTION...]", help="options of `node`")] = None,
    user: User = False,
    account: Annotated[str, typer.Option("--as", help="who runs it; default: who called sudo, with --user you")] = "",
    service: Name = systemd.NAME,
    show: Annotated[bool, typer.Option("--print", help="print the unit, and change nothing")] = False,
) -> None:
    """Write the unit, enable and start it. What stands after `--` are options of `winslowctl node`.

    The machine's needs sudo. Running stages survive its restart. Only as root workspaces need no copies.
    Example: winslowctl service install --as winslow --repo ssh://git@server/lab.git -- --name gpu-01
    """
    data = settings.data().absolute()
    text = systemd.unit(
        [_program(), "--repo", _repo(), "--data", str(data), "node", *(node or [])],
        account="" if user else _account(account),
        environment=str(Path.home() / ".config/winslow/node.env") if user else systemd.ENVIRONMENT,
    )
    if show:
        print(text, end="")
        return
    unit = systemd.place(service, user=user)
    systemd.write(unit, text)
    print(f"wrote {unit}")
    if why := systemd.start(service, user=user):
        print(f"it is not started: {why}. When systemd runs here: {systemd.command(user)} enable --now {service}")
        return
    print(f"{service} is enabled and started; `winslowctl service status{' --user' if user else ''}` shows it")
    if user:
        print(f"so that it runs while you are not logged in: loginctl enable-linger {getpass.getuser()}")


def uninstall(user: User = False, service: Name = systemd.NAME) -> None:
    """Stop the service and remove its unit. Running stages go on, and the data stays.

    Example: winslowctl service uninstall
    """
    unit = systemd.place(service, user=user)
    if not unit.exists():
        raise CommandError(f"there is no {unit}; `winslowctl service status` looks for both kinds")
    why = systemd.stop(service, user=user)
    systemd.remove(unit, user=user)
    print(f"removed {unit}{f'; it may still run: {why}' if why else ''}. Running stages go on; the data stays")


def status(service: Name = systemd.NAME) -> None:
    """Whether the service is installed, enabled and running, of the machine and of this user. Exit code 1: none runs.

    Example: winslowctl service status
    """
    found = [each for user in (False, True) if (each := systemd.state(service, user=user))]
    if not output.for_programs(found):
        for each in found:
            since = f" since {each['since']}" if each["since"] else ""
            print(f"{each['unit']}: {each['enabled']}, {each['active']}{since}")
        if not found:
            print("not installed; `winslowctl service install` makes it")
    if not any(each["active"] == "active" for each in found):
        raise typer.Exit(1)


def _repo() -> str:
    """A path stands in a unit in full."""
    from state.transport import urls

    return urls.check(settings.repo_url())


def _program() -> str:
    """The installed command in full: a service has no PATH of its own."""
    beside = Path(sys.prefix) / "bin" / "winslowctl"
    if not beside.is_file():
        raise CommandError(f"there is no {beside}; install Winslow into an environment of its own, with uv or pipx")
    return str(beside)


def _account(named: str) -> str:
    """Root only where somebody says so."""
    found = named or os.environ.get("SUDO_USER", "") or getpass.getuser()
    if found == "root" and not named:
        raise CommandError(
            "who shall run the node? give --as USER; root, by name, where workspaces shall need no copies"
        )
    import pwd

    try:
        pwd.getpwnam(found)
    except KeyError:
        make = f"useradd --system --create-home --groups docker {shlex.quote(found)}"
        raise CommandError(f"there is no user {found!r} on this machine; {make}") from None
    return found
