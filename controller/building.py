"""The parts of one controller, put together."""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller.archiving import Archiving
from controller.bereft import Bereft
from controller.boot import BootClock, boot_id
from controller.failpoints import Failpoint, from_environment
from controller.folders import Folders
from controller.journal import Journal
from controller.loop import Controller, Parts
from controller.machine import enough_disk, take_inventory
from controller.notifier import Notifier
from controller.notify_send import page_of
from controller.options import NodeOptions
from controller.outgoing import Outgoing
from controller.pace import Pace
from controller.patience import ThreadPatience
from controller.pools import Pools
from controller.retaining import Retaining, spoken_of
from controller.sampler import Sampler
from controller.window import VIEW, Window
from controller.workshop import Jobs, ThreadJobs, Tools, Workshop
from flow.change import Commit
from flow.local import Me, World
from flow.world import Snapshot
from runner import log_events, preparing
from runner.bucket import Bucket, settings
from runner.gpus import Gpus, lost
from runner.labels import Owner
from runner.peers import Key, Peers
from runner.pool_fetch import Offers
from runner.preparing import Preparing
from runner.runner import Runner
from runner.store import identity
from state.git import GitRepository

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Site:
    """What a node has before its controller is built."""

    options: NodeOptions
    journal: Journal
    incarnation: str
    owner: Owner
    runner: Runner
    gpus: Gpus
    pace: Pace
    sampler: Sampler
    say: Say

    @property
    def pool(self) -> Path:
        return self.options.pool or self.options.data / "pool"

    def run(self, container: str) -> Path:
        return self.options.data / "runs" / container


@dataclass(frozen=True, slots=True)
class Stock:
    """What holds the files of stages, here and elsewhere."""

    trees: Folders
    store: str
    bucket: Bucket | None
    peers: Peers
    key: Key | None
    bereft: Bereft


def build(site: Site) -> Controller:
    options, clock, failpoint, work = site.options, BootClock(), from_environment(), ThreadJobs()
    stock = _stock(site, failpoint)
    notifier = Notifier(options.data / "notices", options.notify, site.say, page_of(options.data / "web" / "web.yaml"))

    def changed(before: Snapshot, after: Snapshot, commits: Sequence[Commit]) -> None:
        notifier.changed(before, after, commits)
        stock.peers.nudge()

    fetch = stock.trees.fetch
    pools = Pools(site.pool, Offers(fetch, work.submit).of) if fetch else Pools(site.pool)
    workshop = Workshop(_tools(site, stock, clock, failpoint, work))
    return Controller(
        Parts(
            me=_me(site, stock),
            repository=GitRepository(options.repo, options.data / "clone.git"),
            runner=site.runner,
            workshop=workshop,
            trees=stock.trees,
            journal=site.journal,
            clock=clock,
            boot=boot_id(),
            poll=options.poll,
            beat=options.heartbeat,
            fresh_id=lambda: secrets.token_hex(16),
            failpoint=failpoint,
            room=lambda: enough_disk(options.data),
            gpus=site.gpus,
            say=site.say,
            load=lambda: site.sampler.newest,
            show=_show(site, stock, notifier),
            changed=changed,
            note=partial(_note, site),
            retain=_retain(site, stock, failpoint, work),
            pools=pools.seen,
            look=pools.look,
            patience=ThreadPatience(),
        )
    )


# -- files ------------------------------------------------------------------------------------------------------------


def _stock(site: Site, failpoint: Failpoint) -> Stock:
    options, can = site.options, site.runner.capabilities
    site.pool.mkdir(parents=True, exist_ok=True)
    key = Key(options.data / "node" / "peer.key") if options.peer else None
    peers = Peers(options.name, key)
    bereft, store, bucket = _store(options, site.say), identity.identify(options.data), _bucket(options)
    trees = Folders(
        options.data,
        site.pool,
        isolated=can.isolation,
        user=can.user,
        say=site.say,
        failpoint=failpoint,
        peers=peers,
        store=store,
        bucket=bucket,
    )
    trees.workspaces.wanted = None  # until the repository was looked at
    return Stock(trees, store, bucket, peers, key, bereft)


def _store(options: NodeOptions, say: Say) -> Bereft:
    """The store this node works with. One of its own that is gone is made anew, a shared one is not."""
    if options.store:
        identity.share(options.data, options.store)
    before, store = identity.last(options.data), identity.identify(options.data)
    if before not in ("", store):
        say(f"the store of this node is not the one it had ({before[:8]}): what only that had is lost")
    return Bereft(options.name, before, store, say, partial(identity.remember, options.data, store))


def _bucket(options: NodeOptions) -> Bucket | None:
    if not options.bucket:
        return None
    return Bucket(options.bucket, settings(os.environ, options.bucket_keys))


def _retain(site: Site, stock: Stock, failpoint: Failpoint, work: Jobs) -> Callable[[World], str]:
    options, workspaces = site.options, stock.trees.workspaces
    held = partial(spoken_of, site.journal)
    retaining = Retaining(
        options.data,
        workspaces,
        options.keep_free,
        work.submit,
        site.say,
        mend=stock.trees.mend,
        fetch=stock.trees.fetch,
    )
    archiving = Archiving(options.data, stock.bucket, site.say, passing=failpoint)
    outgoing = Outgoing(options.data, workspaces.objects, stock.bucket, work.submit, site.say)

    def retain(world: World) -> str:
        outgoing.look()
        if world.snapshot is None:
            return ""
        archiving.look(world.snapshot, held)
        return retaining.look(world.snapshot, held)

    return retain


# -- stages -----------------------------------------------------------------------------------------------------------


def _tools(site: Site, stock: Stock, clock: BootClock, failpoint: Failpoint, work: Jobs) -> Tools:
    return Tools(
        owner=site.owner,
        runner=site.runner,
        trees=stock.trees,
        journal=site.journal,
        jobs=work,
        clock=clock,
        failpoint=failpoint,
        wake=site.pace.wake,
        say=site.say,
        lost=partial(lost, site.gpus),
        note=partial(_note, site),
        show=partial(_prepares, site),
    )


def _note(site: Site, container: str, text: str) -> None:
    log_events.note(site.run(container), text)


def _prepares(site: Site, container: str, text: str | None, percent: float | None) -> None:
    preparing.show(site.run(container), None if text is None else Preparing(text, percent))


# -- what others see --------------------------------------------------------------------------------------------------


def _show(site: Site, stock: Stock, notifier: Notifier) -> Callable[[World], None]:
    window = Window(site.options.data / VIEW, site.pool, time.time, stock.bucket.name if stock.bucket else "")

    def show(world: World) -> None:
        if world.snapshot:
            stock.peers.known = world.snapshot.inventories
            stock.bereft.seen(world.snapshot)
        window.show(world)
        notifier.seen(world)

    return show


def _me(site: Site, stock: Stock) -> Me:
    options = site.options
    inventory = take_inventory(options, site.incarnation, site.runner, stock.key)
    return Me(
        node=options.name,
        incarnation=site.incarnation,
        inventory=inventory.model_copy(
            update={"store": stock.store, "bucket": stock.bucket.name if stock.bucket else ""}
        ),
        pool="/pool" if site.runner.capabilities.isolation else str(site.pool.absolute()),
        settle=options.settle,
        board=options.board,
    )
