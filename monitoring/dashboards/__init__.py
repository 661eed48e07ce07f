"""Pages of figures in the admin: how it does, drawn. Nothing is changed there."""
