//! Why nothing of a message can be delivered.

/// Why nothing of a message can be delivered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the message is empty: the client made the file and wrote nothing into it")]
    Empty,
    #[error("the message ends at byte {byte} before it is complete: its writer stopped half-way")]
    CutOff { byte: u64 },
    #[error("the message can't be read: at byte {byte}, {why}")]
    NotJson { byte: u64, why: String },
    #[error("the message is {found}; an array of records is wanted")]
    NotRecords { found: &'static str },
    #[error("the message is an error that an API answered, not data: {said}")]
    ApiError { said: String },
    #[error("the message is {kind} that a web server or a proxy answered, not data{said}")]
    Markup { kind: &'static str, said: String },
    #[error(
        "the message is packed ({form}), and only plain JSON can be read: unpack it with `{tool}`, put the result in \
         its place under the same name, and retry it"
    )]
    Packed { form: &'static str, tool: &'static str },
    #[error(
        "the message is text in {form}, and only UTF-8 can be read: convert it with `iconv -f {name} -t UTF-8`, put \
         the result in its place under the same name, and retry it"
    )]
    Encoded { form: &'static str, name: &'static str },
    #[error("the message has more than {rows_max} rows")]
    TooManyRows { rows_max: u32 },
    #[error("the message has {bytes} bytes; at most {bytes_max} can be read")]
    TooLong { bytes: usize, bytes_max: usize },
}
