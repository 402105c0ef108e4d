"""Side by side with Segment's own engine: the npm packages answer the same questions, on the same machine.

`python -m bench.peers` (`make bench-peers`) compares results and speed.  The packages go to build/peers.
"""
