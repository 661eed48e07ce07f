"""One line of the doctor's."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """advice: what to do, empty where all is well. No secret is ever in either sentence."""

    level: Level
    about: str
    sentence: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        said = f"{self.level:<5} {self.about:<12} {self.sentence}"
        return f"{said}\n{'':<19}-> {self.advice}" if self.advice else said


Findings = Iterator[Finding]


def ok(about: str, sentence: str) -> Finding:
    return Finding(Level.OK, about, sentence)


def warn(about: str, sentence: str, advice: str) -> Finding:
    return Finding(Level.WARN, about, sentence, advice)


def bad(about: str, sentence: str, advice: str) -> Finding:
    return Finding(Level.BAD, about, sentence, advice)
