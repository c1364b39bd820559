"""Errors of a body as a whole, before anything in it means something; the tree is in ``errors``."""

# ruff: noqa: N818 - each class is named for what is wrong, not for being an error

from __future__ import annotations

from cds_service.errors import CdsServiceError, MalformedRequest


class BodyCutOff(MalformedRequest):
    """The body cannot be read to its end."""

    code = "structure"

    def __init__(self) -> None:
        """Nothing to name: it is the whole body."""
        super().__init__("The body could not be read to its end.")


class BodyNotJson(MalformedRequest):
    """The body is not JSON in UTF-8."""

    code = "structure"


class BodyNotAnObject(MalformedRequest):
    """The body is JSON, but not an object."""

    code = "structure"

    def __init__(self) -> None:
        """Nothing to name: it is the whole body."""
        super().__init__("The body must be a JSON object.")


class UnsafeText(MalformedRequest):
    """The body holds text that cannot be stored or shown."""

    code = "value"


class BodyTooLarge(CdsServiceError):
    """The body is larger than the setting allows."""

    status = 413
    code = "too-long"

    def __init__(self, limit: int, what: str = "The body") -> None:
        """``limit``: bytes; ``what``: the part that is too large."""
        super().__init__(f"{what} is larger than {limit} bytes.")


class TooManyEntries(CdsServiceError):
    """A part of the request has more entries than are read."""

    status = 413
    code = "too-long"

    def __init__(self, field: str, most: int) -> None:
        """``field``: what is too long; ``most``: how many there may be."""
        super().__init__(f"{field} has more than {most} entries.", field)


class UnsupportedMedia(CdsServiceError):
    """Content type or content encoding is not one this service reads."""

    status = 415
    code = "not-supported"
