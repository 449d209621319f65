"""The parts of one controller, put together."""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller.dirs.contract import InputMissing
from controller.dirs.folders import Folders
from controller.failpoints import Failpoint, from_environment
from controller.grants.granting import Granting
from controller.grants.policy_file import PolicyFile
from controller.grants.published import PublishedGrants
from controller.grants.run_grants import RunGrants
from controller.housekeeping import unfinished
from controller.housekeeping.archive import LogArchive
from controller.housekeeping.bucket_upload import BucketUpload
from controller.housekeeping.checkpoints import CheckpointPlace, CheckpointWork
from controller.housekeeping.pool_lending import PoolLending
from controller.housekeeping.retention import RetentionWork, spoken_of
from controller.housekeeping.store_loss import StoreLoss
from controller.journal.journal import Journal
from controller.journal.small_files import FolderDisk
from controller.launch.launcher import Jobs, Launcher, LauncherTools, ThreadJobs
from controller.loop.clock_steps import ClockSteps
from controller.loop.pace import Pace
from controller.loop.patience import ThreadPatience
from controller.loop.pool_gaps import PoolGaps
from controller.loop.round import Controller, NodeServices
from controller.loop.view_file import VIEW, ViewFile
from controller.node.boot_clock import BootClock, boot_id
from controller.node.gpu_watch import ShareWatch
from controller.node.inventory import enough_disk, take_inventory
from controller.node.options import NodeOptions
from controller.node.owner import OwnerWatch
from controller.node.sampler import Sampler
from controller.notify.notifier import Notifier
from controller.notify.send import page_of
from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from peer.client.pool_fetch import Offers
from peer.client.signed import Key, Peers
from runner import launch_progress
from runner.contract.labels import Owner
from runner.contract.runner import Runner
from runner.files.bucket import Bucket, settings
from runner.gpus import Gpus, lost
from runner.launch_progress import Preparing
from runner.logs import log_events
from runner.secrets.node_secrets import NodeSecrets
from runner.store import identity
from runner.store.digests import of_file
from state.git.git_repository import GitRepository
from state.history.build_context import UnfitContext, write_context
from state.server.main_check import passes

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NodeSite:
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
    policy: PolicyFile
    shares: ShareWatch

    @property
    def secrets(self) -> NodeSecrets:
        return NodeSecrets(self.options.data)

    @property
    def pool(self) -> Path:
        return self.options.pool or self.options.data / "pool"

    def run(self, container: str) -> Path:
        return self.options.data / "runs" / container


@dataclass(frozen=True, slots=True)
class NodeStock:
    """What holds the files of stages, here and elsewhere."""

    trees: Folders
    store: str
    bucket: Bucket | None
    peers: Peers
    key: Key | None
    bereft: StoreLoss


def build(site: NodeSite) -> Controller:
    options, clock, failpoint, work = site.options, BootClock(), from_environment(), ThreadJobs()
    stock = _stock(site, failpoint)
    notifier = Notifier(options.data / "notices", options.notify, site.say, page_of(options.data / "web" / "web.yaml"))

    triggers = _triggers(site, clock) if options.triggers else None

    def changed(before: Snapshot, after: Snapshot, commits: Sequence[Commit]) -> None:
        notifier.changed(before, after, commits)
        stock.peers.nudge()

    places = unfinished.NodePlaces(options.data, site.pool, stock.trees.workspaces.objects.tmp)
    work.submit(partial(unfinished.clear_and_say, places, site.say))
    fetch = stock.trees.fetch
    pools = PoolGaps(site.pool, Offers(fetch, work.submit).of) if fetch else PoolGaps(site.pool)
    workshop = Launcher(_tools(site, stock, clock, failpoint, work))
    return Controller(
        NodeServices(
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
            show=_show(site, stock, notifier, triggers),
            changed=changed,
            note=partial(_note, site),
            retain=_retain(site, stock, failpoint, work),
            pools=_pools(site, stock, pools, work),
            look=pools.look,
            clock_steps=ClockSteps(time.time, clock.now, site.say).look,
            owner=OwnerWatch(options.owner, site.journal.disk, clock.now).look,
            grants=PublishedGrants(site.policy.look, site.secrets, isolated=site.runner.capabilities.isolation),
            gpu_use=site.shares.use,
            patience=ThreadPatience(),
        )
    )


# -- files ------------------------------------------------------------------------------------------------------------


def _pools(site: NodeSite, stock: NodeStock, gaps: PoolGaps, work: Jobs) -> Callable[[World], World]:
    """What this node's pool lacks, and what it lends."""
    if stock.bucket is None:
        return gaps.seen
    cache = stock.trees.workspaces.objects.cache
    lending = PoolLending(site.pool, stock.bucket, cache, work.submit, site.say)
    return lambda world: lending.seen(gaps.seen(world))


def _stock(site: NodeSite, failpoint: Failpoint) -> NodeStock:
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
        overlays=None if can.here else False,
        say=site.say,
        failpoint=failpoint,
        peers=peers,
        store=store,
        bucket=bucket,
    )
    trees.workspaces.wanted = None  # until the repository was looked at
    return NodeStock(trees, store, bucket, peers, key, bereft)


def _store(options: NodeOptions, say: Say) -> StoreLoss:
    """The store this node works with. One of its own that is gone is made anew, a shared one is not."""
    if options.store:
        identity.share(options.data, options.store)
    before, store = identity.last(options.data), identity.identify(options.data)
    if before not in ("", store):
        say(f"the store of this node is not the one it had ({before[:8]}): what only that had is lost")
    return StoreLoss(options.name, before, store, say, partial(identity.remember, options.data, store))


def _bucket(options: NodeOptions) -> Bucket | None:
    if not options.bucket:
        return None
    return Bucket(options.bucket, settings(os.environ, options.bucket_keys))


def _retain(site: NodeSite, stock: NodeStock, failpoint: Failpoint, work: Jobs) -> Callable[[World], str]:
    options, workspaces = site.options, stock.trees.workspaces
    held = partial(spoken_of, site.journal)
    retaining = RetentionWork(
        options.data,
        workspaces,
        options.keep_free,
        work.submit,
        site.say,
        mend=stock.trees.mend,
        fetch=stock.trees.fetch,
    )
    archiving = LogArchive(options.data, stock.bucket, site.say, passing=failpoint)
    saving = CheckpointWork(CheckpointPlace(workspaces, stock.store, stock.bucket), site.journal, work.submit, site.say)
    outgoing = BucketUpload(options.data, workspaces.objects, stock.bucket, work.submit, site.say)

    def retain(world: World) -> str:
        outgoing.look()
        saving.look(world)
        if world.snapshot is None:
            return ""
        archiving.look(world.snapshot, held)
        return retaining.look(world.snapshot, held)

    return retain


# -- stages -----------------------------------------------------------------------------------------------------------


def _tools(site: NodeSite, stock: NodeStock, clock: BootClock, failpoint: Failpoint, work: Jobs) -> LauncherTools:
    return LauncherTools(
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
        context=partial(_context, site),
        rights=RunGrants(
            Granting(site.policy.look, site.secrets, isolated=site.runner.capabilities.isolation),
            site.run,
            site.runner.capabilities.user,
        ),
    )


def _note(site: NodeSite, container: str, text: str) -> None:
    log_events.note(site.run(container), text)


def _context(site: NodeSite, tree: str, file: Path) -> None:
    """What an image is built from. InputMissing where the folder cannot be one."""
    try:
        write_context(site.options.data / "clone.git", tree, file)
    except UnfitContext as error:
        raise InputMissing(str(error)) from None


def _prepares(site: NodeSite, container: str, text: str | None, percent: float | None) -> None:
    launch_progress.show(site.run(container), None if text is None else Preparing(text, percent))


# -- what others see --------------------------------------------------------------------------------------------------


def _triggers(site: NodeSite, clock: BootClock) -> Callable[[Snapshot], None]:
    """What has to be told of each snapshot, so that what is due becomes commits."""
    from controller.triggers.pool_news import PoolNews
    from controller.triggers.trigger_memory import FileNotes, TriggerNotes
    from controller.triggers.trigger_work import SteadyClock, TriggerWork

    options, disk = site.options, FolderDisk(site.options.data / "node")
    files = FileNotes(disk)
    work = TriggerWork(
        lambda: GitRepository(options.repo, options.data / "triggers.git", check=passes),
        TriggerNotes(disk),
        files,
        PoolNews(site.pool, files, clock.now, of_file),
        SteadyClock(time.time, clock.now),
        time.sleep,
        site.say,
    )
    work.start(options.poll)
    return work.seen


def _show(
    site: NodeSite, stock: NodeStock, notifier: Notifier, triggers: Callable[[Snapshot], None] | None
) -> Callable[[World], None]:
    window = ViewFile(site.options.data / VIEW, site.pool, time.time, stock.bucket.name if stock.bucket else "")

    def show(world: World) -> None:
        if world.snapshot:
            stock.peers.known = world.snapshot.inventories
            stock.bereft.seen(world.snapshot)
            if triggers and world.fresh:
                triggers(world.snapshot)
        window.show(world)
        notifier.seen(world)

    return show


def _me(site: NodeSite, stock: NodeStock) -> NodeIdentity:
    options = site.options
    inventory = take_inventory(options, site.incarnation, site.runner, stock.key)
    return NodeIdentity(
        node=options.name,
        incarnation=site.incarnation,
        inventory=inventory.model_copy(
            update={"store": stock.store, "bucket": stock.bucket.name if stock.bucket else ""}
        ),
        pool="/pool" if site.runner.capabilities.isolation else str(site.pool.absolute()),
        settle=options.settle,
        board=options.board,
    )
