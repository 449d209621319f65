"""`web hook`: what a Git server has to be told, so that it tells this machine's page of every push."""

import typer

from cli import output, settings
from cli.errors import CommandError


def add_to(app: typer.Typer) -> None:
    app.command()(hook)


def hook() -> None:
    """The path and the secret of this machine's webhook, for the settings of the Git server.

    Example: winslowctl web hook --data /var/lib/winslow
    """
    from webui.access import hook_secret

    data = settings.data().absolute()
    if not data.is_dir():
        raise CommandError(f"there is no data directory {data}; --data names that of the page, or of its node")
    try:
        path = hook_secret.make(data)
    except OSError as error:
        raise CommandError(f"the secret cannot be read here: {error}; ask as the user who runs the page") from None
    secret = hook_secret.read(path)
    if not secret:
        raise CommandError(f"{path} cannot be read, or is too short; ask as its owner, or remove it and ask again")
    if output.for_programs({"path": hook_secret.PLACE, "secret": secret, "file": str(path)}):
        return
    typer.echo(f"URL      the page's address and {hook_secret.PLACE}\nsecret   {secret}\nfile     {path}")
