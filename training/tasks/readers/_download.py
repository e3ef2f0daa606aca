"""The content of an address, within a time and a size, and in words what is wrong where there is none."""

import base64
import http.client
import threading
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ..._exceptions import TaskError

LONGEST_SILENCE = 30.0
"""Without a word from a server [s]."""

LONGEST_DOWNLOAD = 600.0
"""Of one file [s], however it drips."""

MOST_BYTES = 1 << 26
"""Of a file; the largest one of MNIST has ten million."""

_PIECE = 1 << 16


def downloaded(address: str) -> bytes:
    """What lies at an https, http or file address; a name and a password in it go to that server alone.

    Raises `TaskError` in one line, in which they are not shown.
    """
    parts = _split(address)
    shown = _shown(parts)
    found: list[bytes | TaskError] = []
    # In a thread, which can be left: a server may drip its headers too, and no time-out of a socket ends that.
    reader = threading.Thread(target=lambda: found.append(_attempt(parts, shown)), daemon=True)
    reader.start()
    reader.join(LONGEST_DOWNLOAD)
    if not found:
        raise _too_slow(shown)
    if isinstance(found[0], TaskError):
        raise found[0]
    return found[0]


def shown_address(address: str) -> str:
    """An address without the name and the password of a user."""
    return _shown(urlsplit(address))


def _shown(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _split(address: str) -> SplitResult:
    expected = "expected an address with https://, http:// or file://"
    try:
        parts = urlsplit(address)
        _ = parts.port  # which raises where it is no number
    except ValueError as error:
        # The text of such an error may quote the address, with its password.
        raise TaskError(f"mirror: {expected}, got one that cannot be read ({type(error).__name__})") from None
    if parts.scheme not in ("https", "http", "file") or "://" not in address:
        raise TaskError(f"{_shown(parts)}: {expected}")
    if not (parts.path.strip("/") if parts.scheme == "file" else parts.hostname):
        missing = "the path of a folder" if parts.scheme == "file" else "the name of a server"
        raise TaskError(f"{address}: {expected} and then {missing}")
    return parts


def _attempt(parts: SplitResult, shown: str) -> bytes | TaskError:
    try:
        return _read(parts, shown)
    except TaskError as error:
        return error
    except (OSError, ValueError, http.client.HTTPException) as error:
        return TaskError(f"{shown}: cannot be downloaded: {_reason(error)}")


def _read(parts: SplitResult, shown: str) -> bytes:
    end = time.monotonic() + LONGEST_DOWNLOAD
    content = bytearray()
    with urllib.request.urlopen(_request(parts), timeout=LONGEST_SILENCE) as answer:
        while piece := answer.read1(_PIECE):
            content += piece
            if len(content) > MOST_BYTES:
                raise TaskError(f"{shown}: more than {MOST_BYTES:,} bytes, and so another file")
            if time.monotonic() > end:
                raise _too_slow(shown)
    return bytes(content)


def _request(parts: SplitResult) -> urllib.request.Request:
    request = urllib.request.Request(_shown(parts))
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        # Unredirected: another server must not learn it.
        request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    return request


def _too_slow(shown: str) -> TaskError:
    return TaskError(f"{shown}: cannot be downloaded: it is not complete after {LONGEST_DOWNLOAD:g} s")


def _reason(error: Exception) -> str:
    match error:
        case urllib.error.HTTPError():
            return f"HTTP {error.code}: {_line(error.reason)}"
        case http.client.RemoteDisconnected():
            return "the server has closed the connection without a reply"
        case http.client.BadStatusLine() | http.client.UnknownProtocol():
            return "the reply is not HTTP"
        case TimeoutError():
            return f"nothing came for {LONGEST_SILENCE:g} s"
    return _line(getattr(error, "reason", None) or error)


def _line(reason: Any) -> str:
    return (str(reason) or type(reason).__name__).splitlines()[0]
