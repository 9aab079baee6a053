"""Claims and figures of a policy's cells, which were chosen by the data that measure them."""
