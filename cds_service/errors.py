"""Everything that can go wrong, drawn once, with the HTTP status beside it.

    CdsServiceError
    ├── MalformedRequest                   400
    │   ├── BodyCutOff                     400  a chunk or the end of the body is not right
    │   ├── BodyNotJson                    400  not JSON, wrong encoding, nested too deeply
    │   ├── BodyNotAnObject                400  JSON, but no object
    │   ├── UnsafeText                     400  U+0000 or half of a surrogate pair
    │   ├── FieldMissing                   400  names the field
    │   ├── FieldEmpty                     400  names the field
    │   ├── FieldMistyped                  400  names the field
    │   ├── FieldRepeated                  400  names the field
    │   ├── WrongHook                      400  the service does not answer this hook
    │   ├── CarriedFactsUnreadable         400  facts sent back by the clinician's page, changed
    │   └── CarriedFactsExpired            400  facts sent back by a page opened long ago
    ├── NotTrusted                         401  no token that is accepted; never says why
    ├── OtherMachine                       403  development mode answers its own machine alone
    ├── NotFound                           404
    │   ├── UnknownService                 404  no service of this id
    │   └── UnknownSample                  404  no sample resource of this id (development)
    ├── RequiredDataMissing                412  names every prefetch key that is missing
    ├── BodyTooLarge                       413
    ├── TooManyEntries                     413  names the field
    ├── UnsupportedMedia                   415  content type or encoding
    ├── OtherPatient                       422  the Patient sent is not the Patient asked about
    ├── TooManyCalls                       429  of this client; says when to come again
    ├── StorageUnavailable                 503  feedback cannot be kept now
    ├── TrustUnavailable                   503  it cannot be known now whether the token is good
    ├── TooBusy                            503  this client has too many calls in work
    └── NotReady                           503  names the parts that do not answer

    StartError                             the program does not start
    ├── SettingError                       names the setting
    ├── WordsError                         names the place in the words file
    ├── OrdersError                        an order of orders.toml is not sound
    └── CommandError                       a command is not known or cannot be done

Whatever is not in this tree is a bug: 500, fixed words and an id (``app.py``). Every answer that
is not 2xx carries an OperationOutcome; ``expression`` names the field. No message repeats a value
that came from outside.
"""

# ruff: noqa: N818 - each class is named for what is wrong, not for being an error

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar


def operation_outcome(
    code: str, diagnostics: str, expression: Iterable[str] = ()
) -> dict[str, Any]:
    """An R4 OperationOutcome with one error: issue type ``code``, the field(s) it is about."""
    issue: dict[str, Any] = {"severity": "error", "code": code, "diagnostics": diagnostics}
    if fields := list(expression):
        issue["expression"] = fields
    return {"resourceType": "OperationOutcome", "issue": [issue]}


class CdsServiceError(Exception):
    """A request that cannot be answered with cards.

    ``status``: HTTP status. ``code``: OperationOutcome issue type. ``fields``: what it is about.
    """

    status: ClassVar[int]
    code: ClassVar[str]

    def __init__(self, diagnostics: str, *fields: str) -> None:
        """Say what is wrong, without repeating what was sent."""
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.fields = fields

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        return {}

    def outcome(self) -> dict[str, Any]:
        """The OperationOutcome of this error."""
        return operation_outcome(self.code, self.diagnostics, self.fields)


class MalformedRequest(CdsServiceError):
    """The request cannot be read."""

    status = 400
    code = "invalid"


class FieldMissing(MalformedRequest):
    """A required field is absent."""

    code = "required"

    def __init__(self, field: str, why: str = "is required") -> None:
        """Name the field."""
        super().__init__(f"{field} {why}.", field)


class FieldEmpty(MalformedRequest):
    """A required field is blank."""

    code = "value"

    def __init__(self, field: str) -> None:
        """Name the field."""
        super().__init__(f"{field} must not be empty.", field)


class FieldMistyped(MalformedRequest):
    """A field has another type or shape than CDS Hooks gives it."""

    code = "value"

    def __init__(self, field: str, expected: str) -> None:
        """Name the field and what it must be."""
        super().__init__(f"{field} must be {expected}.", field)


class FieldRepeated(MalformedRequest):
    """A member of the hook stands twice, so that it is open which of the two is meant."""

    code = "structure"

    def __init__(self, field: str) -> None:
        """Name the field."""
        super().__init__(f"{field} must stand once.", field)


class WrongHook(MalformedRequest):
    """The service does not answer this hook."""

    code = "not-supported"

    def __init__(self, expected: str) -> None:
        """Name the hook that is answered."""
        super().__init__(f"hook must be {expected}: this service answers no other.", "hook")


class CarriedFactsUnreadable(MalformedRequest):
    """The facts that the clinician's page carries did not come back as they were sent."""

    code = "value"

    def __init__(self, field: str) -> None:
        """Name the field."""
        super().__init__(f"{field} is not as this service wrote it.", field)


class NotTrusted(CdsServiceError):
    """The call brought no token that is accepted. Why is not told to anybody (cds-hooks_2.0)."""

    status = 401
    code = "login"

    def __init__(self) -> None:
        """The same words for every reason."""
        super().__init__("This call is not authorised.")

    @property
    def headers(self) -> dict[str, str]:
        """The kind of token, as HTTP demands, and nothing else."""
        return {"WWW-Authenticate": "Bearer"}


class OtherMachine(CdsServiceError):
    """A call from another machine while the service is in development mode."""

    status = 403
    code = "forbidden"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "The service is in development mode and answers its own machine alone; "
            "CDS_MODE=production is for everything else."
        )


class CarriedFactsExpired(MalformedRequest):
    """The facts that the clinician's page carries are as they were sent, but long ago."""

    code = "expired"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This page was opened long ago: open it again from the record.", "facts")


class NotFound(CdsServiceError):
    """There is nothing at this address."""

    status = 404
    code = "not-found"


class UnknownService(NotFound):
    """No service has this id."""

    def __init__(self) -> None:
        """The id stands in the URL; it is not repeated."""
        super().__init__("No CDS service has this id; GET /cds-services lists them.")


class UnknownSample(NotFound):
    """No sample resource has this type and id."""

    def __init__(self) -> None:
        """The id stands in the URL; it is not repeated."""
        super().__init__("No sample resource has this type and id; GET /fhir/Patient lists them.")


class RequiredDataMissing(CdsServiceError):
    """Required data were neither sent nor could they be fetched."""

    status = 412
    code = "required"

    def __init__(self, missing: Mapping[str, str]) -> None:
        """``missing``: every prefetch key whose data are missing, and why, in our own words."""
        fields = tuple(f"prefetch.{key}" for key in missing)
        super().__init__(
            f"Required data are missing: {' '.join(missing.values())} "
            "Send the prefetch that GET /cds-services asks for, or name a FHIR server that "
            "holds them and that this service may ask.",
            *fields,
        )
        self.reasons = dict(missing)


class OtherPatient(CdsServiceError):
    """The Patient resource in the prefetch is not the patient in context."""

    status = 422
    code = "business-rule"

    def __init__(self, key: str) -> None:
        """``key``: the prefetch key it stands in."""
        super().__init__(
            "The Patient resource sent is not the patient of context.patientId.",
            f"prefetch.{key}",
            "context.patientId",
        )


class StorageUnavailable(CdsServiceError):
    """The database of the feedback cannot be reached."""

    status = 503
    code = "transient"

    def __init__(self) -> None:
        """Nothing of the database is told."""
        super().__init__("Feedback cannot be kept now. Please send it again later.")


class NotReady(CdsServiceError):
    """A part that this process needs does not answer."""

    status = 503
    code = "transient"

    def __init__(self, parts: Iterable[str]) -> None:
        """``parts``: our own names of what does not answer."""
        super().__init__(f"Not ready: no answer from {', '.join(parts)}.")


class TrustUnavailable(CdsServiceError):
    """The used tokens or the keys of a client cannot be looked up: nobody is let in meanwhile."""

    status = 503
    code = "transient"

    def __init__(self) -> None:
        """Nothing of the store or the keys is told."""
        super().__init__("The call cannot be authorised now. Please send it again later.")

    @property
    def headers(self) -> dict[str, str]:
        """When to come again."""
        return {"Retry-After": "5"}


class TooManyCalls(CdsServiceError):
    """A client calls more often than its limit."""

    status = 429
    code = "throttled"

    def __init__(self, seconds: int) -> None:
        """``seconds``: until there is room for a call again."""
        super().__init__("Too many calls of this client. Please slow down.")
        self._seconds = seconds

    @property
    def headers(self) -> dict[str, str]:
        """When to come again."""
        return {"Retry-After": str(self._seconds)}


class TooBusy(CdsServiceError):
    """A client has as many calls in work as its limit allows."""

    status = 503
    code = "throttled"

    def __init__(self) -> None:
        """Nothing to name."""
        super().__init__("Too many calls of this client are in work. Please send it again.")

    @property
    def headers(self) -> dict[str, str]:
        """When to come again."""
        return {"Retry-After": "1"}


class ResponseDefectError(Exception):
    """A response of ours breaks a rule of CDS Hooks: a bug, answered with 500 and logged.

    ``loggable`` names the rule and never a value.
    """

    def __init__(self, rule: str) -> None:
        """``rule``: what is broken, in our own words."""
        super().__init__(rule)
        self.loggable = rule


class StartError(Exception):
    """The program does not start."""


class SettingError(StartError):
    """A setting has a value that cannot be used."""

    def __init__(self, setting: str, what: str) -> None:
        """Name the setting (environment variable) and what it must be."""
        super().__init__(f"setting {setting} {what}")
        self.setting = setting


class WordsError(StartError):
    """The words file is not complete or not sound."""

    def __init__(self, where: str, what: str) -> None:
        """Name the place in the file and the defect."""
        super().__init__(f"card_words.toml: {where}: {what}")
        self.where = where


class OrdersError(StartError):
    """The orders file is not complete, or what it drafts is not valid FHIR."""

    def __init__(self, what: str) -> None:
        """Name the defect."""
        super().__init__(f"orders.toml: {what}")


class CommandError(StartError):
    """A word after ``python -m cds_service`` is not known, or what it asks for cannot be done."""
