//! The file with the rows of a load job.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// A temporary file without a name, to which the rows of a batch are written, so that memory does not grow with the
/// batch. BigQuery recognises a compressed file by itself.
pub(super) enum RowFile {
    Compressed(Box<GzEncoder<BufWriter<File>>>),
    Plain(BufWriter<File>),
}

impl RowFile {
    /// Creates the file.
    pub(super) fn new(gzip: bool) -> io::Result<RowFile> {
        let file = BufWriter::new(tempfile::tempfile()?);
        Ok(if gzip {
            RowFile::Compressed(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            RowFile::Plain(file)
        })
    }

    /// Appends rows.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            RowFile::Compressed(out) => out.write_all(bytes),
            RowFile::Plain(out) => out.write_all(bytes),
        }
    }

    /// Returns the file and its length in bytes.
    pub(super) fn finish(self) -> io::Result<(File, u64)> {
        let out = match self {
            RowFile::Compressed(out) => out.finish()?,
            RowFile::Plain(out) => out,
        };
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        Ok((file, bytes))
    }
}
