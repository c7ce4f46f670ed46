"""The suite ``slem_maps``: maps over epochs, and what adaptation activity follows."""
