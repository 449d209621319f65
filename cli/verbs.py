"""All verbs, in the order of the help, and the module of each: only that of the verb that is wanted is loaded."""

from importlib import import_module
from typing import Any

import typer

from cli.words import ALIASES, Verbs

MODULES = {
    "init": "repository", "plan": "repository", "validate": "validate", "doctor": "doctor", "recover": "recovering",
    "notify": "notify", "node": "node", "up": "node", "peer": "web", "confirm-deletions": "projects",
    "start": "requests", "redo": "requests", "resume": "requests", "answer": "requests", "pause": "requests",
    "abort": "requests", "skip": "requests", "comment": "requests", "drain": "drain", "wait": "wait", "ps": "ps",
    "top": "top", "describe": "describe", "logs": "logs", "events": "history", "compare": "history",
    "provenance": "provenance", "reproduce": "reproduce", "prune": "prune", "completion": "completion",
    "status": "status", "explain": "explaining", "sweep": "sweeping", "backup": "backups", "restore": "backups",
    "compact": "compact",
    "schema": "schemas", "web": "web", "pipelines": "pipelines", "projects": "projects", "nodes": "ps",
    "files": "files", "context": "contexts", "triggers": "triggers", "service": "service", "policy": "policy",
    "secrets": "secrets", "images": "images", "registry": "registry", "queue": "queue",
    "shares": "queue", "yield": "giving_back", "usage": "usage", "exec": "inside", "debug": "debug", "open": "debug",
}  # fmt: skip


class AllVerbs(Verbs):
    """The verbs of the command, each loaded when somebody asks for it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for name in (cmd_name, ALIASES.get(cmd_name, "")):
            if name in MODULES and name not in self.commands:
                self.commands.update(loaded(MODULES[name]))
        return super().get_command(ctx, cmd_name)


def loaded(module: str) -> dict[str, Any]:
    """The verbs of a module, by name."""
    apart = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    import_module(f"cli.{module}").add_to(apart)
    return dict(typer.main.get_group(apart).commands)


def everything(app: typer.Typer) -> Any:
    """The whole command, with all its verbs loaded: for documents and tests."""
    group = typer.main.get_command(app)
    assert isinstance(group, AllVerbs)
    for name in MODULES:
        group.get_command(None, name)
    group.commands = {name: group.commands[name] for name in MODULES}
    return group
