"""How the admin calls itself; each app registers its own rows."""

from django.contrib import admin

admin.site.site_header = admin.site.site_title = "CryptoML"
admin.site.index_title = "What is learnt, what answers, and how it turned out (all times are UTC)"
admin.site.site_url = "/docs"
admin.site.enable_nav_sidebar = False  # lists need the width
