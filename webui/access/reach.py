"""Which requests change what runs with rights or secrets: they are for those who may change pipelines."""

from flow.model.snapshot import ProjectView
from schema.access import Role
from schema.request import Request

WHAT = "Giving an image or variables to a stage that asks for rights or secrets"


def role_for(view: ProjectView, request: Request) -> Role:
    """Who may ask it of the project: its image reaches one stage, its variables all that the chain comes to."""
    asking = {
        stage.name for each in (view.pipeline, view.definition) if each for stage in each.stages if stage.rights.asks()
    }
    named = request.stage or ""
    replaced = asking & {named, named.rpartition(".")[0]} if request.image else set()
    return Role.ADMIN if replaced or (request.env and asking) else Role.OPERATOR
