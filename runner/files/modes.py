"""Files that stages read: whoever runs the node, and whatever umask it has, another user must be able to read them."""

import os
import stat
from pathlib import Path

OTHERS_READ = 0o022


def for_stages() -> None:
    """What this process makes from now on can be read by others, as far as the folders above it let them come."""
    os.umask(OTHERS_READ)


def close_to_others(data: Path, pool: Path) -> str:
    """Make a node's data folder, or take it from others who may read it; why it stays open, where that is not safe.

    Containers need no way through it: the engine, which is root, mounts what they see. Whoever puts files into a pool
    that lies in it does, and so does whatever else lies there of others. The group's rights stay as people set them.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    mode = stat.S_IMODE(data.stat().st_mode)
    if not mode & stat.S_IRWXO:
        return ""
    if why := _needed_by_others(data, pool):
        return f"others on this machine can read {data}, as {why}; `chmod o= {data}` closes it"
    data.chmod(mode & ~stat.S_IRWXO)
    return ""


def _needed_by_others(data: Path, pool: Path) -> str:
    if pool.is_relative_to(data) and pool.is_dir() and pool.stat().st_mode & stat.S_IWOTH:
        return "they may put files into its pool"
    for each in (data, *data.iterdir()):
        if each.lstat().st_uid != os.geteuid():
            return f"{each} belongs to another user"
    return "it is a home folder" if data == Path.home() else ""


def unreadable(root: Path, file: Path, user: tuple[int, int]) -> Path | None:
    """The first of the root, the folders below it and the file that the user cannot enter or read."""
    steps = [root, *reversed([folder for folder in file.parents if root in folder.parents])]
    for folder in steps:
        if not _may(folder, user, stat.S_IXOTH):
            return folder
    return None if _may(file, user, stat.S_IROTH) else file


def unreadable_in(root: Path, folder: Path, user: tuple[int, int]) -> Path | None:
    """The same for a folder and all below it, whose names a program lists. What links lead to is below it too."""
    if shut := unreadable(root, folder, user):
        return shut
    for place, _, files in os.walk(folder):
        if not _may(Path(place), user, stat.S_IROTH | stat.S_IXOTH):
            return Path(place)
        for file in (Path(place, name) for name in files):
            if not file.is_symlink() and not _may(file, user, stat.S_IROTH):
                return file
    return None


def _may(path: Path, user: tuple[int, int], right: int) -> bool:
    """By owner, group and mode. What an access control list says is not known here, so it counts as allowed."""
    found = path.stat()
    if found.st_uid == user[0]:
        right <<= 6
    elif found.st_gid == user[1]:
        right <<= 3
    if user[0] == 0 or found.st_mode & right == right:
        return True
    return b"system.posix_acl_access" in map(os.fsencode, os.listxattr(path))
