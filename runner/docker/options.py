"""What a container is given. Unless the node's policy granted more, that is nothing beyond running.

A user of its own, no capabilities, no new privileges, the default seccomp profile, a read-only root, no network, `/tmp`
and a home in memory, `/workspace` and `/winslow` to write to.
"""

import glob
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from docker.types import DeviceRequest, DriverConfig, Mount, Ulimit

from runner.contract.errors import EngineRefused
from runner.contract.labels import PREFIX
from runner.contract.spec import ContainerRights, Limits, ServiceSpec, Spec

HOME = "/home/winslow"
GRACE = f"{PREFIX}.grace"
SIGNAL = f"{PREFIX}.signal"
MEMORY = f"{PREFIX}.memory"
SERVICES = f"{PREFIX}.services"
"""Of a stage: the names of its services."""
ENGINE_LOG = {"max-size": "128m", "max-file": "2", "mode": "blocking"}
ENGINE_LOG_BUFFERED = {**ENGINE_LOG, "mode": "non-blocking", "max-buffer-size": "64m"}
"""For engines whose own `log-opts` name a buffer, which they then insist on."""
USER = "winslow"
PIDS = 32768
"""Processes and threads of a stage that names no limit: enough for programs, and no fork bomb ends a machine."""
FLAG_OF = {"mem_limit": "memory", "memswap_limit": "memory", "nano_cpus": "cpus", "pids_limit": "pids"}
"""Options for limits, and how a limit is called that an engine does not keep."""
TEMPORARY = "25%"
"""The most of the machine's memory that files in `/tmp` may take, and in the home as much again."""
CDI = "nvidia.com/gpu"


def stages_user() -> str:
    """A user that nobody else is, or this very one where only root could give files away."""
    return "64000:64000" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}"


def options(spec: Spec, user: str, *, cdi: bool = False, discards: Collection[str] = ()) -> dict[str, Any]:
    """For the engine's `HostConfig`. `discards` are the limits that the engine would accept and not keep."""
    rights = replace(spec.rights, network=network_of(spec.id)) if spec.services else spec.rights
    return {
        "init": True,
        "auto_remove": False,
        **_rights(rights),
        "userns_mode": "host",  # ids are the host's, also where the engine maps those of others
        "tmpfs": _temporary(user),
        "mounts": _mounts(spec),
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        **({} if "pids" in discards else {"pids_limit": PIDS}),
        **_limits(spec.limits),
        **({"device_requests": [_gpus(spec, cdi)]} if spec.gpus else {}),
    }


def network_of(container: str) -> str:
    """Of a stage with services, the network that they share and nobody else is in."""
    return f"{PREFIX}-{container}"


def user_of(spec: Spec, usual: str) -> str:
    """Whose processes its are: `uid:gid`."""
    return spec.rights.user or usual


def service_options(service: ServiceSpec, user: str, network: str, discards: Collection[str] = ()) -> dict[str, Any]:
    """For the engine's `HostConfig`: of a stage with least rights, but for its network."""
    return {
        "init": True,
        "auto_remove": False,
        **_rights(ContainerRights(network=network)),
        "userns_mode": "host",
        "tmpfs": _temporary(user),
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        **({} if "pids" in discards else {"pids_limit": PIDS}),
        **_limits(service.limits, discards),
    }


def service_environment(service: ServiceSpec) -> dict[str, str]:
    return {"HOME": HOME, **service.environment, "NVIDIA_VISIBLE_DEVICES": "void"}


def _temporary(user: str) -> dict[str, str]:
    uid, _, gid = user.partition(":")
    given = f"rw,exec,nosuid,nodev,mode=1777,size={TEMPORARY},uid={uid},gid={gid or uid}"
    return {"/tmp": given, HOME: given}


def _rights(rights: ContainerRights) -> dict[str, Any]:
    held: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "read_only": True}
    if rights.privileged:
        held = {"privileged": True}
    given = {
        "network_mode": rights.network or "none",
        "extra_hosts": dict(rights.hosts),
        "devices": [f"{path}:{path}:rw" for path in rights.devices],
        "group_add": [str(group) for group in rights.groups],
        "cap_add": list(rights.capabilities),
        "pid_mode": "host" if "pid" in rights.host else None,
        "ipc_mode": "host" if "ipc" in rights.host else None,
    }
    if rights.security:
        held["security_opt"] = [*held.get("security_opt", ()), *rights.security]
    return {**held, **{name: value for name, value in given.items() if value}}


def _limits(limits: Limits, discards: Collection[str] = ()) -> dict[str, Any]:
    given = {
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,  # the same: no swap beyond it
        "nano_cpus": int(limits.cpus * 1e9) if limits.cpus else None,
        "shm_size": limits.shm_size,
        "pids_limit": limits.pids,
    }
    lacking = {name for name, flag in FLAG_OF.items() if flag in discards}
    return {name: value for name, value in given.items() if value is not None and name not in lacking}


def _gpus(spec: Spec, cdi: bool) -> DeviceRequest:
    """Exactly the devices of the spec, each by its own id: by the vendor's runtime, or by the names of CDI."""
    if cdi:
        return DeviceRequest(driver="cdi", device_ids=[f"{CDI}={gpu}" for gpu in spec.gpus])
    return DeviceRequest(device_ids=list(spec.gpus), capabilities=[["gpu"]])


def by_cdi(info: Mapping[str, Any]) -> bool:
    """Whether an engine, by what it says of itself, gives GPUs by CDI: where it has no runtime of the vendor's, and a
    description of NVIDIA's devices lies in one of the folders that it looks into.
    """
    folders = info.get("CDISpecDirs") or ()
    described = any(glob.glob(os.path.join(folder, "*nvidia*")) for folder in folders)
    return described and "nvidia" not in (info.get("Runtimes") or {})


def _mounts(spec: Spec) -> list[Mount]:
    own = [
        _workspace(spec),
        Mount("/winslow", str((spec.directory / "io").absolute()), type="bind"),
    ]
    return own + [
        Mount(mount.target, str(mount.source.absolute()), type="bind", read_only=not mount.writable)
        for mount in spec.mounts
    ]


def _workspace(spec: Spec) -> Mount:
    """An overlay is a volume without a name: the engine mounts it for the run, and it goes with the container."""
    if spec.overlay is None:
        return Mount("/workspace", str(spec.workspace.absolute()), type="bind")
    options = {"type": "overlay", "device": "overlay", "o": spec.overlay.options()}
    return Mount("/workspace", None, type="volume", no_copy=True, driver_config=DriverConfig("local", options))


def environment(spec: Spec) -> dict[str, str]:
    """Of the machine's devices a stage sees those that it was given, whatever its image asks for."""
    own = {"HOME": HOME, "USER": USER, "LOGNAME": USER}
    return {**own, **spec.environment, "NVIDIA_VISIBLE_DEVICES": ",".join(spec.gpus) or "void"}


def labels(spec: Spec) -> dict[str, str]:
    services = {SERVICES: ",".join(each.name for each in spec.services)}  # an image of a stage may name some
    told = {GRACE: str(spec.grace), SIGNAL: spec.signal, MEMORY: str(spec.limits.memory or "")}
    return {**spec.labels, **services, **told}


def ids(user: str) -> tuple[int, int]:
    uid, _, gid = user.partition(":")
    return int(uid), int(gid or uid)


def hand_over(spec: Spec, user: str) -> None:
    """The stage's own trees, made where they are missing, belong to its user. Refused."""
    trees = (spec.directory / "io",) if spec.overlay else (spec.workspace, spec.directory / "io")
    if spec.overlay and spec.rights.user:
        trees = (*trees, spec.overlay.upper)
    try:
        for tree in trees:
            tree.mkdir(parents=True, exist_ok=True)
            _own(str(tree), *ids(user))
    except PermissionError as error:
        raise EngineRefused(
            f"cannot give {error.filename} to the stages' user {user}: run the node as root, "
            f"or let stages run as this user ({os.getuid()}:{os.getgid()})"
        ) from None


def _own(tree: str, uid: int, gid: int) -> None:
    """Links are changed themselves, never what they point to; what is theirs keeps its times."""
    _own_one(tree, uid, gid)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            _own_one(os.path.join(folder, name), uid, gid)


def _own_one(path: str, uid: int, gid: int) -> None:
    found = os.lstat(path)
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(path, uid, gid, follow_symlinks=False)
