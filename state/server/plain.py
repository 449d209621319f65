"""Passes the pushes that nearly all are: requests, comments, projects and nodes' files of a few plain lines.

What reads YAML and checks documents takes ten times as long to load as all of this takes to run, so nothing but `os` is
imported here. Whatever is not plain is for `push_check`, and so is every refusal: what passes here passes there too
(`tests/unit/state/test_plain.py` asks both).
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MAIN, STATE = "refs/heads/main", "refs/heads/winslow/state"
ZERO = "0" * 40
BUILDS = "projects/winslow-images/"
"""What nobody writes but for requests; which these are is for others to say."""
MOST_FILES, MOST_BYTES, MOST_OUTPUT = 500, 4096, 4 * 1024 * 1024
LONGEST = 200
"""Characters of a text."""
_LOWER, _DIGITS = frozenset("abcdefghijklmnopqrstuvwxyz"), frozenset("0123456789")
_NAME, _WORD = _LOWER | _DIGITS | frozenset("._-"), _LOWER | _DIGITS | frozenset("_")
_PLAIN = _NAME | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ/ ")
_SPOKEN = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
"""Words that YAML, of one version or another, takes for something else than a text."""
_VERBS = frozenset(("start", "resume", "pause", "abort", "skip", "answer"))
Fields = dict[str, str]
"""Keys to values as they are written; those of `inputs` as `inputs.KEY`."""


def passes(lines: "Iterable[str]") -> bool:
    """Whether all that these lines push to `main` is plain, and right. Run inside the repository."""
    pushes = [line.split() for line in lines]
    return all(len(each) == 3 and (each[2] != MAIN or _push(each[0], each[1])) for each in pushes)


def _push(old: str, new: str) -> bool:
    if ZERO in (old, new):
        return False
    listed = _git("diff-tree", "-r", "-z", "--no-renames", old, new)
    fields = listed.decode(errors="replace").split("\0")[:-1] if listed is not None else []
    changed = [(head.lstrip(":").split(" "), path) for head, path in zip(fields[::2], fields[1::2], strict=False)]
    if listed is None or len(changed) > MOST_FILES:
        return False
    written = {path: head[3] for head, path in changed if head[3] != ZERO}
    regular = all(head[1].startswith("100") for head, _ in changed if head[3] != ZERO)
    removed = [path for head, path in changed if head[3] == ZERO]
    return regular and "winslow.yaml" not in removed and _documents(new, written)


def _documents(new: str, written: dict[str, str]) -> bool:
    kinds = {path: kind_of(path) for path in written}
    if not all(kinds.values()) or any(path.startswith(BUILDS) for path in written):
        return False
    needed, unwanted = _around(new, kinds)
    asked = [*written.values(), *needed, *unwanted]
    told = _lines(_git("cat-file", "--batch-check=%(objecttype) %(objectsize)", given=asked))
    sizes, there, answered = (
        told[: len(written)],
        told[len(written) :][: len(needed)],
        told[len(written) + len(needed) :],
    )
    if len(told) != len(asked) or not all(_small(each) for each in sizes):
        return False
    if not all(each.startswith("blob ") for each in there) or not all(each.endswith(" missing") for each in answered):
        return False
    texts = _contents(_git("cat-file", "--batch=%(objectsize)", given=list(written.values())), len(written))
    found = [(kinds[path], fields_of(text)) for path, text in zip(written, texts, strict=False)]
    right = len(found) == len(written) and all(fields and FITS[kind](fields) for kind, fields in found)
    return right and _pipelines(new, [fields["pipeline"] for kind, fields in found if kind == "project" and fields])


def _around(new: str, kinds: dict[str, str]) -> tuple[list[str], list[str]]:
    """Of requests: the projects that have to be there, and the replies that must not."""
    requests = [path.split("/") for path, kind in kinds.items() if kind == "request"]
    projects = [f"{new}:projects/{parts[1]}/project.yaml" for parts in requests]
    return projects, [f"{STATE}:projects/{parts[1]}/replies/{parts[3]}" for parts in requests]


def _pipelines(new: str, names: "Sequence[str]") -> bool:
    if not names:
        return True
    asked = [f"{new}:pipelines/{name}.yaml" for name in names]
    told = _lines(_git("cat-file", "--batch-check=%(objecttype)", given=asked))
    return len(told) == len(asked) and all(each == "blob" for each in told)


def _small(said: str) -> bool:
    kind, _, size = said.partition(" ")
    return kind == "blob" and size.isdigit() and int(size) <= MOST_BYTES


# -- paths ------------------------------------------------------------------------------------------------------------


def kind_of(path: str) -> str:
    """Of a document whose name is as plain as it; nothing for any other."""
    parts, stem = path.split("/"), path.rpartition("/")[2].removesuffix(".yaml")
    if not path.endswith(".yaml") or not all(_is_name(part) for part in (*parts[:-1], stem)):
        return ""
    if len(parts) == 2 and parts[0] == "nodes":
        return "node"
    if len(parts) == 3 and (parts[0], parts[2]) == ("projects", "project.yaml"):
        return "project"
    if len(parts) == 4 and (parts[0], parts[2]) == ("projects", "requests"):
        return "request"
    numbered = 4 <= len(stem) <= 9 and _DIGITS.issuperset(stem)
    return "comment" if len(parts) == 4 and (parts[0], parts[2]) == ("projects", "comments") and numbered else ""


def _is_name(text: str) -> bool:
    ends = _LOWER | _DIGITS
    return 1 <= len(text) <= 63 and _NAME.issuperset(text) and text[0] in ends and text[-1] in ends


# -- documents --------------------------------------------------------------------------------------------------------


def fields_of(content: bytes) -> Fields | None:
    """Lines of `key: value`; the last key may be `inputs:`, with one level of them below. None for anything else."""
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        return None
    found: Fields = {}
    above = ""
    for line in text.removesuffix("\n").split("\n"):
        if line == "inputs:" and not above:
            above = "inputs."
        elif (above and line[:2] != "  ") or not _taken(found, above, line[2:] if above else line):
            return None
    return found if not above or any(key.startswith(above) for key in found) else None


def _taken(found: Fields, above: str, line: str) -> bool:
    key, _, value = line.partition(": ")
    if not key or not value or key[0] not in _LOWER or not _WORD.issuperset(key) or above + key in found:
        return False
    found[above + key] = value
    return True


def _is_text(value: str) -> bool:
    """One that needs no quotes, and is nothing but a text; or one in double quotes without escapes."""
    if len(value) > LONGEST:
        return False
    if value[:1] == '"':
        inner = value[1:-1]
        return len(value) > 2 and value[-1] == '"' and inner.isprintable() and '"' not in inner and "\\" not in inner
    letters = value[:1].isalpha() and value[-1:] != " " and _PLAIN.issuperset(value)
    return letters and value.lower() not in _SPOKEN


def _is_plain_name(value: str) -> bool:
    return _is_name(value) and value[0] in _LOWER and value not in _SPOKEN


def _is_number(value: str) -> bool:
    return 1 <= len(value) <= 9 and _DIGITS.issuperset(value) and value[0] != "0"


def _is_flag(value: str) -> bool:
    return value in ("true", "false")


def _request(fields: Fields) -> bool:
    verb = fields.get("request", "")
    inputs = all(len(key) <= 40 and _is_text(value) for key, value in fields.items() if key.startswith("inputs."))
    known: dict[str, Callable[[str], bool]] = {
        "request": _VERBS.__contains__, "stage": _is_plain_name, "then": ("continue", "pause").__contains__,
        "comment": _is_text, "execution": _is_number,
    }  # fmt: skip
    own = all(key in known and known[key](value) for key, value in fields.items() if not key.startswith("inputs."))
    fitting = ("stage" in fields or verb != "skip") and ("execution" not in fields or verb == "abort")
    return verb in _VERBS and inputs and own and fitting


def _project(fields: Fields) -> bool:
    known = {"pipeline": _is_plain_name, "name": _is_text, "description": _is_text}
    return "pipeline" in fields and all(key in known and known[key](value) for key, value in fields.items())


def _comment(fields: Fields) -> bool:
    known = {"comment": _is_text, "execution": _is_number}
    return "comment" in fields and all(key in known and known[key](value) for key, value in fields.items())


def _node(fields: Fields) -> bool:
    return all(key == "drain" and _is_flag(value) for key, value in fields.items())


FITS: "dict[str, Callable[[Fields], bool]]" = {
    "request": _request, "project": _project, "comment": _comment, "node": _node,
}  # fmt: skip


# -- git --------------------------------------------------------------------------------------------------------------


def _git(*arguments: str, given: "Sequence[str]" = ()) -> bytes | None:
    """What it says, by files in memory: `subprocess` takes longer to load than git to run. None where it fails."""
    asked, said = os.memfd_create("asked"), os.memfd_create("said")
    try:
        os.write(asked, "".join(f"{line}\n" for line in given).encode())
        os.lseek(asked, 0, os.SEEK_SET)
        actions = [
            (os.POSIX_SPAWN_DUP2, asked, 0), (os.POSIX_SPAWN_DUP2, said, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]  # fmt: skip
        child = os.posix_spawnp("git", ["git", *arguments], os.environ, file_actions=actions)
        _, status = os.waitpid(child, 0)
        size = os.fstat(said).st_size
        return os.pread(said, size, 0) if status == 0 and size <= MOST_OUTPUT else None
    except OSError:
        return None
    finally:
        os.close(asked)
        os.close(said)


def _lines(said: bytes | None) -> list[str]:
    return said.decode(errors="replace").splitlines() if said else []


def _contents(said: bytes | None, count: int) -> list[bytes]:
    found: list[bytes] = []
    rest = said or b""
    while rest and len(found) < count:
        size, _, rest = rest.partition(b"\n")
        if not size.isdigit():
            return []
        found.append(rest[: int(size)])
        rest = rest[int(size) + 1 :]
    return found
