"""Who may call: the trust file, tokens and keys, used tokens, limits, the caller of a call."""
