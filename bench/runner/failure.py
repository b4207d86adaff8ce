# SPDX-License-Identifier: MIT
"""Why a run has no figures."""


class Failure(Exception):
    """Why there is no figure."""


class WrongByte(Failure):
    """The server sent a byte that it should not have sent."""
