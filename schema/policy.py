"""What a node grants to stages: the file of its owner, and the summary that other nodes and `plan` read.

The file stands on the node, never in the repository. The summary names names, and neither paths nor values.
"""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schema.base import Recorded, Wanted
from schema.errors import Misplaced
from schema.names import EnvironmentName, Name
from schema.quantities import Size
from schema.rights import Capability, SecurityOption, user_of

ALL_IMAGES = ("*",)
POWER = re.compile(
    r"/|/(?:etc|root|proc|sys|dev|run|var/run|var/lib/docker|boot|usr|s?bin|lib(?:32|64)?)(?:/.*)?|.*/docker\.sock"
)
"""Paths of a machine by which a stage can get hold of it."""
RAW = re.compile(
    r"/dev/(?:sd|nvme|vd|xvd|hd|dm-|mapper|md[0-9_/]|mmcblk|nbd|rbd|drbd|bcache|zd[0-9]|zvol|disk/|block/|sg[0-9]|bsg"
    r"|ng[0-9]|raw|loop|mem|kmem|port|kvm|fuse).*"
)
"""Devices by which a stage can get hold of the machine."""
MEANT = "gives stages power over this machine; a policy that means it says `dangerous: true`"


class GrantScope(Wanted):
    """To whom something is granted: stages of these pipelines and projects, and of projects with one of these tags.

    Patterns; what is left out is no condition.
    """

    pipelines: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class NetworkGrant(GrantScope):
    bridge: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


def _host_path(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ValueError(f"an absolute path without .. is wanted, not {path[:60]!r}")
    return posixpath.normpath(re.sub("^/+", "/", path))


HostPath = Annotated[str, AfterValidator(_host_path)]


class VolumeGrant(GrantScope):
    path: HostPath
    read_only: bool = True


class DeviceGrant(GrantScope):
    path: HostPath


class SecretGrant(GrantScope):
    command: tuple[str, ...] = Field(default=(), max_length=64)


class BuildRules(Wanted):
    """Of images that this node builds. Programs of a Dockerfile have no network where nothing is said."""

    network: str = Field(default="none", min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


class Caps(Wanted):
    """The most that one stage may ask for."""

    cpus: float | None = Field(default=None, gt=0)
    memory: Size | None = None
    shm_size: Size | None = None
    pids: int | None = Field(default=None, gt=0)
    gpus: int | None = Field(default=None, ge=0)


NumberedUser = Annotated[str, Field(pattern=r"^[0-9]{1,10}(?::[0-9]{1,10})?$")]


class Policy(Wanted):
    """`/etc/winslow/policy.yaml` of a node. Without it stages get what every stage has, and nothing else."""

    images: tuple[str, ...] = ALL_IMAGES
    networks: dict[Name, NetworkGrant] = {}
    volumes: dict[Name, VolumeGrant] = {}
    devices: dict[Name, DeviceGrant] = {}
    users: dict[NumberedUser, GrantScope] = {}
    secrets: dict[EnvironmentName, SecretGrant] = {}
    limits: Caps = Caps()
    build: BuildRules = BuildRules()
    isolation: bool = False
    dangerous: bool = False
    privileged: GrantScope | None = None
    capabilities: dict[Capability, GrantScope] = {}
    security_opt: dict[SecurityOption, GrantScope] = {}
    host: dict[Literal["pid", "ipc", "userns"], GrantScope] = {}

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        """A network or device as a mere text, and lists of what is granted to everybody."""
        if not isinstance(given, dict):
            return given
        given = dict(given)
        for part, field in (("networks", "bridge"), ("devices", "path")):
            if isinstance(given.get(part), dict):
                given[part] = {k: {field: v} if isinstance(v, str) else v for k, v in given[part].items()}
        for part in ("users", "secrets", "capabilities", "security_opt", "host"):
            if isinstance(given.get(part), list) and all(isinstance(each, str | int) for each in given[part]):
                given[part] = {str(key): {} for key in given[part]}
        if isinstance(given.get("privileged"), bool):
            given["privileged"] = {} if given["privileged"] else None
        return given

    @model_validator(mode="after")
    def _meant(self) -> Self:
        for path, what in () if self.dangerous else self.dangers():
            raise Misplaced(f"{what} {MEANT}", *path)
        return self

    def dangers(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """What of it lets a stage get hold of the machine: where it stands, and what it is."""
        return (
            *((("networks", n), f"network {n} (host)") for n, each in self.networks.items() if each.bridge == "host"),
            *((("volumes", n), f"volume {n} ({v.path})") for n, v in self.volumes.items() if POWER.fullmatch(v.path)),
            *self._replaceable(),
            *((("devices", n), f"device {n} ({d.path})") for n, d in self.devices.items() if RAW.fullmatch(d.path)),
            *((("users", user), "user root") for user in self.users if user_of(user).startswith("0:")),
            *([(("privileged",), "`privileged`")] if self.privileged else ()),
            *((("capabilities", name), f"capability {name}") for name in self.capabilities),
            *((("security_opt", name), f"security option {name}") for name in self.security_opt),
            *([(("build", "network"), "building with network host")] if self.build.network == "host" else ()),
            *((("host", name), f"the machine's {name} namespace") for name in self.host),
        )

    def _replaceable(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What a stage that writes to the folder above it can replace by a link to any place of the machine."""
        written = {name: f"{each.path}/" for name, each in self.volumes.items() if not each.read_only}
        granted = [("volumes", name, each.path) for name, each in self.volumes.items()]
        granted += [("devices", name, each.path) for name, each in self.devices.items()]
        for part, name, path in granted:
            if above := next((other for other, folder in written.items() if path.startswith(folder)), ""):
                yield (part, name), f"{part[:-1]} {name} ({path}, below volume {above}, which stages may write)"


class Whom(Recorded):
    """As `GrantScope`; empty for everybody."""

    pipelines: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    read_only: bool = False  # of a volume
    missing: bool = False  # a secret that has no value on this node


class Most(Recorded):
    cpus: float | None = None
    memory: int | None = None
    shm_size: int | None = None
    pids: int | None = None
    gpus: int | None = None


class Grants(Recorded):
    """What a node grants, by part of its policy and name, in its inventory."""

    images: tuple[str, ...] = ALL_IMAGES
    most: Most | None = None
    networks: dict[str, Whom] = {}
    volumes: dict[str, Whom] = {}
    devices: dict[str, Whom] = {}
    users: dict[str, Whom] = {}
    secrets: dict[str, Whom] = {}
    capabilities: dict[str, Whom] = {}
    security_opt: dict[str, Whom] = {}
    host: dict[str, Whom] = {}
    privileged: Whom | None = None
    dangerous: bool = False
    decrypts: bool = False  # secrets that are encrypted in the repository

    def of(self, part: str) -> dict[str, Whom]:
        """By name. `privileged` has none."""
        if part == "privileged":
            return {"": self.privileged} if self.privileged else {}
        found: dict[str, Whom] = getattr(self, part)
        return found


NO_GRANTS = Grants()


def _whom(scope: GrantScope, **more: bool) -> Whom:
    return Whom(pipelines=scope.pipelines, projects=scope.projects, tags=scope.tags, **more)


def summary(policy: Policy, held: frozenset[str] = frozenset(), *, decrypts: bool = False) -> Grants:
    """What others may know of a policy. `held` are the secrets that have a value on the node, and `decrypts` says
    whether it can read those that are encrypted."""
    most = Most(**{name: getattr(policy.limits, name) for name in Most.model_fields})
    return Grants(
        images=policy.images,
        most=most if most != Most() else None,
        networks={name: _whom(each) for name, each in policy.networks.items()},
        volumes={name: _whom(each, read_only=each.read_only) for name, each in policy.volumes.items()},
        devices={name: _whom(each) for name, each in policy.devices.items()},
        users={user_of(name): _whom(each) for name, each in policy.users.items()},
        secrets={
            name: _whom(each, missing=not (each.command or name in held)) for name, each in policy.secrets.items()
        },
        capabilities={name.removeprefix("CAP_"): _whom(each) for name, each in policy.capabilities.items()},
        security_opt={name: _whom(each) for name, each in policy.security_opt.items()},
        host={name: _whom(each) for name, each in policy.host.items()},
        privileged=_whom(policy.privileged) if policy.privileged else None,
        dangerous=policy.dangerous,
        decrypts=decrypts,
    )


def takes_image(patterns: tuple[str, ...], image: str) -> bool:
    """Whether a reference is among those that are granted; `python` is `docker.io/library/python`, too, and of an image
    that the repository builds the tree does not count."""
    image = image.partition("@git:")[0]
    if patterns == ALL_IMAGES:
        return True
    host, slash, _ = image.partition("/")
    local = not slash or not ("." in host or ":" in host or host == "localhost")
    whole = f"docker.io/{image}" if slash else f"docker.io/library/{image}"
    names = (image, whole) if local else (image,)
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
