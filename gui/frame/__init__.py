"""The window around the pages: header, status line, banner, menus, drops, what is remembered."""
