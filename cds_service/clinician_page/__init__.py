"""The clinician's page: one decision to look at, with what it rests on and what would change it."""
