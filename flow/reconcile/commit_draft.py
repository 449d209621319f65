"""The commits of one round under construction, and the views as they will be once they have landed."""

from dataclasses import replace

from flow.boards.project_board import project_board
from flow.model.commits import Commit, StateEvent, Write
from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import Answered, answer_all
from flow.reconcile.project_fault import blamed_on
from schema import layout
from schema.execution import Execution, Tombstone
from schema.pipeline import with_times


class CommitDraft:
    """Every addition is decided on the view that the additions before it leave."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.commits: list[Commit] = []
        self._views: dict[str, ProjectView] = {}

    def view(self, project: str) -> ProjectView:
        return self._views.get(project) or self.snapshot.projects[project]

    def touched(self, project: str) -> bool:
        return project in self._views

    def add(self, event: StateEvent, *writes: Write) -> None:
        self.commits.append(Commit(event, writes))

    def record(self, project: str, event: StateEvent, *executions: Execution, extra: tuple[Write, ...] = ()) -> None:
        """Create or replace executions' records, in one commit."""
        view = self.view(project)
        by_number = {e.execution: e for e in view.executions} | {e.execution: e for e in executions}
        self._views[project] = replace(view, executions=tuple(by_number[n] for n in sorted(by_number)))
        writes = tuple(Write(layout.execution(project, e.execution, e.slot), e) for e in executions)
        self.add(event, *writes, *extra)

    def reply_all(self, project: str) -> None:
        """Answer every unanswered request, up to an abort that has to wait for its execution's end."""
        for answered in answer_all(self.view(project)):
            self.reply(project, answered)

    def reply(self, project: str, answered: Answered) -> None:
        reply, view, definition = answered.reply, answered.view, answered.definition
        if definition:
            definition = with_times(definition, self.snapshot.settings.exclusive)
            view = replace(view, definition=definition)
        self._views[project] = view
        event = StateEvent(
            verb="accept" if reply.accepted else "reject",
            project=project,
            stage=reply.stage or "",
            execution=reply.execution,
            fact=reply.kind if reply.accepted else f"{reply.kind}: {reply.reason}: {reply.text}",
            request=reply.request,
            by=reply.by,
        )
        writes = [Write(layout.reply(project, reply.request), reply)]
        if definition:
            writes.append(Write(layout.definition(project), definition))
        self.add(event, *writes)

    def after(self) -> Snapshot:
        """The snapshot as it will be once all of this has landed."""
        return (
            replace(self.snapshot, projects={**self.snapshot.projects, **self._views}) if self._views else self.snapshot
        )

    def show(self) -> None:
        """Renew the board of every project that changes, in the last commit that changes it."""
        after, shown = self.after(), set[str]()
        for place in range(len(self.commits) - 1, -1, -1):
            project = self.commits[place].event.project
            view = self._views.get(project)
            if view is None or project in shown:
                continue
            shown.add(project)
            if view.project or view.tombstone is None or view.tombstone.state == "deleting":
                with blamed_on(project):
                    self.attach(place, Write(layout.board(project), project_board(after, view)))

    def attach(self, place: int, write: Write) -> None:
        commit = self.commits[place]
        self.commits[place] = Commit(commit.event, (*commit.writes, write))

    def tombstone(self, project: str, stone: Tombstone | None, event: StateEvent, *writes: Write) -> None:
        self._views[project] = replace(self.view(project), tombstone=stone)
        self.add(event, Write(layout.tombstone(project), stone), *writes)
