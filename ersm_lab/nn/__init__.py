"""What papers share: backbones, optimizers, schedules, losses."""
