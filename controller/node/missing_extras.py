"""A node goes on without the features whose packages are not installed, and says so once, when it starts."""

from collections.abc import Callable
from dataclasses import replace

from controller.node.options import NodeOptions
from runner import extras


def without_missing(options: NodeOptions, say: Callable[[str], None]) -> NodeOptions:
    """The options that can be kept. Docker and GPUs are looked for where a runner is chosen."""

    def lacks(option: str, asked: object, feature: extras.Feature) -> bool:
        why = extras.lacking(feature) if asked else ""
        if why:
            say(f"{option} is left out: {why}")
        return bool(why)

    if lacks("--peer", options.peer, extras.PEERS):
        options = replace(options, peer=None)
    if lacks("--bucket", options.bucket, extras.BUCKET):
        options = replace(options, bucket=None)
    if lacks("--notify", options.notify, extras.NOTICES):
        options = replace(options, notify=None)
    return options
