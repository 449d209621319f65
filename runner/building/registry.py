"""A registry of the lab's own: Distribution's program with a file of settings, and what of it nobody needs any more."""

import json
import os
import re
import secrets
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests

from schema import images

PROGRAM = "docker-registry"
MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json",
    )
)  # fmt: skip
PATIENCE = (5.0, 30.0)
MOST = 1000
"""Names that a registry gives at once."""
STAMPED = re.compile(rf"[0-9a-f]{{{images.STAMP}}}")
"""The tags that builds give."""


class RegistryError(Exception):
    """The registry does not do what is asked; the text says why."""


@dataclass(frozen=True, slots=True)
class RegistryFiles:
    """Where it listens and keeps its images. Beyond loopback it has TLS and passwords."""

    address: str
    folder: Path
    certificate: Path | None = None
    key: Path | None = None
    passwords: Path | None = None

    @property
    def settings(self) -> Path:
        return self.folder / "config.yml"

    def write(self) -> None:
        (self.folder / "images").mkdir(parents=True, exist_ok=True)
        self.settings.unlink(missing_ok=True)
        with open(os.open(self.settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.text())

    def text(self) -> str:
        """JSON is YAML, and needs no rules for quoting."""
        http: dict[str, object] = {"addr": self.address, "headers": {"X-Content-Type-Options": ["nosniff"]}}
        http["secret"] = secrets.token_hex(16)
        if self.certificate:
            http["tls"] = {"certificate": str(self.certificate), "key": str(self.key)}
        text: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "images")}, "delete": {"enabled": True}},
            "http": http,
        }
        if self.passwords:
            text["auth"] = {"htpasswd": {"realm": "winslow", "path": str(self.passwords)}}
        return json.dumps(text, indent=1) + "\n"


class RegistryClient:
    def __init__(self, registry: str, session: requests.Session | None = None) -> None:
        """`registry` is HOST:PORT/PATH as `winslow.yaml` names it."""
        self.host, _, self.path = registry.partition("/")
        name = self.host if self.host.endswith("]") else self.host.rpartition(":")[0] or self.host
        loopback = name in ("localhost", "127.0.0.1", "[::1]")
        self.url = f"{'http' if loopback else 'https'}://{self.host}/v2"
        self.session = session or requests.Session()

    def repositories(self, names: Collection[str]) -> tuple[str, ...]:
        """Those of the images with these names: others may lie beside them, or below the same path."""
        found = self._get("_catalog", n=MOST).json().get("repositories") or []
        wanted = {f"{self.path}/{name}".lstrip("/") for name in names}
        return tuple(name for name in found if name in wanted)

    def tags(self, repository: str) -> tuple[str, ...]:
        return tuple(self._get(f"{quote(repository)}/tags/list", n=MOST).json().get("tags") or ())

    def digest(self, repository: str, tag: str) -> str:
        answer = self._asked("HEAD", f"{quote(repository)}/manifests/{quote(tag)}")
        return str(answer.headers.get("Docker-Content-Digest", ""))

    def delete(self, repository: str, digest: str) -> None:
        self._asked("DELETE", f"{quote(repository)}/manifests/{digest}")

    def unneeded(self, names: Collection[str], kept: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """Repository, tag and digest of builds of the images with these names, where the digest is not to be kept.

        Only what a build tagged counts, and what no other tag names: with a digest all its tags would go.
        """
        for repository in self.repositories(names):
            found = {tag: self.digest(repository, tag) for tag in self.tags(repository)}
            others = {digest for tag, digest in found.items() if not STAMPED.fullmatch(tag)}
            for tag, digest in found.items():
                if digest and digest not in others and digest not in kept:
                    yield repository, tag, digest

    def _get(self, path: str, **query: int) -> requests.Response:
        return self._asked("GET", path, **query)

    def _asked(self, verb: str, path: str, **query: int) -> requests.Response:
        try:
            answer = self.session.request(
                verb, f"{self.url}/{path}", params=query, headers={"Accept": MANIFESTS}, timeout=PATIENCE,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise RegistryError(f"the registry {self.host} does not answer: {type(error).__name__}") from None
        if answer.status_code == 401:
            raise RegistryError(f"the registry {self.host} wants a password: set WINSLOW_REGISTRY_LOGIN=NAME:PASSWORD")
        if not answer.ok:
            raise RegistryError(f"the registry {self.host} refuses {verb} {path[:100]} ({answer.status_code})")
        return answer


def collect(files: RegistryFiles) -> str:
    """Free what deleted images had. Nothing may be pushed meanwhile. What the program said at its end."""
    done = subprocess.run(
        [PROGRAM, "garbage-collect", "--delete-untagged", str(files.settings)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RegistryError(f"{PROGRAM} cannot collect: {done.stderr.strip()[-300:]}")
    return str(done.stdout.strip().splitlines()[-1:] or "")
