"""Where runs are executed: a pool of processes on this machine, on a SLURM cluster or on a Ray cluster. No torch here, except in the
processes that are started."""
