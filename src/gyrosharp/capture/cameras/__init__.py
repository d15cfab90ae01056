"""Camera profiles: one module per file format, found by looking into this package. (Being built.)"""
