"""What a stage may ask for beyond least rights, in Compose's words. A node's policy grants it, or the stage waits.

Networks, volumes, devices and secrets are asked for by name: what a name means stands on nodes, never in the
repository.
"""

import posixpath
import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from schema.base import Recorded, Wanted
from schema.names import NAME, EnvironmentName, Name

OWN = ("/workspace", "/winslow", "/pool", "/files", "/needs", "/run/secrets", "/proc", "/sys", "/dev")
"""Where a stage finds what Winslow or the kernel gives it."""
_USER = r"^(?:root|[0-9]{1,10}(?::[0-9]{1,10})?)$"
_SHORT = r"^[^:]+:[^:]+(?::(?:ro|rw))?$"
_NAMED = r"^[a-z0-9][a-z0-9._-]{0,62}:/[^:]+(?::(?:ro|rw))?$"
HOST_PATHS = "paths of a machine stand on nodes only: ask for the name that a node's policy gives one"


class Ask(NamedTuple):
    """One thing that a stage asks for: in which part of a policy it is granted, and under which name."""

    part: str
    name: str


def _place(path: str) -> str:
    if not path.startswith("/") or posixpath.normpath(path) != path or len(path) > 512 or not path.isprintable():
        raise ValueError(f"an absolute path without . and .. is wanted, not {path[:60]!r}")
    if path == "/" or any(path == own or path.startswith(f"{own}/") for own in OWN):
        raise ValueError(f"{path[:60]} is Winslow's own or the kernel's; name another place")
    return path


Target = Annotated[str, AfterValidator(_place), WithJsonSchema({"type": "string", "pattern": "^/."}, mode="validation")]
"""Where something is found inside a stage."""


class StageVolume(Wanted):
    """A volume that nodes name, and where the stage finds it."""

    source: Name = Field(alias="from")
    target: Target = Field(alias="to")
    read_only: bool = False


def _short_volume(text: str) -> str:
    """Compose's `NAME:/path:ro`."""
    if not re.fullmatch(_SHORT, text):
        raise ValueError(f"NAME:/path or NAME:/path:ro is wanted, not {text[:60]!r}")
    source, target = text.split(":")[:2]
    if not re.fullmatch(NAME, source):
        raise ValueError(f"{source[:60]!r} is no name; {HOST_PATHS} (policy.volumes)")
    _place(target)
    return text


ShortVolume = Annotated[
    str, AfterValidator(_short_volume), WithJsonSchema({"type": "string", "pattern": _NAMED}, mode="validation")
]


def _form(given: Any) -> str:
    return "text" if isinstance(given, str) else "mapping"


Volume = Annotated[Annotated[ShortVolume, Tag("text")] | Annotated[StageVolume, Tag("mapping")], Discriminator(_form)]


def _device(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(f"{text[:60]!r} is no name; {HOST_PATHS} (policy.devices)")
    return text


Device = Annotated[str, AfterValidator(_device), WithJsonSchema({"type": "string", "pattern": NAME}, mode="validation")]


def _user(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _known_user(text: str) -> str:
    if not re.fullmatch(_USER, text):
        raise ValueError(f"a number, or UID:GID, is wanted, not {text[:60]!r}: names differ from image to image")
    return text


User = Annotated[
    str,
    BeforeValidator(_user),
    AfterValidator(_known_user),
    WithJsonSchema({"type": ["string", "integer"], "pattern": _USER}, mode="validation"),
]


def user_of(text: str) -> str:
    """`UID:GID` of what people write."""
    if text == "root":
        return "0:0"
    return text if ":" in text else f"{text}:{text}"


ARMOUR = r"^-----BEGIN AGE ENCRYPTED FILE-----\n[A-Za-z0-9+/=\n]+\n-----END AGE ENCRYPTED FILE-----\n?$"


def _armoured(text: str) -> str:
    if not re.fullmatch(ARMOUR, text):
        raise ValueError("what `winslowctl secrets encrypt NAME` prints is wanted, below `encrypted: |`")
    return text


Armoured = Annotated[
    str,
    Field(max_length=128 * 1024),
    AfterValidator(_armoured),
    WithJsonSchema({"type": "string", "pattern": ARMOUR, "maxLength": 128 * 1024}, mode="validation"),
]
"""A file of age in its form as text."""


class StageSecret(Wanted):
    """A secret that nodes hold, or whose value stands here for nodes alone. It is a file; `env` names the variable that
    holds it as well."""

    name: EnvironmentName
    env: EnvironmentName | None = None
    encrypted: Armoured | None = None


Secret = Annotated[
    Annotated[EnvironmentName, Tag("text")] | Annotated[StageSecret, Tag("mapping")], Discriminator(_form)
]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
Namespace = Literal["host"]
Capability = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,40}$")]
SecurityOption = Annotated[str, Field(pattern=r"^[a-z-]+[=:][^\x00-\x1f]{1,200}$")]


class VolumeRecord(Recorded):
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    read_only: bool = False


class SecretRecord(Recorded):
    name: str
    env: str | None = None
    encrypted: str | None = None  # its value, for nodes alone; not in records


class Rights(Recorded):
    """What an execution was given beyond least rights, by the names of its node's policy."""

    network: str = ""
    volumes: tuple[VolumeRecord, ...] = ()
    devices: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    extra_hosts: dict[str, str] = {}
    secrets: tuple[SecretRecord, ...] = ()
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    host: tuple[str, ...] = ()  # namespaces of the machine: pid, ipc, userns

    def asks(self) -> tuple[Ask, ...]:
        """What of it a policy has to grant."""
        return (
            *([Ask("networks", self.network)] if self.network else ()),
            *(Ask("volumes", volume.source) for volume in self.volumes),
            *(Ask("devices", device) for device in self.devices),
            *([Ask("users", user_of(self.user))] if self.user else ()),
            *(Ask("secrets", secret.name) for secret in self.secrets),
            *([Ask("privileged", "")] if self.privileged else ()),
            *(Ask("capabilities", name.removeprefix("CAP_")) for name in self.cap_add),
            *(Ask("security_opt", option) for option in self.security_opt),
            *(Ask("host", namespace) for namespace in self.host),
        )

    @property
    def encrypted(self) -> frozenset[str]:
        """Names of secrets whose values stand in the repository."""
        return frozenset(each.name for each in self.secrets if each.encrypted)

    @property
    def by_name(self) -> "Rights":
        """As records tell them."""
        if not self.encrypted:
            return self
        secrets = (each.model_copy(update={"encrypted": None}) for each in self.secrets)
        return self.model_copy(update={"secrets": tuple(secrets)})


NO_RIGHTS = Rights()


def volume_record(volume: StageVolume | str) -> VolumeRecord:
    if isinstance(volume, StageVolume):
        given = {"from": volume.source, "to": volume.target, "read_only": volume.read_only}
        return VolumeRecord.model_validate(given)
    source, target, *mode = volume.split(":")
    return VolumeRecord.model_validate({"from": source, "to": target, "read_only": mode == ["ro"]})


def secret_record(secret: StageSecret | str) -> SecretRecord:
    return SecretRecord(name=secret) if isinstance(secret, str) else SecretRecord(**vars(secret))
