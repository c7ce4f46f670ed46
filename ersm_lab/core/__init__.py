"""What a learner, a data module, a suite and a result are: protocols, settings, the plug-in registry, errors. Imports nothing of ours."""
