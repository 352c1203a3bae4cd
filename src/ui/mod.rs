//! Draws the model. Pure.
