"""Values of secrets that stand in the repository, encrypted by age to the keys of nodes.

Whoever can push can copy a value to where it is not meant to be. So its name is encrypted with it, and a node takes it
under no other: who gets it is what the node's policy says of that name.
"""

import re
from collections.abc import Sequence
from typing import Any

from runner.secrets.node_secrets import BadSecret, checked
from schema.names import ENVIRONMENT

MARK = "winslow secret "
MOST = 16


def fresh_key() -> str:
    """The secret half."""
    return str(_age().x25519.Identity.generate())


def recipient(key: str) -> str:
    """The half of a key that everybody may know. BadSecret."""
    return str(_identity(key).to_public())


def encrypted(name: str, value: bytes, recipients: Sequence[str]) -> str:
    """As armoured text. BadSecret."""
    age = _age()
    if not re.fullmatch(ENVIRONMENT, name):
        raise BadSecret(f"{name[:60]!r} is no name of a secret: letters, digits, _, no digit first")
    if not 0 < len(recipients) <= MOST:
        raise BadSecret(f"it is encrypted to the keys of 1 to {MOST} nodes")
    try:
        keys = [age.x25519.Recipient.from_str(each.strip()) for each in recipients]
    except age.RecipientError:
        raise BadSecret("a recipient is wanted as `winslowctl secrets key` prints it on a node (age1…)") from None
    return str(age.encrypt(f"{MARK}{name}\n".encode() + checked(value), keys, armored=True).decode().strip()) + "\n"


def decrypted(name: str, text: str, key: str) -> bytes:
    """BadSecret; its text tells nothing of what was decrypted."""
    age = _age()
    try:
        content = bytes(age.decrypt(text.strip().encode(), [_identity(key)]))
    except age.DecryptError:
        raise BadSecret(
            f"secret {name} is not encrypted to this node's key, or was changed: winslowctl secrets encrypt {name} "
            f"--to {recipient(key)}"
        ) from None
    head, end, value = content.partition(b"\n")
    if not end or head != f"{MARK}{name}".encode():
        raise BadSecret(f"what stands in the repository as secret {name} was encrypted under another name")
    return checked(value)


def _identity(key: str) -> Any:
    age = _age()
    try:
        return age.x25519.Identity.from_str(key.strip())
    except age.IdentityError:
        raise BadSecret("this node's key for encrypted secrets cannot be read: winslowctl secrets key") from None


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise BadSecret("encrypted secrets need the package pyrage (the extra `age`)") from None
    return pyrage
