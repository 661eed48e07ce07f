"""What a site over https says to a request over http that a redirect would spoil."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware

from cryptoml_site.api.errors import shaped

SENTENCE = (
    "this site answers over https alone: send it to {}{}, and take a key that went over http for one that others know"
)
READING = ("GET", "HEAD", "OPTIONS")


class RefusePlainHttp:
    """Stands before Django's own, which redirects: most clients follow with a GET, and what they sent is lost."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.django = SecurityMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in READING or self.django.process_request(request) is None:
            return self.get_response(request)
        sentence = SENTENCE.format(f"https://{self.django.redirect_host or request.get_host()}", request.path)
        return shaped(403, "client_error", "https_required", sentence)
