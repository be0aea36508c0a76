"""A network that takes its time: a proxy on loopback that holds every piece of data back for a while."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 64 * 1024


@contextmanager
def delayed(host_port: str, round_trip_seconds: float) -> Iterator[str]:
    """The ``host:port`` of a proxy in front of ``host_port``; each direction takes half of the round trip."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    host, _, port = host_port.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(round_trip_seconds)  # what the handshake takes
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pump(reader, back, round_trip_seconds / 2), _pump(there, writer, round_trip_seconds / 2))

    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(connected, "127.0.0.1", 0), loop).result()
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, seconds: float) -> None:
    with suppress(ConnectionError):
        while data := await source.read(_CHUNK):
            await asyncio.sleep(seconds)
            target.write(data)
            await target.drain()
        target.close()
