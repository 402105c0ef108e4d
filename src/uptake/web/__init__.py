"""HTTP, thin over `pipeline` and `views`: ingest, the read API and the pages of the app."""
