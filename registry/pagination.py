"""Pages of what grows at one end: by cursor, so that they stay quick, and no row is missed while others come."""

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from cryptoml_site.errors import Invalid


class NewestFirst(CursorPagination):
    """`?limit=` rows a page. What cannot be read is refused: guessed at, it would give another page than was meant."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 1_000

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not (asked.isdecimal() and asked.isascii() and 1 <= int(asked[:9]) <= self.max_page_size):
            raise Invalid(f"'limit' is a number from 1 to {self.max_page_size:,}", code="invalid", field="limit")
        return int(asked)

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            return super().decode_cursor(request)
        except NotFound:
            raise Invalid("take cursors as they were given", code="bad_request", field="cursor") from None
