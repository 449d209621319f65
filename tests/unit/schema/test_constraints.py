import pytest

from schema.binding import read
from schema.constraints import check_size, check_version, fits_size, fits_version
from schema.errors import DocumentError
from schema.pipeline import Pipeline

GIB = 2**30


@pytest.mark.parametrize(
    ("text", "gib", "fits"),
    [
        (">=8GiB", 8, True),
        (">=8GiB", 7, False),
        (">8GiB", 8, False),
        ("<=8GiB", 8, True),
        ("==8GiB", 8, True),
        (">= 8GiB , <24GiB", 11, True),
        (">=8GiB, <24GiB", 24, False),
        (">8000MB", 8, True),
    ],
)
def test_sizes_are_compared(text: str, gib: int, fits: bool) -> None:
    assert fits_size(check_size(text), gib * GIB) is fits


@pytest.mark.parametrize(
    ("text", "version", "fits"),
    [
        (">=550", "550.54.14", True),
        (">=550.60", "550.54.14", False),
        ("<550", "550.54.14", False),
        ("<=550", "550.54.14", True),
        ("==550", "550.54.14", True),
        (">550", "550.54.14", False),
        (">=9", "12.0", True),
        (">=8.6", "8.6", True),
        (">=8.6.1", "8.6", False),
        (">=7.5, <9", "8.9", True),
        (">=1", "", False),
        ("<1", "unknown", False),
    ],
)
def test_versions_are_compared_as_far_as_the_constraint_goes(text: str, version: str, fits: bool) -> None:
    assert fits_version(check_version(text), version) is fits


@pytest.mark.parametrize(
    ("gpu", "says"),
    [
        ('memory: "8GiB"', "'8GiB' compares with nothing; write '>=8GiB'"),
        ('memory: ">=much"', "'much' is not a size"),
        ('driver: ">=new"', "'new' is not a version"),
        ("driver: ''", "compares with nothing"),
        ('compute_capability: "=>8"', "compares with nothing"),
        ("models: x", "model"),
    ],
)
def test_M5_a_mistaken_constraint_is_refused_in_words(gpu: str, says: str) -> None:
    text = f"name: p\nstages:\n  - {{name: s, image: i, resources: {{gpus: 1, gpu: {{{gpu}}}}}}}\n"
    with pytest.raises(DocumentError) as caught:
        read(Pipeline, text, "f.yaml")
    assert says in str(caught.value)


def test_what_gpus_must_be_needs_their_number() -> None:
    with pytest.raises(DocumentError, match="say how many"):
        read(Pipeline, "name: p\nstages:\n  - {name: s, image: i, resources: {gpu: {model: x}}}\n", "f.yaml")
