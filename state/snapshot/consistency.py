"""The one order of the two branches: nothing is decided on a `main` older than what the state was decided on."""

from collections.abc import Callable

from state.contract.errors import Inconsistent


def check_order(main: str, wanted: str, descends: Callable[[str, str], bool]) -> None:
    """Raises Inconsistent unless `wanted`, the state tip's `Winslow-Wanted`, is an ancestor of `main`.

    One listing of refs is no consistent pair: a push between two reads, or a mirror that lags, gives an aged `main`.
    """
    if wanted and main != wanted and not descends(main, wanted):
        error = Inconsistent(f"main ({main[:12]}) does not hold {wanted[:12]}, which the state was decided on; again")
        error.wanted = wanted
        raise error
