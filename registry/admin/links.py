"""From a row to everything that points at it."""

from django.contrib.admin import AdminSite
from django.db.models import ForeignObjectRel, Model
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString


def links_to_related(site: AdminSite, row: Model) -> SafeString:
    """A link to the list of each registered model that has a foreign key to this row, whichever app it is of."""
    relations = [field for field in row._meta.get_fields(include_hidden=True) if isinstance(field, ForeignObjectRel)]
    visible_last = sorted(relations, key=lambda relation: not relation.hidden)
    pointing = {relation.related_model: relation for relation in visible_last}
    shown = [(model, relation) for model, relation in pointing.items() if site.is_registered(model)]
    links = ((list_url(model, relation, row), model._meta.verbose_name_plural) for model, relation in shown)
    return format_html_join(" · ", '<a href="{}">{}</a>', links)


def list_url(model: type[Model], relation: ForeignObjectRel, row: Model) -> str:
    opts = model._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return f"{url}?{relation.field.name}__id__exact={row.pk}"


def made_by(site: AdminSite, row: Model) -> SafeString:
    """A link to each row that stands for this one alone, such as the run that made a version."""
    alone = [relation for relation in row._meta.related_objects if relation.one_to_one]
    found = [getattr(row, str(relation.get_accessor_name()), None) for relation in alone]
    pages = (
        (reverse(f"admin:{one._meta.label_lower.replace('.', '_')}_change", args=[one.pk]), one) for one in found if one
    )
    return format_html_join(" · ", '<a href="{}">{}</a>', pages)
