"""The call log: accepted calls in order, durable before anyone is told that they were accepted."""
