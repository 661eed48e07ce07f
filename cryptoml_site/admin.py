"""How the admin calls itself, and who may sign in to it; each app registers its own rows."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.templatetags.static import static
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.index_title = "Home"
admin.site.index_template = "admin/monitoring/home.html"
admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # Unfold ships no types
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """What a role may do."""


def stylesheet(request: HttpRequest) -> str:
    return static("registry/admin.css")


def icon(request: HttpRequest) -> str:
    return static("registry/icon.svg")


def script(request: HttpRequest) -> str:
    return static("registry/admin.js")
