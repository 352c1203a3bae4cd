//! Performs effects: sole writer of the stores, holder of secrets.
