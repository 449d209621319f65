"""Verbs that run: `node` on a machine of the fleet, `up` for everything on a laptop."""

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli import settings
from cli.author import UNKNOWN, author_or_program, known
from cli.children import Server, child
from cli.errors import CommandError
from cli.ports import PortTaken, next_free, split
from cli.web import HERE, page_beside
from runner import extras

if TYPE_CHECKING:
    from controller.housekeeping.retention import Room
    from controller.node.options import NodeOptions
    from controller.node.owner import OwnerOptions
    from runner.slurm.submission import SlurmOptions

MOST_SLOTS = 1024
SLURM_WORD = re.compile(r"[A-Za-z0-9_.,&|*\[\]()@:-]{0,200}")
HOST_IMAGE = "host/python"
Name = Annotated[str, typer.Option("--name", help="this node's name; default: the host's")]
Runner = Annotated[str, typer.Option("--runner", help="auto, docker, process or slurm")]
Partition = Annotated[str, typer.Option("--partition", help="with --runner slurm: the partition this node stands for")]
Account = Annotated[str, typer.Option("--account", help="with --runner slurm: on whose account its jobs are")]
Qos = Annotated[str, typer.Option("--qos", help="with --runner slurm: the quality of service of its jobs")]
Constraint = Annotated[str, typer.Option("--constraint", help="with --runner slurm: features its machines must have")]
Poll = Annotated[str, typer.Option("--poll", help="how often to look, like 5s")]
Heartbeat = Annotated[
    str, typer.Option("--heartbeat", help="how often to say it is alive; a third of lost_after at most")
]
Slots = Annotated[
    str, typer.Option("--slots", help="stages at once, or auto: as many as fit; default: one for two cores")
]
Pool = Annotated[Path | None, typer.Option("--pool", help="the directory of shared input files")]
Web = Annotated[str, typer.Option("--web", help="HOST:PORT of the page on this machine; empty for none")]
Peer = Annotated[str, typer.Option("--peer", help="HOST:PORT by which other nodes reach this one, to fetch workspaces")]
ReadOnly = Annotated[bool, typer.Option("--peer-read-only", help="other nodes may read files here, and change none")]
Listen = Annotated[str, typer.Option("--listen", help="where to answer them; default: --peer's port on every address")]
Store = Annotated[Path | None, typer.Option("--store", help="a directory that nodes share, for what stages leave")]
Bucket = Annotated[str, typer.Option("--bucket", help="s3://NAME/PREFIX where nodes leave and find what stages left")]
BucketKeys = Annotated[
    Path | None, typer.Option("--bucket-keys", help="file with AWS_ACCESS_KEY_ID=… and so on; default: the environment")
]
Notify = Annotated[Path | None, typer.Option("--notify", help="the file with the addresses of who is told")]
Images = Annotated[
    Path | None, typer.Option("--images", help="JSON: what stands for images where stages are processes")
]
Label = Annotated[list[str] | None, typer.Option("--label", help="what stages may ask for; may be repeated")]
Triggers = Annotated[
    bool,
    typer.Option("--triggers", help="commit to main what triggers/*.yaml want; needs the right to push there"),
]
Stop = Annotated[
    bool, typer.Option("--stop-stages", help="at the end, end the stages too instead of leaving them running")
]


QuietHours = Annotated[
    list[str] | None,
    typer.Option("--quiet-hours", help="when its owner has it to himself, like 'mon-fri 08:00-18:00'; may be repeated"),
]
Watch = Annotated[str, typer.Option("--owner", help="by what its owner is seen at work: login, gpu, or login,gpu")]
Away = Annotated[str, typer.Option("--owner-away", help="how long after the last sign of him he has left")]
Build = Annotated[bool, typer.Option("--build", help="make images of images/ on main here")]
PolicyPath = Annotated[
    Path | None, typer.Option("--policy", help="what stages are granted here; default: /etc/winslow/policy.yaml")
]
KeepFree = Annotated[
    str, typer.Option("--keep-free", help="below so much free disk (10%, 50GiB) more is dropped than retention says")
]


def add_to(app: typer.Typer) -> None:
    app.command()(node)
    app.command()(up)


def node(
    name: Name = "", runner: Runner = "auto", poll: Poll = "5s", heartbeat: Heartbeat = "60s",
    slots: Slots = "", pool: Pool = None, images: Images = None, label: Label = None, stop_stages: Stop = False,
    once: Annotated[bool, typer.Option("--once", help="one round, then end")] = False,
    web: Web = "", peer: Peer = "", listen: Listen = "", notify: Notify = None,
    store: Store = None, bucket: Bucket = "", bucket_keys: BucketKeys = None,
    keep_free: KeepFree = "0%", peer_read_only: ReadOnly = False, policy: PolicyPath = None,
    build: Build = False,
    triggers: Triggers = False,
    partition: Partition = "", account: Account = "", qos: Qos = "", constraint: Constraint = "",
    quiet_hours: QuietHours = None, owner: Watch = "", owner_away: Away = "15m",
) -> None:  # fmt: skip
    """Run the controller of this machine until it is told to end. Running stages outlive it.

    Example: winslowctl node --repo ssh://git@server/lab.git --name gpu-02 --data /var/lib/winslow
    """
    from controller.node.assembly import run_node

    options = node_options(
        name=name, runner=runner, poll=poll, heartbeat=heartbeat, slots=_slots(slots), pool=pool, images=images,
        labels=tuple(label or ()), stop_stages=stop_stages, once=once,
        repo=_written_to(settings.repo_url()), data=settings.data(), peer=peer or None, notify=notify,
        store=store, bucket=bucket or None, bucket_keys=bucket_keys, keep_free=_room(keep_free),
        policy=policy, build=build, triggers=triggers,
        slurm=_slurm(runner, partition, account, qos, constraint),
        owner=_owner(quiet_hours or [], owner, owner_away),
    )  # fmt: skip
    repo, data = options.repo, options.data.absolute()
    with (
        child(repo, data, page_beside(repo, data, web, _say), _say),
        child(repo, data, _giver(options.name, peer, listen, peer_read_only), _say),
    ):
        code = run_node(options, _say)
    raise typer.Exit(code)


def _written_to(repo: str) -> str:
    """Where pushes to it go, also for reading."""
    from state.transport.push_address import push_address
    from state.transport.urls import shown

    if (there := push_address(repo)) != repo:
        _say(f"git's pushInsteadOf sends pushes for {shown(repo)} to {shown(there)}: this node reads there, too")
    return there


def _slots(text: str) -> "int | Literal['auto'] | None":
    if text in ("", "auto"):
        return "auto" if text else None
    if not text.isdigit() or int(text) > MOST_SLOTS:
        raise CommandError(f"--slots takes a number up to {MOST_SLOTS}, or auto, not {text[:20]!r}", 2)
    return int(text)


def _slurm(runner: str, partition: str, account: str, qos: str, constraint: str) -> "SlurmOptions | None":
    """What a cluster is told of this node's jobs; nothing where it has none."""
    given = {"--partition": partition, "--account": account, "--qos": qos, "--constraint": constraint}
    if runner == "slurm" and not partition:
        raise CommandError("--runner slurm needs --partition NAME: `sinfo` names the cluster's partitions", 2)
    named = [option for option, value in given.items() if value]
    if named and runner not in ("slurm", "auto"):
        raise CommandError(f"{named[0]} is for --runner slurm, and this node has --runner {runner}", 2)
    if not partition:
        return None
    for option, value in given.items():
        if not SLURM_WORD.fullmatch(value):
            raise CommandError(f"{option} takes a word of Slurm's, not {value[:40]!r}", 2)
    from runner.slurm.submission import SlurmOptions

    return SlurmOptions(partition, account, qos, constraint)


def _owner(hours: list[str], watch: str, away: str) -> "OwnerOptions":
    from controller.node.owner import OwnerOptions, quiet_hours
    from schema.quantities import parse_duration

    signs = frozenset(filter(None, watch.split(",")))
    if strange := sorted(signs - {"login", "gpu"}):
        raise CommandError(f"--owner takes login, gpu, or login,gpu, not {strange[0][:20]!r}", 2)
    try:
        return OwnerOptions(tuple(map(quiet_hours, hours)), signs, parse_duration(away))
    except ValueError as error:
        raise CommandError(str(error), 2) from None


def _room(text: str) -> "Room":
    from controller.housekeeping.retention import parse_room

    try:
        return parse_room(text)
    except ValueError as error:
        raise CommandError(f"--keep-free: {error}", 2) from None


def _giver(name: str, address: str, listen: str, read_only: bool) -> Server | None:
    """The child that gives this node's objects to others. What it lacks is told by the node."""
    if not address or extras.lacking(extras.PEERS):
        return None
    here = listen or f"0.0.0.0:{split(address)[1]}"
    only = ("--read-only",) if read_only else ()
    return Server("the way for other nodes to this one", ("peer", "--name", name, "--listen", here, *only), here)


def node_options(*, name: str, runner: str, poll: str, heartbeat: str, repo: str, **other: object) -> "NodeOptions":
    from controller.node.options import NodeOptions
    from schema.quantities import parse_duration

    if runner not in ("auto", "docker", "process", "slurm"):
        raise CommandError(f"--runner takes auto, docker, process or slurm, not {runner[:20]!r}", 2)
    try:
        every, beat = parse_duration(poll), parse_duration(heartbeat)
    except ValueError as error:
        raise CommandError(str(error), 2) from None
    if every < 0.05:
        raise CommandError("--poll: at least 0.05s", 2)
    named = settings.checked_name(name or hostname(), "node")
    return NodeOptions(repo=repo, name=named, runner=runner, poll=every, heartbeat=beat, **other)  # type: ignore[arg-type]


def hostname() -> str:
    return socket.gethostname().split(".")[0].lower() or "node"


def _say(text: str) -> None:
    from runner.logs.log_file import stamp

    print(f"{stamp()[:19]}Z {text}", flush=True)


def up(
    path: Annotated[Path, typer.Argument(help="the bare repository; made if not there")] = Path("winslow-state.git"),
    runner: Runner = "auto", slots: Slots = "", pool: Pool = None, images: Images = None,
    example: Annotated[Path | None, typer.Option("--example", help="begin with the files of this folder")] = None,
    web: Web = HERE,
) -> None:  # fmt: skip
    """Everything on one laptop: a bare repository and a node, until Ctrl-C. No server, no configuration.

    Example: winslowctl up lab.git
    """
    from cli.repository import template
    from controller.node.assembly import run_node
    from state.server.setup import init

    init(path, bare=True, files=template(example), author=author_or_program())
    if not known():
        settings.warn(UNKNOWN)
    data = Path(settings.CURRENT.data) if settings.CURRENT.data else path.with_name(f"{path.name}.node")
    options = node_options(
        name="", runner=runner, poll="1s", heartbeat="10s", repo=str(path.absolute()), data=data.absolute(),
        slots=_slots(slots),
        pool=pool, images=images, stop_stages=True, triggers=True,
    )  # fmt: skip
    _make_host_image(runner)
    server = _page_near(page_beside(options.repo, options.data, web, print))
    print(f"state repository {path}, node data {data}. In another terminal:\n")
    print(f"  export WINSLOW_REPO={path.absolute()} WINSLOW_DATA={data.absolute()}")
    print("  winslowctl projects create first --pipeline hello --start")
    print("  winslowctl ps\n" + (f"\nThe page: http://{server.verb[-1]}" if server else ""))
    print("Ctrl-C ends everything.", flush=True)
    with child(options.repo, options.data, server, _say):
        code = run_node(options, _say)
    raise typer.Exit(code)


def _page_near(server: Server | None) -> Server | None:
    """On the next free port, which is told, where its own is taken."""
    if server is None:
        return None
    *verb, wanted = server.verb
    try:
        address, socket = next_free(wanted)
    except PortTaken as error:
        print(f"the page is left out: {error}")
        return None
    if address != wanted:
        print(f"another program has {wanted}, perhaps another `winslowctl up`; this one's page is at {address}")
    return Server(server.name, (*verb, address), socket)


def _make_host_image(runner: str) -> None:
    """So that `image: host/python` means this machine's Python where stages are containers, too."""
    from runner.contract.errors import EngineUnavailable, RunnerError

    if runner == "process":
        return
    try:
        from runner.docker.host_image import ensure

        if ensure(HOST_IMAGE):
            print(f"made the image {HOST_IMAGE} of this machine's Python, for small examples")
    except (EngineUnavailable, ImportError):
        pass  # the node says that it goes without Docker
    except RunnerError as error:
        print(f"there is no image {HOST_IMAGE}: {str(error).splitlines()[0]}")
