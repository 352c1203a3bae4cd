//! What pure work on mail takes: `cargo bench --bench mail`.
//!
//! Parsing a letter of 8 KB and choosing its text, threads of 100,000 messages, wrapping 8 MB of text, HTML to text. Medians of a few
//! runs are printed, nothing is asserted.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use casemail::mail::display;
use casemail::mail::html;
use casemail::mail::message::Message;
use casemail::mail::thread::{Item, id_hash, thread};
use casemail::mail::wrap::wrap;

const RUNS: usize = 5;

/// The median of a few runs, in milliseconds.
fn median<T>(mut what: impl FnMut() -> T) -> f64 {
    let mut taken: Vec<f64> = (0..RUNS)
        .map(|_| {
            let since = Instant::now();
            black_box(what());
            since.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    taken.get(RUNS / 2).copied().unwrap_or_default()
}

fn letter(bytes: usize) -> Arc<[u8]> {
    let head = "From: Isla Thistledown <isla@thistledown.example>\r\nTo: Tess Inkwell <tess@inkwell.example>\r\n\
                Subject: Re: ZZ26000417 disclosure\r\nMessage-ID: <1@thistledown.example>\r\nReferences: <0@inkwell.example>\r\n\
                Date: Mon, 02 Feb 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Content-Transfer-Encoding: quoted-printable\r\n\r\n";
    let line = "The Crown has disclosed the schedule =E2=80=94 see the enclosed pages of it.\r\n";
    let file = "--x\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let rows = "JVBERi0xLjQKJeLjz9MKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgplbmRv\r\n";
    let half = bytes.saturating_sub(head.len()) / 2;
    let text = [head, &line.repeat(half / line.len()), file, &rows.repeat(half / rows.len()), "--x--\r\n"].concat();
    Arc::from(text.into_bytes())
}

fn main() {
    let small = letter(8 << 10);
    let each = median(|| (0..1000).map(|_| Message::parse(Arc::clone(&small)).parts().len()).sum::<usize>());
    println!("{:<52} {:>9.1} us each", "parse 8 KB", each);
    let each =
        median(|| (0..1000).map(|_| display::body(&Message::parse(Arc::clone(&small))).text().len()).sum::<usize>());
    println!("{:<52} {:>9.1} us each", "parse 8 KB, choose and decode its text and files", each);
    let large = letter(16 << 20);
    let taken = median(|| display::body(&Message::parse(Arc::clone(&large))).attachments.len());
    println!("{:<52} {taken:>9.1} ms", "the same of 16 MB, half of it base64");

    let references: Vec<Vec<u64>> = (0..100_000_u64)
        .map(|n| (n - n % 7..n).map(|before| id_hash(&format!("{before}@inkwell.example"))).collect())
        .collect();
    let items: Vec<Item<'_>> = references
        .iter()
        .zip(0_i64..)
        .map(|(references, n)| Item {
            id: Some(id_hash(&format!("{n}@inkwell.example"))),
            references,
            date: n * 60,
            subject: casemail::mail::thread::subject_hash("disclosure"),
            is_reply: !references.is_empty(),
        })
        .collect();
    println!("{:<52} {:>9.1} ms", "thread 100,000 messages", median(|| thread(&items).len()));

    let paragraph = "> The Crown accepts the plea to charge two as amended, and the diet of 9 March is discharged; "
        .repeat(8)
        + "\n";
    let text = paragraph.repeat((8 << 20) / paragraph.len());
    println!("{:<52} {:>9.1} ms", "wrap 8 MB of text", median(|| wrap(&text, 100).len()));

    let cell =
        "<tr><td>9 March</td><td><b>First diet</b></td><td><a href=\"https://court.example/x\">papers</a></td></tr>";
    for kilobytes in [10, 200] {
        let page = format!(
            "<html><body><p>Listing</p><table>{}</table></body></html>",
            cell.repeat(kilobytes * 1024 / cell.len())
        );
        let taken = median(|| html::to_text(&page, 72).len());
        println!("{:<52} {taken:>9.1} ms", format!("HTML of {kilobytes} KB to text"));
    }
}
