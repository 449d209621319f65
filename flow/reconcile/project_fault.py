"""A fault that nobody thought of, while a round works on a project, is that project's fault: all others go on.

The round is decided anew with the project's view marked as damaged, so that nothing of it is started, stopped or
written, and nothing that was half decided stays. What it runs goes on, and its ends wait in the outbox.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flow.model.snapshot import Snapshot


class ProjectFault(Exception):
    def __init__(self, project: str, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
        super().__init__(
            f"{project}: nothing is decided for this project, which is a fault in Winslow: {type(error).__name__}: "
            f"{error} ({place}); what it runs goes on, and so do all other projects; report it"
        )
        self.project = project


@contextmanager
def blamed_on(project: str) -> Iterator[None]:
    """Whatever is raised within is a ProjectFault of that project."""
    try:
        yield
    except ProjectFault:
        raise
    except Exception as error:
        raise ProjectFault(project, error) from error


def without(snapshot: Snapshot, fault: ProjectFault) -> Snapshot:
    """The snapshot in which nothing is done for that project. The fault itself, where that did not help."""
    view = snapshot.projects.get(fault.project)
    if view is None or view.damage:
        raise fault
    damaged = replace(view, damage=str(fault))
    return replace(snapshot, projects={**snapshot.projects, view.id: damaged})
