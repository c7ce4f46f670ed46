"""From words on the command line to a checked, resolved configuration. Nothing here imports torch, unless a node names
a library class (``_target_``) whose keywords have to be checked."""
