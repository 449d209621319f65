"""Words for verbs: other names that work, what is meant by those of other programs, and `-h`."""

from typing import Any

from typer.core import TyperGroup

ALIASES = {
    "run": "start", "cancel": "abort", "retry": "resume",
    "project": "projects", "pipeline": "pipelines", "event": "events", "log": "logs", "file": "files",
    "trigger": "triggers", "contexts": "context",
}  # fmt: skip
"""A word that is a verb of its own in a group means that."""

MEANT = {
    "list": ("ls", "ps"), "ls": ("ps",), "get": ("show", "describe", "ps"), "new": ("create", "projects create"),
    "add": ("create", "put", "projects create"), "create": ("put", "projects create"), "apply": ("pipelines put",),
    "delete": ("rm", "projects rm"), "remove": ("rm", "projects rm"), "rm": ("projects rm",),
    "destroy": ("rm", "projects rm"), "update": ("edit", "put", "projects edit"), "edit": ("put", "projects edit"),
    "set": ("edit", "projects edit"), "show": ("describe",), "inspect": ("show", "describe"), "info": ("describe",),
    "stop": ("abort", "pause"), "kill": ("abort",), "end": ("abort",), "terminate": ("abort",),
    "hold": ("pause",), "suspend": ("pause",), "unpause": ("resume",), "continue": ("resume",),
    "unsuspend": ("resume",),
    "rerun": ("redo",), "restart": ("redo",), "again": ("redo",), "repeat": ("redo",), "replay": ("redo",),
    "submit": ("start",), "launch": ("start",), "begin": ("start",),
    "approve": ("answer",), "reject": ("answer",), "confirm": ("answer", "confirm-deletions"),
    "history": ("events",), "tail": ("logs -f",), "attach": ("logs -f",), "cat": ("files get", "logs"),
    "download": ("files get",), "upload": ("files put",), "cp": ("files get", "files put"), "copy": ("files get",),
    "artifacts": ("files ls",), "diff": ("compare", "plan"), "check": ("validate", "doctor"), "lint": ("validate",),
    "dry-run": ("plan",), "agent": ("node",), "worker": ("node",), "join": ("node",), "serve": ("web", "up"),
    "server": ("web", "up"), "ui": ("web",), "dashboard": ("web",), "cordon": ("drain",),
    "uncordon": ("drain NODE --off",),
    "undrain": ("drain NODE --off",), "gc": ("prune",), "clean": ("prune",), "watch": ("ps --watch", "wait"),
    "config": ("context",), "login": ("web users add",), "version": ("--version",), "help": ("--help",),
    "stat": ("status",), "overview": ("status",), "squeue": ("queue",),
    "sshare": ("shares",), "sreport": ("usage",), "sacct": ("usage",), "accounting": ("usage",),
    "use": ("context use",),
}  # fmt: skip
"""Words of other programs, and what they are here: in a group the first that is there, else at the top."""


class Verbs(TyperGroup):
    """A group of verbs that knows other names, and says what a word that is none of them most likely means."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, ALIASES.get(cmd_name, ""))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"there is no {self._kind(ctx)} {args[0][:40]!r}{self._advice(ctx, args[0])}")
        return super().resolve_command(ctx, args)

    def _kind(self, ctx: Any) -> str:
        return f"`{ctx.command_path}` verb" if ctx.parent else "verb"

    def _advice(self, ctx: Any, word: str) -> str:
        """A sentence's end that names what helps."""
        from schema.suggest import nearest

        start = ctx.command_path
        lower = word.lower()
        verbs = self.list_commands(ctx)
        here = [each for each in MEANT.get(lower, ()) if each in verbs]
        if ctx.parent is None:
            here = [each for each in MEANT.get(lower, ()) if each[0] == "-" or each.split()[0] in verbs]
        if not here and (near := nearest(word, [*verbs, *ALIASES])):
            here = [near]
        if here:
            return "; did you mean " + " or ".join(f"`{start} {each}`" for each in here) + "?"
        return f"; `{start} --help` lists them"
