"""The body of a POST as bytes: the right kind of content, and never more than the limit."""

from __future__ import annotations

from flask import Request

from cds_service.body_errors import BodyCutOff, BodyTooLarge, UnsupportedMedia
from cds_service.errors import CdsServiceError

_CHUNK = 1 << 16


def json_body(request: Request, limit: int) -> bytes:
    """The body, at most ``limit`` bytes.

    Raises UnsupportedMedia (415) unless it is plain, uncompressed JSON; a missing Content-Type is
    tolerated. Raises BodyTooLarge (413), for a chunked body too: there no length is announced and
    werkzeug would cut it off in silence.
    """
    kind = request.mimetype
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia("Content-Type must be application/json.")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Content-Encoding is not supported; send the body uncompressed.")
    if request.headers.get("Transfer-Encoding", "chunked").strip().lower() != "chunked":
        raise UnsupportedMedia("Transfer-Encoding may be chunked and nothing else.")
    return body(request, limit)


def body(request: Request, limit: int) -> bytes:
    """The body of any content type, at most ``limit`` bytes.

    Raises BodyTooLarge (413), and BodyCutOff (400) where it ends before its end.
    """
    if request.content_length is not None and request.content_length > limit:
        raise BodyTooLarge(limit)
    try:
        return _read(request, limit)
    except CdsServiceError:
        raise
    except Exception:  # noqa: BLE001 - every WSGI server has exceptions of its own for a bad chunk
        raise BodyCutOff from None


def _read(request: Request, limit: int) -> bytes:
    if request.content_length is not None:
        whole = request.get_data(cache=False)
        if len(whole) < request.content_length:
            raise BodyCutOff
        return whole
    received = bytearray()
    while chunk := request.stream.read(_CHUNK):
        received += chunk
        if len(received) > limit:
            raise BodyTooLarge(limit)
    return bytes(received)
