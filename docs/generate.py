"""Field tables and verbs of docs/reference.md, made from the code. `python docs/generate.py --write` renews them.

Between `<!-- fields: NAME -->` and `<!-- end -->` stands the table of that model; the rest of the page is written by
hand. What a field means is said here, in `MEANING`, and a field without a word is an error.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schema import access, execution, inputs, node, notify, pipeline, project, reply, request, retention
from schema.quantities import format_duration
from webui.access import config

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import generate_commands  # noqa: E402

PAGE = Path(__file__).parent / "reference.md"
SECTION = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

MODELS: dict[str, type[BaseModel]] = {
    "Settings": node.Settings,
    "Access": access.Access,
    "PageConfig": config.PageConfig,
    "Oidc": config.Oidc,
    "Tls": config.Tls,
    "Rule": notify.Rule,
    "Retention": retention.Retention,
    "Exclusive": node.Exclusive,
    "NodeSettings": node.NodeSettings,
    "Pipeline": pipeline.Pipeline,
    "Stage": pipeline.Stage,
    "Input": inputs.Input,
    "Resources": pipeline.Resources,
    "StageGpu": pipeline.Gpu,
    "NodeSelector": pipeline.NodeSelector,
    "Retry": pipeline.Retry,
    "Artifacts": pipeline.Artifacts,
    "Reports": pipeline.Reports,
    "Matrix": pipeline.Matrix,
    "Project": project.Project,
    "Request": request.Request,
    "WorkspaceFrom": request.WorkspaceFrom,
    "Reply": reply.Reply,
    "Position": reply.Position,
    "Execution": execution.Execution,
    "Claim": execution.Claim,
    "Lease": execution.Lease,
    "ImageRecord": execution.ImageRecord,
    "WorkspaceRecord": execution.WorkspaceRecord,
    "Times": execution.Times,
    "Result": execution.Result,
    "LogRecord": execution.LogRecord,
    "Artifact": execution.Artifact,
    "ArtifactList": execution.ArtifactList,
    "Tombstone": execution.Tombstone,
    "Inventory": node.Inventory,
    "InventoryGpu": node.Gpu,
    "Heartbeat": node.Heartbeat,
}

MEANING: dict[str, dict[str, str]] = {
    "Settings": {
        "schema": "version of the documents; a node that knows only an older one takes nothing new",
        "name": "for people",
        "description": "for people",
        "lost_after": "a node that is silent for so long loses its executions",
        "delete_after": "a deleted project can be restored for so long",
        "max_deletions": "more projects than this vanishing at once wait for a confirmation",
        "exclusive": "not used in this version",
        "notify": "who is told of what; the addresses stay on nodes",
        "access": "who may do what on the page",
        "retention": "what nodes keep of ended executions",
        "join": "`approved`: a node takes work only once `nodes/<node>.yaml` exists",
    },
    "Retention": {
        "keep_succeeded": "workspaces of so many succeeded executions of each stage; 10 where nobody says it",
        "keep_failed": "workspaces of so many others that ended; 10 where nobody says it",
        "keep_logs": "full logs of so many executions of each stage; 100 where nobody says it",
    },
    "Access": {
        "reader": "may look at everything",
        "operator": "may also ask (start, pause, answer …), make and change projects, put files, drain nodes",
        "admin": "may also change pipelines on `main`, delete projects, remove files",
    },
    "PageConfig": {
        "url": "how people reach the page, where that is not its own address: a proxy's; then all have to log in",
        "hosts": "further names under which it is answered",
        "login": "`always`: also on loopback, before there is a user",
        "session": "after so long people log in again",
        "oidc": "an OpenID provider as GitLab, by which people log in",
        "tls": "certificate and key, for https without a proxy",
        "plain_http": "listen beyond loopback although passwords cross the network in the clear",
        "token_file": "the page's own credential for the repository, as `WINSLOW_TOKEN_FILE`",
        "push": "`false`: it commits nothing, and shows what to commit instead",
    },
    "Oidc": {
        "issuer": "the provider's address; by https",
        "client_id": "as the provider calls this page",
        "client_secret": "as the provider gave it; then the file is to be read by its owner only",
        "client_secret_file": "or a file that holds it",
        "name": "as the button says it",
        "scope": "what is asked of the provider",
        "groups": "the claim that holds somebody's groups",
    },
    "Tls": {
        "certificate": "a PEM file, with the chain",
        "key": "a PEM file",
    },
    "Rule": {
        "to": "names in the file that `node --notify` is given",
        "on": "what they are told",
        "tags": "only of projects with one of these tags",
    },
    "Exclusive": {
        "give_up_after": "its node stops it after so long without an answer of the server",
        "kill_within": "and has ended it after so much longer",
        "lost_after": "others take over after so long; more than both together",
    },
    "NodeSettings": {
        "drain": "take nothing new; what runs goes on",
        "labels": "added to the labels the node gives itself",
        "slots": "stages at once, in place of the node's own number",
    },
    "Pipeline": {
        "name": "the same as the file's",
        "description": "for people",
        "env": "environment of every stage",
        "inputs": "what a project has to say, by name",
        "stages": "in the order in which they run",
    },
    "Stage": {
        "name": "unique in the pipeline",
        "description": "for people",
        "image": "what runs; without one the stage is a gate",
        "command": "arguments, not a shell line; `$[[ … ]]` is replaced",
        "entrypoint": "replaces the image's; as a process it stands before `command`",
        "env": "environment; above the pipeline's",
        "resources": "limits and GPUs",
        "node": "which nodes may run it",
        "timeout": "longest run; then TERM, and KILL after `grace`",
        "idle_timeout": "longest silence of its output",
        "cache": "take the result of an earlier execution that began with the same, see [concepts](concepts.md)",
        "discardable": "nodes may drop its workspace once a later stage of its chain succeeded",
        "grace": "between TERM and KILL",
        "pull": "when the image is fetched",
        "retry": "when a failure is tried again",
        "artifacts": "what it promises to leave",
        "show": "files a person should look at",
        "when": "when it runs; `manual` asks first",
        "confirm": "the question a manual stage asks",
        "inputs": "what a manual stage asks for",
        "workspace": "begin with the last result, or empty",
        "exclusive": "understood; a start is refused in this version",
        "needs": "understood; a start is refused in this version",
        "parallel": "understood; a start is refused in this version",
        "if": "understood; a start is refused in this version",
    },
    "Input": {
        "type": "a `file` is a relative path in the pool",
        "description": "for people",
        "default": "the value where nobody says one",
        "min": "smallest number",
        "max": "largest number",
        "options": "the permitted values of a `choice`",
        "optional": "may stay without a value",
    },
    "Resources": {
        "cpus": "limit in cores",
        "memory": "limit",
        "shm_size": "limit of /dev/shm",
        "pids": "limit of processes",
        "gpus": "how many, for this stage alone ([GPUs](operating.md#gpus))",
        "gpu": "what each must be",
    },
    "StageGpu": {
        "memory": 'like `">=8GiB"` or `">=8GiB, <24GiB"`; a GPU counts in whole GiB, rounded up',
        "model": 'a glob like `"*2080*"`, in any case',
        "driver": 'like `">=550"`',
        "compute_capability": 'like `">=7.5"`',
    },
    "NodeSelector": {
        "name": "only this node",
        "labels": "only nodes that have them all",
        "prefer": "these labels or names first",
    },
    "Retry": {
        "max": "failures of the program that are tried again",
        "when": "which failures",
        "exit_codes": "with `exit_code`: only these; empty means all",
        "backoff": "wait before the second attempt, doubled for each next one",
    },
    "Artifacts": {
        "paths": "globs in the workspace; one that matches nothing is a failure",
        "reports": "files that Winslow reads",
    },
    "Reports": {"metrics": "a JSON file of numbers in the workspace"},
    "Matrix": {"matrix": "names and values"},
    "Project": {
        "name": "for people",
        "pipeline": "`NAME`, or `NAME@COMMIT` to pin it",
        "tags": "for people, and `ps --tag`",
        "inputs": "values of the pipeline's inputs",
        "env": "environment of every stage; above the stage's",
        "priority": "the larger, the sooner a node takes it",
        "node": "run all its stages on this node",
        "description": "for people",
        "notify": "who is told of this project, beside those whom `winslow.yaml` names",
        "retention": "instead of that of `winslow.yaml`",
        "pin": "numbers of executions that nodes keep whatever the rules say",
    },
    "Request": {
        "fresh": "run stages with `cache: true` too, whatever ran before",
        "image": "in place of the image of `stage`, for this chain; by digest",
        "request": "what is asked",
        "stage": "where to begin; what to skip; which gate is answered",
        "then": "`pause` stops after that stage",
        "inputs": "for this chain; for `answer` also what the stage asks for",
        "env": "start, resume: environment of this chain's stages, above the project's",
        "workspace": "start, resume: build on what an execution left",
        "execution": "abort: which one; default what runs",
        "comment": "why",
    },
    "WorkspaceFrom": {
        "from": "number of an execution that has ended",
        "add": "files to put in or to replace: path and digest of a content that the node's store has",
        "remove": "paths to take out first, with all below them",
    },
    "Reply": {
        "version": "of this file",
        "seq": "place in the project's order",
        "request": "file name of the request",
        "kind": "its kind; `unknown` when it did not parse",
        "verdict": "",
        "reason": "a refusal's code",
        "text": "the refusal in words",
        "by": "author of the commit that brought the request",
        "commit": "that commit",
        "blob": "the request's content",
        "comment": "as asked",
        "position": "where the chain goes on",
        "stage": "the stage it is about",
        "execution": "abort: what it ended",
        "then": "as asked",
        "inputs": "as asked, typed, with the answered stage's defaults",
        "env": "as asked",
        "base": "execution whose workspace the first stage builds on",
        "changes": "what is changed of it: `add`, `remove`",
        "pipeline": "start: the definition's name",
        "fresh": "no earlier result is taken",
        "image": "in place of the stage's own",
        "asked": "a copy of the request",
    },
    "Position": {"stage": "where it goes on", "after": "only executions above this number count from there"},
    "Execution": {
        "version": "of this file",
        "execution": "number in the project, never used again",
        "stage": "which one",
        "chain": "`seq` of the start it descends from",
        "request": "file of the request that put the chain here",
        "attempt": "how many-th run of this stage in this chain",
        "state": "see [concepts](concepts.md)",
        "reason": "why it did not succeed",
        "text": "that in words",
        "definition": "digest of what the stage's definition says of the result",
        "cached": "whose result it is, where it did not run",
        "claim": "who may write this file",
        "wanted": "commit of `main` it acted on",
        "image": "what ran",
        "command": "after replacement",
        "env": "by origin: winslow, pipeline, stage, project, request",
        "inputs": "values; files with path, digest and bytes",
        "gpus": "device ids",
        "workspace": "what it began with",
        "times": "for people",
        "result": "what it left",
        "log": "size of its log",
        "artifacts": "how many files `artifacts/…` lists",
    },
    "Claim": {
        "id": "128 random bits; this alone decides",
        "container": "the claim id under which the container was made",
        "node": "who holds it",
        "incarnation": "of the node's installation",
        "epoch": "+1 with every change of `id`",
        "lease": "the numbers holder and observers share",
    },
    "Lease": {"lost_after": "seconds of silence"},
    "ImageRecord": {
        "ref": "as the pipeline names it",
        "digest": "where a registry knows one",
        "id": "else the node's own id",
    },
    "WorkspaceRecord": {
        "add": "files that a person put in before it began",
        "remove": "paths that a person took out",
        "from": "execution whose result it began with",
        "manifest": "digest of what it began with",
    },
    "Times": {"claimed": "UTC", "started": "UTC", "finished": "UTC"},
    "Result": {
        "exit_code": "a signal counts 128 + number",
        "values": "what it wrote to `$WINSLOW_RESULT`",
        "metrics": "numbers of `reports.metrics`",
        "manifest": "digest of what it left",
        "store": "the store that its node has that in",
        "bucket": "the bucket that has it too, whatever becomes of the node",
    },
    "LogRecord": {
        "lines": "of the whole log",
        "bytes": "of the whole log",
        "digest": "of the whole log",
        "tail": "the last lines, where it did not succeed",
    },
    "Artifact": {"path": "in the workspace", "bytes": "size", "digest": "`blake3:…`"},
    "ArtifactList": {
        "version": "of this file",
        "files": "how many in all",
        "bytes": "of all",
        "manifest": "digest of what it left",
        "artifacts": "at most 200 of them",
        "show": "files of the stage's `show`",
    },
    "Tombstone": {
        "version": "of this file",
        "generation": "how often the project was deleted and purged, with this time",
        "state": "`deleting` can be restored; `purged` cannot",
        "last_seq": "numbers go on above it",
        "last_execution": "numbers go on above it",
        "earlier": "the last execution of the generation before, which was purged",
        "earlier_commit": "that removed project.yaml then",
        "commit": "that removed project.yaml: which deletion this is",
        "by": "its author",
        "delete_after": "seconds; 0 with `Winslow-Delete: now`",
        "left": "requests that were in its folder when it was purged; they are not answered again",
    },
    "Inventory": {
        "version": "of this file",
        "node": "its name",
        "incarnation": "of its installation",
        "winslow": "version",
        "runner": "`docker` or `process`",
        "limits": "can limit resources",
        "isolation": "stages see a file system of their own",
        "cpus": "cores",
        "memory": "bytes",
        "gpus": "what it has",
        "labels": "of `--label`",
        "slots": "stages at once",
        "address": "where other nodes can ask for objects, HOST:PORT",
        "key": "public half of the key with which it signs its questions to other nodes",
        "store": "id of the store that its workspaces lie in; nodes with the same one share it",
        "bucket": "where it leaves, and finds, what stages left",
    },
    "InventoryGpu": {
        "uuid": "device id",
        "model": "name",
        "memory": "bytes",
        "driver": "version",
        "compute_capability": "of CUDA",
        "health": "`ok`, `busy` with programs of others, `lost`, or `unknown` while the driver does not answer",
    },
    "Heartbeat": {
        "version": "of this blob",
        "node": "its name",
        "incarnation": "of its installation",
        "counter": "+1 a beat",
        "nonce": "random, so that no two beats are equal",
        "claims": "what it holds",
        "halted": "why it does nothing",
        "load": "what its machine does: `cpu` `memory` `disk` in percent, `disk_free` in bytes, `received` `sent` in "
        "bytes a second, `load`; `gpu.<uuid>.use` `.memory` in percent, `.temperature` in °C",
    },
}


def table(name: str) -> str:
    rows = [f"| `{key}` | {_type(field)} | {_default(field)} | {_meaning(name, key)} |" for key, field in fields(name)]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def fields(name: str) -> Iterator[tuple[str, FieldInfo]]:
    """As people write them."""
    for key, field in MODELS[name].model_fields.items():
        yield field.alias or key, field


def _meaning(model: str, key: str) -> str:
    try:
        return MEANING[model][key]
    except KeyError:
        raise LookupError(f"docs/generate.py: say in MEANING what {model}.{key} is") from None


def _type(field: FieldInfo) -> str:
    if _is_duration(field):
        return "duration"
    if any("parse_size" in repr(meta) for meta in _metadata(field)):
        return "size"
    return _spoken(field.annotation).replace("|", r"\|")


def _metadata(field: FieldInfo) -> list[Any]:
    """Of the field, and of the parts of `X | None`."""
    inner = [meta for part in get_args(field.annotation) for meta in getattr(part, "__metadata__", ())]
    return [*field.metadata, *inner]


def _is_duration(field: FieldInfo) -> bool:
    return any("parse_duration" in repr(meta) for meta in _metadata(field))


def _spoken(kind: Any) -> str:
    origin, parts = get_origin(kind), [part for part in get_args(kind) if part is not type(None)]
    text = str(origin)
    if text == "typing.Literal":
        return " ".join(f"`{part}`" for part in parts)
    if text in ("typing.Union", "<class 'types.UnionType'>"):
        words = list(dict.fromkeys(_spoken(part) for part in parts))
        return "value" if {"text", "number", "boolean"} <= set(words) else " or ".join(words)
    if text == "typing.Annotated" or hasattr(kind, "__metadata__"):
        return _spoken(kind.__origin__)
    if origin is tuple:
        return f"list of {_spoken(parts[0])}"
    if origin is dict:
        return f"map of {_spoken(parts[1])}"
    return _word(kind)


def _word(kind: Any) -> str:
    words = {str: "text", int: "whole number", float: "number", bool: "boolean"}
    if kind in words:
        return words[kind]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.__name__
    members = getattr(kind, "__members__", None)
    if members and len(members) <= 8:
        return " ".join(f"`{member.value}`" for member in members.values())
    return "a reason code" if members else "any"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if _is_duration(field) and isinstance(value, float):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`" if value else ""
    if value in (None, "", {}) or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def renewed(page: str) -> str:
    return generate_commands.renewed(SECTION.sub(lambda match: match[1] + table(match[2]) + match[3], page))


def main(arguments: list[str]) -> int:
    page = PAGE.read_text()
    fresh = renewed(page)
    if "--write" in arguments:
        PAGE.write_text(fresh)
        return 0
    if fresh != page:
        print("docs/reference.md is out of date; `python docs/generate.py --write` renews it", file=sys.stderr)
    return int(fresh != page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
