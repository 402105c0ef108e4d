"""Three rooms on disk: `log` for accepted calls, `events` for what they add up to, `meta` for what people decided.

Each room has its protocol in `base` and one module for each engine. Only `log` and `meta` are precious;
`events` can be rebuilt from them at any time.
"""
