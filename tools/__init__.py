"""Tools beside the product: nothing here runs in a refresh, and no change here makes a refresh rebuild anything."""
