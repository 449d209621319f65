"""Forks a shim for each stage that the controller starts, so that an interpreter starts once for all of them.

Started as `python -I -S shim_server.py FD`. From the socket FD it takes the directory of a run, forks a shim for it,
and answers with a pidfd of that process, which no later process can be mistaken for. It keeps nothing and decides
nothing: it ends with its controller, at the end of the socket, and its shims go on. Should it be killed, the next one
forks.
"""

import _socket
import ctypes
import os
import select
import sys

try:
    from runner.process import shim
except ImportError:  # with `-I` it finds Python's own modules only
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    shim = __import__("shim")

LONGEST = 4096
PR_SET_NAME = 15


def serve(control: int) -> None:
    """Until the other end of `control`, a SOCK_SEQPACKET socket, is closed. An empty answer carries a pidfd, any other
    one says in words why there is no shim.
    """
    asked = _socket.socket(fileno=control)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    children: dict[int, int] = {}  # pid by pidfd
    while True:
        for ready, _ in poll.poll():
            if ready in children:
                poll.unregister(ready)
                os.close(ready)
                os.waitpid(children.pop(ready), 0)
            elif directory := os.fsdecode(asked.recv(LONGEST)):
                try:
                    handle = _fork(directory, (control, *children), children)
                except OSError as error:
                    asked.send(os.strerror(error.errno or 0).encode())
                else:
                    poll.register(handle, select.POLLIN)
                    asked.sendmsg(
                        [b"\n"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, handle.to_bytes(4, sys.byteorder))]
                    )
            else:
                return


def _fork(directory: str, inherited: tuple[int, ...], children: dict[int, int]) -> int:
    pid = os.fork()
    if pid == 0:
        _begin(directory, inherited)
    handle = os.pidfd_open(pid)  # until this process waits for it, the number is its own
    children[handle] = pid
    return handle


def _begin(directory: str, inherited: tuple[int, ...]) -> None:
    """Become the shim of one run, in a session of its own. What goes wrong in it stands in `shim.err`."""
    try:
        os.setsid()
        for each in inherited:
            os.close(each)
        nothing = os.open("/dev/null", os.O_RDWR)
        errors = os.open(os.path.join(directory, "shim.err"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for number, target in enumerate((nothing, nothing, errors)):
            os.dup2(target, number)
        for each in (nothing, errors):
            os.close(each)
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_NAME, f"shim-{os.path.basename(directory)}"[:15].encode(), 0, 0, 0)
        shim.run(directory)
        os._exit(0)  # at once: whoever watches this process waits for it
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
