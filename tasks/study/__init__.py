"""The one configuration, as its TOML file says it."""
