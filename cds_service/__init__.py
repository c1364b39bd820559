"""The CDS Hooks service: HTTP in, cards out. Thin; the decisions are made in ``relapse_model``."""
