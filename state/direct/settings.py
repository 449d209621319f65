"""Which settings leave a push to a repository without consequences that a direct one would lack. Pure.

Of the sections that git's receiving side reads, only what is listed here is known; whatever else is said there, by the
repository or by its machine, leaves pushes to git.
"""

from collections.abc import Mapping, Sequence

Settings = Mapping[str, Sequence[str]]
"""Keys as git lists them, with all values, in the order in which they count."""
HEEDED = ("core.", "receive.", "transfer.", "extensions.", "hook.")
"""Sections that a push may depend on. Those of clients, of people and of tidying are none of them."""
_HARMLESS = frozenset(
    f"core.{name}"
    for name in (
        "filemode", "ignorecase", "precomposeunicode", "symlinks", "fsync", "fsyncmethod", "fsyncobjectfiles",
        "compression", "loosecompression", "editor", "pager", "excludesfile", "attributesfile", "autocrlf", "eol",
        "safecrlf", "whitespace", "quotepath", "askpass", "sshcommand", "commentchar", "abbrev", "trustctime",
        "checkstat", "untrackedcache", "fsmonitor", "preloadindex", "splitindex", "notesref", "packedgitlimit",
        "packedgitwindowsize", "deltabasecachelimit", "bigfilethreshold", "multipackindex", "commitgraph", "longpaths",
    )
) | {
    "receive.fsckobjects", "receive.denynonfastforwards", "receive.denydeletes", "receive.denycurrentbranch",
    "receive.denydeletecurrent", "receive.autogc", "receive.maxinputsize", "receive.advertisepushoptions",
    "receive.unpacklimit", "receive.keepalive", "transfer.fsckobjects", "transfer.unpacklimit",
}  # fmt: skip
"""Of these a direct push does what the strictest would ask for, or leaves the push to git."""
_AS_USUAL: Mapping[str, frozenset[str]] = {
    "core.bare": frozenset({"true"}),
    "core.hookspath": frozenset({"hooks"}),
    "core.repositoryformatversion": frozenset({"0", "1"}),
    "core.logallrefupdates": frozenset({"false"}),
    "core.sharedrepository": frozenset({"false", "umask", "0"}),
    "extensions.objectformat": frozenset({"sha1"}),
    "receive.updateserverinfo": frozenset({"false"}),
    "receive.advertiseatomic": frozenset({"true"}),
}
_HIDING = frozenset({"transfer.hiderefs", "receive.hiderefs"})
_SENT_ELSEWHERE = (".insteadof", ".pushinsteadof")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


def unusual(settings: Settings, url: str) -> str:
    """The setting that leaves pushes to this address to git; nothing where none does."""
    for key, values in settings.items():
        if key.startswith("url.") and key.endswith(_SENT_ELSEWHERE):
            if any(url.startswith(value) for value in values):
                return key
        elif key.startswith(HEEDED) and not _known(key, values):
            return key
    return "" if settings.get("core.bare", [""])[-1] == "true" else "core.bare"


def most_bytes(settings: Settings) -> int | None:
    """`receive.maxInputSize`; None for no limit, 0 where it cannot be read."""
    said = settings.get("receive.maxinputsize", ["0"])[-1].lower()
    digits, unit = (said[:-1], _UNITS[said[-1]]) if said[-1:] in _UNITS else (said, 1)
    if not digits.isdigit():
        return 0
    return int(digits) * unit or None


def _known(key: str, values: Sequence[str]) -> bool:
    if key in _HIDING:
        return all(value.startswith("!") for value in values)
    usual = _AS_USUAL.get(key)
    if usual is not None:
        return values[-1] in usual
    return key in _HARMLESS
