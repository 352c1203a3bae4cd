//! What is packed in a PDF, unpacked to a limit: a few bytes can stand for gigabytes of nothing.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use lopdf::{Object, Stream};

/// Bytes before the data of a stream that are looked at for what it is.
const HEAD: usize = 2048;
/// Streams packed within each other.
const LAYERS: usize = 4;

/// Bytes that unpack to so many at most; `None` where they are more. What is damaged ends where the damage is.
fn unpacked(packed: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    let _ = ZlibDecoder::new(packed).take(most.saturating_add(1)).read_to_end(&mut found);
    (found.len() as u64 <= most).then_some(found)
}

/// Whether the streams that a reader unpacks to find the objects of a PDF (tables and packed objects) come to no more than so many bytes. They are
/// looked for by what stands before them, whatever the table of the PDF says.
pub(super) fn is_bounded(pdf: &[u8], most: u64) -> bool {
    let mut left = most;
    for at in memchr::memmem::find_iter(pdf, b"stream") {
        let head = pdf.get(at.saturating_sub(HEAD)..at).unwrap_or_default();
        let begun = memchr::memmem::rfind(head, b"obj").and_then(|at| head.get(at..)).unwrap_or(head);
        let says = |word: &[u8]| memchr::memmem::find(begun, word).is_some();
        if begun.ends_with(b"end") || !(says(b"ObjStm") || says(b"XRef") || says(b"/W") || says(b"#")) {
            continue;
        }
        if says(b"LZW") {
            // No program packs them so any more.
            return false;
        }
        let data = pdf.get(at + b"stream".len()..).unwrap_or_default();
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).unwrap_or(data);
        let mut layer = Vec::new();
        for depth in 0..LAYERS {
            let packed = if depth == 0 { data } else { layer.as_slice() };
            let Some(found) = unpacked(packed, left) else { return false };
            if found.is_empty() {
                break;
            }
            left = left.saturating_sub(found.len() as u64);
            layer = found;
        }
    }
    true
}

/// What a stream holds; `None` where it is more than so many bytes, or packed in another way than most are.
pub(super) fn content(stream: &Stream, most: u64) -> Option<Vec<u8>> {
    let filter = match stream.dict.get(b"Filter") {
        Err(_) => return Some(stream.content.clone()).filter(|content| content.len() as u64 <= most),
        Ok(Object::Array(filters)) if filters.is_empty() => return Some(stream.content.clone()),
        Ok(Object::Array(filters)) if filters.len() == 1 => filters.first(),
        Ok(filter) => Some(filter),
    };
    let is_plain = stream.dict.get(b"DecodeParms").is_err();
    let is_flate = filter.is_some_and(|filter| filter.as_name().is_ok_and(|name| name == b"FlateDecode"));
    if is_flate && is_plain { unpacked(&stream.content, most) } else { None }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::is_bounded;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(content).unwrap();
        packer.finish().unwrap()
    }

    fn pdf(head: &str, data: &[u8]) -> Vec<u8> {
        let mut made = format!("%PDF-1.5\n1 0 obj\n<<{head}/Length {}>>\nstream\r\n", data.len()).into_bytes();
        made.extend_from_slice(data);
        made.extend_from_slice(b"\nendstream\nendobj\n");
        made
    }

    #[test]
    fn what_unpacks_to_more_is_none() {
        let large = packed(&vec![b' '; 100_000]);
        let check =
            |head: &str, data: &[u8], is_it: bool| assert_eq!(is_bounded(&pdf(head, data), 50_000), is_it, "{head}");
        check("/Type/ObjStm/Filter/FlateDecode", &large, false);
        check("/Type/ObjStm/Filter/FlateDecode", &packed(&vec![b' '; 40_000]), true);
        check("/Type/XRef/W[1 2 1]/Filter/FlateDecode", &large, false);
        check("/Type/XR#65f/Filter/FlateDecode", &large, false);
        check("/Type/ObjStm/Filter[/FlateDecode/FlateDecode]", &packed(&large), false);
        check("/Type/ObjStm/Filter/LZWDecode", b"x", false);
        // What a page shows is unpacked by whoever shows it.
        check("/Filter/FlateDecode", &large, true);
        let both = [pdf("/Type/ObjStm", &packed(&vec![0; 30_000])), pdf("/Type/ObjStm", &packed(&vec![0; 30_000]))];
        assert!(!is_bounded(&both.concat(), 50_000), "all of them together");
    }
}
