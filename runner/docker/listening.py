"""Whether a program listens on a port, as the kernel tells it of the network that a process is in.

Nothing is sent: a connection would need a way into that network, and programs take one for a client.
"""

from enum import StrEnum

STATE = "0A"


class Listens(StrEnum):
    YES = "yes"
    ITSELF = "itself"  # only whoever is in the same container reaches it
    NO = "no"


def listens(pid: int, port: int) -> Listens:
    """OSError where that process cannot be looked at."""
    tables = [_table(pid, name) for name in ("tcp", "tcp6")]
    return listening("\n".join(tables), port)


def _table(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/net/{name}") as file:
            return file.read(1 << 20)
    except FileNotFoundError:
        if name == "tcp6":  # a kernel without it
            return ""
        raise


def listening(table: str, port: int) -> Listens:
    """From the lines of `/proc/PID/net/tcp`."""
    found = Listens.NO
    for line in table.splitlines():
        words = line.split()
        if len(words) < 4 or words[3] != STATE or ":" not in words[1]:
            continue
        address, _, number = words[1].rpartition(":")
        if int(number, 16) != port:
            continue
        if not _itself(address):
            return Listens.YES
        found = Listens.ITSELF
    return found


def _itself(address: str) -> bool:
    """Four bytes of each word stand in the order of the machine: little end first."""
    words = [address[at : at + 8] for at in range(0, len(address), 8)]
    plain = "".join("".join(reversed([word[at : at + 2] for at in range(0, 8, 2)])) for word in words)
    if len(plain) == 8:
        return plain.startswith("7F")
    return plain == "0" * 31 + "1" or plain.startswith("0" * 20 + "FFFF7F")
