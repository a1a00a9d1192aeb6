//! Why nothing of a message can be delivered.

/// Why nothing of a message can be delivered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// There is nothing in it but white space.
    #[error("the message is empty: the client created the file and wrote nothing into it")]
    Empty,
    /// It ends before its brackets are closed.
    #[error("the message ends at byte {byte} before it is complete: its writer stopped half-way")]
    CutOff {
        /// Its length.
        byte: u64,
    },
    /// Its top level is not JSON.
    #[error("the message can't be read: at byte {byte}, {why}")]
    NotJson {
        /// The offset of the fault.
        byte: u64,
        /// What is wrong there.
        why: String,
    },
    /// It is JSON, but neither an array nor an object.
    #[error("the message is {found}; it should be an array of records")]
    NotRecords {
        /// What it is, with its article: `a number`.
        found: &'static str,
    },
    /// It is the body of an error.
    #[error("the message is an error that an API answered, not data: {said}")]
    ApiError {
        /// What the error says, shortened.
        said: String,
    },
    /// It is a page of a web server.
    #[error("the message is {kind} that a web server or a proxy answered, not data{said}")]
    Markup {
        /// `an HTML page` or `XML`.
        kind: &'static str,
        /// `: ` and its title, or nothing.
        said: String,
    },
    /// It is a compressed file.
    #[error(
        "the message is packed ({form}), and only plain JSON can be read: unpack it with `{tool}`, put the result in \
         its place under the same name, and retry it"
    )]
    Packed {
        /// How it is compressed: `gzip`.
        form: &'static str,
        /// The command that unpacks it: `gzip -dc`.
        tool: &'static str,
    },
    /// It is text in another encoding than UTF-8.
    #[error(
        "the message is text in {form}, and only UTF-8 can be read: convert it with `iconv -f {name} -t UTF-8`, put \
         the result in its place under the same name, and retry it"
    )]
    Encoded {
        /// The encoding, for people: `UTF-16, little-endian`.
        form: &'static str,
        /// The encoding as iconv calls it: `UTF-16LE`.
        name: &'static str,
    },
    /// It has more rows than [`super::ROWS_MAX`].
    #[error("the message has more than {rows_max} rows")]
    TooManyRows {
        /// How many are allowed.
        rows_max: u32,
    },
    /// It is longer than [`super::MESSAGE_BYTES_MAX`].
    #[error("the message has {bytes} bytes; at most {bytes_max} can be read")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
}
