"""Transports: databases, APIs and remote folders, from which a fetch lands files below extracts/."""
