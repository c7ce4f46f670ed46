"""The suite ``slem_agreement``: Learning Entropy beside detectors and the learner's own error."""
