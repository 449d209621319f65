"""What other nodes may know of this node's policy, made anew when it changes."""

from collections.abc import Callable

from runner.secrets.node_secrets import NodeSecrets
from schema.policy import Grants, Policy, summary


class PublishedGrants:
    def __init__(self, policy: Callable[[], Policy], secrets: NodeSecrets, *, isolated: bool) -> None:
        self.policy, self.secrets, self.isolated = policy, secrets, isolated
        self._made: tuple[Policy, frozenset[str], bool, Grants] | None = None

    def __call__(self) -> Grants:
        """What of it this node's runner can give."""
        policy, held, decrypts = self.policy(), self.secrets.names(), self.secrets.decrypts
        if self._made is None or self._made[0] is not policy or self._made[1:3] != (held, decrypts):
            self._made = (policy, held, decrypts, self._summary(policy, held, decrypts))
        return self._made[3]

    def _summary(self, policy: Policy, held: frozenset[str], decrypts: bool) -> Grants:
        if self.isolated:
            return summary(policy, held, decrypts=decrypts)
        return Grants(images=() if policy.isolation else policy.images)
