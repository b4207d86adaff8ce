# SPDX-License-Identifier: MIT
"""Ours: the sequential flavour of the package copas, a greenlet for each connection.

usage: copas_sequential.py --mode lines|bulk
"""

import argparse

from copas import sequential


def lines(conn):
    while True:
        conn.send(conn.receive(sequential.LINE) + b"\n")


def bulk(conn):
    while True:
        conn.send(conn.receive(None))


def serve(handler):
    server = sequential.serve(handler, "127.0.0.1", 0)
    print("port", server.port, flush=True)
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description="A server of the benchmarks.")
    parser.add_argument("--mode", choices=["lines", "bulk"], required=True)
    sequential.run(serve, lines if parser.parse_args().mode == "lines" else bulk)


if __name__ == "__main__":
    main()
