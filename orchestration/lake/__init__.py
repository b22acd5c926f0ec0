"""The lake: delivered files read and checked row by row and batch by batch, and the ledger of their loads."""
