"""The cards: what a decision says to a clinician, in words, with what may be ordered."""
