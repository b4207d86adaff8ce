# SPDX-License-Identifier: MIT
"""The machine that the figures are from: its CPUs, its limits, its name."""

import os
import pathlib
import platform
import resource


def siblings(core):
    path = pathlib.Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    return path.read_text().strip() if path.exists() else str(core)


def cores():
    """One CPU for the server and one for the load, of different cores where there are two."""
    usable = sorted(os.sched_getaffinity(0))
    server = usable[-1]
    others = [core for core in usable if siblings(core) != siblings(server)]
    load = (others or [core for core in usable if core != server] or usable)[-1]
    return server, load


def raise_descriptor_limit():
    """As many descriptors as may be, for the load and the servers that it starts; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def describe():
    return (f"{cpu_model()}, {os.cpu_count()} CPUs, {memory_gib():.0f} GiB, "
            f"Linux {platform.release()}")
