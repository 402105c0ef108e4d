"""The read API: JSON over Bearer tokens, described at `/openapi.json`."""
