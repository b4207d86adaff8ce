#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A line echo server on copas.sequential."""

import argparse

from copas import sequential


def echo(conn):
    while True:
        line = conn.receive(sequential.LINE)
        conn.send(line + b"\n")


def main(port):
    server = sequential.serve(echo, "127.0.0.1", port)
    print(f"port {server.port}", flush=True)
    server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__ + " Prints 'port N'.")
parser.add_argument("--port", type=int, default=0, help="0: a free one (0)")
sequential.run(main, parser.parse_args().port)
