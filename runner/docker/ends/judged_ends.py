"""How a container ended: judged once, from what the engine, its watchdog and our own notes say."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError

from runner import durable, lease_clock
from runner.contract.errors import EngineUnavailable
from runner.contract.spec import Ending
from runner.docker import options as rights
from runner.docker.docker_log import nanoseconds
from runner.docker.ends import outside_ends
from runner.docker.ends.outside_ends import KILLED, KnownEnds
from runner.docker.ends.watchdogs import Watchdogs
from runner.docker.engine import BROKEN, identity, remembered


class EndJudge:
    """`live`: whether containers outlived their engine by its last word. `out_of_memory`: ids of which it said that."""

    def __init__(self, client: Callable[[], Any], root: Path, boot: str, watchdogs: Watchdogs) -> None:
        self.client, self.root, self.boot, self.watchdogs = client, root, boot, watchdogs
        self.live, self.out_of_memory = True, set[str]()

    def ending(self, container: str, found: Mapping[str, Any]) -> tuple[Ending, str]:
        """Judged once: what comes later, like a boot of the machine, changes nothing of it."""
        note, which = self.root / container / "ending.json", [found["Id"], found["State"]["FinishedAt"]]
        before = durable.read(note)
        if before.get("which") == which:
            return Ending(before["ending"]), str(before["detail"])
        ending, detail = self._judged(container, found)
        with suppress(OSError):
            durable.write(note, {"which": which, "ending": str(ending), "detail": detail})
            self.watchdogs.forget(container)
        return ending, detail

    def _judged(self, container: str, found: Mapping[str, Any]) -> tuple[Ending, str]:
        """Its watchdog and our own stop first; then the kernel; then what others, the engine or the machine did."""
        lease = lease_clock.look(str(self.root / container)) if self.watchdogs.needed(container) else None
        if lease and lease.over:
            return Ending.LAPSED, ""
        state, stop = found["State"], durable.read(self.root / container / "stop.json")
        known = self._known(container, found)
        if stop and (stop.get("sent") or known.code in KILLED or outside_ends.told_to_end(known)):
            if "service" in stop:
                return (Ending.INFRASTRUCTURE if stop.get("outside") else Ending.SERVICE), str(stop["service"])
            return Ending.STOPPED, ""
        if state.get("OOMKilled") or found["Id"] in self.out_of_memory:
            limit = (found["Config"].get("Labels") or {}).get(rights.MEMORY)
            of = f" of {int(limit) / 2**20:.0f} MiB" if limit else ""
            return Ending.OOM, f"the kernel ended a process of it: it reached its memory limit{of}"
        why = outside_ends.cause(known)
        return (Ending.INFRASTRUCTURE, why) if why else (Ending.EXIT, "")

    def _known(self, container: str, found: Mapping[str, Any]) -> KnownEnds:
        directory, state = self.root / container, found["State"]
        return KnownEnds(
            id=str(found["Id"]),
            code=int(state["ExitCode"]),
            error=str(state.get("Error") or ""),
            finished=nanoseconds(state["FinishedAt"]) / 1e9,
            began=str(state["StartedAt"]),
            restarts=int(found.get("RestartCount") or 0),
            boot=self.boot,
            engine=identity(),
            live=self.outlived(),
            started=durable.read(directory / "started.json"),
            lost=durable.read(directory / "engine.json"),
            signal=str(durable.read(directory / "signal.json").get("name", "")),
            events=remembered(self.client()),
        )

    def outlived(self) -> bool:
        """Whether containers go on without their engine, as it is set now, or was at the last answer."""
        try:
            return bool(self.client().info().get("LiveRestoreEnabled"))
        except (APIError, ValueError, AttributeError, EngineUnavailable, *BROKEN):
            return self.live
