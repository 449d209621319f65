"""Words of GitLab CI, Compose, GitHub Actions, Dagu and Kubernetes, and what to write here instead.

A hint by likeness alone misleads here: `script` is like `description`, and `variables` like `discardable`.
"""

from collections.abc import Callable, Iterable

from pydantic import BaseModel

from schema.suggest import did_you_mean, nearest

Words = dict[str, str]
"""A word of another tool to a key of ours, or to a whole remedy where it has a space."""

_NO_SCRIPTS = "put what it does into `command`, or into a stage of its own"
_NO_SCHEDULE = "what starts it by itself is a file of its own, triggers/NAME.yaml"
_KEPT = "how long results are kept says `retention` in winslow.yaml or project.yaml"
_GO_ON = "allow_failure"
_DIRECTORY = "the workspace is the working directory"

STAGE: Words = {
    # GitLab CI
    "script": "command", "variables": "env", "tags": "node.labels", "stage": "name",
    "before_script": _NO_SCRIPTS, "after_script": _NO_SCRIPTS, "dependencies": "needs", "expire_in": _KEPT,
    "rules": "say when it runs with `when`", "only": "say when it runs with `when`",
    "except": "say when it runs with `when`", "trigger": _NO_SCHEDULE,
    "reports": "artifacts.reports",
    "id": "name",
    # Compose and Docker
    "environment": "env", "environments": "env", "env_file": "write the variables into `env`",
    "stop_grace_period": "grace", "depends_on": "needs", "mounts": "volumes", "ports": "leave it out",
    "mem_limit": "resources.memory", "mem": "resources.memory", "pids_limit": "resources.pids",
    "deploy": "resources", "restart": "retry", "container_name": "name", "pull_policy": "pull",
    "build": "commit images/NAME/Dockerfile, and say image: build/NAME",
    "workdir": "working_dir", "runtime": "resources.gpus", "network_mode": "network", "networks": "network",
    "userns_mode": "userns", "capabilities": "cap_add", "dns": "extra_hosts", "group_add": "user",
    "stop_signal": "TERM is sent, and KILL after `grace`",
    # GitHub Actions, Dagu, Kubernetes, Airflow
    "run": "command", "runs-on": "node.labels", "runs_on": "node.labels", "timeout-minutes": "timeout",
    "timeoutSec": "timeout", "timeout_sec": "timeout", "with": "env", "uses": "image", "depends": "needs",
    "container": "image", "args": "command", "arguments": "command", "cmd": "command", "executor": "image",
    "preconditions": "if", "condition": "if", "retryPolicy": "retry", "retry_policy": "retry", "retries": "retry.max",
    "continueOn": _GO_ON, "continue_on": _GO_ON, "dir": _DIRECTORY, "params": "inputs", "matrix": "parallel",
    "strategy": "parallel", "nodeSelector": "node.labels", "imagePullPolicy": "pull", "restartPolicy": "retry",
    "terminationGracePeriodSeconds": "grace", "activeDeadlineSeconds": "timeout", "outputs": "artifacts",
    "output": "artifacts", "upstream": "needs", "after": "needs", "gres": "resources.gpus", "partition": "node.labels",
    "nodelist": "node.name", "cpus-per-task": "resources.cpus",
}  # fmt: skip
PIPELINE: Words = {
    "variables": "env", "environment": "env", "jobs": "stages", "steps": "stages", "tasks": "stages",
    "services": "stages", "params": "inputs", "parameters": "inputs", "arguments": "inputs", "on": _NO_SCHEDULE,
    "schedule": _NO_SCHEDULE, "workflow": _NO_SCHEDULE, "defaults": "default", "imports": "include",
    "version": "leave it out", "title": "description", "histRetentionDays": _KEPT,
    "tags": "tags belong to a project", "labels": "tags belong to a project", "kind": "leave it out",
    "apiVersion": "leave it out", "metadata": "name", "spec": "stages",
}  # fmt: skip
PROJECT: Words = {
    "variables": "env", "environment": "env", "params": "inputs", "parameters": "inputs", "with": "inputs",
    "labels": "tags", "title": "name", "template": "pipeline", "workflow": "pipeline", "id": "the folder is its id",
    "keep": "pin", "video": "inputs", "file": "inputs", "stages": "stages belong to a pipeline",
    "image": "images belong to the stages of a pipeline",
}  # fmt: skip
REQUEST: Words = {
    "action": "request", "type": "request", "kind": "request", "verb": "request", "command": "request",
    "variables": "env", "environment": "env", "params": "inputs", "parameters": "inputs", "values": "inputs",
    "reason": "comment", "message": "comment", "description": "comment", "job": "stage", "step": "stage",
    "number": "execution", "run": "execution", "from": "workspace", "answer": "inputs", "project": "leave it out",
}  # fmt: skip
INPUT: Words = {
    "required": "an input without `default` and `optional` is required", "enum": "options", "choices": "options",
    "values": "options", "minimum": "min", "maximum": "max", "value": "default", "kind": "type", "help": "description",
    "regex": "leave it out", "pattern": "leave it out",
}  # fmt: skip
RESOURCES: Words = {
    "cpu": "cpus", "mem": "memory", "ram": "memory", "memory_limit": "memory", "mem_limit": "memory",
    "gpu_count": "gpus", "nvidia.com/gpu": "gpus", "pids_limit": "pids", "shm": "shm_size",
    "limits": "write its keys here", "requests": "write its keys here", "reservations": "write its keys here",
}  # fmt: skip
RETRY: Words = {
    "limit": "max", "attempts": "max", "max_attempts": "max", "max_retries": "max", "count": "max",
    "intervalSec": "backoff", "interval": "backoff", "delay": "backoff", "exit_code": "exit_codes",
}  # fmt: skip
ARTIFACTS: Words = {
    "expire_in": _KEPT, "expires": _KEPT, "retention-days": _KEPT, "path": "paths", "files": "paths", "name": "paths",
    "when": "what a failed stage left is kept too", "untracked": "everything in the workspace is kept",
    "exclude": "name what is promised with `paths`", "expose_as": "name what people should see with `show`",
    "metrics": "reports.metrics",
}  # fmt: skip
SELECTOR: Words = {
    "tags": "labels", "hostname": "name", "host": "name", "selector": "labels", "node": "name", "label": "labels",
}  # fmt: skip
NODE: Words = {
    "tags": "labels", "cordon": "drain", "unschedulable": "drain", "concurrent": "slots", "max_jobs": "slots",
    "name": "the file's name is the node's", "disabled": "drain",
}  # fmt: skip
SETTINGS: Words = {
    "version": "schema", "expire_in": "retention", "users": "access", "permissions": "access", "roles": "access",
    "notifications": "notify", "timeout": "timeouts belong to stages", "nodes": "each node has a file below nodes/",
}  # fmt: skip
COMMENT: Words = {"text": "comment", "message": "comment", "body": "comment", "run": "execution"}

WORDS: dict[str, Words] = {
    "Stage": STAGE, "Pipeline": PIPELINE, "Project": PROJECT, "Request": REQUEST, "Input": INPUT,
    "Resources": RESOURCES, "Retry": RETRY, "Artifacts": ARTIFACTS, "NodeSelector": SELECTOR, "NodeSettings": NODE,
    "Settings": SETTINGS, "Comment": COMMENT,
}  # fmt: skip
"""By the name of the model at whose place the word stands."""

VALUES: Words = {
    "str": "string", "text": "string", "int": "integer", "float": "number", "double": "number", "bool": "boolean",
    "path": "file", "dir": "folder", "directory": "folder", "select": "choice", "enum": "choice",
    "on_fail": "on_failure", "if-not-present": "missing",
    "ifnotpresent": "missing", "redo": "start", "run": "start", "retry": "resume", "continue": "resume",
    "stop": "abort", "cancel": "abort", "kill": "abort", "approve": "answer",
}  # fmt: skip
"""A value of another tool to one of ours."""


def hint(key: str, models: Iterable[type[BaseModel]], below: Callable[[type[BaseModel]], Words]) -> str:
    """What stands for an unknown key, to be put behind a message. `below` gives the keys that lie one level deeper."""
    models = list(models)
    words = {word: remedy for model in models for word, remedy in WORDS.get(model.__name__, {}).items()}
    deeper = {name: place for model in models for name, place in below(model).items()}
    if key in words:
        return _said(words[key])
    if key in deeper:
        return f"; it belongs below '{deeper[key]}'"
    known = [field.alias or name for model in models for name, field in model.model_fields.items()]
    guess = nearest(key, [*words, *known])
    return _said(words[guess]) if guess in words else did_you_mean(key, known)


def _said(remedy: str) -> str:
    return f"; {remedy}" if " " in remedy else f"; the word here is '{remedy}'"


def value_hint(value: str, permitted: list[str]) -> str:
    ours = VALUES.get(value.lower(), "")
    return f" (did you mean '{ours}'?)" if ours in permitted else did_you_mean(value, permitted)


def form_hint(key: str | int, given: object) -> str:
    """What to write where a value has the form that another tool takes."""
    match key, given:
        case "command" | "entrypoint", str():
            return "; write [program, argument, …], or [sh, -c, …] for a line of shell"
        case "env", list():
            return "; write NAME: value, each in a line of its own"
        case "retry", int():
            return f"; write {{max: {int(given)}, when: [exit_code]}}"
        case "image", dict():
            return "; its reference alone is the value, and `entrypoint` is a key of the stage"
        case "needs" | "tags" | "labels" | "show" | "paths", str():
            return f"; write [{given[:40]}]"
    return ""
