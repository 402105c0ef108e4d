"""The pages of the app, rendered on the server and refreshed in parts by htmx."""
