"""What a person says of a project, `projects/<id>/comments/<number>.yaml`: for people, without any effect."""

from pydantic import Field

from schema.base import Wanted

LONGEST = 4000


class Comment(Wanted):
    """Who said it and when is told by the commit that brought it."""

    comment: str = Field(min_length=1, max_length=LONGEST)
    execution: int | None = Field(default=None, ge=1)
