"""What becomes of a card: feedback, its store and report, and alert fatigue."""
