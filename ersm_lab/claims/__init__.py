"""Claims of papers, judged from finished runs: ``schema`` (``conf/claim``), ``request`` (words), ``shelf`` (finding runs),
``launch`` and ``evaluations`` (making what is missing), ``effects`` (intervals of ``numbers``), ``verdict``, ``text`` and ``files``."""
