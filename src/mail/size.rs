//! Sizes in words.

/// Bytes as people read them, counted by thousands as the operators of servers do: `999 B`, `12 kB`, `1.3 MB`, `2.0 GB`. Never less than it is.
#[must_use]
pub fn size(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.div_ceil(unit / 10);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short_and_never_less_than_they_are() {
        for (bytes, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_001, "2 kB"),
            (999_999, "1000 kB"),
            (1_000_000, "1.0 MB"),
            (26_000_001, "26.1 MB"),
            (26_214_400, "26.3 MB"),
            (12_000_000_000, "12.0 GB"),
            (u64::MAX, "18446744073.8 GB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }
}
