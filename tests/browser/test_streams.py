"""Many pages open at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil

from tests.browser.house import House
from tests.integration.node.lab import HANG, Lab, stage

CLIENTS = 500
MOST = 200 * 2**20
"""Bytes that the page's process may take with all of them; half of it is what it takes with one."""


async def _listen(port: int, opened: asyncio.Semaphore) -> bytes:
    """What one stream said up to its first change of the project."""
    async with opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /events HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
    try:
        return await asyncio.wait_for(reader.readuntil(b"event: project-v"), HANG)
    finally:
        writer.close()


async def _crowd(house: House) -> int:
    opened = asyncio.Semaphore(50)
    clients = [asyncio.create_task(_listen(house.port, opened)) for _ in range(CLIENTS)]
    process = psutil.Process(house.page.pid)
    while len([each for each in process.net_connections("tcp") if each.status == "ESTABLISHED"]) < CLIENTS:
        await asyncio.sleep(0.1)
    await asyncio.to_thread(house.lab.ask, "request: start")
    heard = await asyncio.gather(*clients, return_exceptions=True)
    return sum(isinstance(each, bytes) for each in heard)


def test_M15_five_hundred_open_pages_hear_of_a_change(lab: Callable[..., Lab], house: Callable[[Lab], House]) -> None:
    made = house(lab(stage("one")))
    with ThreadPoolExecutor(1) as apart:  # Playwright keeps a loop of its own in this thread
        assert apart.submit(asyncio.run, asyncio.wait_for(_crowd(made), 2 * HANG)).result() == CLIENTS
    assert psutil.Process(made.page.pid).memory_info().rss < MOST
    made.until(lambda: made.lab.view().executions[-1:] != ())
