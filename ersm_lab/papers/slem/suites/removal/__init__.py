"""The suite ``slem_removal``: training without some pixels."""
