"""A bare installation runs a node: what is missing is told once, with the command that installs it."""

import signal

from tests.integration.install.places import HANG, Place, processes_of, wait

LONG = """name: long
stages:
  - {name: sleeps, image: host/python, command: [python3, -c, "import time; time.sleep(600)"]}
"""
OPTIONS = ("--runner", "auto", "--poll", "0.1s", "--name", "n", "--data", "data")


def test_N2_a_node_without_optional_packages_goes_on_and_says_what_to_install(bare: Place) -> None:
    repo = str(bare.folder / "plain.git")
    assert bare.ask("init", "--bare", repo)[0] == 0
    (bare.folder / "notify.yaml").write_text("targets: {ada: 'json://192.0.2.1'}\n")
    (bare.folder / "notify.yaml").chmod(0o600)
    asked = (
        "--web", "127.0.0.1:18499", "--peer", "127.0.0.1:18498", "--bucket", "s3://a/b", "--notify", "notify.yaml"
    )  # fmt: skip
    with bare.running("node", "--repo", repo, *OPTIONS, *asked) as node:
        node.until(" polling every ")
        where = {"WINSLOW_REPO": repo, "WINSLOW_DATA": str(bare.folder / "data")}
        code, said = bare.ask("projects", "create", "first", "--pipeline", "hello", "--start", **where)
        assert code == 0, said
        code, said = bare.ask("wait", "first", "--timeout", "50s", **where)
        assert code == 0, said + node.said()
        told = node.said()
    for what in (
        "the page is left out",
        "--peer is left out",
        "--bucket is left out",
        "--notify is left out",
        "no Docker",
    ):
        assert told.count(what) == 1, told
    assert "Traceback" not in told
    assert "winslow-controller[node]" in told


def test_N2_up_without_the_page_stays(bare: Place) -> None:
    with bare.running("up", "lab.git", "--runner", "process") as up:
        said = up.until(" polling every ")
        assert said.count("the page is left out") == 1
        assert "http://" not in said
        assert up.child.poll() is None


def test_N2_what_cannot_be_without_a_package_says_which(bare: Place) -> None:
    for verb in (("web", "--repo", "x"), ("peer", "--name", "n", "--listen", "127.0.0.1:1"), ("web", "users", "ls")):
        code, said = bare.ask(*verb)
        assert code == 1, said
        assert len(said.splitlines()) == 1, said
        assert "winslow-controller[node]" in said


def test_N3_children_end_with_a_killed_node(node: Place) -> None:
    with node.running("up", "lab.git", "--runner", "process", "--web", "127.0.0.1:18500") as up:
        up.until(" polling every ")
        wait(lambda: len(processes_of(node)) == 2, up.said)
        up.child.kill()
        up.child.wait()
        wait(lambda: not processes_of(node), up.said)


def test_N3_a_second_up_has_a_page_of_its_own(node: Place) -> None:
    web = ("--runner", "process", "--web", "127.0.0.1:18510")
    with node.running("up", "one.git", *web) as one, node.running("up", "two.git", *web) as two:
        pages = {line for up in (one, two) for line in up.until("Ctrl-C").splitlines() if line.startswith("The page: ")}
        assert len(pages) == 2
        moved = [up for up in (one, two) if "another program has 127.0.0.1:18510" in up.said()]
        assert len(moved) == 1


def test_N3_ctrl_c_says_what_it_ends_and_the_record_says_it_too(bare: Place) -> None:
    example = bare.folder / "example"
    (example / "pipelines").mkdir(parents=True)
    (example / "winslow.yaml").write_text("schema: 1\nname: lab\n")
    (example / "pipelines" / "long.yaml").write_text(LONG)
    repo = str(bare.folder / "long.git")
    where = {"WINSLOW_REPO": repo, "WINSLOW_DATA": f"{repo}.node"}
    with bare.running("up", repo, "--runner", "process", "--example", str(example)) as up:
        up.until(" polling every ")
        assert bare.ask("projects", "create", "first", "--pipeline", "long", "--start", **where)[0] == 0
        wait(lambda: '"state": "running"' in bare.ask("ps", "-o", "json", **where)[1], up.said)
        up.child.send_signal(signal.SIGINT)
        assert up.child.wait(HANG) == 0, up.said()
        assert "ending 1 running stage\n" in up.said()
    code, said = bare.ask("events", "-o", "json", **where)
    assert code == 0, said
    assert "it was ended together with its node: Ctrl-C of `winslowctl up`" in said
