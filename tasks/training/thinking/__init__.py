"""The bundled model that thinks: its text, its training, its accuracy by thinking cap."""
