"""Which features need optional packages, and the command that installs these where they are missing.

The extras of `pyproject.toml` bring what stands here; `tests/unit/test_dependencies.py` holds both together.
"""

import shlex
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

NAME = "winslow-controller"
SHOWN = 3
EVERYTHING = "node"
"""The extra with everything that a node can do. It is what people are told, so that they are told once."""


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    extra: str
    modules: tuple[str, ...]


DOCKER = Feature("Docker", "docker", ("docker", "requests"))
GPUS = Feature("GPUs", "gpu", ("pynvml",))
BUCKET = Feature("a bucket", "s3", ("obstore",))
NOTICES = Feature("notices", "notify", ("apprise",))
KEYS = Feature("other nodes' logs and files", "web", ("cryptography",))
PEERS = Feature("other nodes' access to this one (--peer)", "web", ("anyio", "cryptography", "starlette", "uvicorn"))
PAGE = Feature(
    "the page",
    "web",
    (
        "a2wsgi", "anyio", "argon2", "authlib", "cryptography", "fastapi", "flask", "flask_wtf", "htmx_flask",
        "itsdangerous", "joserfc", "limits", "markdown_it", "markupsafe", "prometheus_client", "requests",
        "sse_starlette", "starlette", "uvicorn", "werkzeug", "zipstream",
    ),
)  # fmt: skip
SEARCH = Feature("searches by `method: tpe`", "search", ("optuna",))
AGE = Feature("secrets that are encrypted in the repository", "age", ("pyrage",))
BY_CHOICE = (SEARCH, AGE)
"""What only its own extra brings: large, and for few."""
ALL = (DOCKER, GPUS, BUCKET, NOTICES, KEYS, PEERS, PAGE)


def lacking(feature: Feature) -> str:
    """Nothing where all of its packages are installed, else a sentence with the command that installs them."""
    missing = [module for module in feature.modules if find_spec(module) is None]
    if not missing:
        return ""
    names = ", ".join(missing[:SHOWN]) + (" and others" if len(missing) > SHOWN else "")
    lacks = f"the package {names} is" if len(missing) == 1 else f"the packages {names} are"
    if feature in BY_CHOICE:
        return (
            f"{lacks} not installed; this brings all for a node, and that: {command(f'{EVERYTHING},{feature.extra}')}"
        )
    return f"{lacks} not installed; this brings all for a node: {command()}"


def command(extra: str = EVERYTHING) -> str:
    """As this installation was made: by uv, pipx or pip; from an index, or from where it came."""
    editable, source = _origin()
    wanted = f"{source}[{extra}]" if editable else f"{NAME}[{extra}]{f' @ {source}' if source else ''}"
    prefix = Path(sys.prefix)
    option = " --editable" if editable else ""
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install --force{option} {shlex.quote(wanted)}"
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx install --force{option} {shlex.quote(wanted)}"
    if find_spec("pip") is None:
        return f"uv pip install --python {shlex.quote(sys.executable)}{option} {shlex.quote(wanted)}"
    return f"{shlex.quote(sys.executable)} -m pip install{option} {shlex.quote(wanted)}"


def exactly(version: str) -> list[str] | str:
    """The command that puts that version in the place of this one, with the features that are installed; or why there
    is none. It keeps the environment: programs that run from it do not lose their interpreter.
    """
    editable, source = _origin()
    if editable or source:
        return f"this one was installed from {source}, which says what its version is; upgrade it there"
    there = sorted({each.extra for each in (*ALL, *BY_CHOICE) if not lacking(each)})
    wanted = f"{NAME}[{','.join(there)}]=={version}" if there else f"{NAME}=={version}"
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", wanted]
    uv = which("uv")
    return [uv, "pip", "install", "--python", sys.executable, wanted] if uv else "neither pip nor uv is here to do it"


def _origin() -> tuple[bool, str]:
    """Whether it is an editable installation, and of which folder, file or URL; nothing for one from an index."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        told = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return False, ""
    found = json.loads(told) if told else {}
    url = str(found.get("url", ""))
    if found.get("dir_info", {}).get("editable"):
        return True, url2pathname(urlsplit(url).path)
    kind = found.get("vcs_info", {}).get("vcs")
    return False, f"{kind}+{url}" if kind else url
