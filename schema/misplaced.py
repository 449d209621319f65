"""Files of `main` that look as if they were meant for Winslow, and that nothing reads: each gets the right name.

Free below the folders of documents: Markdown, names that begin with README or LICENSE, and hidden files that are no
YAML. Elsewhere everything is free, but for what is nearly the name of a document or of a folder of documents.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from schema import images, layout
from schema.errors import Problem
from schema.names import NAME
from schema.trigger import LONGEST_NAME

FOLDERS = {
    "pipelines": "a pipeline's file",
    "nodes": "a node's file",
    "triggers": "a trigger's file",
    "projects": "a project's file",
}
NEAR = 0.84
"""Likeness from which on a name passes for a misspelt one: `pipline`, and not `notes` for `nodes`."""

_REQUEST = re.compile(r"[0-9]+[-_. ][a-z]+(?:[-_.][\w.-]*)?", re.IGNORECASE)
_FREE = re.compile(r"README|LICENSE|COPYING|.*\.md$", re.IGNORECASE)


def misplaced(path: str) -> str | None:
    """Why nothing reads a file of that path, and how it has to be called. None for a document, and for what is free."""
    parts = path.split("/")
    hidden = any(part.startswith(".") for part in parts) and not _is_yaml(path)
    if path == layout.project(images.PROJECT):
        return "nobody writes this project: it is the one of builds of images/ on main"
    if parts[0] == images.FOLDER and len(parts) > 1:
        return None if _FREE.match(parts[1]) or hidden else _in_images(parts)
    if layout.place_on_main(path) is not None or hidden or _FREE.match(parts[-1]):
        return None
    if len(parts) == 1:
        return _at_the_top(path)
    if parts[0] == "projects":
        return _in_projects(parts[1:])
    if parts[0] in FOLDERS and not _like_yaml(parts[-1]):
        return f"nothing reads it; {FOLDERS[parts[0]]} is {parts[0]}/NAME.yaml"
    if parts[0] in FOLDERS:
        name = _name(_stem(parts[-1]))
        if parts[0] == "triggers" and len(name) > LONGEST_NAME:
            return f"not read under this name; that of a trigger has at most {LONGEST_NAME} characters"
        right = f"{parts[0]}/{name}.yaml"
        return _said(FOLDERS[parts[0]], right, odd=not re.fullmatch(NAME, _stem(parts[-1])))
    return _in_a_near_folder(parts)


def problems(paths: Iterable[str]) -> Iterator[Problem]:
    """Of all paths of a tree those that nothing reads."""
    found = ((path, misplaced(path)) for path in paths)
    return (Problem(path, 1, 1, what) for path, what in found if what)


def near_folder(name: str) -> str | None:
    """The folder of documents that the name of another folder nearly is."""
    return next((folder for folder in FOLDERS if name != folder and _near(name, folder)), None)


def _said(what: str, right: str, *, odd: bool = False) -> str:
    rule = " (lower-case letters, digits, . _ -)" if odd else ""
    return f"not read under this name; {what} is {right}{rule}"


def _at_the_top(name: str) -> str | None:
    stem = _stem(name).lstrip(".")
    if not _like_yaml(name):
        return None
    if _near(stem, "winslow"):
        return _said("the file of the settings", layout.SETTINGS)
    if not _is_yaml(name):
        return None
    if _REQUEST.fullmatch(stem):
        return _said("a request's file", layout.request("PROJECT", f"{stem}.yaml"))
    folder = stem if stem in FOLDERS else near_folder(stem)
    if folder == "projects":
        return _said(FOLDERS[folder], layout.project("PROJECT"))
    return _said(FOLDERS[folder], f"{folder}/NAME.yaml") if folder else None


def _in_images(parts: list[str]) -> str | None:
    """Below an image's own folder everything is free."""
    if len(parts) == 2:
        return f"nothing reads it; an image is {images.FOLDER}/NAME/{images.DOCKERFILE}"
    if not images.NAME.fullmatch(parts[1]):
        right = f"{images.FOLDER}/{_name(parts[1])[:40].strip('._-')}/{images.DOCKERFILE}"
        return _said("an image", right, odd=True)
    if len(parts) == 3 and parts[2].lower() == "dockerfile" and parts[2] != images.DOCKERFILE:
        return _said("an image", f"{images.FOLDER}/{parts[1]}/{images.DOCKERFILE}")
    return None


def _in_a_near_folder(parts: list[str]) -> str | None:
    folder = near_folder(parts[0]) if _is_yaml(parts[-1]) else None
    if folder is None:
        return None
    right = "/".join([folder, *parts[1:]])
    return misplaced(right) or _said(FOLDERS[folder], right)


def _in_projects(parts: list[str]) -> str:
    if len(parts) == 1:
        return _said(FOLDERS["projects"], layout.project(_name(_stem(parts[0]))))
    id, *middle, last = parts
    right, odd = _name(id), not re.fullmatch(NAME, id)
    stem = _stem(last)
    if _near(middle[0] if middle else last, "comments"):
        number = f"{int(stem):04d}" if re.fullmatch(r"[0-9]{1,9}", stem) else "0001"
        return _said("a comment's file", layout.comment(right, int(number)), odd=odd)
    if not middle and _near(last, "requests"):
        return f"not read under this name; requests are files like projects/{right}/requests/0001-start.yaml"
    if (middle and _near(middle[0], "requests")) or _REQUEST.fullmatch(stem):
        name = f"{stem}.yaml" if _is_yaml(last) or _REQUEST.fullmatch(stem) else "0001-start.yaml"
        return _said("a request's file", layout.request(right, name), odd=odd)
    if not middle and (_near(stem, "project") or odd):
        return _said(FOLDERS["projects"], layout.project(right), odd=odd)
    return f"nothing reads it; a project is {layout.project(right)}, with files below requests/ and comments/"


def _near(name: str, wanted: str) -> bool:
    lower = name.lower()
    return lower in (wanted, wanted[:-1], f"{wanted}s") or SequenceMatcher(None, lower, wanted).ratio() >= NEAR


def _is_yaml(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml"))


def _like_yaml(name: str) -> bool:
    return _is_yaml(name) or name.lower().endswith((".json", ".toml"))


def _stem(name: str) -> str:
    return re.sub(r"(?:\.(?:ya?ml|json|toml|txt|bak|orig|rej|swp)|~)+$", "", name, flags=re.IGNORECASE)


def _name(text: str) -> str:
    """The nearest name that is allowed."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._-]+", "-", plain)[:63].strip("._-") or "NAME"
