# SPDX-License-Identifier: MIT
"""A server with a planted defect: it sends everything back but one byte, which it flips."""

import argparse
import asyncio
import ssl

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


def secured(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    return context


async def serve(folder):
    server = await asyncio.get_running_loop().create_server(
        Echo, "127.0.0.1", 0, ssl=secured(folder) if folder else None)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["lines", "bulk"], required=True)
    parser.add_argument("--identity", metavar="FOLDER", help="encrypts, with its certificate")
    asyncio.run(serve(parser.parse_args().identity))


if __name__ == "__main__":
    main()
