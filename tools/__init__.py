"""Tools for developers: no refresh runs them, and no change here makes a refresh rebuild anything."""
