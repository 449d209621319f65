"""The command `winslowctl`.

Exit codes: 0 done · 1 an error, said in one line · 2 wrong usage, or `plan` has changes · 3 `wait`: the project stopped
somewhere else · 4 `wait`: the time was over · 130 interrupted.
"""

import sys
from typing import Annotated

import typer

from cli import (
    control,
    describing,
    draining,
    files,
    health,
    history,
    logs,
    looking,
    notices,
    page,
    pipelines,
    projects,
    provenance,
    pruning,
    repository,
    reproducing,
    running,
    top,
    validation,
    waiting,
)
from cli.errors import CommandError
from cli.output import set_output
from cli.settings import CURRENT

app = typer.Typer(
    name="winslowctl",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Pipelines on GPU machines, without a master: everything wanted and everything that happened is in one Git "
    "repository.\n\nBegin with `winslowctl up` on a laptop. Every control command makes a commit a person could have "
    "made, and prints it.\n\nExit codes: 0 done, 1 error, 2 usage (or `plan` has changes), 3 and 4 see `wait --help`.",
)

Output = Annotated[str, typer.Option("-o", "--output", help="table, json or yaml; before or after the verb")]


@app.callback()
def options(
    context: typer.Context,
    repo: Annotated[str, typer.Option("--repo", help="the state repository: a path or URL (WINSLOW_REPO)")] = "",
    data: Annotated[str, typer.Option("--data", help="this machine's data directory (WINSLOW_DATA)")] = "",
    output: Output = "table",
) -> None:
    CURRENT.repo, CURRENT.data = repo or CURRENT.repo, data or CURRENT.data
    set_output(output, context.invoked_subcommand)


for group in (
    repository, validation, health, notices, running, page, pipelines, projects, control, draining, waiting, looking,
    top, describing, logs, history, provenance, reproducing, files, pruning,
):  # fmt: skip
    group.add_to(app)

GLOBAL = {"--repo": "repo", "--data": "data", "-o": "output", "--output": "output"}


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
        elif name in GLOBAL and not (name == "-o" and rest[:2] == ["files", "get"]):
            front += [name, value if separator else next(items, "")]
        else:
            rest.append(item)
    return front + rest


def main() -> None:
    """Every known mistake is one line on standard error, with what to do."""
    CURRENT.repo = CURRENT.data = ""
    try:
        app(hoist(sys.argv[1:]), standalone_mode=True)
    except CommandError as error:
        _end(str(error), error.code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        _end(f"{error.filename or 'this machine'}: {error.strerror or error}", 1)
    except Exception as error:
        if _known(error):
            _end(str(error), 1)
        raise


def _known(error: Exception) -> bool:
    from runner.errors import RunnerError
    from schema.errors import SchemaError
    from state.errors import StateError

    return isinstance(error, StateError | SchemaError | RunnerError)


def _end(text: str, code: int) -> None:
    from runner.logs import clean

    print("\n".join(clean(line) for line in f"winslowctl: {text}".splitlines()), file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
