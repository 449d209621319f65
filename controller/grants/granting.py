"""From what a stage asks for, by name, to what its container is given: by the policy in force at that moment.

Other nodes place stages by a summary of it; this is where it is enforced.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISBLK

from flow.node.node_world import LaunchOrder
from flow.placement.grants import Asker, beyond, images_refusal, rights_refusal, with_services
from runner.contract.spec import LEAST, ContainerRights, Mount
from runner.secrets.encrypted import decrypted
from runner.secrets.node_secrets import BadSecret, NodeSecrets
from schema import images
from schema.policy import MEANT, RAW, Policy, SecretGrant, summary, takes_image
from schema.rights import NO_RIGHTS, Rights, SecretRecord, user_of


class NotGranted(Exception):
    """The policy does not grant it any more, or the machine has not what it grants; the text says what."""


@dataclass(frozen=True, slots=True)
class GivenSecret:
    """`env` is the variable that holds it as well."""

    name: str
    value: bytes = field(repr=False)
    env: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    rights: ContainerRights = LEAST
    mounts: tuple[Mount, ...] = ()


NOTHING_MORE = Granted()


class Granting:
    def __init__(self, policy: Callable[[], Policy], secrets: NodeSecrets, *, isolated: bool) -> None:
        self.policy, self.secrets, self.isolated = policy, secrets, isolated

    def __call__(self, order: LaunchOrder) -> Granted:
        """NotGranted."""
        policy = self.policy()
        if order.project == images.PROJECT and not order.tree:
            raise NotGranted(f"{images.PROJECT} runs builds of folders on main and nothing else, not {order.image}")
        if not (order.tree or takes_image(policy.images, order.image)):
            raise NotGranted(f"image {order.image} is not granted (policy.images)")
        if refused := images_refusal((each.image for each in order.services), policy.images):
            raise NotGranted(refused)
        if policy.isolation and not self.isolated:
            raise NotGranted("the policy wants isolation, and processes are not isolated (policy.isolation)")
        if refused := beyond(
            with_services({**vars(order), "gpus": len(order.gpus)}, order.services), vars(policy.limits)
        ):
            raise NotGranted(refused)
        who = Asker(order.project, order.pipeline, order.tags)
        if order.rights == NO_RIGHTS:
            return NOTHING_MORE
        grants = summary(policy, self.secrets.names(), decrypts=self.secrets.decrypts)
        if refused := rights_refusal(order.rights, grants, who):
            raise NotGranted(refused)
        if order.services and order.rights.network and policy.networks[order.rights.network].bridge == "host":
            raise NotGranted(f"network {order.rights.network} is the machine's own, and there services have no place")
        if not self.isolated:
            raise NotGranted("processes are not isolated, so they get no rights of their own")
        return _given(order.rights, policy)

    def secrets_of(self, order: LaunchOrder) -> tuple[GivenSecret, ...]:
        """With their values. NotGranted."""
        policy = self.policy()
        try:
            return tuple(
                GivenSecret(each.name, self._value(each, policy.secrets[each.name]), each.env)
                for each in order.rights.secrets
            )
        except (BadSecret, OSError, KeyError) as error:
            raise NotGranted(str(error)) from None

    def _value(self, secret: SecretRecord, grant: SecretGrant) -> bytes:
        """BadSecret; OSError."""
        if secret.encrypted:
            return decrypted(secret.name, secret.encrypted, self.secrets.key)
        return self.secrets.get(secret.name, grant.command)


def _given(rights: Rights, policy: Policy) -> Granted:
    devices = tuple(_device(policy, name) for name in rights.devices)
    return Granted(
        ContainerRights(
            network=policy.networks[rights.network].bridge if rights.network else "",
            hosts=rights.extra_hosts,
            user=user_of(rights.user) if rights.user else "",
            working_dir=rights.working_dir,
            devices=devices,
            groups=tuple({gid for path in devices if (gid := os.stat(path).st_gid)}),
            capabilities=rights.cap_add,
            security=rights.security_opt,
            privileged=rights.privileged,
            host=rights.host,
        ),
        tuple(
            Mount(
                _folder(policy, volume.source),
                volume.target,
                writable=not (volume.read_only or policy.volumes[volume.source].read_only),
            )
            for volume in rights.volumes
        ),
    )


def _there(path: str, what: str) -> str:
    if not os.path.exists(path):
        raise NotGranted(f"the policy grants {what}, but there is no {path} on this node")
    return path


def _folder(policy: Policy, name: str) -> Path:
    """Followed to its end: a stage may have put a link to another folder of the machine in its place."""
    path = _there(policy.volumes[name].path, f"volume {name}")
    if not policy.dangerous and (real := os.path.realpath(path)) != path:
        raise NotGranted(
            f"the policy grants volume {name} as {path}, and links lead from there to {real}: "
            f"where that is meant, it names the folder itself (policy.volumes.{name}.path)"
        )
    return Path(path)


def _device(policy: Policy, name: str) -> str:
    """By what it is, not only by its name: any name can stand for a disk, or become a link to one."""
    path = _there(policy.devices[name].path, f"device {name}")
    if not policy.dangerous and (S_ISBLK(os.stat(path).st_mode) or RAW.fullmatch(os.path.realpath(path))):
        raise NotGranted(f"device {name} ({path}) {MEANT} (policy.devices.{name})")
    return path
