"""Tables of runs: ``schema`` (``conf/table``), ``request`` (words), ``plan`` (the runs that are wanted), ``run``, ``summary`` (what
the runs say; ``entries`` and ``comparisons`` are its parts), ``text`` and ``files``."""
