"""A slow network: proxies on loopback that hold every piece of data back for a while, or let only so much through."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

_CHUNK = 64 * 1024


@contextmanager
def delayed(host_port: str, round_trip_seconds: float) -> Iterator[str]:
    """The ``host:port`` of a proxy in front of ``host_port``; each direction takes half of the round trip."""

    async def wait(_size: int) -> None:
        await asyncio.sleep(round_trip_seconds / 2)

    with _proxy(host_port, round_trip_seconds, wait, wait) as address:
        yield address


@contextmanager
def limited(host_port: str, bytes_per_second: float) -> Iterator[str]:
    """The ``host:port`` of a proxy in front of ``host_port``, which receives at most so much over all connections."""
    free_at = 0.0

    async def take_turn(size: int) -> None:
        nonlocal free_at
        now = asyncio.get_running_loop().time()
        free_at = max(now, free_at) + size / bytes_per_second
        await asyncio.sleep(free_at - now)

    async def pass_on(_size: int) -> None:
        return

    with _proxy(host_port, 0.0, take_turn, pass_on) as address:
        yield address


_Wait: TypeAlias = Callable[[int], Awaitable[None]]
"""Waits before so many bytes are handed on."""


@contextmanager
def _proxy(host_port: str, handshake: float, there: _Wait, back: _Wait) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    host, _, port = host_port.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # at the end of the proxy
            await asyncio.sleep(handshake)
            source, target = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_pump(reader, target, there), _pump(source, writer, back))

    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(connected, "127.0.0.1", 0), loop).result()
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_end_connections(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _end_connections() -> None:
    """Clients may keep connections open; end what is still served."""
    serving = asyncio.all_tasks() - {asyncio.current_task()}
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, wait: _Wait) -> None:
    with suppress(ConnectionError):
        while data := await source.read(_CHUNK):
            await wait(len(data))
            target.write(data)
            await target.drain()
        target.close()
