"""A site in one file: the database at one moment and the bundles that it names, with a hash of each part."""
