"""A person's wish before it becomes a request: judged as a node would, so that nothing is asked in vain."""

from typing import Any

from flow.model.snapshot import ProjectView, RequestFile
from flow.project.replies import abort_targets, answer, answer_all
from schema.binding import read
from schema.codec import dump
from schema.request import Request

Wish = dict[str, Any]
"""The fields of a request as a person gave them."""


class WouldBeRejected(Exception):
    """The nodes would reject it now; the text names the field or says what to do."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


def judged(view: ProjectView, wish: Wish) -> Wish:
    """The wish with typed values. WouldBeRejected; DocumentError where it is no request at all.

    What nobody can tell yet, because earlier requests are unanswered or something has to end first, passes.
    """
    request = read(Request, dump(wish), "the request")
    for answered in answer_all(view):
        view = answered.view
    file = RequestFile("9999-now.yaml", "", "", "", request)
    if view.asked or abort_targets(view, file):
        return wish
    reply = answer(view, file).reply
    if not reply.accepted:
        raise WouldBeRejected(str(reply.reason), reply.text)
    if "inputs" in wish:
        wish = {**wish, "inputs": {name: reply.inputs.get(name, value) for name, value in wish["inputs"].items()}}
    return wish
