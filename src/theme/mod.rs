//! Style scopes (meanings) to ratatui styles, with fallback. Pure.
