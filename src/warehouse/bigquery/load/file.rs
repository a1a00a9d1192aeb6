//! The rows of a load job, on their way into one file.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Rows go to a file without a name, so that memory does not grow with the batch; BigQuery sees by itself whether a
/// file is compressed.
pub(in crate::warehouse::bigquery) enum Gathered {
    Packed(Box<GzEncoder<BufWriter<File>>>),
    Plain(BufWriter<File>),
}

impl Gathered {
    pub(in crate::warehouse::bigquery) fn new(gzip: bool) -> io::Result<Gathered> {
        let file = BufWriter::new(tempfile::tempfile()?);
        Ok(if gzip {
            Gathered::Packed(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            Gathered::Plain(file)
        })
    }

    pub(in crate::warehouse::bigquery) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Gathered::Packed(out) => out.write_all(bytes),
            Gathered::Plain(out) => out.write_all(bytes),
        }
    }

    /// The file and its length.
    pub(in crate::warehouse::bigquery) fn finish(self) -> io::Result<(File, u64)> {
        let out = match self {
            Gathered::Packed(out) => out.finish()?,
            Gathered::Plain(out) => out,
        };
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let bytes = file.seek(SeekFrom::End(0))?;
        Ok((file, bytes))
    }
}
