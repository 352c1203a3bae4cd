//! A zip of an export: the same files under the same names, read from the directory that was verified. Streamed: no file is held whole.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::ExportError;
use super::folder::Folder;

/// Writes these files of a folder into a zip, in their order.
///
/// # Errors
/// A file cannot be read, or the archive not be written.
pub fn write(folder: &Folder, files: &[String], prefix: &str, to: &mut dyn Write) -> Result<(), ExportError> {
    let mut archive = ZipWriter::new_stream(to);
    // No times: the same files make the same archive.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(true)
        .unix_permissions(0o600)
        .last_modified_time(zip::DateTime::default());
    for path in files {
        let fail = |why: &dyn std::fmt::Display| ExportError::at(path, why);
        archive.start_file(format!("{prefix}/{path}"), options).map_err(|why| fail(&why))?;
        let mut file = folder.open_file(path)?;
        io::copy(&mut file, &mut archive).map_err(|why| fail(&why))?;
    }
    archive.finish().map(drop).map_err(|why| ExportError::at("zip", why))
}

/// Reads an archive again: the number of its files, each with its checksum right.
///
/// # Errors
/// Which is not.
pub fn check(path: &Path) -> Result<usize, ExportError> {
    let fail = |why: &dyn std::fmt::Display| ExportError::at(path.display(), why);
    let mut archive = zip::ZipArchive::new(File::open(path).map_err(|why| fail(&why))?).map_err(|why| fail(&why))?;
    let mut piece = vec![0; 128 << 10];
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).map_err(|why| fail(&why))?;
        while file.read(&mut piece).map_err(|why| fail(&why))? > 0 {}
    }
    Ok(archive.len())
}
