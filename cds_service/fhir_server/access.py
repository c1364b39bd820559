"""``fhirAuthorization``: the access token of one call (cds-hooks_2.0 "FHIR Resource Access").

A token that cannot be used is no reason to refuse the call: what it would have opened is missing
then, and the answer says so. Nothing of it is ever repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,8192}=*")
"""RFC 6750, b64token."""
_UNUSABLE: Final = "the access token of the call cannot be used"
_EXPIRED: Final = "the access token of the call has expired"
_OTHER: Final = "the access token of the call is for another patient"


def access_token(
    authorization: Mapping[str, msgspec.Raw] | None, patient_id: str
) -> tuple[str, str]:
    """The access token, and why it cannot be used; both empty where none was sent."""
    if not authorization:
        return "", ""
    token, kind = _text(authorization, "access_token"), _text(authorization, "token_type")
    if not _TOKEN.fullmatch(token) or kind.lower() != "bearer":
        return "", _UNUSABLE
    if "patient" in authorization and _text(authorization, "patient") != patient_id:
        return "", _OTHER
    if _whole_number(authorization, "expires_in") <= 0:
        return "", _EXPIRED
    return token, ""


def _whole_number(values: Mapping[str, msgspec.Raw], name: str) -> int:
    """The number; 1 for what is none: such a token shows by a 401 whether it still opens."""
    try:
        return msgspec.json.decode(values.get(name, b"1"), type=int)
    except msgspec.MsgspecError:
        return 1


def _text(values: Mapping[str, msgspec.Raw], name: str) -> str:
    if name not in values:
        return ""
    try:
        return msgspec.json.decode(values[name], type=str)
    except msgspec.MsgspecError:
        return ""
