//! What a file is by its first bytes, in words: so that what is not looked into is named all the same.

/// Signatures at the beginning of a file.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
    (b"Rar!\x1a\x07", "an archive (rar)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"BZh", "a compressed file (bzip2)"),
    (b"\xfd7zXZ\0", "a compressed file (xz)"),
    (b"\x28\xb5\x2f\xfd", "a compressed file (zstd)"),
    (b"MSCF", "an archive of Windows (cab)"),
    (b"MZ", "a program for Windows"),
    (b"\x7fELF", "a program for Linux"),
    (b"\xcf\xfa\xed\xfe", "a program for macOS"),
    (b"\xca\xfe\xba\xbe", "a program (Java or macOS)"),
    (b"L\0\0\0\x01\x14\x02\0", "a shortcut of Windows, which can run anything"),
    (b"ID3", "a sound recording (MP3)"),
    (b"\xff\xfb", "a sound recording (MP3)"),
    (b"\xff\xf3", "a sound recording (MP3)"),
    (b"fLaC", "a sound recording (FLAC)"),
    (b"#!AMR", "a sound recording (AMR)"),
    (b"OggS", "a recording (Ogg)"),
    (b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a recording (Windows Media)"),
    (b"FLV\x01", "a video (Flash)"),
    (b"\0\0\x01\xba", "a video (MPEG)"),
    (b"\0\0\x01\xb3", "a video (MPEG)"),
    (b"\0\0\0\x0cjP  ", "a picture (JPEG 2000)"),
    (b"\xff\x0a", "a picture (JPEG XL)"),
    (b"8BPS", "a picture (Photoshop)"),
    (b"AC10", "a drawing (AutoCAD)"),
    (b"AT&TFORM", "a scan (DjVu)"),
    (b"SQLite format 3\0", "a database (SQLite)"),
    (b"!BDN", "a mailbox of Outlook (pst)"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "a section of OneNote"),
];

/// Names of streams in a file of Microsoft's older form (MS-CFB), which holds them in UTF-16.
const STREAMS: &[(&str, &str)] = &[
    ("EncryptedPackage", "an Office document that is locked with a password"),
    ("__properties_version1.0", "a message saved by Outlook (.msg)"),
    ("WordDocument", "an old Word document (before 2007)"),
    ("PowerPoint Document", "an old PowerPoint presentation (before 2007)"),
    ("Workbook", "an old Excel workbook (before 2007)"),
    ("VisioDocument", "an old Visio drawing"),
];

/// How Microsoft's older form begins (MS-CFB §2.2).
pub(super) const OLD_OFFICE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Whether what [`of`] goes by is nothing but letters, which a text may begin with, too: exhibit marks are initials and a number.
pub(super) fn is_said_in_letters(bytes: &[u8]) -> bool {
    let is_of_letters = |begin: &[u8]| begin.iter().all(u8::is_ascii_graphic);
    let found = BEGINNINGS.iter().find(|(begin, _)| bytes.starts_with(begin));
    let is_media = || bytes.starts_with(b"RIFF") || bytes.get(4..8) == Some(b"ftyp");
    found.map_or_else(is_media, |(begin, _)| is_of_letters(begin))
}

/// What a file is; `None` where its bytes do not say.
pub(super) fn of(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, what: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(what));
    if bytes.starts_with(OLD_OFFICE) {
        let holds = |name: &str| {
            let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            memchr::memmem::find(bytes, &wide).is_some()
        };
        let found = STREAMS.iter().find(|(name, _)| holds(name)).map(|(_, words)| *words);
        return Some(found.unwrap_or("an old Office document (before 2007)"));
    }
    if let Some((_, words)) = BEGINNINGS.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        return Some(words);
    }
    if bytes.starts_with(b"RIFF") {
        return Some(if at(8, b"WAVE") { "a sound recording (WAV)" } else { "a video (AVI)" });
    }
    if at(4, b"ftyp") {
        return Some(match bytes.get(8..12).unwrap_or_default() {
            b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => "a picture of a telephone (HEIC)",
            b"avif" | b"avis" => "a picture (AVIF)",
            b"M4A " | b"M4B " => "a sound recording (M4A)",
            b"qt  " => "a video (QuickTime)",
            b"3gp4" | b"3gp5" | b"3gp6" => "a video of a telephone (3GP)",
            _ => "a video (MP4)",
        });
    }
    if at(257, b"ustar") {
        return Some("an archive (tar)");
    }
    if at(0x8001, b"CD001") {
        return Some("a disc (ISO 9660)");
    }
    // RFC 5652 §3: a sequence that begins with the name of a kind of content.
    let head = bytes.get(..32.min(bytes.len())).unwrap_or_default();
    let pkcs7 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    if let Some(place) = memchr::memmem::find(head, pkcs7).filter(|_| bytes.first() == Some(&0x30)) {
        return Some(match head.get(place + pkcs7.len()) {
            Some(3) => "a message encrypted with S/MIME, which casemail does not open",
            Some(2) => "a signature or a signed message of S/MIME, which casemail does not check",
            _ => "a file of S/MIME",
        });
    }
    None
}
