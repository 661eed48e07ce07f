"""A model's versions, sorted by any figure."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import F, FloatField, OrderBy
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from registry.figures import COLUMNS, Figure
from registry.models import ModelVersion, RegisteredModel

SHOWN = 50
BY_KEY = {figure.key: figure for figure in COLUMNS}
WITH_INTERVAL = ("accuracy", "edge")  # there is no room for more of them


@dataclass(frozen=True)
class Header:
    name: str
    order: str  # as aria-sort says it; empty where the table is sorted by another
    url: str
    said: str


@dataclass(frozen=True)
class Line:
    version: ModelVersion
    figures: list[tuple[str, str]]  # the number, and its interval
    quarantined: bool


class VersionsTable:
    """sort: a figure's key, or "number"; with "-" before it the highest first. Another sorts by number."""

    def __init__(self, model: RegisteredModel, *, sort: str) -> None:
        self.model = model
        self.key = sort.lstrip("-") if sort.lstrip("-") in BY_KEY else "number"
        self.descending = sort.startswith("-") or self.key != sort.lstrip("-")

    @property
    def headers(self) -> list[Header]:
        return [self._header("number", "Version"), *(self._header(f.key, f.short, f) for f in COLUMNS)]

    @cached_property
    def found(self) -> list[ModelVersion]:
        return list(self.model.versions.order_by(self._ordering(), "-number")[: SHOWN + 1])

    @property
    def lines(self) -> list[Line]:
        shown = self.found[:SHOWN]
        shut = set(ModelVersion.objects.quarantined().filter(model=self.model).values_list("pk", flat=True))
        return [Line(v, [_shown(f, v) for f in COLUMNS], quarantined=v.pk in shut) for v in shown]

    @property
    def more(self) -> bool:
        return len(self.found) > SHOWN

    @property
    def comparable(self) -> bool:
        return len(self.found) > 1

    @property
    def chosen(self) -> tuple[int, int]:
        """What is most often compared: the newest, beside production."""
        newest_first = sorted(self.found, key=lambda version: -version.number)
        beside = next((v for v in newest_first if v.stage == ModelVersion.Stage.PRODUCTION), newest_first[-1])
        return next(v.number for v in newest_first if v is not beside), beside.number

    def _ordering(self) -> OrderBy:
        asked = F("number") if self.key == "number" else _in_report(BY_KEY[self.key])
        return asked.desc(nulls_last=True) if self.descending else asked.asc(nulls_last=True)

    def _header(self, key: str, name: str, figure: Figure | None = None) -> Header:
        mine = key == self.key
        order = ("descending" if self.descending else "ascending") if mine else ""
        best_first = "" if figure and figure.better == "lower" else "-"
        other = ("" if self.descending else "-") if mine else best_first
        said = f"{figure.name}; {figure.wanted}".rstrip("; ") if figure else "Newest first"
        return Header(name, order, f"?sort={other}{key}#versions", said)


def _shown(figure: Figure, version: ModelVersion) -> tuple[str, str]:
    value, interval = _parted(figure.said(version.metrics))
    return value, interval if figure.key in WITH_INTERVAL else ""


def _parted(said: str) -> tuple[str, str]:
    """
    >>> _parted("0.526 [0.516, 0.537]")
    ('0.526', '[0.516, 0.537]')
    """
    value, bracket, interval = said.partition(" [")
    return value, f"[{interval}" if bracket else ""


def _in_report(figure: Figure) -> Cast:
    """As a number; JSON's null is none."""
    return Cast(KT("__".join(["metrics", *figure.path])), FloatField())
