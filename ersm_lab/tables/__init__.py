"""Tables of runs: ``schema`` (``conf/table``), ``request`` (words), ``plan`` (the runs that are wanted), ``run``, ``summary`` (what
the runs say; ``cells`` and ``comparisons`` are its parts), ``text`` and ``files``."""
