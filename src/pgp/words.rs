//! A fingerprint as it is compared: in groups of four digits, or in words that are told apart over a bad line.
//!
//! The words are the PGP word list (P. Juola and P. Zimmermann, “Whole-Word Phonetic Distances and the PGPfone Alphabet”, ICSLP 1996): one
//! for each octet, of two syllables at even places and of three at odd ones, so that a word left out, doubled or swapped is noticed.

/// Two words for each octet, in the order of the octets: for an even place, and for an odd one.
const LIST: &str = include_str!("words.txt");
/// Digits of a group.
const GROUP: usize = 4;
/// Words that are read out in one breath.
const LINE: usize = 4;

/// Groups of four digits.
#[must_use]
pub fn groups(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().collect();
    digits.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// The last 16 digits of a fingerprint, in groups of four.
#[must_use]
pub fn short(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().collect();
    let tail = digits.get(digits.len().saturating_sub(4 * GROUP)..).unwrap_or(&digits);
    groups(&tail.iter().collect::<String>())
}

/// The words for a fingerprint in hexadecimal, in lines of four. Nothing where it is no whole number of octets.
#[must_use]
pub fn words(fingerprint: &str) -> Vec<String> {
    let Ok(octets) = hex::decode(fingerprint) else { return Vec::new() };
    let pairs: Vec<(&str, &str)> = LIST.lines().filter_map(|line| line.split_once(' ')).collect();
    let words: Vec<&str> = octets
        .iter()
        .enumerate()
        .filter_map(|(place, octet)| {
            let (even, odd) = pairs.get(usize::from(*octet))?;
            Some(if place.is_multiple_of(2) { *even } else { *odd })
        })
        .collect();
    words.chunks(LINE).map(|line| line.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_is_whole_and_no_word_means_two_things() {
        let pairs: Vec<(&str, &str)> = LIST.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(pairs.len(), 256);
        let all: BTreeSet<String> = pairs.iter().flat_map(|(a, b)| [a.to_lowercase(), b.to_lowercase()]).collect();
        assert_eq!(all.len(), 512);
        for column in [pairs.iter().map(|pair| pair.0).collect::<Vec<_>>(), pairs.iter().map(|pair| pair.1).collect()] {
            // In the order of the alphabet, but for a few of the odd ones.
            let falls = column.windows(2).filter(|two| two[0].to_lowercase() > two[1].to_lowercase()).count();
            assert!(falls <= 1, "{falls}");
        }
    }

    #[test]
    fn a_fingerprint_is_read_as_the_list_says() {
        // The example of the list's authors.
        let lines = words("E58294F2E9A227486E8B061B31CC528FD7FA3F19");
        assert_eq!(
            lines,
            [
                "topmost Istanbul Pluto vagabond",
                "treadmill Pacific brackish dictator",
                "goldfish Medusa afflict bravado",
                "chatter revolver Dupont midsummer",
                "stopwatch whimsical cowbell bottomless",
            ]
        );
        assert_eq!(groups("E58294F2E9A2"), "E582 94F2 E9A2");
        assert_eq!(short("E58294F2E9A227486E8B061B31CC528FD7FA3F19"), "31CC 528F D7FA 3F19");
        assert!(words("E5829").is_empty() && words("no").is_empty());
    }
}
