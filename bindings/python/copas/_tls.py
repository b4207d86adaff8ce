# SPDX-License-Identifier: MIT
"""Encryption: what connections share, and what one tells."""

import ctypes
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from . import _library
from ._errors import error_of

_SERVER = 1
_CLIENT = 2
_NO_VERIFICATION = 1
_CLIENT_CERTIFICATE_OPTIONAL = 2
_NO_RESUMPTION = 4
_VERSIONS = {None: 0, "TLSv1.2": 12, "TLSv1.3": 13}


class _Identity(ctypes.Structure):
    """copas_tls_identity."""

    _fields_ = [("certificate_file", ctypes.c_char_p), ("key_file", ctypes.c_char_p),
                ("certificate", ctypes.c_char_p), ("certificate_len", ctypes.c_size_t),
                ("key", ctypes.c_char_p), ("key_len", ctypes.c_size_t)]


class _Options(ctypes.Structure):
    """copas_tls_options."""

    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint64),
                ("identities", ctypes.c_void_p), ("identity_count", ctypes.c_size_t),
                ("ca_file", ctypes.c_char_p), ("ca", ctypes.c_char_p), ("ca_len", ctypes.c_size_t),
                ("alpn", ctypes.c_char_p), ("min_version", ctypes.c_int)]


class _Details(ctypes.Structure):
    """copas_tls_details."""

    _fields_ = [("size", ctypes.c_size_t), ("version", ctypes.c_char_p),
                ("cipher", ctypes.c_char_p), ("alpn", ctypes.c_char_p),
                ("server_name", ctypes.c_char_p), ("certificate", ctypes.c_void_p),
                ("certificate_len", ctypes.c_size_t), ("resumed", ctypes.c_int)]


class _Stats(ctypes.Structure):
    """copas_tls_stats."""

    _fields_ = [("size", ctypes.c_size_t), ("handshakes", ctypes.c_uint64),
                ("resumed", ctypes.c_uint64), ("failed", ctypes.c_uint64),
                ("timed_out", ctypes.c_uint64)]


class ConnectOptions(ctypes.Structure):
    """copas_connect_options."""

    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint64), ("timeout", ctypes.c_double),
                ("tls", ctypes.c_void_p), ("server_name", ctypes.c_char_p)]


class TLSInfo(NamedTuple):
    """What is known of an encrypted connection."""

    version: str
    cipher: str
    alpn_protocol: Optional[str]
    server_name: Optional[str]
    #: The peer's certificate in DER.
    certificate: Optional[bytes]
    resumed: bool


class TLSStats(NamedTuple):
    """How many handshakes of a context ended how."""

    #: Successful ones, and those of them that resumed an earlier session.
    handshakes: int
    resumed: int
    failed: int
    timed_out: int


def _server_options(certfile: str, keyfile: str, *, more: Sequence[Tuple[str, str]] = (),
                    cafile: Optional[str] = None, client_certificate_optional: bool = False,
                    alpn_protocols: Sequence[str] = (), minimum_version: Optional[str] = None,
                    resumption: bool = True) -> _Options:
    flags = _CLIENT_CERTIFICATE_OPTIONAL if client_certificate_optional else 0
    return _options([(certfile, keyfile), *more], cafile, alpn_protocols, minimum_version, resumption,
                    flags)


def _client_options(*, cafile: Optional[str] = None, certfile: Optional[str] = None,
                    keyfile: Optional[str] = None, alpn_protocols: Sequence[str] = (),
                    minimum_version: Optional[str] = None, resumption: bool = True,
                    insecure_no_verification: bool = False) -> _Options:
    flags = _NO_VERIFICATION if insecure_no_verification else 0
    own = [(certfile, keyfile)] if certfile and keyfile else []
    return _options(own, cafile, alpn_protocols, minimum_version, resumption, flags)


class TLSContext:
    """What encrypted connections share. Made by server() or client(); may serve several loops."""

    __slots__ = ("bits", "argument", "_role")

    def __init__(self, role: int, options: _Options) -> None:
        self.bits = 0
        self._role = role
        made = ctypes.c_void_p()
        self._with_dispatcher(lambda c: _library.quick.copas_tls_context_new(
            c, ctypes.c_int(role), ctypes.byref(options), ctypes.byref(made)))
        self.bits = made.value or 0
        self.argument = _library.handle(self.bits)

    @staticmethod
    def _with_dispatcher(call: Any) -> None:
        """Calls with a dispatcher, which is told what is wrong."""
        c = _library.handle(_library.quick.copas_new(None))
        try:
            code = call(c)
            if code < 0:
                info = _library.ErrorInfo(ctypes.sizeof(_library.ErrorInfo))
                _library.quick.copas_error(c, ctypes.byref(info))
                raise error_of(code, info.sys_errno, str(info.text or b"", "utf-8", "replace"))
        finally:
            _library.quick.copas_free(c)

    @classmethod
    def server(cls, certfile: str, keyfile: str, *, more: Sequence[Tuple[str, str]] = (),
               cafile: Optional[str] = None, client_certificate_optional: bool = False,
               alpn_protocols: Sequence[str] = (), minimum_version: Optional[str] = None,
               resumption: bool = True) -> "TLSContext":
        """For servers, with the PEM files of a certificate and its key, and `more` of them for other
        names. With `cafile` clients must show a certificate of those CAs.
        """
        return cls(_SERVER, _server_options(
            certfile, keyfile, more=more, cafile=cafile,
            client_certificate_optional=client_certificate_optional, alpn_protocols=alpn_protocols,
            minimum_version=minimum_version, resumption=resumption))

    @classmethod
    def client(cls, *, cafile: Optional[str] = None, certfile: Optional[str] = None,
               keyfile: Optional[str] = None, alpn_protocols: Sequence[str] = (),
               minimum_version: Optional[str] = None, resumption: bool = True,
               insecure_no_verification: bool = False) -> "TLSContext":
        """For clients, which verify by the CAs that the system trusts, or those of `cafile`."""
        return cls(_CLIENT, _client_options(
            cafile=cafile, certfile=certfile, keyfile=keyfile, alpn_protocols=alpn_protocols,
            minimum_version=minimum_version, resumption=resumption,
            insecure_no_verification=insecure_no_verification))

    def reload(self, *files: str, **settings: Any) -> None:
        """Has handshakes that begin from now on use other settings, such as a renewed certificate: the
        arguments are those of server(), or of client(). Where it fails, all stays as it was.
        """
        build: Any = _server_options if self._role == _SERVER else _client_options
        options = build(*files, **settings)
        self._with_dispatcher(lambda c: _library.quick.copas_tls_context_reload(
            c, self.argument, ctypes.byref(options)))

    @property
    def stats(self) -> TLSStats:
        """How many handshakes ended how."""
        stats = _Stats(ctypes.sizeof(_Stats))
        code = _library.quick.copas_tls_context_stats(self.argument, ctypes.byref(stats))
        if code < 0:
            raise error_of(code)
        return TLSStats(stats.handshakes, stats.resumed, stats.failed, stats.timed_out)

    def __del__(self) -> None:
        if getattr(self, "bits", 0):
            _library.quick.copas_tls_context_release(self.argument)


def _path(path: Optional[str]) -> Optional[bytes]:
    return None if path is None else str(path).encode()


def _options(files: Sequence[Tuple[str, str]], cafile: Optional[str], protocols: Sequence[str],
             minimum: Optional[str], resumption: bool, flags: int) -> _Options:
    if minimum not in _VERSIONS:
        raise ValueError(f"minimum_version is 'TLSv1.2' or 'TLSv1.3', not {minimum!r}")
    made: List[_Identity] = [_Identity(_path(certificate), _path(key))
                             for certificate, key in files]
    identities = (_Identity * len(made))(*made)
    options = _Options(ctypes.sizeof(_Options), flags | (0 if resumption else _NO_RESUMPTION))
    options.identities = ctypes.addressof(identities)
    options.identity_count = len(made)
    options.ca_file = _path(cafile)
    options.alpn = ",".join(protocols).encode() or None
    options.min_version = _VERSIONS[minimum]
    # What the pointer leads to lives as long as the options.
    options.kept = identities
    return options


def info_of(hub: Any, argument: Any) -> TLSInfo:
    """What is known of a socket's encryption."""
    details = _Details(ctypes.sizeof(_Details))
    code = _library.quick.copas_tls_info(argument, ctypes.byref(details))
    if code < 0:
        raise hub.failure(code)

    def text(value: Optional[bytes]) -> Optional[str]:
        return None if value is None else value.decode("utf-8", "replace")

    size = details.certificate_len
    certificate = _library.bytes_at(details.certificate, size) if size else None
    return TLSInfo(details.version.decode(), details.cipher.decode(), text(details.alpn),
                   text(details.server_name), certificate, bool(details.resumed))
