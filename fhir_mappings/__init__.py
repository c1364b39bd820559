"""From FHIR R4 resources to the facts of the relapse model; no web, no decision.

``resources.Resources`` collects what was sent, ``patient_facts.patient_facts`` reads it,
``queries.prefetch_templates`` says what to ask for.
"""
