// Loaded on every page: htmx, and the few scripts that are ours.
import 'htmx.org'
