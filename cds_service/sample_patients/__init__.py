"""Invented patients and the read-only FHIR server that holds them (development)."""
