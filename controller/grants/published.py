"""What other nodes may know of this node's policy, made anew when it changes."""

from collections.abc import Callable

from runner.secrets.kept import NodeSecrets
from schema.policy import Grants, Policy, summary


class PublishedGrants:
    def __init__(self, policy: Callable[[], Policy], secrets: NodeSecrets, *, isolated: bool) -> None:
        self.policy, self.secrets, self.isolated = policy, secrets, isolated
        self._made: tuple[Policy, frozenset[str], Grants] | None = None

    def __call__(self) -> Grants:
        """What of it this node's runner can give."""
        policy, held = self.policy(), self.secrets.names()
        if self._made is None or self._made[0] is not policy or self._made[1] != held:
            self._made = (policy, held, self._summary(policy, held))
        return self._made[2]

    def _summary(self, policy: Policy, held: frozenset[str]) -> Grants:
        if self.isolated:
            return summary(policy, held)
        return Grants(images=() if policy.isolation else policy.images)
