"""The same model behind other designs. Each runs in an environment of its own and imports nothing of the product."""
