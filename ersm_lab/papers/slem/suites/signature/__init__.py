"""The suite ``slem_signature``: classification from K patches."""
