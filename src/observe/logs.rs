//! Log lines on stderr, and in a file if one is set: one short line each for people, JSON for programs.
//!
//! Values such as file names come from outside, so characters that could break a line or control a terminal are
//! escaped, also in messages. An `ERROR` line means that data is in danger or that a person must act.

use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use super::log_file::{LogFile, LogFileSettings};
use super::{journal_prefix, plain, print_above_progress, text};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One short line each, with `key=value` fields
    Human,
    /// One JSON object a line
    Json,
}

/// The log file of this process, for [`last_words`].
static FILE: OnceLock<(LogFormat, LogFileSettings)> = OnceLock::new();

/// Starts logging to stderr, and to a file if one is given. `level` is a level, or directives as in tracing's
/// `EnvFilter`. Call it once per process.
///
/// # Panics
/// If it is called twice.
pub fn init(format: LogFormat, level: &str, colour: bool, file: Option<LogFileSettings>) {
    let style = LineStyle { colour, date: !io::stderr().is_terminal() };
    let stderr = Stderr { json: format == LogFormat::Json };
    let started = match file {
        None => tracing::subscriber::set_global_default(subscriber(format, level, style, stderr)),
        Some(file) => {
            let _ = FILE.set((format, file.clone()));
            let file = FileLines { format, file: Arc::new(LogFile::new(file)) };
            let both = subscriber(format, level, style, stderr).with(lines(format, IN_FILE, file));
            tracing::subscriber::set_global_default(both)
        }
    };
    started.expect("logging is started once, by main");
}

/// Writes the last message of the process into its log file, if it has one; stderr has it already.
pub fn last_words(sentence: &str, hint: Option<&str>) {
    let Some((format, file)) = FILE.get() else { return };
    // Opens the file a second time: the thread that panics may hold the lock of the first.
    let file = FileLines { format: *format, file: Arc::new(LogFile::new(file.clone())) };
    tracing::subscriber::with_default(subscriber(*format, "error", IN_FILE, file), || {
        tracing::error!(hint, "{sentence}");
    });
}

fn subscriber<W>(
    format: LogFormat,
    level: &str,
    style: LineStyle,
    writer: W,
) -> impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse_lossy(level);
    tracing_subscriber::registry().with(filter).with(lines(format, style, writer))
}

fn lines<S, W>(format: LogFormat, style: LineStyle, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Human => lines.with_ansi(style.colour).fmt_fields(Pairs).event_format(style).boxed(),
        LogFormat::Json => lines.with_timer(Utc).json().flatten_event(true).with_target(false).boxed(),
    }
}

/// The style of lines in a file.
const IN_FILE: LineStyle = LineStyle { colour: false, date: true };

/// How a line for people looks: `03:59:00Z INFO  delivered dataset=BOALF rows=3`.
#[derive(Clone, Copy)]
struct LineStyle {
    colour: bool,
    /// Whether lines have the date and milliseconds; a log file needs them, because it outlives the day.
    date: bool,
}

impl<S, N> FormatEvent<S, N> for LineStyle
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        let style = if self.colour { style_of(level) } else { Style::new() };
        if self.date {
            Utc.format_time(&mut line)?;
        } else {
            write!(line, "{}", jiff::Timestamp::now().strftime("%H:%M:%SZ"))?;
        }
        write!(line, " {style}{level:<5}{style:#} ")?;
        context.format_fields(line.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) =
                span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty())
            {
                write!(line, " {fields}")?;
            }
        }
        writeln!(line)
    }
}

fn style_of(level: Level) -> Style {
    match level {
        Level::ERROR => AnsiColor::Red.on_default().bold(),
        Level::WARN => AnsiColor::Yellow.on_default(),
        Level::INFO => AnsiColor::Green.on_default(),
        Level::DEBUG => AnsiColor::Blue.on_default(),
        Level::TRACE => AnsiColor::Magenta.on_default(),
    }
}

/// The time of a log line in full: `2025-10-28T03:59:00.123Z`.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{}", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

/// Fields as `message key=value key="a value"`.
struct Pairs;

impl<'writer> FormatFields<'writer> for Pairs {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = PairWriter { writer, any: false, outcome: Ok(()) };
        fields.record(&mut line);
        line.outcome
    }
}

struct PairWriter<'writer> {
    writer: Writer<'writer>,
    any: bool,
    outcome: fmt::Result,
}

impl PairWriter<'_> {
    fn write(&mut self, field: &Field, value: &str) {
        let name = field.name();
        // The `log` crate's records carry their origin in fields of that name.
        if self.outcome.is_err() || name.starts_with("log.") {
            return;
        }
        let space = if self.any { " " } else { "" };
        self.any = true;
        let text = plain(value);
        self.outcome = if name == "message" {
            write!(self.writer, "{space}{text}")
        } else if value.is_empty() || value.contains([' ', '"', '=']) {
            // Debug would escape letters that `plain` leaves as they are; only quotes need another escape.
            write!(self.writer, "{space}{name}=\"{}\"", text.replace('"', "\\\""))
        } else {
            write!(self.writer, "{space}{name}={text}")
        };
    }
}

impl Visit for PairWriter<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &format!("{value:?}"));
    }
}

/// Stderr, a whole line at a time, above the progress bar. A write never fails: a closed stderr must not stop
/// deliveries.
struct Stderr {
    json: bool,
}

impl MakeWriter<'_> for Stderr {
    type Writer = StderrLine;

    fn make_writer(&self) -> StderrLine {
        StderrLine { json: self.json, prefix: "" }
    }

    fn make_writer_for(&self, of: &tracing::Metadata<'_>) -> StderrLine {
        StderrLine { json: self.json, prefix: journal_prefix(*of.level()) }
    }
}

struct StderrLine {
    json: bool,
    prefix: &'static str,
}

impl io::Write for StderrLine {
    /// `line` is the whole line of an event; the layer writes each with one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut text = self.prefix.as_bytes().to_vec();
        match std::str::from_utf8(line) {
            Ok(json) if self.json => {
                let safe = text::plain_json(json.trim_end_matches('\n'));
                text.extend_from_slice(format!("{safe}\n").as_bytes());
            }
            _ => text.extend_from_slice(line),
        }
        print_above_progress(&text);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log file. A write never fails here either; once a day, stderr says if the file cannot be written.
#[derive(Clone)]
struct FileLines {
    format: LogFormat,
    file: Arc<LogFile>,
}

impl MakeWriter<'_> for FileLines {
    type Writer = FileLines;

    fn make_writer(&self) -> FileLines {
        self.clone()
    }
}

impl io::Write for FileLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let fault = match std::str::from_utf8(line) {
            Ok(json) if self.format == LogFormat::Json => {
                let safe = text::plain_json(json.trim_end_matches('\n'));
                self.file.write_line(format!("{safe}\n").as_bytes())
            }
            _ => self.file.write_line(line),
        };
        if let Some(error) = fault {
            let line = format!("{}{}", journal_prefix(Level::WARN), self.lost(&error));
            print_above_progress(line.as_bytes());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FileLines {
    /// The line about it for stderr. It is formatted by hand, because this runs while another event is being written.
    fn lost(&self, error: &io::Error) -> String {
        const MESSAGE: &str = "cannot write the log file, or cannot rotate it: until this is fixed, its lines are lost, or it grows";
        let mut time = String::new();
        let _ = Utc.format_time(&mut Writer::new(&mut time));
        match self.format {
            LogFormat::Human => format!("{time} WARN  {MESSAGE} why=\"{error}\"\n"),
            LogFormat::Json => {
                let line = serde_json::json!({
                    "timestamp": time, "level": "WARN", "message": MESSAGE, "why": error.to_string(),
                });
                format!("{line}\n")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `log` writes under these settings, without the times.
    fn lines_of(format: LogFormat, level: &str, colour: bool, log: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let logs = subscriber(format, level, LineStyle { colour, date: true }, move || writer.clone());
        tracing::subscriber::with_default(logs, log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(str::to_owned).collect()
    }

    fn without_time(line: &str) -> &str {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{line}");
        rest
    }

    #[test]
    fn a_line_for_people_is_time_level_message_and_fields() {
        let lines = lines_of(LogFormat::Human, "info", false, || {
            let span = tracing::info_span!("delivery", batch = "b-17");
            let _inside = span.enter();
            tracing::info!(dataset = "BOALF", rows = 3, file = %"a name", note = "", "delivered");
            tracing::debug!("unheard");
        });
        let lines: Vec<_> = lines.iter().map(|line| without_time(line)).collect();
        assert_eq!(lines, [r#"INFO  delivered dataset=BOALF rows=3 file="a name" note="" batch=b-17"#]);
    }

    #[test]
    fn a_level_has_its_colour_where_colours_are_wanted() {
        let lines = lines_of(LogFormat::Human, "info", true, || tracing::error!("gone"));
        assert_eq!(without_time(&lines[0]), "\u{1b}[1m\u{1b}[31mERROR\u{1b}[0m gone");
    }

    #[test]
    fn a_file_name_can_neither_break_a_line_nor_steer_a_terminal() {
        let name = "a\nERROR faked \u{1b}[2J\"\u{9b}2J=\u{202e}";
        let lines = lines_of(LogFormat::Human, "info", false, || {
            tracing::info!(file = name, other = %name, third = ?name, "took {name}");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(plain(&lines[0]), lines[0]);
        assert!(lines[0].contains(r#"file="a\nERROR faked \u{1b}[2J\"\u{9b}2J=\u{202e}""#), "{}", lines[0]);
    }

    #[test]
    fn json_lines_hold_the_values_as_they_are() {
        let name = "a\nb\u{1b}[2J";
        let lines = lines_of(LogFormat::Json, "info", false, || tracing::warn!(file = name, rows = 3, "odd"));
        let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"odd".into()));
        assert_eq!((&line["file"], &line["rows"]), (&name.into(), &3.into()));
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn directives_choose_by_module() {
        let directives = "warn,irispool::observe=debug";
        let lines = lines_of(LogFormat::Human, directives, false, || {
            tracing::debug!("here");
            tracing::info!(target: "elsewhere", "not");
        });
        assert_eq!(lines.len(), 1);
    }
}
