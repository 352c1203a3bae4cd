//! What is packed in a PDF, unpacked to a limit: a few bytes can stand for gigabytes of nothing.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use lopdf::{Object, Stream};

/// Bytes that unpack to so many at most; `None` where they are more. What is damaged ends where the damage is.
fn unpacked(packed: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    let _ = ZlibDecoder::new(packed).take(most.saturating_add(1)).read_to_end(&mut found);
    (found.len() as u64 <= most).then_some(found)
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

    use lopdf::{Stream, dictionary};

    use super::content;

    #[test]
    fn what_unpacks_to_more_is_none() {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(&vec![b' '; 100_000]).unwrap();
        let packed = packer.finish().unwrap();
        let stream = Stream::new(dictionary! { "Filter" => "FlateDecode" }, packed.clone());
        assert_eq!(content(&stream, 100_000).map(|found| found.len()), Some(100_000));
        assert_eq!(content(&stream, 99_999), None);
        assert_eq!(content(&Stream::new(dictionary! {}, packed), 5), None);
    }
}
