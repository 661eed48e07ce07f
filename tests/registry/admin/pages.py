"""Addresses of the admin's pages, what they say, and how a browser would send their forms."""

from django.urls import reverse

from tests.factories import report

BAD = report(edge_low=-0.01)
WHY = {"reason": "beats the baseline by 3 points"}


def page(name, row):
    return reverse(f"admin:registry_{row._meta.model_name}_{name}", args=[row.pk])


def change(row):
    return page("change", row)


def text(answer):
    return " ".join(answer.content.decode().split())


def hidden(client, url):
    """What the page put into its form for itself."""
    form = client.get(url).context["form"]
    return {field.name: field.value() for field in form.hidden_fields()}


def send(client, url, **answers):
    """Look at the page, then press its button."""
    return client.post(url, {**hidden(client, url), **WHY, **answers})
