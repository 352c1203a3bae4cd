//! Packages as Outlook makes them (MS-OXTNEF), written by nothing but their description.

/// What a package begins with.
pub(crate) const HEAD: [u8; 6] = [0x78, 0x9f, 0x3e, 0x22, 1, 0];

/// An attribute: level, identifier, length, data, sum.
pub(crate) fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let sum = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let length = u32::try_from(data.len()).unwrap();
    [&[level][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &sum.to_le_bytes()].concat()
}

/// What a property holds.
pub(crate) enum Held<'a> {
    Number(u32),
    Text(&'a str),
    Wide(&'a str),
    Bytes(&'a [u8]),
    Object(&'a [u8]),
    /// A time, which says nothing of a file.
    Time(u64),
}

fn sized(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    let mut bytes = [&length.to_le_bytes()[..], data].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A list of properties.
pub(crate) fn properties(list: &[(u16, Held<'_>)]) -> Vec<u8> {
    let mut bytes = u32::try_from(list.len()).unwrap().to_le_bytes().to_vec();
    for (id, held) in list {
        let (kind, value) = match held {
            Held::Number(number) => (0x0003_u16, number.to_le_bytes().to_vec()),
            Held::Time(time) => (0x0040, time.to_le_bytes().to_vec()),
            Held::Text(text) => {
                (0x001e, [&1_u32.to_le_bytes()[..], &sized(&[text.as_bytes(), b"\0"].concat())].concat())
            }
            Held::Wide(text) => {
                let wide: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
                (0x001f, [&1_u32.to_le_bytes()[..], &sized(&wide)].concat())
            }
            Held::Bytes(data) => (0x0102, [&1_u32.to_le_bytes()[..], &sized(data)].concat()),
            Held::Object(data) => {
                // IID_IMessage.
                let interface = [7, 3, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
                (0x000d, [&1_u32.to_le_bytes()[..], &sized(&[&interface[..], data].concat())].concat())
            }
        };
        bytes.extend(kind.to_le_bytes());
        bytes.extend(id.to_le_bytes());
        // A property that goes by a name has that between.
        if *id >= 0x8000 {
            bytes.extend([9; 16]);
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(sized(b"K\0e\0y\0\0\0"));
        }
        bytes.extend(value);
    }
    bytes
}

/// A file: a short name, as DOS had it, and the long one.
pub(crate) fn file(short: &str, long: &str, content: &[u8]) -> Vec<u8> {
    let list = [
        (0x0ff9, Held::Bytes(&[1, 2, 3])),
        (0x3705, Held::Number(1)),
        (0x3007, Held::Time(7)),
        (0x8005, Held::Text("of a name")),
        (0x370e, Held::Text("application/PDF")),
        (0x3707, Held::Wide(long)),
    ];
    [
        attribute(2, 0x0006_9002, &[1, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0x20, 0, 0, 0, 0, 0]),
        attribute(2, 0x0001_8010, &[short.as_bytes(), b"\0"].concat()),
        attribute(2, 0x0006_800f, content),
        attribute(2, 0x0006_9005, &properties(&list)),
    ]
    .concat()
}

/// A message that is a file of another one.
pub(crate) fn message(name: &str, package: &[u8]) -> Vec<u8> {
    let list = [(0x3705, Held::Number(5)), (0x3001, Held::Text(name)), (0x3701, Held::Object(package))];
    [
        attribute(2, 0x0006_9002, &[1, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0x20, 0, 0, 0, 0, 0]),
        attribute(2, 0x0006_9005, &properties(&list)),
    ]
    .concat()
}

/// A whole package: a subject, a text, files.
pub(crate) fn package(subject: &str, text: &str, files: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = HEAD.to_vec();
    bytes.extend(attribute(1, 0x0008_9006, &[0, 0, 1, 0]));
    bytes.extend(attribute(1, 0x0006_9007, &[0xe4, 4, 0, 0, 0, 0, 0, 0]));
    bytes.extend(attribute(1, 0x0001_8004, &[subject.as_bytes(), b"\0"].concat()));
    if !text.is_empty() {
        bytes.extend(attribute(1, 0x0002_800c, &[text.as_bytes(), b"\0"].concat()));
    }
    bytes.extend(files.concat());
    bytes
}
