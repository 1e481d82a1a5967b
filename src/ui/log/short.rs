//! A server's log on a terminal: `18:49:24 200 POST /v1/embeddings 5 ms`.

use std::fmt::{self, Debug, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::ui::printer::printable;

/// Writes events as short lines, in local time and without the ids of requests.
pub(super) struct ShortLines;

impl<S, N> FormatEvent<S, N> for ShortLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let color = writer.has_ansi_escapes();
        writeln!(writer, "{}", fields.line(*event.metadata().level(), &local_time(SystemTime::now()), color))
    }
}

/// The fields of an event; those of a request have places of their own.
#[derive(Default)]
struct Fields {
    message: String,
    status: Option<u64>,
    method: String,
    path: String,
    ms: f64,
    /// All others, ` name=value`.
    others: String,
}

impl Fields {
    fn line(&self, level: Level, time: &str, color: bool) -> String {
        let painted =
            |text: &str, ansi: &str| if color { format!("\x1b[{ansi}m{text}\x1b[0m") } else { text.to_owned() };
        let time = painted(time, "2");
        let Self { message, status, method, path, ms, others } = self;
        if let Some(status) = status {
            let ansi = match status {
                ..400 => "32",
                400..500 => "33",
                _ => "31",
            };
            return format!(
                "{time} {} {method} {} {} ms",
                painted(&status.to_string(), ansi),
                printable(path),
                short(*ms)
            );
        }
        let label = match level {
            Level::ERROR => format!("{} ", painted("error:", "1;31")),
            Level::WARN => format!("{} ", painted("warning:", "1;33")),
            _ => String::new(),
        };
        format!("{time} {label}{}{}", printable(message), printable(others))
    }
}

/// Milliseconds with as many digits as matter.
fn short(ms: f64) -> String {
    if ms < 1.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match field.name() {
            "ms" => self.ms = value,
            _ => self.record_debug(field, &value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = Some(value),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "method" => write!(self.method, "{value:?}"),
            "path" => write!(self.path, "{value:?}"),
            // Of libraries that log by another crate; and figures that the message has as well.
            name if name.starts_with("log.") || name.ends_with("_per_second") => Ok(()),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

/// The time of day where the machine is, or in UTC where that is not known.
fn local_time(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (hour, minute, second) = clock(seconds).unwrap_or((seconds / 3600 % 24, seconds / 60 % 60, seconds % 60));
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// Hour, minute and second of the time zone that the system is set to.
#[cfg(unix)]
fn clock(seconds: u64) -> Option<(u64, u64, u64)> {
    let seconds = libc::time_t::try_from(seconds).ok()?;
    let mut parts = std::mem::MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid for the call, which fills `parts` unless it returns null.
    let parts = unsafe {
        if libc::localtime_r(&raw const seconds, parts.as_mut_ptr()).is_null() {
            return None;
        }
        parts.assume_init()
    };
    let part = |part| u64::try_from(part).ok();
    Some((part(parts.tm_hour)?, part(parts.tm_min)?, part(parts.tm_sec)?))
}

#[cfg(not(unix))]
fn clock(_: u64) -> Option<(u64, u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(status: u64, ms: f64) -> Fields {
        Fields {
            status: Some(status),
            method: "POST".into(),
            path: "/v1/embeddings".into(),
            ms,
            others: " id=abc".into(),
            ..Fields::default()
        }
    }

    #[test]
    fn a_request_is_one_short_line() {
        let line = |fields: Fields| fields.line(Level::INFO, "18:49:24", false);
        assert_eq!(line(request(200, 5.23)), "18:49:24 200 POST /v1/embeddings 5 ms");
        assert_eq!(line(request(503, 0.34)), "18:49:24 503 POST /v1/embeddings 0.3 ms");
        let colored = request(404, 12.0).line(Level::INFO, "18:49:24", true);
        assert_eq!(colored, "\x1b[2m18:49:24\x1b[0m \x1b[33m404\x1b[0m POST /v1/embeddings 12 ms");
    }

    #[test]
    fn other_events_keep_their_fields_and_bring_no_control_characters() {
        let event = Fields { message: "a \x1b[2J".into(), others: " model=b".into(), ..Fields::default() };
        assert_eq!(event.line(Level::INFO, "1", false), "1 a \\u{1b}[2J model=b");
        assert_eq!(event.line(Level::WARN, "1", false), "1 warning: a \\u{1b}[2J model=b");
    }

    #[test]
    fn a_time_of_day() {
        let time = local_time(UNIX_EPOCH + std::time::Duration::from_secs(3_600 * 30 + 61));
        // Time zones differ by whole minutes.
        assert!(time.len() == 8 && time.ends_with(":01"), "{time}");
    }
}
