"""Where each document lives. Paths are `/`-separated and relative to the tree of their branch."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAIN = "refs/heads/main"
STATE = "refs/heads/winslow/state"
NODES = "refs/winslow/nodes/"
NODE_BRANCHES = "refs/heads/winslow-nodes/"
TOLD = "refs/winslow/told/"
TOLD_BRANCHES = "refs/heads/winslow-told/"

SETTINGS = "winslow.yaml"
_NUMBER = re.compile(r"[0-9]{1,9}")
_NAME = r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?"
_MAIN_PATHS = {
    "pipeline": re.compile(rf"pipelines/({_NAME})\.yaml"),
    "project": re.compile(rf"projects/({_NAME})/project\.yaml"),
    "request": re.compile(rf"projects/({_NAME})/requests/([^/]+)\.yaml"),
    "comment": re.compile(rf"projects/({_NAME})/comments/([0-9]{{4,9}})\.yaml"),
    "node": re.compile(rf"nodes/({_NAME})\.yaml"),
    "trigger": re.compile(r"triggers/([a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?)\.yaml"),
    "settings": re.compile(r"winslow\.yaml()"),
}
_STATE_PATHS = {
    "reply": re.compile(rf"projects/({_NAME})/replies/([^/]+)\.yaml"),
    "execution": re.compile(rf"projects/({_NAME})/executions/([0-9]{{4,9}})-({_NAME}(?:\.[0-9]{{1,4}})?)\.yaml"),
    "definition": re.compile(rf"projects/({_NAME})/pipeline\.yaml"),
    "tombstone": re.compile(rf"projects/({_NAME})/deleted\.yaml"),
    "flag": re.compile(rf"projects/({_NAME})/flags/([0-9a-f]{{40,64}})\.yaml"),
    "inventory": re.compile(rf"inventory/({_NAME})\.yaml"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a path holds: its kind, and the names in it (`project`, `node` or `pipeline` first)."""

    kind: str
    owner: str
    item: str = ""


def place_on_main(path: str) -> Place | None:
    return _place(path, _MAIN_PATHS)


def place_on_state(path: str) -> Place | None:
    return _place(path, _STATE_PATHS)


def _place(path: str, patterns: dict[str, re.Pattern[str]]) -> Place | None:
    for kind, pattern in patterns.items():
        if match := pattern.fullmatch(path):
            item = match[2] if pattern.groups > 1 else ""
            return Place(kind, match[1], item)
    return None


def pipeline(name: str) -> str:
    return f"pipelines/{name}.yaml"


def project(id: str) -> str:
    return f"projects/{id}/project.yaml"


def request(id: str, name: str) -> str:
    return f"projects/{id}/requests/{name}"


def request_name(number: int, kind: str) -> str:
    return f"{number:04d}-{kind}.yaml"


def next_number(names: Iterable[str], above: int = 0) -> int:
    """One above every number that these requests begin with."""
    numbers = [int(match[0]) for name in names if (match := _NUMBER.match(name))]
    return max([above, *numbers]) + 1


def renumbered(name: str, number: int) -> str:
    """The name of a request with another number."""
    return f"{number:04d}{_NUMBER.sub('', name, count=1)}"


def comment(id: str, number: int) -> str:
    return f"projects/{id}/comments/{number:04d}.yaml"


def node(name: str) -> str:
    return f"nodes/{name}.yaml"


def trigger(name: str) -> str:
    return f"triggers/{name}.yaml"


def reply(id: str, request_file: str) -> str:
    return f"projects/{id}/replies/{request_file}"


def execution(id: str, number: int, stage: str) -> str:
    return f"projects/{id}/executions/{number:04d}-{stage}.yaml"


def log(id: str, number: int, stage: str) -> str:
    return f"projects/{id}/logs/{number:04d}-{stage}.txt"


def artifacts(id: str, number: int, stage: str) -> str:
    return f"projects/{id}/artifacts/{number:04d}-{stage}.json"


def definition(id: str) -> str:
    return f"projects/{id}/pipeline.yaml"


def tombstone(id: str) -> str:
    return f"projects/{id}/deleted.yaml"


def flag(id: str, commit: str) -> str:
    return f"projects/{id}/flags/{commit}.yaml"


ROOT_BOARD = "README.md"


def board(id: str) -> str:
    return f"projects/{id}/README.md"


def inventory(node: str) -> str:
    return f"inventory/{node}.yaml"


def state_folder(id: str) -> str:
    return f"projects/{id}/"
