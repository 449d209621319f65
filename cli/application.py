"""The command as a whole: its options, the order of its words, and how it ends. Its verbs are in `cli.verbs`."""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from cli import streams
from cli.complaints import refuse_stray, told
from cli.output import set_output
from cli.settings import CURRENT
from cli.verbs import AllVerbs

app = typer.Typer(
    name="winslowctl",
    cls=AllVerbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Pipelines on GPU machines, without a master: everything wanted and everything that happened is in one Git "
    "repository.\n\nBegin with `winslowctl up` on a laptop. Every control command makes a commit a person could have "
    "made, and prints it.\n\nExit codes: 0 done, 1 error, 2 usage (or `plan` has changes), 3 and 4 see `wait --help`.",
)

COMPLETE = "_WINSLOWCTL_COMPLETE"
"""Set by a shell that asks how a line may go on."""
Output = Annotated[
    str, typer.Option("-o", "--output", help="table, wide, name, csv, json or yaml; before or after the verb")
]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"winslowctl {version('winslow-controller')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="print the version, and end", is_eager=True, callback=_version)
]


@app.callback()
def options(
    context: typer.Context,
    repo: Annotated[str, typer.Option("--repo", help="the state repository: a path or URL (WINSLOW_REPO)")] = "",
    data: Annotated[str, typer.Option("--data", help="this machine's data directory (WINSLOW_DATA)")] = "",
    context_name: Annotated[
        str, typer.Option("--context", help="a name that `context add` gave to both (WINSLOW_CONTEXT)")
    ] = "",
    output: Output = "table",
    version: Version = False,
) -> None:
    CURRENT.repo, CURRENT.data = repo or CURRENT.repo, data or CURRENT.data
    CURRENT.context = context_name or CURRENT.context
    set_output(output, context.invoked_subcommand)


GLOBAL = {"--repo", "--data", "--context", "-o", "--output"}


def hoist(arguments: list[str]) -> list[str]:
    """Options that may stand before or after the verb, moved to the front. `--` ends the search.

    After `files get`, `-o` names the file to write.
    """
    front: list[str] = []
    rest: list[str] = []
    items = iter(arguments)
    for item in items:
        name, separator, value = item.partition("=")
        if item == "--":
            rest += [item, *items]
        elif name in GLOBAL and not (name == "-o" and rest[:2] in (["files", "get"], ["file", "get"])):
            front += [name, value if separator else next(items, "")]
        else:
            rest.append(item)
    return front + rest


def run() -> None:
    """Every known mistake is one line on standard error, with what to do; the exit code is the verb's own."""
    streams.prepare()
    CURRENT.clear()
    code = _ended(_run)
    sys.exit(_ended(streams.flush) or code)


def _run() -> None:
    if COMPLETE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    arguments = hoist(sys.argv[1:])
    refuse_stray(arguments)
    app(arguments, standalone_mode=True)


def _ended(part: Callable[[], None]) -> int:
    """The exit code of a part. A reader that goes away early (`| head`) is no mistake."""
    try:
        part()
    except SystemExit as end:
        return _code(end)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        streams.give_up()
    except Exception as error:
        return told(error)
    return 0


def _code(end: SystemExit) -> int:
    if isinstance(end.__context__, BrokenPipeError):
        streams.give_up()
        return 0
    return end.code if isinstance(end.code, int) else int(end.code is not None)
