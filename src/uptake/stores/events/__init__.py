"""The event store: profiles, memberships, daily counts and scores, all of it derived from the call log."""
