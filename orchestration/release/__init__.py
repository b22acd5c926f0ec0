"""The release: whether there is anything new, whether a build may be published, and publishing it."""
