"""A folder per paper: the pure method, its LightningModule, its schema, its README."""
