"""Verb `secrets`: values that stand on this machine only, by the names that pipelines and policies use."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import output, settings
from cli.errors import CommandError, needs
from runner import extras


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Secrets of this machine, given to stages by its policy.", no_args_is_help=True)
    group.command("set")(put)
    group.command()(ls)
    group.command()(rm)
    group.command()(key)
    group.command()(encrypt)
    app.add_typer(group, name="secrets")


def put(
    name: Annotated[str, typer.Argument(help="as `secrets` of stages and of the policy name it")],
    file: Annotated[Path | None, typer.Option("--file", help="take the value from this file")] = None,
) -> None:
    """Keep a value on this machine. It is asked for, or read from standard input: an argument would be seen by others.

    Example: winslowctl secrets set WANDB_API_KEY
    """
    from runner.secrets.node_secrets import BadSecret, NodeSecrets

    try:
        value = _value(name, file)
        NodeSecrets(_data()).put(name, value)
    except (BadSecret, OSError) as error:
        raise CommandError(str(error)) from None
    output.line(f"{output.shown(name)} is kept in {output.shown(str(_data() / 'secrets'))}")
    if (granted := _granted()) is not None and name not in granted:
        output.line(f"no stage gets it yet: write it under `secrets` of the policy ({output.shown(str(_policy()))})")


def _value(name: str, file: Path | None) -> bytes:
    if file is not None:
        return file.read_bytes()
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"{name}: ").encode()
    return sys.stdin.buffer.read().removesuffix(b"\n")


def ls() -> None:
    """Which secrets this machine has, and to whom its policy gives them; never their values.

    Example: winslowctl secrets ls
    """
    from runner.secrets.node_secrets import NodeSecrets

    held, granted = NodeSecrets(_data()).names(), _granted() or {}
    rows = [
        {"name": name, "here": name in held, "granted": granted.get(name, "to nobody")}
        for name in sorted(held | granted.keys())
    ]
    if output.for_programs(rows):
        return
    cells = [[output.shown(r["name"]), "yes" if r["here"] else "no", output.shown(r["granted"])] for r in rows]
    output.table(("SECRET", "HAS A VALUE", "GRANTED"), cells, empty="no secrets here")


def rm(name: Annotated[str, typer.Argument(help="its name")]) -> None:
    """Forget a value. What runs keeps what it was given.

    Example: winslowctl secrets rm WANDB_API_KEY
    """
    from runner.secrets.node_secrets import NodeSecrets

    if not NodeSecrets(_data()).remove(name):
        raise CommandError(f"there is no secret {name[:60]!r} here")
    output.line(f"{output.shown(name)} is gone")


def key() -> None:
    """Print this machine's key for secrets in Git, the half that everybody may know. Made here at its first use.

    Example: winslowctl secrets key
    """
    needs(extras.AGE)
    from runner.secrets.encrypted import fresh_key, recipient
    from runner.secrets.node_secrets import BadSecret, NodeSecrets

    secrets = NodeSecrets(_data())
    try:
        if not secrets.key:
            secrets.keep_key(fresh_key())
        row = {"recipient": recipient(secrets.key)}
    except (BadSecret, OSError) as error:
        raise CommandError(str(error)) from None
    if not output.for_programs(row):
        print(row["recipient"])


def encrypt(
    name: Annotated[str, typer.Argument(help="as the policies of nodes name it; it is good under this name alone")],
    to: Annotated[list[str], typer.Option("--to", help="a key that `secrets key` printed on a node; several times")],
    file: Annotated[Path | None, typer.Option("--file", help="take the value from this file")] = None,
) -> None:
    """Print a secret for a stage in Git, which only these nodes can read. Its value is asked for, or read from stdin.

    Example: winslowctl secrets encrypt DB_PASSWORD --to age1qyqs... --to age1x7n...
    """
    needs(extras.AGE)
    from runner.secrets.encrypted import encrypted
    from runner.secrets.node_secrets import BadSecret

    try:
        text = encrypted(name, _value(name, file), to)
    except (BadSecret, OSError) as error:
        raise CommandError(str(error)) from None
    if output.for_programs({"name": name, "encrypted": text}):
        return
    lines = "".join(f"      {line}\n" for line in text.splitlines())
    print(f"secrets:\n  - name: {name}\n    encrypted: |\n{lines}", end="")


def _data() -> Path:
    return settings.data().absolute()


def _policy() -> Path:
    from controller.grants.policy_file import USUAL

    kept = _data() / "node" / "policy.yaml"
    return USUAL if USUAL.exists() or not kept.exists() else kept


def _granted() -> dict[str, str] | None:
    """To whom, by name; None where the policy cannot be read."""
    from controller.grants.policy_file import PolicyRefused, parse

    path = _policy()
    try:
        secrets = parse(path.read_bytes(), str(path)).secrets
    except FileNotFoundError:
        return {}
    except (OSError, PolicyRefused):
        return None
    return {name: _whom(scope.pipelines, scope.projects, scope.tags) for name, scope in secrets.items()}


def _whom(pipelines: tuple[str, ...], projects: tuple[str, ...], tags: tuple[str, ...]) -> str:
    among = {"pipelines": pipelines, "projects": projects, "tags": tags}
    parts = [f"{what} {', '.join(names)}" for what, names in among.items() if names]
    return "; ".join(parts) or "to every stage"
