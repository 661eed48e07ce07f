"""`python -m studies real FOLDER` and `python -m studies gates`: each writes its page of docs/.

Versions are kept in var/studies, so that a study that was stopped goes on; remove that folder to begin anew.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")
os.environ.setdefault("CRYPTOML_HOME", str(SITE / "var" / "studies"))

import django  # noqa: E402  # reads what was just set

django.setup()

from django.core.management import call_command  # noqa: E402
from rich.console import Console  # noqa: E402

from cryptoml_site.embedded.commands import embedded_servers, using  # noqa: E402
from cryptoml_site.errors import Refused  # noqa: E402
from studies import drift_policy, gate_virtues, markdown, real_candles  # noqa: E402
from studies.figure import figure  # noqa: E402
from training.fitting.estimators import ESTIMATORS  # noqa: E402

CONSOLE = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def arguments(argv: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="python -m studies", description=__doc__)
    studies = parser.add_subparsers(dest="study", required=True)
    real = studies.add_parser("real", help="every estimator and feature set on real candles")
    real.add_argument("folder", type=Path, help="of COIN_daily.csv and COIN_hourly.csv")
    real.add_argument("--out", type=Path, default=SITE / "docs" / "RESULTS.md")
    gates = studies.add_parser("gates", help="what the gates let by, over many simulated markets")
    gates.add_argument("--signals", type=float, nargs="+", default=[0.0, 0.25], help="what the gates are held to")
    gates.add_argument("--seeds", type=int, default=100, help="markets of each such signal")
    gates.add_argument("--curve", type=float, nargs="*", default=[0.1, 0.15, 0.2, 0.3, 0.4, 0.5], help="beside them")
    gates.add_argument("--curve-seeds", type=int, default=20)
    gates.add_argument("--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS))
    gates.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    gates.add_argument("--out", type=Path, default=SITE / "docs" / "GATE_STUDY.md")
    policy = studies.add_parser("drift", help="false alarms and delays of the drift checks")
    policy.add_argument("folder", type=Path, help="of bitcoin_hourly.csv")
    policy.add_argument("--paths", type=int, default=20, help="without a shift, of each kind")
    policy.add_argument("--shifted", type=int, default=16, help="paths of each shift")
    policy.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    policy.add_argument("--out", type=Path, default=SITE / "docs" / "DRIFT_STUDY.md")
    return parser.parse_args(argv)


def study(asked: Namespace) -> dict[Path, str]:
    """What is to be written where: the page, and the pictures on it."""
    if asked.study == "drift":
        hourly = asked.folder / "bitcoin_hourly.csv"
        sizes = {"paths": asked.paths, "shifted": asked.shifted, "processes": asked.processes}
        policy = drift_policy.study(hourly, **sizes)
        picture = asked.out.parent / "images" / markdown.DELAYS
        return {asked.out: markdown.drift(policy), picture: figure(markdown.delays(policy))}
    call_command("migrate", verbosity=0)
    if asked.study == "real":
        studied = []
        for each in real_candles.study(asked.folder):
            CONSOLE.print(each.markdown())
            studied.append(each)
        return {asked.out: markdown.real_candles(studied)}
    found = []
    seeds = dict.fromkeys(asked.curve, asked.curve_seeds) | dict.fromkeys(asked.signals, asked.seeds)
    for one in gate_virtues.study(seeds, estimators=asked.estimators, processes=asked.processes):
        CONSOLE.print(one)
        found.append(one)
    return {asked.out: markdown.gate_virtues(found)}


def main(argv: Sequence[str]) -> None:
    asked = arguments(argv)
    try:
        with using(embedded_servers(), say=CONSOLE.print):
            for path, text in study(asked).items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main(sys.argv[1:])
