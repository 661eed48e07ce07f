"""Lists that stay quick however long their table: nothing is counted, and newest comes first by an index."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Paginator
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from registry.admin.kept_json import KeptJSON

M = TypeVar("M", bound=Model)
FARTHEST = 10_000_000  # pages, beyond which nobody looks and Postgres' numbers end

if TYPE_CHECKING:
    _Pages = Paginator[Any]
    _ModelAdmin = admin.ModelAdmin
else:
    _Pages = Paginator

    class _ModelAdmin(ModelAdmin):
        """Unfold's takes no type parameter when it runs."""

        def __class_getitem__(cls, _model: object) -> type:
            return cls


class LookAhead(_Pages):
    """Pages of a list whose length nobody knows: one page is fetched, with one row more that tells if another follows.

    `count` is what is known to be there: exact on the last page, one row too few to be all of them before.
    """

    template_name = "admin/registry/look_ahead.html"

    def __init__(self, rows: Any, per_page: int, *, number: int) -> None:
        super().__init__(rows, per_page)
        self.number = min(max(1, number), FARTHEST)

    @cached_property
    def found(self) -> list[Any]:
        first = (self.number - 1) * self.per_page
        return list(self.object_list[first : first + self.per_page + 1])

    @property
    def on_page(self) -> list[Any]:
        return self.found[: self.per_page]

    @property
    def goes_on(self) -> bool:
        return len(self.found) > self.per_page

    @cached_property
    def count(self) -> int:
        return (self.number - 1) * self.per_page + len(self.found)

    @property
    def known(self) -> int:
        """Rows up to the end of this page."""
        return self.count - self.goes_on

    @property
    def numbers(self) -> Iterator[int | str]:
        """Of the pages known, those to link to."""
        return self.get_elided_page_range(self.number)


class QuickChangeList(ChangeList):  # type: ignore[misc]  # Unfold ships no types
    model_admin: "QuickAdmin[Any]"
    paginator: LookAhead

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # or the search box would show it as the number of all matches
        self.result_list = self.model_admin.dressed(self.paginator.on_page)


class QuickAdmin(_ModelAdmin[M]):
    list_fullwidth = True
    list_per_page = 50  # a row has some 6 KB of Unfold's markup
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_max_show_all = 0
    formfield_overrides: ClassVar[Any] = {JSONField: {"form_class": KeptJSON}}

    def dressed(self, rows: Sequence[M]) -> Sequence[M]:
        """The rows of one page, with what their columns show beside the rows themselves, in a few queries for all."""
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return QuickChangeList

    def get_paginator(
        self, request: HttpRequest, queryset: Any, per_page: int, orphans: int = 0, allow_empty_first_page: bool = True
    ) -> LookAhead:
        asked = request.GET.get(PAGE_VAR, "")
        return LookAhead(queryset, per_page, number=int(asked) if asked.isdecimal() else 1)


class ReadOnlyAdmin(QuickAdmin[M]):
    """Rows that the product writes and people read."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class LogAdmin(ReadOnlyAdmin[M]):
    """Rows without end. All of them by primary key, those of one owner by the index that begins with the owner."""

    owner: ClassVar[str]
    moment: ClassVar[str]
    sortable_by = ()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"-{self.moment}",) if f"{self.owner}__id__exact" in request.GET else ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        return super().get_queryset(request).order_by(*self.get_ordering(request))
