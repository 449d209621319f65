"""Kinds of random worlds, each for what is rare in the others."""

from tests.simulation.cluster import LOST_AFTER, Cluster
from tests.simulation.faults import Weather


def crowd(seed: int) -> Cluster:
    """More work than GPUs, long stages that end slowly, and nodes that are often away."""
    weather = Weather(partition=0.01, heal=4, suspend=0)
    return Cluster(seed, nodes=2, projects=8, weather=weather, requests=40, stubborn=True)


def breakdown(seed: int) -> Cluster:
    """Disks and programs of nodes that fail now and then, or always for one execution; nodes that oversleep while
    stages run too long.
    """
    weather = Weather(partition=0.004, suspend=0.02, disk=0.1, defect=0.05, cursed=0.05)
    return Cluster(seed, nodes=2, projects=8, weather=weather, requests=30, impatient=True, limit=90)


def movers(seed: int) -> Cluster:
    """People who put files in, delete, restore and make anew all day, and rarely ask for anything."""
    return Cluster(seed, projects=2, requests=60, deletes=0.6, pause=20.0)


def silence(seed: int) -> Cluster:
    """Engines that often do not say which containers there are, to controllers that often start anew."""
    return Cluster(seed, nodes=2, weather=Weather(engine=0.5, crash=0.03), requests=20)


def branches(seed: int) -> Cluster:
    """Stages that branch and join, with points, of which people ask for single ones too."""
    return Cluster(seed, projects=2, requests=16, graphs=True)


def turnings(seed: int) -> Cluster:
    """Stages that run on a condition, that repeat, and of which people search the best; one project's end starts
    another.
    """
    return Cluster(seed, nodes=2, projects=2, requests=16, deletes=0.0, graphs=True, turns=True)


def solitude(seed: int) -> Cluster:
    """Exclusive stages, whose programs end by KILL only, and nodes that are cut off, asleep or dead all the time."""
    weather = Weather(loss=0.1, partition=0.02, heal=4, mute=0.03, outage=0.006, suspend=0.02, crash=0.02)
    return Cluster(seed, projects=4, weather=weather, requests=20, stubborn=True, exclusive=True)


def rivalry(seed: int) -> Cluster:
    """Long stages of which some may be interrupted, too few GPUs, and projects that go before each other."""
    weather = Weather(suspend=0.002, partition=0.002, outage=0.001)
    return Cluster(seed, nodes=2, projects=9, weather=weather, requests=30, pause=20.0, deletes=0.02, rivals=True)


def desks(seed: int) -> Cluster:
    """Workstations whose owners come and go all day, with long stages of which one kind may be interrupted."""
    weather = Weather(suspend=0.004, partition=0.004, outage=0.002)
    return Cluster(seed, projects=5, weather=weather, requests=40, pause=25.0, deletes=0.02, rivals=True, owned=True)


def company(seed: int) -> Cluster:
    """Stages that share GPUs, of which some use more than they may, beside those that want a GPU for themselves; long
    ones that end slowly, on nodes that are often away.
    """
    weather = Weather(partition=0.01, heal=4, suspend=0)
    return Cluster(seed, nodes=2, projects=8, weather=weather, requests=40, stubborn=True, shared=True)


def slowness(seed: int) -> Cluster:
    """Launches that take about as long as it takes to give a node up, on nodes that are cut off or asleep meanwhile."""
    weather = Weather(partition=0.01, heal=4, suspend=0.015, outage=0.003, disk=0.02)
    return Cluster(seed, projects=4, weather=weather, requests=30, slow=LOST_AFTER / 2)
