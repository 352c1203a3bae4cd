//! Raw mode, restored on panic and signals; the input thread; the run loop.
