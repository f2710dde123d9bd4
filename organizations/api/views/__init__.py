"""Views, a module per kind of object."""
