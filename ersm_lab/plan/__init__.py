"""From a study to its runs: one path for train, sweep, table and claim.

1. The study's words are composed into experiments (``config.composer``); nothing has run or been looked up so far.
2. ``planner.Planner`` makes a ``cells.Cell`` of each: its identity (``identity``), and the cell of the backbone that it needs.
3. ``states`` looks at the run directories once: which cells are finished, which are running, which are missing.
4. ``launch.run.run_cells`` runs what is missing, backbones first, and says how each cell ended (``launch.jobs.Outcome``).
5. The finished runs are the answer; whoever asked reads their directories. No process and no torch in this room.
"""
