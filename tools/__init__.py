"""Tools for the product: the sample company, the accuracy of attribution, the cost of a refresh, documentation.

The product does not need them; only the command line imports them. They are not in the project's fingerprint, so that
a change here does not rebuild a home.
"""
