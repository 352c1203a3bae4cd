//! Every user intent: its name, its one-line doc, where it applies. Pure.
