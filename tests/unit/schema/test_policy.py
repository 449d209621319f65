"""The file of what a node grants: short forms, dangers that have to be meant, and what others may read of it."""

import pytest

from schema.binding import read
from schema.errors import DocumentError
from schema.policy import Policy, summary, takes_image

TEXT = """
images: ["registry.lan:5000/*", "build/*"]
networks: {lan: bridge-lan, lab: {bridge: lab0, pipelines: [traffic]}}
volumes: {recordings: {path: /srv/recordings}}
devices: {camera: /dev/video0}
users: ["1000"]
secrets: {WANDB_API_KEY: {projects: ["ulm-*"]}}
limits: {memory: 8GiB}
"""


def policy(text: str) -> Policy:
    return read(Policy, text, "policy.yaml")


def test_names_and_patterns_are_told_to_others_and_neither_paths_nor_values() -> None:
    told = summary(policy(TEXT), frozenset())
    text = told.model_dump_json()
    assert not [each for each in ("bridge-lan", "lab0", "/srv", "/dev") if each in text]
    assert told.networks["lab"].pipelines == ("traffic",)
    assert (told.volumes["recordings"].read_only, told.secrets["WANDB_API_KEY"].missing) == (True, True)
    assert told.users.keys() == {"1000:1000"}


@pytest.mark.parametrize(
    "text",
    [
        "networks: {all: host}",
        "volumes: {all: {path: /}}",
        "volumes: {all: {path: //}}",
        "volumes: {all: {path: /etc/ssl}}",
        "volumes: {all: {path: /var/run/docker.sock}}",
        "volumes: {all: {path: /srv/docker.sock}}",
        "volumes: {all: {path: /./etc/./ssl}}",
        "volumes: {a: {path: /srv/a/b}, top: {path: /srv/a, read_only: false}}",
        "volumes: {top: {path: /srv/a, read_only: false}}\ndevices: {camera: /srv/a/video0}",
        "devices: {disk: /dev/sda}",
        "devices: {disk: /dev/md0}",
        "devices: {disk: /dev/mmcblk0p1}",
        "devices: {disk: /dev/disk/by-id/x}",
        "devices: {disk: /dev/xvda}",
        "devices: {disk: /dev/nbd0}",
        "devices: {disk: /dev/zd0}",
        "users: [0]",
        'users: ["0:1000"]',
        "privileged: true",
        "capabilities: [SYS_ADMIN]",
        "security_opt: [seccomp=unconfined]",
        "host: [pid]",
    ],
)
def test_S1_power_over_the_machine_is_granted_only_where_that_is_meant(text: str) -> None:
    with pytest.raises(DocumentError, match="dangerous: true"):
        policy(text)
    assert policy(f"{text}\ndangerous: true").dangers()


def test_a_folder_below_one_that_is_only_read_can_be_granted() -> None:
    found = policy("volumes: {a: {path: /srv/a/./b, read_only: false}, top: {path: /srv/a}, near: {path: /srv/a/bc}}")
    assert found.volumes["a"].path == "/srv/a/b"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("netwroks: {lan: x}", "did you mean 'networks'"),
        ("volumes: {v: {path: srv}}", "an absolute path"),
        ("volumes: {v: {path: /srv/../etc}}", "without .."),
        ("volumes: {V!: {path: /srv}}", "a name"),
        ("networks: {lan: 'a b'}", "a text of the form"),
        ("limits: {memory: lots}", "lots"),
    ],
)
def test_a_mistake_is_named_at_its_place(text: str, why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        policy(text)


@pytest.mark.parametrize(
    ("image", "granted"),
    [
        ("registry.lan:5000/traffic:1.4", True),
        ("build/hello", True),
        ("registry.lan:5001/traffic", False),
        ("traffic", False),
        ("docker.io/build/hello", False),
    ],
)
def test_images_are_granted_by_patterns(image: str, granted: bool) -> None:
    assert takes_image(policy(TEXT).images, image) is granted


def test_an_image_of_docker_hub_has_two_names() -> None:
    assert takes_image(("docker.io/library/*",), "python:3.12")
    assert takes_image(("python:*",), "python:3.12")
    assert not takes_image(("docker.io/library/*",), "evil/python:3.12")
