"""The seal on the facts that travel in the page: only what this service read comes back to it.

Without it the page could be made to say "on record" of what nobody recorded, and anybody could have
decisions computed. The key is that of the launches; nothing is kept.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner

from cds_service.clinician_page.carried_facts import carried, facts_carried
from cds_service.errors import CarriedFactsExpired, CarriedFactsUnreadable
from relapse_model.facts import PatientFacts

LIFETIME = 12 * 60 * 60
"""Seconds for which a page that was opened can ask "what if": a working day."""


class FactsSeal:
    """Seals facts for a form, and opens what the form sends."""

    def __init__(self, key: str) -> None:
        """Without a key (development) one is made, good for as long as the process runs."""
        self._signer = TimestampSigner(
            key or secrets.token_hex(32),
            salt="clinician-page-facts",
            key_derivation="hmac",
            digest_method=sha256,
        )

    def sealed(self, facts: PatientFacts) -> str:
        """The facts as readable JSON, with the time and a signature behind it."""
        return self._signer.sign(carried(facts)).decode()

    def opened(self, text: str) -> PatientFacts:
        """The facts of ``sealed``; raises CarriedFactsUnreadable or CarriedFactsExpired."""
        try:
            content = self._signer.unsign(text, max_age=LIFETIME)
        except SignatureExpired as error:
            raise CarriedFactsExpired from error
        except (BadSignature, UnicodeError) as error:
            raise CarriedFactsUnreadable("facts") from error
        return facts_carried(content.decode())
