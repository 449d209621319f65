"""Everything that is refused has one shape, and a status that says whose move it is."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import compile_path

from flow.project.precheck import WouldBeRejected
from runner.files.shared_folder import ShelfError
from runner.store.errors import Away, StoreError
from schema import errors as documents
from schema.errors import DocumentError, SchemaError
from schema.reasons import Refusal
from state.contract.errors import StateError
from state.edits.comments import CannotComment
from state.edits.main import NotCommitted
from state.edits.nodes import CannotDrain
from state.edits.projects import CannotMake
from state.history.at_time import NoTime
from state.history.revisions import NoRevision
from webui.access.person import NotAllowed
from webui.source.outbox import CommitYourself, Overtaken
from webui.views.events import NoEvent

WORDS = {
    400: "BadRequest", 401: "Unauthenticated", 403: "NotAllowed", 404: "NotFound", 405: "WrongMethod", 409: "Conflict",
    412: "Overtaken", 413: "TooLarge", 421: "OtherHost", 422: "Invalid", 429: "TooMany", 500: "Failed",
    503: "Unavailable",
}  # fmt: skip
CONFLICTS = frozenset(
    {Refusal.NOTHING_TO_RESUME, Refusal.NOTHING_ASKED, Refusal.NOTHING_RUNNING, Refusal.ALREADY_ENDED,
     Refusal.PROJECT_DELETED}
)  # fmt: skip
"""Refusals that are not about what was said, but about when."""
Failure = TypeVar("Failure", bound=Exception)


class ProblemAnswer(BaseModel):
    """One mistake at one place."""

    file: str = Field(description="the document, or `body`, `query` or `path` of the request")
    line: int | None = Field(description="counted from 1; null where the place is no text")
    column: int | None = Field(description="counted from 1; null where the place is no text")
    what: str = Field(description="what is wrong, and what is wanted")


class Error(BaseModel):
    """Why something was refused. A program acts on `error`, a person reads `text`."""

    error: str = Field(
        description="one word: NotFound, Invalid, Conflict ..., or the reason code with which nodes would reject it"
    )
    text: str = Field(description="what is wrong and what to do")
    problems: list[ProblemAnswer] | None = Field(
        default=None, description="each mistake at its place, where there are places"
    )


class Refused(Exception):
    """What an operation itself refuses."""

    headers: Mapping[str, str] = {}

    def __init__(self, status: int, text: str, error: str = "", problems: list[ProblemAnswer] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.error, self.problems = status, text, error or WORDS[status], problems


def placed(problems: tuple[documents.Problem, ...]) -> list[ProblemAnswer]:
    return [ProblemAnswer(file=each.file, line=each.line, column=each.column, what=each.what) for each in problems]


def _told(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": Error, "description": MEANINGS[code]} for code in codes}


MEANINGS: Mapping[int, str] = {
    400: "The request is no request, as a body that is no JSON.",
    401: "Nobody knows who asks: send a token.",
    403: "The person may not do this, or this page may not commit.",
    404: "There is no such thing, or no such moment.",
    409: "It cannot be done now, as things stand; or the server refused the commit.",
    412: "Somebody changed it since: its tag is none of those in `If-Match`.",
    413: "The body is too large.",
    422: "A value is wrong; `problems` says where.",
    503: "The repository, or the node that has it, cannot be reached now. Try again later.",
}
READING = _told(401, 403, 404, 422, 503)
CHANGING = _told(400, 401, 403, 404, 409, 413, 422, 503)
MATCHING = _told(412)


def answer(status: int, error: str, text: str, problems: list[ProblemAnswer] | None = None) -> JSONResponse:
    said = Error(error=error, text=text, problems=problems)
    return JSONResponse(said.model_dump(exclude_none=problems is None), status)


def _of_state(error: StateError) -> Refused:
    match error:
        case NoTime() | NoRevision():
            return Refused(404, str(error))
        case Overtaken():
            return Refused(412, str(error))
        case NotCommitted() | CannotDrain():
            return Refused(409, str(error))
        case CannotMake() | CannotComment():
            return Refused(422, str(error))
    return Refused(503, str(error))


def _of_schema(error: SchemaError) -> Refused:
    problems = placed(error.problems) if isinstance(error, DocumentError) else None
    return Refused(422, str(error), problems=problems)


def _of_wish(error: WouldBeRejected) -> Refused:
    return Refused(409 if error.reason in CONFLICTS else 422, error.text, error.reason)


def _of_store(error: StoreError) -> Refused:
    return Refused(503 if isinstance(error, Away) else 404, str(error))


def _of_validation(error: RequestValidationError) -> Refused:
    problems = [_problem(each) for each in error.errors()[: documents.LISTED]]
    return Refused(422, "; ".join(f"{each.file}: {each.what}" for each in problems), problems=problems)


def _problem(said: Mapping[str, Any]) -> ProblemAnswer:
    """Texts that were sent are escaped and cut."""
    where, *path = (documents.printable(str(part))[:80] for part in said["loc"])
    at = ".".join(part for part in path if not part.isdecimal() or where != "body" or len(path) > 1)
    what = documents.cut(documents.printable(str(said["msg"]).removeprefix("Value error, ")), 300)
    return ProblemAnswer(file=where, line=None, column=None, what=f"{at}: {what}" if at else what)


def _of_http(error: HTTPException) -> Refused:
    refused = Refused(error.status_code, str(error.detail), WORDS.get(error.status_code, "Refused"))
    refused.headers = error.headers or {}
    return refused


def _methods(request: Request) -> list[str]:
    """All that an address takes: each method is a route of its own, and the first one knows of no other."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    operations: Iterable[tuple[str, str]] = request.app.state.queries
    return sorted(method for method, template in operations if compile_path(template)[0].match(path))


def add_to(api: FastAPI) -> None:
    def handle(kind: type[Failure], judged: Callable[[Failure], Refused]) -> None:
        async def told(request: Request, error: Failure) -> JSONResponse:
            refused = judged(error)
            made = answer(refused.status, refused.error, refused.text, refused.problems)
            made.headers.update(refused.headers)
            if refused.status == 405 and (methods := _methods(request)):
                made.headers["allow"] = ", ".join(methods)
            return made

        api.exception_handler(kind)(told)

    handle(Refused, lambda refused: refused)
    handle(StateError, _of_state)
    handle(CommitYourself, lambda error: Refused(403, str(error), "CommitYourself"))
    handle(SchemaError, _of_schema)
    handle(WouldBeRejected, _of_wish)
    handle(StoreError, _of_store)
    handle(RequestValidationError, _of_validation)
    handle(HTTPException, _of_http)
    handle(NotAllowed, lambda error: Refused(403, str(error)))
    handle(ShelfError, lambda error: Refused(404, str(error)))
    handle(NoEvent, lambda error: Refused(404, str(error)))
