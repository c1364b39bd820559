"""Values that are put into right requests: at the edges of what is read, and beyond."""

from __future__ import annotations

from fhir_mappings.codes import CODES
from tests.fuzz import canaries

CODED = [
    {"system": row.uri, "code": row.code, "display": row.display}
    for code_set in CODES.sets.values()
    for row in code_set.rows
]
DATES = [
    "2022",
    "2022-03",
    "2022-03-15",
    "2022-03-15T10:00:00+14:00",
    "2022-03-15T23:59:60Z",
    "2022-02-30",
    "2022-13-01",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "-2022-01-01",
    "2199-01-01",
    "15.03.2022",
    "2022-03-15 10:00",
    "2022-W11-2",
    "",
    "T",
    "\u0662\u0660\u0662\u0662-\u0660\u0663-\u0661\u0665",
]
UNITS = ["%", "1", "10*-4", "/uL", "10*3/uL", "10*9/L", "Gy", "cGy", "a", "mo", "{cells}", "µL", ""]
STATUSES = ["final", "entered-in-error", "cancelled", "preliminary", "amended", "unknown", "active"]
NUMBERS = [0, -1, 1, 0.0001, 1e-4, 5, 25, 79.999999, 1e15, 1e300, -1e300, 2**63, 2**64, 10**30, 0.1]
TEXTS = [
    "",
    " ",
    "\n",
    "\t\r\n",
    "null",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "![a](https://evil.example/x.png)",
    "# heading\n\n| a | b |\n|---|---|",
    "https://evil.example/ www.evil.example a@evil.example",
    "```\ncode",
    "\u202eright to left\u202c",
    "\u200b\u2060\ufeff",
    "\u2028\u2029",
    "\x01\x1f\x7f\x85",
    "e\u0301" * 50,
    "👩‍👩‍👧‍👦" * 40,
    "\U0010ffff",
    "x" * 300,
    "x" * 40_000,
    "{{context.patientId}}",
    "%s%n{0}{}",
    "'; DROP TABLE feedback; --",
    "../../etc/passwd",
    "urn:uuid:5",
    "#s",
    "Patient/another",
    f"Patient/{canaries.PATIENT_ID}",
    f"https://x.example/Patient/{canaries.PATIENT_ID}/_history/2",
    "ALL relapse in remission, no blasts, MRD <1e-4, CNS3, t(9;22)",
    "1e400",
    "NaN",
]
RAW = "RAW-JSON-"
RAW_VALUES = [
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "1" * 5_000,
    "01",
    "1.",
    r'"\u0000"',
    r'"\ud800"',
    r'"\ud83d\ude00"',
    '"\x01"',
    "[" * 2_000 + "]" * 2_000,
    '{"a":' * 900 + "1" + "}" * 900,
    "tru",
    "{,}",
    '{"a":1,"a":2}',
]
"""JSON, or almost, that a JSON writer does not write; put in as it is in the end."""
NAMES = [
    "resourceType",
    "id",
    "code",
    "coding",
    "value",
    "valueQuantity",
    "valueString",
    "subject",
    "entry",
    "resource",
    "link",
    "total",
    "status",
    "extension",
    "context",
    "prefetch",
    "__proto__",
    "",
    "é",
]
HEADERS: list[dict[str, str]] = [
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/fhir+json"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "\x7f;;;"},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "identity"},
    {"Transfer-Encoding": "gzip, chunked"},
    {"Authorization": f"Bearer {canaries.JWT}"},
    {"Authorization": f"bearer  {canaries.TOKEN}"},
    {"Authorization": "Basic Q2FuYXJ5"},
    {"Authorization": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Accept": "text/html"},
    {"Accept": "*/*;q=abc"},
    {"Host": "evil.example"},
    {"X-Forwarded-For": "::1"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Cookie": f"a={canaries.TOKEN}"},
    {"Content-Length": "3"},
    {"Expect": "100-continue"},
    {"Accept-Language": canaries.NAME},
]
