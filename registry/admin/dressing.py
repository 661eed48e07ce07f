"""Any form in Unfold's clothes, so that forms of all apps need not know what they are shown in."""

from django import forms
from django.forms.widgets import Input
from unfold import widgets

CLOTHES: list[tuple[type[forms.Widget], list[str]]] = [  # the first that fits
    (forms.HiddenInput, []),
    (forms.CheckboxInput, widgets.CHECKBOX_CLASSES),
    (forms.Select, widgets.SELECT_CLASSES),
    (forms.Textarea, widgets.TEXTAREA_CLASSES),
    (Input, widgets.INPUT_CLASSES),
]


def dress(form: forms.Form) -> forms.Form:
    for field in form.fields.values():
        if isinstance(field, forms.MultipleChoiceField):
            field.widget = widgets.UnfoldAdminCheckboxSelectMultipleWidget(choices=field.choices)
            continue
        worn = next((classes for kind, classes in CLOTHES if isinstance(field.widget, kind)), [])
        field.widget.attrs["class"] = " ".join([field.widget.attrs.get("class", ""), *worn]).strip()
    return form
