"""A site that only says 200, in whichever worker: `up` is tested without waiting for a model to be trained."""

import os

from cryptoml_site.embedded.launch import die_with_parent

die_with_parent()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
