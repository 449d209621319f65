"""Rules that once no test noticed when they were broken: each with its change, and the tests that notice now.

`scripts/mutants --named` makes each change and runs those tests.
"""

from dataclasses import dataclass

DECIDE = "tests/unit/flow/test_decide.py"
GRAPHS = "tests/unit/flow/test_graphs.py"
OUTCOME = "tests/unit/controller/test_outcome.py"
DIRECT = "tests/integration/git/test_direct.py"


@dataclass(frozen=True, slots=True)
class NamedMutant:
    """`after` takes the place of `before`, which stands in the file once."""

    name: str
    file: str
    before: str
    after: str
    tests: str


NAMED = (
    NamedMutant(
        "an idle timeout that counts from the start",
        "flow/reconcile/decide.py",
        "newest = max(sight.started, sight.last_output or 0.0)",
        "newest = sight.started",
        DECIDE,
    ),
    NamedMutant(
        "the least urgent is taken first",
        "flow/reconcile/new_claims.py",
        "return (-(view.project.priority if view.project else 0), view.id)",
        "return ((view.project.priority if view.project else 0), view.id)",
        DECIDE,
    ),
    NamedMutant(
        "a purge while an execution is active",
        "flow/reconcile/stewardship.py",
        " < stone.delete_after or any(e.state.active for e in view.executions):",
        " < stone.delete_after:",
        DECIDE,
    ),
    NamedMutant(
        "a claim that is made anew while its GPU is in use",
        "flow/reconcile/held_claims.py",
        "if not self.ids_left or not free_again(self.world, record):",
        "if not self.ids_left:",
        DECIDE,
    ),
    NamedMutant(
        "a renewal that does not look at the installation",
        "flow/reconcile/held_claims.py",
        "mine = record.claim.incarnation == self.world.me.incarnation and record.claim.node == self.world.me.node",
        "mine = record.claim.node == self.world.me.node",
        DECIDE,
    ),
    NamedMutant(
        "a stop before the start is ignored",
        "flow/reconcile/held_claims.py",
        "if reason or entry.stop:\n                self._unstarted",
        "if reason:\n                self._unstarted",
        DECIDE,
    ),
    NamedMutant(
        "a stop before the start is ignored while the repository is away",
        "flow/reconcile/decide.py",
        'if entry.phase != "granted" or entry.stop or ',
        'if entry.phase != "granted" or ',
        DECIDE,
    ),
    NamedMutant(
        "slots that a round's own results free are not counted",
        "flow/reconcile/new_claims.py",
        "        self._count_own_ends()\n",
        "",
        DECIDE,
    ),
    NamedMutant(
        "the last reason for a stop stays",
        "controller/journal/journal.py",
        "if entry and entry.stop is None:",
        "if entry:",
        "tests/unit/controller/test_journal.py",
    ),
    NamedMutant(
        "a deletion makes a failure",
        "controller/launch/outcome.py",
        "(End.ABORTED, End.DELETED, End.SUPERSEDED, End.FAIL_FAST)",
        "(End.ABORTED, End.SUPERSEDED, End.FAIL_FAST)",
        OUTCOME,
    ),
    NamedMutant(
        "lack of memory is any exit code",
        "controller/launch/outcome.py",
        "return State.FAILED, End.OOM_KILLED, ",
        "return State.FAILED, End.EXIT_CODE, ",
        OUTCOME,
    ),
    NamedMutant(
        "the driver is not asked once more before a GPU is claimed",
        "controller/loop/round.py",
        "world = self.devices.seen(world, fresh=True)",
        "world = self.devices.seen(world)",
        "tests/unit/controller/test_rounds.py",
    ),
    NamedMutant(
        "refused credentials hold one kind of push only",
        "controller/loop/server_backoff.py",
        "self.until[EVERY_PUSH if outcome.kind in SHARED else kind]",
        "self.until[kind]",
        "tests/unit/controller/test_server_backoff.py",
    ),
    NamedMutant(
        "an answer to another stage is taken",
        "flow/project/replies.py",
        "    if stage is not None and stage not in names:",
        "    if False:",
        "tests/unit/flow/test_replies.py",
    ),
    NamedMutant(
        "whom the provider's two answers are about is not compared",
        "webui/access/oidc.py",
        'if info.get("sub") != signed["sub"]:',
        "if False:",
        "tests/integration/web/test_oidc.py",
    ),
    NamedMutant(
        "folders of a tree are opened through links",
        "runner/store/upper.py",
        "os.O_DIRECTORY | os.O_NOFOLLOW",
        "os.O_DIRECTORY",
        "tests/unit/runner/store/test_upper.py",
    ),
    NamedMutant(
        "a merge comes before a commit that leads to it",
        "state/git/local_fetch.py",
        "found.remove(oid)",
        "continue",
        "tests/integration/git/test_bring.py",
    ),
    NamedMutant(
        "a node works for a repository that is newer than it",
        "flow/reconcile/stewardship.py",
        "        if not self.able:\n            return\n        self._absences()",
        "        self._absences()",
        DECIDE,
    ),
    NamedMutant(
        "a heartbeat revives a lease that was over",
        "flow/node/signs_of_life.py",
        "return self.committed or (sent is not None and self.first - sent < lost_after)",
        "return True",
        "tests/unit/flow/test_signs_of_life.py",
    ),
    NamedMutant(
        "a copy of a data folder judges at once",
        "controller/loop/round.py",
        "if self.pulse.landed_at is not None or not self.pulse.restarted:",
        "if True:",
        "tests/simulation/test_signs.py",
    ),
    NamedMutant(
        "a deleted project's data goes under the hands of a launch",
        "flow/reconcile/decide.py",
        "(world.engine and wipe.project not in at_work)",
        "world.engine",
        DECIDE,
    ),
    NamedMutant(
        "a claim that was superseded before its start keeps its container",
        "flow/reconcile/held_claims.py",
        "(sight := self._sight(entry)) and sight.exited:",
        "(sight := self._sight(entry)):",
        "tests/unit/flow/test_held_claims.py",
    ),
    NamedMutant(
        "a direct push that compares no old value",
        "state/direct/ref_transaction.py",
        'return f"update {self.ref} {self.oid} {self.expected or ZERO}\\n"',
        'return f"update {self.ref} {self.oid}\\n"',
        DIRECT,
    ),
    NamedMutant(
        "a direct push that moves the refs before its objects are there",
        "state/direct/direct_push.py",
        "        with kept_pack(self.folder, packed.all):\n            return self._outcome(moves, oid)",
        "        outcome = self._outcome(moves, oid)\n"
        "        with kept_pack(self.folder, packed.all):\n            return outcome",
        DIRECT,
    ),
    NamedMutant(
        "objects of a direct push that are not written through",
        "state/direct/object_files.py",
        "            os.fsync(file.fileno())\n",
        "",
        DIRECT,
    ),
    NamedMutant(
        "a pack of a direct push that gc may take before a ref names it",
        "state/direct/object_files.py",
        'keep = name.with_suffix(".keep")',
        'keep = name.with_suffix(".kept")',
        DIRECT,
    ),
    NamedMutant(
        "a direct push that has landed, and is pushed again because its pack stays kept",
        "state/direct/object_files.py",
        "with suppress(OSError):  # the refs may have moved",
        "with suppress(FileNotFoundError):  # the refs may have moved",
        DIRECT,
    ),
    NamedMutant(
        "no answer to a commit is taken for no",
        "state/direct/ref_transaction.py",
        'return RefsDoubtful(str(silent) or "git ended while it moved refs")',
        "return RefsUntouched(str(silent))",
        DIRECT,
    ),
    NamedMutant(
        "a foreign hook is not run by a direct push",
        "state/direct/place.py",
        'if os.path.lexists(self.folder / "hooks" / name)]',
        'if name == "pre-receive"]',
        DIRECT,
    ),
    NamedMutant(
        "a join reads its first need alone",
        "flow/fold/lineage.py",
        "needed = ((need.stage, walk.found[need.stage].results) for need in walk.graph.needs[stage.name])",
        "needed = ((need.stage, walk.found[need.stage].results) for need in walk.graph.needs[stage.name][:1])",
        GRAPHS,
    ),
    NamedMutant(
        "what succeeded before a redo counts for it",
        "flow/fold/chains.py",
        "ground = Ground(floor.after, ",
        "ground = Ground(0, ",
        GRAPHS,
    ),
    NamedMutant(
        "a skip of a stage or of a point is not heeded",
        "flow/fold/chains.py",
        "return chain.skipped.get(slot, 0) > ground.seq",
        "return False",
        GRAPHS,
    ),
    NamedMutant(
        "a redo runs what is above, too",
        "flow/fold/chains.py",
        "return below if begin.point is not None else below | {begin.stage}",
        "return below if begin.point is not None else below | graph.above[begin.stage] | {begin.stage}",
        GRAPHS,
    ),
    NamedMutant(
        "a point that is redone is passed by an older request below it",
        "flow/fold/chains.py",
        " - found.stages.keys() - pointed",
        " - found.stages.keys()",
        GRAPHS,
    ),
    NamedMutant(
        "all runs of a repetition share one budget of retries",
        "flow/fold/repetition.py",
        "    if not stage.repeat:\n        return runs\n",
        "    return runs\n",
        "tests/unit/flow/test_repeat.py",
    ),
    NamedMutant(
        "what is redone below a repetition reads its first run",
        "flow/fold/lineage.py",
        "known = next((e for e in _lineage(walk) if e.stage == stage.name), None)",
        "known = {e.stage: e for e in _lineage(walk)}.get(stage.name)",
        "tests/unit/flow/test_repeat.py",
    ),
    NamedMutant(
        "a container of a claim that the disk knows as sent alone",
        "controller/journal/journal.py",
        "if container in self._unwritten or new != entry:",
        "if new != entry:",
        "tests/unit/controller/test_journal.py",
    ),
    NamedMutant(
        "a direct push to main that nobody has looked at",
        "state/direct/direct_push.py",
        "if fit.checked and not all(",
        "if False and not all(",
        DIRECT,
    ),
    NamedMutant(
        "a direct push to main past the hook of another installation",
        "state/direct/place.py",
        "or (self._checked and text != hook_text()):",
        "or False:",
        DIRECT,
    ),
    NamedMutant(
        "a shim that begins although another one has begun, or its run was given up",
        "runner/process/shim.py",
        "    except FileExistsError:\n        return False\n",
        "    except FileExistsError:\n        return True\n",
        "tests/unit/runner/test_shim_server.py",
    ),
    NamedMutant(
        "a run that is given up while its shim may still begin",
        "runner/process/process_runner.py",
        '            os.link(directory / "launched", directory / "shim.json")',
        "            pass",
        "tests/unit/runner/test_shim_server.py",
    ),
)
