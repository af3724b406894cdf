"""One module a promise; each has `checks(cluster)`, which yields a name and a function per check."""
