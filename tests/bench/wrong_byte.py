# SPDX-License-Identifier: MIT
"""A server with a planted defect: it sends everything back but one byte, which it flips."""

import argparse
import asyncio

# Which byte of all that it receives.
WRONG = 100


class Echo(asyncio.Protocol):
    received = 0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        place = WRONG - Echo.received
        Echo.received += len(data)
        if 0 <= place < len(data):
            data = bytearray(data)
            data[place] ^= 1
        self.transport.write(data)


async def serve():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["lines", "bulk"], required=True)
    parser.parse_args()
    asyncio.run(serve())


if __name__ == "__main__":
    main()
