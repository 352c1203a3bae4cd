//! Attachments: small, valid PDF files of one page (ISO 32000-1 §7.5), and plain text.

use std::fmt::Write as _;

/// A PDF of one A4 page with these lines in Helvetica.
pub(super) fn pdf(title: &str, lines: &[&str]) -> Vec<u8> {
    let mut page = String::from("BT /F1 16 Tf 56 780 Td 20 TL ");
    let _ = write!(page, "({}) Tj T* /F1 11 Tf 15 TL T* ", escaped(title));
    for line in lines {
        let _ = write!(page, "({}) Tj T* ", escaped(line));
    }
    page.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{page}\nendstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut places = Vec::with_capacity(objects.len());
    for (number, object) in objects.iter().enumerate() {
        places.push(out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let table = out.len();
    let _ = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        let _ = writeln!(out, "{place:010} 00000 n ");
    }
    let _ = write!(out, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    out.into_bytes()
}

/// ASCII only: the fonts that every reader has know no more without tables.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' | ')' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::pdf;

    #[test]
    fn the_cross_reference_table_points_at_the_objects() {
        let file = String::from_utf8(pdf("MG5 (FERRET)", &["one", "two \\ three"])).unwrap();
        let table = file.find("xref\n").unwrap();
        let start: usize = file.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        assert_eq!(start, table);
        let places = file.get(table..).unwrap().lines().skip(3).take(5);
        let places = places.map(|line| line.split(' ').next().unwrap().parse::<usize>().unwrap());
        for (number, place) in places.enumerate() {
            assert!(file.get(place..).unwrap().starts_with(&format!("{} 0 obj", number + 1)), "{number}");
        }
        let length: usize = file.split("/Length ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let stream = file.split("\nstream\n").nth(1).unwrap().split("\nendstream").next().unwrap();
        assert_eq!(stream.len(), length);
    }
}
