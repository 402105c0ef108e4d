"""`python -m bench.peers`: results and speed beside the official engine; fails where a difference has no reason."""

import argparse
import random
import sys

from bench.peers import actions, mappings, official, speed, triggers


def main() -> None:
    """Compare, print, and exit with 1 if a difference is unknown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another seed, other cases (default 1)")
    parser.add_argument("--scale", type=float, default=1.0, help="how many times the usual number of cases (default 1)")
    parser.add_argument("--no-speed", action="store_true", help="compare results only")
    options = parser.parse_args()

    official.install()
    print(", ".join(f"{name} {version}" for name, version in official.versions().items()), flush=True)
    unknown = 0
    for compare, count in ((triggers.compare, 5000), (mappings.compare, 6000), (actions.compare, 4000)):
        found = compare(int(count * options.scale), random.Random(options.seed))
        print(f"\n{found.report()}", flush=True)
        unknown += len(found.unknown)
    if not options.no_speed:
        print(f"\n{speed.report(speed.measure())}")
    print(f"\n{'No difference without a reason.' if not unknown else f'{unknown} differences without a reason.'}")
    sys.exit(bool(unknown))


if __name__ == "__main__":
    main()
