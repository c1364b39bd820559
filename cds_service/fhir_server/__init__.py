"""The client's FHIR server: which may be asked, with which access, and how."""
