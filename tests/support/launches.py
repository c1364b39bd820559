"""A launch without a browser: what each step sends, and how to go through them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import requests

CHILD = "sample-s3-early-marrow"
_CONSENT = re.compile(r'name="consent" value="([^"]+)"')


def query_of(url: str) -> dict[str, str]:
    """The query parameters of a URL, each once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class Launch:
    """One launch at the built-in test EHR of the service at ``base``, step by step."""

    base: str
    patient_id: str = CHILD
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, url: str) -> requests.Response:
        """One request, redirects not followed."""
        return self.session.get(url, allow_redirects=False, timeout=10)

    def launch_url(self) -> str:
        """Where the EHR opens the page: a new launch."""
        return self.get(f"{self.base}/try-it/ehr/launch/{self.patient_id}").headers["Location"]

    def authorization_url(self) -> str:
        """Where the page sends the browser."""
        return self.get(self.launch_url()).headers["Location"]

    def consent(self) -> str:
        """The consent that the EHR asks for."""
        found = _CONSENT.search(self.get(self.authorization_url()).text)
        assert found is not None
        return found[1]

    def callback_url(self, answer: str = "allow") -> str:
        """Where the EHR sends the browser back to."""
        response = self.session.post(
            f"{self.base}/try-it/ehr/authorize",
            data={"consent": self.consent(), "answer": answer},
            allow_redirects=False,
            timeout=10,
        )
        return response.headers["Location"]
