"""Documents of what is over, packed: kept by the ten thousand, and looked at seldom.

Of an execution that has ended a few fields say what follows from it; the rest is some kilobyte of digests, paths and
environment that only whoever opens its page wants to see. So these few are at hand, and all of it is a compressed text,
read anew when any other field is asked for. Nothing can be told from outside: what is packed has the fields of its
model, kept ones of a newer version too, is equal to it, is written the same, and is an instance of its class.
"""

import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ValidationError

from schema.codec import MAX_BYTES
from schema.compact import compact
from schema.execution import Execution, slot_name

Model = TypeVar("Model", bound=BaseModel)
UNPACKED = 128
"""Whole documents that are remembered, of those that were asked for last."""
WORDS = (
    b'"path":"","bytes":,"gpus":["GPU-"],"text":"","reason":"Timeout","OOMKilled","NodeLost","ImageUnavailable","Aborted",'
    b'"state":"superseded","aborted","failed","reason":"ExitCode","pipeline":{"stage":{"project":{"request":{"tail":["'
    b'{"version":1,"execution":1,"stage":"detect","chain":1,"request":"0001-start.yaml","attempt":1,"state":"succeeded",'
    b'"reason":null,"claim":{"id":"","container":"","node":"node-01","incarnation":"","epoch":1,"lease":{"lost_after":'
    b'600.0}},"wanted":"","image":{"ref":"registry","digest":"sha256:","id":"host:"},"definition":"","command":["python"'
    b',"-m",""],"env":{"winslow":{"WINSLOW":"1","WINSLOW_PROJECT":"","WINSLOW_PIPELINE":"","WINSLOW_STAGE":"",'
    b'"WINSLOW_EXECUTION":"1","WINSLOW_ATTEMPT":"1","WINSLOW_NODE":"","CI":"true","CI_PROJECT_NAME":"","CI_JOB_NAME":'
    b'"","CI_JOB_STAGE":"","CI_JOB_ID":"1"}},"inputs":{},"project_files":"","gpus":[],"workspace":{"from":1,"manifest":'
    b'"blake3:"},"times":{"claimed":"2026-01-01T00:00:00.000Z","started":"2026-01-","finished":"2026-01-"},"result":'
    b'{"exit_code":0,"values":{},"metrics":{},"manifest":"blake3:","store":"","bucket":""},"log":{"lines":0,"bytes":0,'
    b'"digest":"blake3:"},"artifacts":0}'
)
"""What such texts have in common, so that each need not say it: packed they are less than half as long with it. What
was packed with other words cannot be read, and says so.
"""


class NotPacked(ValueError):
    """It is nothing that `pack` gave, or it is damaged."""


def pack(document: BaseModel) -> bytes | None:
    """The document in few bytes. None where it would not come back the same: not every value survives JSON."""
    if isinstance(document, _Packed):
        return document.packed
    text = document.model_dump_json(by_alias=True, exclude_unset=True)
    try:
        same = bool(document.__class__.model_validate_json(text) == document)
    except ValidationError:
        same = False
    work = zlib.compressobj(zdict=WORDS)
    return work.compress(text.encode()) + work.flush() if same else None


def unpack(kind: type[Model], packed: bytes) -> Model:
    """NotPacked, for instance where a byte is another one."""
    work = zlib.decompressobj(zdict=WORDS)
    try:
        text = work.decompress(packed, MAX_BYTES)
        if not work.eof:
            raise NotPacked("it is cut off, or too long")
        return kind.model_validate_json(text)
    except (zlib.error, ValidationError) as error:
        raise NotPacked(str(error)) from None


def kept(document: Model, packed: bytes | None = None) -> Model:
    """The document to keep, in little room; it must not be changed. `packed` is it, where that is known."""
    if not isinstance(document, Execution) or not document.state.ended:
        return compact(document)
    packed = packed or pack(document)
    return cast(Model, _Execution(document, packed)) if packed else compact(document)


class _Packed:
    """Stands for a document. What it has no slot for is looked up in the whole one."""

    __slots__ = ("packed",)
    packed: bytes
    kind: ClassVar[type[BaseModel]]

    def __init__(self, document: BaseModel, packed: bytes) -> None:
        put = object.__setattr__
        put(self, "packed", packed)
        for name in self.__slots__:
            put(self, name, getattr(document, name))

    @property  # type: ignore[misc]
    def __class__(self) -> type[BaseModel]:  # type: ignore[override]
        return self.kind

    def __getattr__(self, name: str) -> Any:
        return getattr(_whole(self.kind, self.packed), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_whole(self.kind, self.packed), name, value)  # which says that it is frozen

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Packed):
            return self.packed == other.packed or _whole(self.kind, self.packed) == _whole(other.kind, other.packed)
        return _whole(self.kind, self.packed) == other

    def __hash__(self) -> int:
        return hash(_whole(self.kind, self.packed))

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        yield from _whole(self.kind, self.packed)

    def __repr__(self) -> str:
        return repr(_whole(self.kind, self.packed))

    def __str__(self) -> str:
        return str(_whole(self.kind, self.packed))

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _again, (self.kind, self.packed)


class _Execution(_Packed):
    __slots__ = ("attempt", "chain", "execution", "point", "reason", "spent", "stage", "state")
    kind = Execution

    @property
    def slot(self) -> str:
        return slot_name(self.stage, self.point)


@lru_cache(UNPACKED)
def _whole(kind: type[BaseModel], packed: bytes) -> BaseModel:
    return unpack(kind, packed)


def _again(kind: type[BaseModel], packed: bytes) -> BaseModel:
    return kept(_whole(kind, packed), packed)
