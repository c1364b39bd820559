"""The body of a POST as bytes: the right kind of content, and never more than the limit."""

from __future__ import annotations

from flask import Request

from cds_service.errors import BodyTooLarge, UnsupportedMedia

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
    return body(request, limit)


def body(request: Request, limit: int) -> bytes:
    """The body of any content type, at most ``limit`` bytes; raises BodyTooLarge (413)."""
    if request.content_length is not None:
        if request.content_length > limit:
            raise BodyTooLarge(limit)
        return request.get_data(cache=False)
    received = bytearray()
    while chunk := request.stream.read(_CHUNK):
        received += chunk
        if len(received) > limit:
            raise BodyTooLarge(limit)
    return bytes(received)
