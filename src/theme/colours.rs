//! How many colours the terminal shows.

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None, or none wanted (`NO_COLOR`).
    None,
    /// The 16 of ECMA-48 and their bright twins.
    Sixteen,
    /// 256 indexed ones.
    Indexed,
    /// 24 bits.
    True,
}
