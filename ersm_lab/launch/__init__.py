"""Which runs an experiment needs, which of them are finished, and how the missing ones are run. No torch here."""
