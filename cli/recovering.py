"""`recover`: what only a person can decide of `winslow/state`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.author import author
from cli.errors import CommandError

if TYPE_CHECKING:
    from state.edits.lost_tips import LostTip
    from state.git.git_repository import GitRepository

MOST = 50
"""Executions that are named one by one."""


def add_to(app: typer.Typer) -> None:
    app.command()(recover)


def recover(
    accept: Annotated[str, typer.Option("--accept", help="let what this commit wrote stand", metavar="COMMIT")] = "",
    revert: Annotated[str, typer.Option("--revert", help="put back what was there before it", metavar="COMMIT")] = "",
    restore: Annotated[str, typer.Option("--put-back", help="give a branch its lost tip back", metavar="COMMIT")] = "",
    stand: Annotated[str, typer.Option("--let-stand", help="go on without a lost tip", metavar="COMMIT")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Settle what only a person can: lost commits of a branch that went back, and commits that no node may have made.

    Without an option it lists them. Lost commits are looked for in the clones of this machine. --let-stand first names
    the executions that are lost with them. It pushes to the branch, so it needs the rights of a node.
    Example: winslowctl recover --put-back 3f2c91aa0b1c
    """
    wishes = {"accept": accept, "revert": revert, "put-back": restore, "let-stand": stand}
    chosen = [(wish, commit) for wish, commit in wishes.items() if commit]
    if len(chosen) > 1:
        raise CommandError("one of --accept, --revert, --put-back and --let-stand at a time", 2)
    if not chosen:
        _listed()
        return
    [(wish, commit)] = chosen
    if wish in ("accept", "revert"):
        _settle(commit, accept=wish == "accept")
    else:
        _bring_back(commit, stand=wish == "let-stand", yes=yes)


def _settle(commit: str, *, accept: bool) -> None:
    from state.edits.settle import settle

    oid = settle(settings.repository(), commit, accept=accept, author=author())
    print(f"{'accepted' if accept else 'reverted'} {commit[:12]}: commit {oid[:12]} of winslow/state")


def _lost() -> "tuple[GitRepository, list[LostTip]]":
    from state.edits.lost_tips import find

    client, own = settings.repository(), settings.data() / "clone.git"
    return client, find(client, [own] if own.is_dir() else [])


def _bring_back(commit: str, *, stand: bool, yes: bool) -> None:
    from state.edits.lost_tips import let_stand, put_back

    client, found = _lost()
    lost = next((each for each in found if len(commit) >= 4 and each.oid.startswith(commit)), None)
    if lost is None:
        raise CommandError(
            f"no clone on this machine has a lost commit {commit[:40]!r}; `winslowctl recover` lists them"
        )
    if stand:
        _tell_what_goes(client, lost)
    what = f"go on without {lost.commits} lost commits of" if stand else f"put {lost.commits} lost commits back into"
    if not (yes or typer.confirm(f"{what} {lost.branch} ({lost.oid[:12]})?")):
        raise CommandError("nothing was changed")
    oid = let_stand(client, lost, author()) if stand else put_back(client, lost)
    print(f"{lost.branch} is at {oid[:12]}; nodes go on at their next look")


def _tell_what_goes(client: "GitRepository", lost: "LostTip") -> None:
    """Which executions nobody will know of, on stderr: where they ran, how far they came, what has their number now."""
    from state.contract.errors import StateError
    from state.edits.lost_tips import lost_records

    try:
        records = lost_records(client, lost)
    except StateError as error:
        settings.warn(f"which executions are lost with {lost.oid[:12]} cannot be said: {error}")
        return
    for each in records[:MOST]:
        now = f"its number is {each.now} now" if each.now else "nothing has its number now"
        name, stage = f"{each.project}/{each.execution}", output.shown(each.stage)
        again = f"winslowctl redo {each.project} --stage {each.stage.partition('.')[0]}"
        settings.warn(f"{name} ({stage}) on {each.node}, {each.state}, is lost; {now}; to have it again: {again}")
    if len(records) > MOST:
        settings.warn(f"and {len(records) - MOST} executions more")


def _listed() -> None:
    client, lost = _lost()
    rows = [_row_of(each) for each in lost] + _flagged(client)
    if output.for_programs(rows):
        return
    if not rows:
        print("nothing to recover: no clone here has lost commits, and every commit of winslow/state is legal")
        return
    output.table(
        ("COMMIT", "PROJECT", "BY", "WHAT"),
        [[row["commit"][:12], row["project"], output.shown(row["by"]), output.shown(row["text"])] for row in rows],
    )


def _row_of(lost: "LostTip") -> dict[str, str]:
    short = lost.oid[:12]
    remedy = (
        f"--put-back {short}" if not lost.since else f"--let-stand {short}, the branch has {lost.since} others since"
    )
    text = f"lost tip of {lost.branch}: {lost.commits} commits are not in it any more; winslowctl recover {remedy}"
    return {"commit": lost.oid, "project": "", "by": "", "text": text}


def _flagged(client: "GitRepository") -> list[dict[str, str]]:
    from state.contract.errors import StateError

    try:
        snapshot = client.fetch()
    except StateError as error:
        settings.warn(str(error))
        return []
    flags = [(view.id, flag) for view in snapshot.projects.values() for flag in view.flags]
    return [{"commit": flag.commit, "project": id, "by": flag.by, "text": flag.text} for id, flag in flags]
