//! Character codes of the scripts of East Asia, by the CMaps that a PDF may name without bringing them (ISO 32000-1 §9.7.5.2): what a code shows
//! is known by the encoding that the CMap is made of, without a table of glyphs.

use encoding_rs::Encoding;

/// What the codes of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codes {
    /// Unicode in one of its forms: its width in octets, 1 to 4.
    Unicode(u8),
    /// An encoding that was in use before.
    Older(&'static Encoding),
    /// Two octets of seven bits, as in ISO 2022 (JIS X 0208).
    Jis,
}

/// What the codes of a CMap are; `None` where it is not known.
pub(super) fn of(cmap: &str) -> Option<Codes> {
    let name = cmap.strip_suffix("-H").or_else(|| cmap.strip_suffix("-V")).unwrap_or(cmap);
    if name.starts_with("Uni") {
        let form = name.split('-').find_map(|piece| match piece {
            "UCS2" | "UTF16" => Some(2),
            "UTF8" => Some(1),
            "UTF32" => Some(4),
            _ => None,
        });
        return form.map(Codes::Unicode);
    }
    Some(match name {
        "H" | "V" | "Ext" | "Add" => Codes::Jis,
        "83pv-RKSJ" | "90ms-RKSJ" | "90msp-RKSJ" | "90pv-RKSJ" | "Add-RKSJ" | "Ext-RKSJ" | "RKSJ" => {
            Codes::Older(encoding_rs::SHIFT_JIS)
        }
        "EUC" => Codes::Older(encoding_rs::EUC_JP),
        "GB-EUC" | "GBpc-EUC" | "GBK-EUC" | "GBKp-EUC" | "GBK2K" => Codes::Older(encoding_rs::GB18030),
        "B5pc" | "ETen-B5" | "ETenms-B5" | "HKscs-B5" => Codes::Older(encoding_rs::BIG5),
        "KSC-EUC" | "KSCms-UHC" | "KSCms-UHC-HW" | "KSCpc-EUC" => Codes::Older(encoding_rs::EUC_KR),
        _ => return None,
    })
}

impl Codes {
    /// The text of a string of codes.
    pub(super) fn text(self, bytes: &[u8]) -> String {
        match self {
            Self::Unicode(1) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Unicode(2) => encoding_rs::UTF_16BE.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Unicode(_) => bytes
                .chunks(4)
                .map(|code| code.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte)))
                .map(|code| char::from_u32(code).unwrap_or('\u{fffd}'))
                .collect(),
            Self::Older(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Jis => {
                let high: Vec<u8> = bytes.iter().map(|byte| byte | 0x80).collect();
                encoding_rs::EUC_JP.decode_without_bom_handling(&high).0.into_owned()
            }
        }
    }
}
