"""`python -m bench`: measure the serving table, ours beside its peers, and write docs/BENCHMARKS.md."""

import os
import shlex
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.contenders import OURS, PEERS, Contender, refuse_without_peers_environment
from bench.failed import Failed
from bench.fill import fill
from bench.frameworks import FRAMEWORKS
from bench.load import refuse_without_wrk
from bench.model import Stage, staged
from bench.report import markdown
from bench.series import Run, Series
from bench.visit import Plan, visit
from cryptoml_site.embedded.home import SITE
from cryptoml_site.errors import Refused

CONTENDERS = {contender.name: contender for contender in (OURS, *PEERS)}
EVERYBODY = [*CONTENDERS, *FRAMEWORKS]
CONSOLE = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def names(text: str) -> list[str]:
    """`NAME,NAME`, as argparse asks: ValueError for anything else."""
    chosen = text.split(",")
    if strangers := set(chosen) - set(EVERYBODY):
        raise ValueError(f"no such contender: {', '.join(sorted(strangers))}")
    return chosen


def positive(text: str) -> int:
    """At least 1, as argparse asks: ValueError for anything else."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def arguments(argv: Sequence[str]) -> Namespace:
    parser = ArgumentParser(prog="python -m bench", description="Measure serving, ours beside its peers.")
    parser.add_argument("--rounds", type=positive, default=3, help="each visits every contender in turn")
    parser.add_argument("--seconds", type=positive, default=5, help="of load on each level")
    parser.add_argument("--only", type=names, metavar="NAME,NAME", help=f"of {', '.join(EVERYBODY)}")
    parser.add_argument("--all", action="store_true", help=f"{', '.join(FRAMEWORKS)} too, installed for this run")
    parser.add_argument("--rows", type=positive, help="also ours with so many rows in the log already")
    parser.add_argument("--out", type=Path, default=SITE / "docs" / "BENCHMARKS.md", help="the report; - prints it")
    return parser.parse_args(argv)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cryptoml-bench-"))
    folder.chmod(0o711)  # Postgres runs as another user when root measures
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lined_up(asked: Namespace, folder: Path, running: ExitStack) -> list[Series]:
    """Everybody with the servers that they use."""
    stage = running.enter_context(staged(folder / "home", CONSOLE.print))
    chosen = asked.only or (EVERYBODY if asked.all else list(CONTENDERS))
    everybody = [Series(CONTENDERS[name], stage) for name in chosen if name in CONTENDERS]
    everybody += [Series(contender, stage) for contender in installed(chosen, folder, stage)]
    if asked.rows:
        full = running.enter_context(staged(folder / "full", CONSOLE.print))
        fill(full, rows=asked.rows, say=CONSOLE.print)
        title = f"{OURS.title}, {asked.rows:,} rows in its log before"
        everybody.insert(0, Series(replace(OURS, name="ours_full", title=title), full))
    return everybody


def installed(chosen: Sequence[str], folder: Path, stage: Stage) -> Iterator[Contender]:
    """The frameworks among the chosen; one that does not install is left out, and that is said."""
    for name in chosen:
        if name in FRAMEWORKS:
            CONSOLE.print(f"installing {name} ...")
            place = folder / name
            place.mkdir()
            try:
                yield FRAMEWORKS[name].contender(place, stage)
            except Failed as failure:
                CONSOLE.print(f"  left out: {failure}")


def measure(everybody: Sequence[Series], *, rounds: int, seconds: int) -> None:
    for number in range(1, rounds + 1):
        for series in everybody:
            CONSOLE.print(f"round {number} of {rounds}: {series.contender.name}")
            try:
                series.visits.append(visit(series.contender, series.stage, Plan(seconds, number), CONSOLE.print))
            except Failed as failure:
                series.failures.append(str(failure))
                CONSOLE.print(f"  failed: {failure}")


def main(argv: Sequence[str]) -> int:
    asked = arguments(argv)
    refuse_without_wrk()
    if {peer.name for peer in PEERS} & set(asked.only or CONTENDERS):
        refuse_without_peers_environment()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    run = Run.begin(command=shlex.join(["python", "-m", "bench", *argv]), rounds=asked.rounds, seconds=asked.seconds)
    with temporary_folder() as folder, ExitStack() as running:
        everybody = lined_up(asked, folder, running)
        measure(everybody, rounds=asked.rounds, seconds=asked.seconds)
    report = markdown(run, everybody)
    if str(asked.out) == "-":
        sys.stdout.write(report)
    else:
        asked.out.write_text(report)
        CONSOLE.print(f"written: {os.path.relpath(asked.out)}")
    return 1 if any(series.failures for series in everybody) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Failed, Refused) as refusal:
        sys.exit(f"Nothing was measured: {refusal}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
