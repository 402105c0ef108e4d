"""The meta store: people, keys, and each product's configuration with its versions."""
