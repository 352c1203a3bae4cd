//! Mail that an attacker or a broken program sends. Harmless: everything points to `.example`.

/// Account, message, when it was received.
pub(super) fn letters(first_id: &str) -> Vec<(usize, Vec<u8>, &'static str)> {
    vec![
        (0, forged_answer(first_id), "2026-03-03T09:14:20Z"),
        (0, look_alike(), "2026-03-11T10:02:41Z"),
        (0, escape_sequences(), "2026-04-01T07:30:05Z"),
        (0, remote_content(), "2026-04-14T12:00:33Z"),
        (0, broken_multipart(), "2026-04-22T16:45:10Z"),
        (1, not_for_us(), "2026-05-12T13:21:09Z"),
    ]
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// The name shows an address that is not the sender's, and the message claims a place in a thread that is not his.
fn forged_answer(first_id: &str) -> Vec<u8> {
    crlf(&format!(
        "From: \"CPS <ambleford.mags@cps.gov.example>\" <x@attacker.example>
To: Crime team <GM.crime@quillpounce.example.cjsm.net>
Subject: Re: [CJSM] R v FERRET Ambleford MC 05/03/2026 - IDPC
Date: Tue, 03 Mar 2026 09:14:11 +0000
Message-ID: <9d1f0c4e@attacker.example>
In-Reply-To: <{first_id}>
References: <{first_id}>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

The papers have moved. Please log in again at https://cps.gov.example.attacker.example/papers to keep your access.

CPS Mudshire
"
    ))
}

/// A domain that ends as the right one does, but not at a dot.
fn look_alike() -> Vec<u8> {
    crlf(
        "From: Petra Windlestraw <p.windlestraw@cps.evilgov.example>
To: Barnaby Quill <b.quill@quillpounce.example.cjsm.net>
Subject: R v OTTERBOURNE 99QY0045626 - the basis, as agreed by telephone
Date: Wed, 11 Mar 2026 10:02:30 +0000
Message-ID: <77aa21@cps.evilgov.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Barnaby, as agreed by telephone please send your draft basis to this new address of mine.

Petra
",
    )
}

/// Sequences that would move the cursor, clear the screen and set the title of a careless terminal.
fn escape_sequences() -> Vec<u8> {
    crlf(
        "From: =?utf-8?q?Barnaby_=1B=5B31mQuill=1B=5B0m?= <nobody@attacker.example>
To: Barnaby Quill <b.quill@quillpounce.example.cjsm.net>
Subject: =?utf-8?q?=1B=5B2J=1B=5B1;1HYou_have_been_logged_out=07?=
Date: Wed, 01 Apr 2026 07:29:58 +0100
Message-ID: <1b5b324a@attacker.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

=1B]0;owned=07=1B[2J=1B[HPassword: =E2=80=AEdrowssap ruoy epyt
",
    )
}

/// A picture that would tell the sender when the message was read.
fn remote_content() -> Vec<u8> {
    crlf(
        "From: Courier <parcel@courier.example>
To: Barnaby Quill <b.quill@quillpounce.example.cjsm.net>
Subject: Your parcel
Date: Tue, 14 Apr 2026 13:00:21 +0100
Message-ID: <parcel-1@courier.example>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<html><head><script>alert(1)</script><style>p { color: red }</style></head><body>
<p>Your parcel is waiting. <a href=\"https://courier.attacker.example/pay\">https://courier.example/track</a></p>
<img src=\"https://courier.attacker.example/seen.gif?you\" width=1 height=1><table><tr><td>Fee</td><td>1.99</td></tr></table>
</body></html>
",
    )
}

/// The boundary never comes.
fn broken_multipart() -> Vec<u8> {
    crlf(
        "From: CPS Mudshire <ambleford.mags@cps.gov.example>
To: Crime team <GM.crime@quillpounce.example.cjsm.net>
Subject: [CJSM] 99ZX0012327 WEASEL - further papers
Date: Wed, 22 Apr 2026 17:45:01 +0100
Message-ID: <fp-22@cps.gov.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"=_never\"

--=_other
Content-Type: text/plain

The papers should be attached. The program that made this message thought otherwise.
",
    )
}

/// Encrypted, but not to any key of ours.
fn not_for_us() -> Vec<u8> {
    crlf(
        "From: Wren & Co <agent@wrenandco.example.cjsm.net>
To: Isla Thistledown <i.thistledown@tg-law.example.cjsm.net>
Subject: ...
Date: Tue, 12 May 2026 14:21:00 +0100
Message-ID: <stoat-9@wrenandco.example.cjsm.net>
MIME-Version: 1.0
Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"=_sealed\"

--=_sealed
Content-Type: application/pgp-encrypted

Version: 1

--=_sealed
Content-Type: application/octet-stream; name=\"encrypted.asc\"

-----BEGIN PGP MESSAGE-----

wV4DAQIDBAUGBwgSAQdAUnJlYWRhYmxlIHRvIG5vYm9keSBoZXJlISEhISEhISEw
-----END PGP MESSAGE-----

--=_sealed--
",
    )
}
