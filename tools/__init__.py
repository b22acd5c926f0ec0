"""Tools for the product: the sample company, how right attribution is, what a refresh costs.

The product does not need them and does not import them; only the command line starts them. They are no part of the
project's fingerprint, so that a change here does not rebuild a home.
"""
