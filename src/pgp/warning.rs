//! What else is worth a look about an OpenPGP message: stable codes for JSON, sentences for people.

use super::sentence::Loudness;

/// A warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// No unlocked secret key fits.
    NoSecretKey,
    /// Opening would need an RSA key where nobody asked for it.
    RsaNotOpened,
    /// Encrypted with a passphrase, not to a key.
    PassphraseOnly,
    /// GnuPG's "OCB" packet (LibrePGP tag 20), which RFC 9580 does not have.
    GnupgOcb,
    /// Its form is not what RFC 3156 says.
    MalformedStructure,
    /// It claims to be encrypted and holds no ciphertext.
    NotEncrypted,
    /// There is ciphertext beside foreign text or inside another part: it is not opened (EFAIL).
    MixedContext,
    /// There is text outside of the signed text.
    TextOutsideSignature,
    /// The plaintext would be larger than is opened.
    TooLarge,
    /// Header fields outside differ from the protected ones.
    HeaderMismatch,
    /// From outside differs from the protected one.
    FromMismatch,
    /// There is no From, several, or one without an address.
    FromNotOne,
    /// The signature's time does not fit the Date header.
    TimeMismatch,
    /// The signature is newer than our clock.
    SignedInFuture,
    /// The signature was made for other recipients.
    NotIntended,
    /// There are further signatures that are not good.
    OtherSignatures,
    /// Fields that are shown stand outside of the signature.
    UnsignedHeaders,
    /// A signature was made around the ciphertext: its maker need not know the text.
    SignedCiphertext,
    /// An unsigned header says which characters the signed bytes stand for.
    UnsignedCharset,
    /// Who signed it is no party of the case of the message.
    NotAParty,
    /// The signature is by a key that may not sign messages, or on a condition that is not known here.
    UnfitSignature,
}

impl Warning {
    /// Its code in `casemail.message/1`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoSecretKey => "no-secret-key",
            Self::RsaNotOpened => "rsa-not-opened",
            Self::PassphraseOnly => "passphrase-only",
            Self::GnupgOcb => "gnupg-ocb",
            Self::MalformedStructure => "malformed-structure",
            Self::NotEncrypted => "not-encrypted",
            Self::MixedContext => "mixed-context",
            Self::TextOutsideSignature => "text-outside-signature",
            Self::TooLarge => "too-large",
            Self::HeaderMismatch => "header-mismatch",
            Self::FromMismatch => "from-mismatch",
            Self::FromNotOne => "from-not-one",
            Self::TimeMismatch => "time-mismatch",
            Self::SignedInFuture => "signed-in-future",
            Self::NotIntended => "not-intended-recipient",
            Self::OtherSignatures => "other-signatures",
            Self::UnsignedHeaders => "unsigned-headers",
            Self::SignedCiphertext => "signed-ciphertext",
            Self::UnsignedCharset => "unsigned-charset",
            Self::NotAParty => "signer-not-party",
            Self::UnfitSignature => "unfit-signature",
        }
    }

    /// In words.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoSecretKey => {
                "To read it, import that key of yours (`casemail key import`), or ask the sender to encrypt to the one you have."
            }
            Self::RsaNotOpened => "It needs your RSA key and is opened only when you ask for it.",
            Self::PassphraseOnly => {
                "It was encrypted with a passphrase and not to a key; ask the sender for your key to be used."
            }
            Self::GnupgOcb => {
                "It was encrypted in GnuPG's own OCB format, which no standard has; ask the sender to renew your key from you and send again."
            }
            Self::MalformedStructure => "Its OpenPGP structure is not as RFC 3156 says; it is shown as it came.",
            Self::NotEncrypted => "It looks encrypted but holds no ciphertext: it was readable by all on the way.",
            Self::MixedContext => {
                "It holds an encrypted part among other parts. That part is not opened, so that nothing can be smuggled out of it."
            }
            Self::TextOutsideSignature => "There is text outside of the signed text; it could be anyone's.",
            Self::TooLarge => {
                "What is inside is larger than is safe to open, or many times the message itself: nothing of it is shown."
            }
            Self::HeaderMismatch => "Header fields outside differ from the protected ones, which are shown.",
            Self::FromMismatch => "The sender named outside is not the one named inside the protection.",
            Self::FromNotOne => "It does not name exactly one sender with an address.",
            Self::TimeMismatch => "The signature's time does not fit the Date of the message.",
            Self::SignedInFuture => "The signature claims to be made in the future.",
            Self::NotIntended => "It was signed for other recipients: someone passed it on as if it were for you.",
            Self::OtherSignatures => "There are further signatures on it that do not hold or are not known.",
            Self::UnsignedHeaders => {
                "The signature covers the text and what is attached, not the header fields marked unsigned: those could have been changed on the way."
            }
            Self::SignedCiphertext => {
                "A signature stands around the ciphertext: whoever made it need not know what the message says."
            }
            Self::UnsignedCharset => {
                "Which characters the signed bytes stand for is said outside of the signature, and could have been changed."
            }
            Self::NotAParty => "Whoever signed it is no party of the case that it is filed in.",
            Self::UnfitSignature => {
                "The key that signed it may not sign messages, or the signature holds on a condition that this program does not know."
            }
        }
    }

    /// How loud its sentence is.
    #[must_use]
    pub fn loudness(self) -> Loudness {
        match self {
            Self::NoSecretKey
            | Self::RsaNotOpened
            | Self::PassphraseOnly
            | Self::GnupgOcb
            | Self::OtherSignatures
            | Self::UnsignedHeaders => Loudness::Plain,
            Self::MalformedStructure
            | Self::MixedContext
            | Self::TextOutsideSignature
            | Self::TooLarge
            | Self::SignedCiphertext
            | Self::UnsignedCharset
            | Self::NotAParty
            | Self::UnfitSignature
            | Self::HeaderMismatch => Loudness::Warning,
            Self::NotEncrypted
            | Self::FromMismatch
            | Self::FromNotOne
            | Self::TimeMismatch
            | Self::SignedInFuture
            | Self::NotIntended => Loudness::Alarm,
        }
    }
}
