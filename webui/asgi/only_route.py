"""A route that answers for its address alone, whatever the method."""

from starlette.routing import Match, Route

from webui.asgi.headers import Scope


class OnlyRoute(Route):
    """Nobody else answers what is asked of it by another method: that is refused with the methods that there are."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found, child = super().matches(scope)
        return (Match.FULL if found is Match.PARTIAL else found), child
