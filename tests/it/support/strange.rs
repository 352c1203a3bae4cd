//! Mail as nobody should write it and somebody does: made from a seed, so that a failure comes again.

use std::fmt::Write as _;

/// What a terminal would act on.
const ESCAPES: [&[u8]; 10] = [
    b"\x1b[2J",
    b"\x1b]0;title\x07",
    b"\x1b]52;c;cHdu\x1b\\",
    b"\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\",
    b"\x1bP$qm\x1b\\",
    b"\x9b31m",
    b"\xc2\x9b2J",
    b"\x1bPtmux;\x1b\x1b]52;c;AA\x07\x1b\\",
    b"\x05\x07\x08\x0c\x0e\x0f",
    b"\x1b]52;c;without an end",
];

/// What deceives an eye, or breaks a column.
const DECEIVERS: [&str; 14] = [
    "\u{202e}evil",
    "zero\u{200b}width",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "👩\u{200d}👩\u{200d}👧🏴\u{e0067}\u{e0062}\u{e007f}🇬🇧🇬🇧",
    "\u{2066}iso\u{2069}",
    "שלום مرحبا",
    "庭の置物 ｆｕｌｌ",
    "\u{e0a2}\u{f8ff}\u{f0000}",
    "\u{e0041}\u{e0042}",
    "\u{3164}\u{2800}\u{115f}",
    "\u{2028}\u{2029}\u{feff}",
    "ﷺ𒐫",
    "क्षि e\u{301}",
    "quіllpounce",
];

const DATES: [&str; 18] = [
    "",
    "yesterday",
    "Mon, 31 Feb 2026 25:61:61 +9999",
    "Mon, 02 Mar 0000 00:00:00 +0000",
    "Mon, 02 Mar 99999 00:00:00 +0000",
    "Mon, 02 Mar 2026 14:52:00 -0000",
    "2 Mar 26 14:52 EST",
    "2026-03-02T14:52:00Z",
    "Mon, 02 Mar 2026 14:52:60 +0000",
    "Fri, 31 Dec 1899 23:59:59 +0000",
    "Tue, 19 Jan 2038 03:14:08 +0000",
    "Mon, 02 Mär 2026 14:52:00 +0100",
    "Mon, 02 Mar 2026 14:52:00 +99999999999999",
    "Mon,02Mar2026 14:52:00+0000",
    "Mon, -2 Mar 2026 14:52:00 +0000",
    "Mon, 02 Mar 9999 23:59:59 -1200",
    "Mon, 02 Mar -9999 23:59:59 +1400",
    "(((Mon, 02 Mar 2026 14:52:00 +0000",
];

const ADDRESSES: [&str; 30] = [
    "",
    "<>",
    "undisclosed-recipients:;",
    "group: a@x.example, b@x.example;",
    "@",
    "a@",
    "@b",
    "a@b@c",
    "a..b@c.example",
    "\"a b\"@c.example",
    "a@[IPv6:::1]",
    "\"quill@quillpounce.example\" <evil@x.example>",
    "quill@quillpounce.example <evil@x.example>",
    "a@x.example, b@x.example",
    "<@r1,@r2:a@x.example>",
    "a@xn--pple-43d.example",
    "quill@quіllpounce.example",
    "=?utf-8?q?quill=40quillpounce.example?= <e@x.example>",
    "=?utf-8?q?a=00b?= <a@x.example>",
    "=?utf-8?q?a=0d=0aBcc:_x@y.example?= <a@x.example>",
    "\u{202e}a@x.example",
    "a(comment)@x.example(c)",
    "a@x.example;b@x.example",
    ",,,,,",
    "A <a@x.example",
    "\"A\\\" <b@x.example>\" <a@x.example>",
    "a\u{0}@x.example",
    "ＱＵＩＬＬ@quillpounce.example",
    "\"unended <a@x.example>",
    "mailto:a@x.example",
];

const IDS: [&str; 10] =
    ["", "<>", "<", "no-angle", "<a b@c>", "<\u{1b}[2J@x>", "<a@b> <c@d>", "<a@b\u{0}c>", "<.>", "<a/../../b@c>"];

const WORDS: [&str; 14] = [
    "=?",
    "=?utf-8?b?",
    "=?utf-8?b?!!!!?=",
    "=?utf-8?q?=ZZ?=",
    "=?nope?q?abc?=",
    "=?utf-8*en?q?abc?=",
    "=?utf-8?b?4pg=?= =?utf-8?b?gw==?=",
    "=?iso-2022-jp?b?GyRCRnxLXA==?=",
    "=?utf-16?b?//5hAGIA?=",
    "=?us-ascii?q?=1B[2J?=",
    "=?utf-8?q?=0A=0AFrom:_x?=",
    "R v FERRET 99ZX0012326 99\u{200d}ZX0012326 ９９ＺＸ００１２３２６",
    "Re: AW: [List] SV: Re[2]: Fwd: x",
    "PF ZZ26000417 07700 900123",
];

const NAMES: [&str; 26] = [
    "../../etc/passwd",
    "C:\\x.exe",
    "CON",
    ".bashrc",
    "-rf",
    "a. ",
    "%2e%2e%2f",
    "a\u{0}b.txt",
    "a\nb.txt",
    "..",
    "",
    "\u{202e}gpj.exe",
    "a.pdf                                        .exe",
    "MANIFEST.sha256",
    "INDEX.csv",
    "manifest.json",
    "a*?.txt",
    "$(id)`id`;rm",
    "'q'\"q\"|&",
    "=cmd|x",
    "．．／x",
    "Ünï.pdf",
    "UNÏ.PDF",
    "MG6D Otterbourne.pdf",
    "winmail.dat",
    "smime.p7m",
];

const CHARSETS: [(&str, &[u8]); 16] = [
    ("utf-16", b"\xff\xfeh\0i\0"),
    ("utf-16be", b"\0h\0i"),
    ("utf-32", b"h\0\0\0"),
    ("iso-2022-jp", b"\x1b$BF|K\\\x1b(B"),
    ("iso-2022-kr", b"\x1b$)C\x0e0!\x0f"),
    ("hz-gb-2312", b"~{<:Ky2;VS~}"),
    ("utf-7", b"+AOk- +/v8-"),
    ("koi8-r", b"\xd0\xd2\xc9"),
    ("shift_jis", b"\x93\xfa"),
    ("x-user-defined", b"\x80\xff"),
    ("replacement", b"abc"),
    ("ibm437", b"caf\x82"),
    ("nope", b"caf\xe9"),
    ("utf-8", b"\xed\xa0\x80\xf4\x90\x80\x80\xc3("),
    ("\"utf-8", b"x"),
    ("utf-8\x1b[2J", b"x"),
];

const PAGES: [&str; 12] = [
    "<img src=http://127.0.0.1:9/x><link rel=stylesheet href=//x><script>1</script><iframe src=file:///etc/passwd>",
    "<a href='javascript:alert(1)'>click</a><a href='https://evil.example'>https://bank.example</a>",
    "<div style='display:none'>hidden</div><span style='font-size:0'>zero</span>",
    "<table width=99999999999><tr><td colspan=99999999 rowspan=99999999>x</table>",
    "<ol start=99999999999999999999><li>x</ol>",
    "&#x110000;&#0;&#xd800;&#27;[2J&#155;&#8238;",
    "<base href=x><form action=http://x><input value=1><button>go</button></form>",
    "<!--",
    "<table><tr><td><table><tr><td>a<td>b",
    "<svg onload=x><foreignObject><math>",
    "<pre>\tx\u{202e}y</pre>",
    "<title>T</title>",
];

const TYPES: [&str; 16] = [
    "text",
    "/",
    "text/plain;;;",
    "text/plain; =",
    "*/*",
    "multipart/mixed",
    "multipart/mixed; boundary=\"\"",
    "multipart/digest; boundary=q",
    "multipart/signed; boundary=q",
    "multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=q",
    "multipart/report; report-type=delivery-status; boundary=q",
    "message/partial; id=a; number=1; total=2",
    "message/external-body; access-type=url; URL=\"http://127.0.0.1:9/\"",
    "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
    "application/ms-tnef; name=winmail.dat",
    "text/calendar; method=REQUEST",
];

/// A message in the making.
struct Mail {
    fields: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Mail {
    fn new(number: usize) -> Self {
        let fields = [
            ("From", "Stranger <s@strange.example>".to_owned()),
            ("To", "Quill <quill@quillpounce.example>".to_owned()),
            ("Subject", format!("strange {number}")),
            ("Date", "Mon, 02 Mar 2026 14:52:00 +0000".to_owned()),
            ("Message-ID", format!("<strange-{number}@strange.example>")),
            ("MIME-Version", "1.0".to_owned()),
        ];
        let fields = fields.map(|(name, value)| (name, value.into_bytes())).to_vec();
        Self { fields, body: b"Body.\r\n".to_vec() }
    }

    fn with(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for (name, value) in &self.fields {
            all.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        [&all[..], b"\r\n", &self.body].concat()
    }
}

/// Numbers that look like chance (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.next() % of.len() as u64).unwrap()]
    }
}

fn nested(depth: usize) -> Vec<u8> {
    let mut body = "leaf\r\n".to_owned();
    for level in 0..depth {
        let inner =
            if level == 0 { "text/plain".to_owned() } else { format!("multipart/mixed; boundary=b{}", level - 1) };
        body = format!("--b{level}\r\nContent-Type: {inner}\r\n\r\n{body}\r\n--b{level}--\r\n");
    }
    body.into_bytes()
}

fn files(names: [&str; 2]) -> Vec<u8> {
    let mut body = String::from("--q\r\n\r\nfiles\r\n");
    for (at, name) in names.into_iter().enumerate() {
        let coded: String = name.bytes().fold(String::new(), |mut coded, byte| {
            let _ = write!(coded, "%{byte:02X}");
            coded
        });
        let plain = name.replace(['\n', '\0'], " ").replace('\\', "\\\\").replace('"', "\\\"");
        let disposition = if at == 0 { format!("filename*=utf-8''{coded}") } else { format!("filename=\"{plain}\"") };
        let _ = write!(
            body,
            "--q\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; {disposition}\r\n\r\n{at}{name}\r\n"
        );
    }
    body.push_str("--q--\r\n");
    body.into_bytes()
}

fn quoted(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("={byte:02X}")).collect()
}

/// Every strange mail by itself, then as many that are strange in several ways at once, as chance has it.
pub(crate) fn mails(seed: u64, mixed: usize) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let new = |all: &Vec<Vec<u8>>| Mail::new(all.len());
    for depth in [10, 49, 50, 51, 100, 400] {
        all.push(
            new(&all)
                .with("Content-Type", format!("multipart/mixed; boundary=b{}", depth - 1))
                .body(nested(depth))
                .bytes(),
        );
        let inner =
            "Subject: in\r\nContent-Type: message/rfc822\r\n\r\n".repeat(depth) + "Subject: leaf\r\n\r\nleaf\r\n";
        all.push(new(&all).with("Content-Type", "message/rfc822").body(inner).bytes());
    }
    let long: [(&'static str, String); 8] = [
        ("Subject", "A".repeat(100_000)),
        ("Subject", ["word"; 10_000].join("\r\n ")),
        ("Subject", "99ZX0012326 ".repeat(2_000)),
        ("From", format!("{}s@strange.example{}", "(".repeat(20_000), ")".repeat(20_000))),
        ("To", "a:;,".repeat(20_000)),
        ("To", (0..5_000).map(|n| format!("P{n} <p{n}@x{}.example>", n % 50)).collect::<Vec<_>>().join(",\r\n ")),
        ("References", (0..10_000).map(|n| format!("<r{n}@x.example>")).collect::<Vec<_>>().join("\r\n ")),
        ("Message-ID", format!("<{}@y>", "x".repeat(50_000))),
    ];
    for (name, value) in long {
        all.push(new(&all).with(name, value).bytes());
    }
    let bodies: [(&'static str, &'static str, Vec<u8>); 8] = [
        ("Content-Type", "text/plain; charset=utf-8", vec![b'x'; 1_000_000]),
        ("Content-Type", "text/plain; charset=utf-8", format!("a{}", "\u{301}".repeat(100_000)).into_bytes()),
        (
            "Content-Type",
            "text/plain; format=flowed; delsp=yes",
            b">>> a \r\n>> b \r\n> c \r\n-- \r\nx \r\n".repeat(2_000),
        ),
        ("Content-Type", "text/plain", [&b">".repeat(5_000)[..], b" deep\r\n"].concat()),
        (
            "Content-Type",
            "multipart/mixed; boundary=q",
            [&b"--q\r\n\r\nx\r\n".repeat(12_000)[..], b"--q--\r\n"].concat(),
        ),
        ("Content-Type", "text/html", b"<div>".repeat(20_000)),
        ("Content-Transfer-Encoding", "quoted-printable", b"=\r\n".repeat(100_000)),
        ("Content-Transfer-Encoding", "base64", (0..=255).cycle().take(50_000).collect()),
    ];
    for (name, value, body) in bodies {
        all.push(new(&all).with(name, value).body(body).bytes());
    }
    for shape in [
        &b"just a text\r\nand more\r\n"[..],
        b":::::\r\n:\r\n\r\n",
        b"From: a@b.example\rSubject: bare CR\r\rbody\rmore\r",
        b"From: a@b.example\nSubject: bare LF\n\nbody\nmore\n",
        b"From: a@b.example\r\nSubject: mixed\nCc: z@x.example\r\n\nbody\r\nx\ny\rz\r\r\n",
        b"From a@b Mon Mar 2 2026\r\nFrom: a@b.example\r\nSubject: mbox\r\n\r\nFrom here\r\n>From there\r\n",
        b"From : a@b.example\r\nSubject : spaced\r\nContent-Type : text/html\r\n\r\n<b>x</b>",
        b" folded first\r\nFrom: a@b.example\r\n\r\nx",
        b"\xef\xbb\xbfFrom: a@b.example\r\nSubject: mark\r\n\r\nx",
        b"\xff\xfeF\0r\0o\0m\0:\0 \0a\0\r\0\n\0",
        b"Subject: caf\xe9 \xff\xfe\r\nFrom: Andr\xe9 <a@x.example>\r\n\r\n.\r\n..\r\n.\r\nQUIT\r\n",
        b"From: a@b.example\r\nFrom: quill@quillpounce.example\r\nDate: x\r\nDate: y\r\nSubject: a\r\nSubject: b\r\n\r\nx",
        b"From: a@b.example\r\nSubject: nothing behind the header",
    ] {
        all.push(shape.to_vec());
    }
    for name in ["From", "To", "Date", "Message-ID", "Subject"] {
        all.push(new(&all).without(name).bytes());
    }
    for n in 0..3 {
        all.push(new(&all).with("Message-ID", "<twice@strange.example>").body(format!("says {n}\r\n")).bytes());
        let (id, answers) = (format!("<round{n}@x.example>"), format!("<round{}@x.example>", (n + 1) % 3));
        all.push(
            new(&all).with("Message-ID", id).with("References", answers.clone()).with("In-Reply-To", answers).bytes(),
        );
    }
    for escape in ESCAPES {
        let with = |before: &str, after: &str| [before.as_bytes(), escape, after.as_bytes()].concat();
        let mail = new(&all).with("From", with("N", " <s@strange.example>")).with("Subject", with("S", "end"));
        all.push(mail.with("Content-Type", with("text/plain; name=\"", "\"")).body(with("b", "end\r\n")).bytes());
        let word = format!("=?iso-8859-1?q?S{}end?=", quoted(escape));
        let mail = new(&all).with("From", format!("{word} <s@strange.example>")).with("Subject", word.clone());
        let mail = mail.with("Content-Type", "multipart/mixed; boundary=q");
        let body = format!(
            "--q\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx{0}y\r\n--q\r\nContent-Disposition: attachment; filename=\"{word}\"\r\n\r\nx\r\n--q--\r\n",
            quoted(escape)
        );
        all.push(mail.body(body).bytes());
    }
    let mut chance = Chance(seed | 1);
    let some = |chance: &mut Chance| chance.next().is_multiple_of(3);
    let each = [
        ADDRESSES.len(),
        DATES.len(),
        IDS.len(),
        WORDS.len(),
        DECEIVERS.len(),
        NAMES.len(),
        CHARSETS.len(),
        PAGES.len(),
        TYPES.len(),
    ];
    for (kind, count) in each.into_iter().enumerate() {
        for at in 0..count {
            let mail = new(&all);
            all.push(
                match kind {
                    0 => mail.with("From", ADDRESSES[at]).with("Cc", ADDRESSES[at]).with("Reply-To", ADDRESSES[at]),
                    1 => mail.with("Date", DATES[at]),
                    2 => mail.with("Message-ID", IDS[at]).with("In-Reply-To", IDS[at]).with("References", IDS[at]),
                    3 => mail.with("Subject", WORDS[at]).body(format!("{}\r\n", WORDS[at])),
                    4 => mail.with("Subject", DECEIVERS[at]).with("From", format!("{} <s@strange.example>", DECEIVERS[at])).with("Content-Type", "text/plain; charset=utf-8").body(DECEIVERS[at].repeat(40)),
                    5 => mail.with("Content-Type", "multipart/mixed; boundary=q").body(files([NAMES[at], NAMES[NAMES.len() - 1 - at]])),
                    6 => mail.with("Content-Type", format!("text/plain; charset={}", CHARSETS[at].0)).body(CHARSETS[at].1),
                    7 => mail.with("Content-Type", "text/html; charset=utf-8").body(PAGES[at]),
                    _ => mail.with("Content-Type", TYPES[at]).body("--q\r\n\r\nFrom: x\r\n\r\nx\r\n--q\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--q--\r\n"),
                }
                .bytes(),
            );
        }
    }
    for _ in 0..mixed {
        let mut mail = new(&all).with("Subject", *chance.one(&WORDS)).with("Content-Type", *chance.one(&TYPES));
        for field in ["From", "To", "Cc", "Reply-To", "Sender"] {
            if some(&mut chance) {
                mail = mail.with(field, *chance.one(&ADDRESSES));
            }
        }
        if some(&mut chance) {
            mail = mail.with("Date", *chance.one(&DATES)).with("References", *chance.one(&IDS));
        }
        mail = match chance.next() % 4 {
            0 => mail
                .body(files([*chance.one(&NAMES), *chance.one(&NAMES)]))
                .with("Content-Type", "multipart/mixed; boundary=q"),
            1 => mail.body(*chance.one(&PAGES)),
            2 => mail.body(chance.one(&CHARSETS).1),
            _ => mail.body([*chance.one(&ESCAPES), chance.one(&DECEIVERS).as_bytes()].concat()),
        };
        all.push(mail.bytes());
    }
    all
}
