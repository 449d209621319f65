"""What an image means now: of one that the repository builds, what its build made."""

from runner.contract.errors import ImageUnavailable
from runner.contract.runner import Runner
from runner.contract.spec import Image
from schema import images


def resolved(runner: Runner, image: str, pull: str, *, built: str = "", build: int | None = None) -> Image:
    """`built` is what to run in its place, and `build` the execution that made it.

    ImageUnavailable, EngineUnavailable.
    """
    ours = images.built(image)
    if not built and ours:  # never what a registry of the world has by that name
        raise ImageUnavailable(f"{image} is not built any more; `winslowctl images build {ours[0]}` makes it again")
    if not built:
        return runner.resolve(image, pull)
    name = ours[0] if ours else image
    try:
        return runner.resolve(built, "never" if built.startswith("sha256:") else "missing")
    except ImageUnavailable as error:
        what = f"what {images.PROJECT}/{build} built cannot be had ({error})"
        raise ImageUnavailable(f"{what}; `winslowctl images build {name}` makes it again") from None


def pinned(image: str, digest: str | None) -> str:
    return f"{image.partition('@')[0]}@{digest}" if digest else image
