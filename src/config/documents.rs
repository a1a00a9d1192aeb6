//! The documents that are made of the table of settings: `irispool.example.toml` and `docs/settings.md`.

use std::fmt::Write;

use super::markdown::without_links;
use super::setting::{Setting, Takers};
use super::settings::settings;

/// How long a line of the documents is at most, in characters.
const WIDTH: usize = 120;

const EXAMPLE_HEAD: &str = "\
# Every setting of irispool, with its default. To change some, copy this file to irispool.toml in the folder where
# irispool runs, or name it with --config FILE or IRISPOOL_CONFIG. Then delete the # in front of the settings to change.
#
# Each setting is also an environment variable (IRISPOOL_BATCH_ROWS=5000) and a flag (--batch-rows 5000). A variable wins
# over this file, and a flag wins over both. `irispool config` shows what is in effect and where it comes from.
#
# Durations are written 200ms, 5s, 1m 30s or 90days. Sizes are written 8MiB, 64 MB or 1048576 (bytes). A relative path
# starts at the folder of this file.
";

const REFERENCE_HEAD: &str = "\
# Settings

irispool works without any setting. To change one, use whichever of these you like. A later one wins over an earlier one:

1. `irispool.toml` in the folder where irispool runs, or the file that `--config FILE` or `IRISPOOL_CONFIG` names.
   [irispool.example.toml](../irispool.example.toml) is a file to start from.
2. An environment variable, such as `IRISPOOL_BATCH_ROWS=5000`.
3. A flag, such as `--batch-rows 5000`, for the commands that are named with each setting.

A wrong name or value is an error, which says where it stands and what would be right. To see what is in effect and where
each setting comes from:

```
irispool config
```

- **Durations** are written `200ms`, `5s`, `1m 30s`, `90days`. **Sizes** are written `8MiB`, `64 MB` or `1048576` (bytes).
- A **relative path** in the file starts at the file's folder. In a variable or a flag, it starts at the folder where irispool
  runs. irispool does not expand `~`.
";

/// The text of `irispool.example.toml`.
pub fn example() -> String {
    let mut text = EXAMPLE_HEAD.to_owned();
    for (setting, is_first) in with_group_starts() {
        if is_first {
            let _ = write!(text, "\n\n# ---- {} ----\n", setting.group);
        }
        let mut words = without_links(&explanation(setting));
        if let Some((least, greatest)) = setting.range {
            let or_word = setting.word.map_or_else(String::new, |word| format!(", or \"{word}\""));
            let _ = write!(words, " From {least} to {greatest}{or_word}.");
        }
        let _ = write!(text, "\n{}#{} = {}\n", filled("# ", &words), setting.name, setting.default);
    }
    text
}

/// The text of `docs/settings.md`.
pub fn reference() -> String {
    let mut text = REFERENCE_HEAD.to_owned();
    for (setting, is_first) in with_group_starts() {
        if is_first {
            let _ = write!(text, "\n## {}\n", setting.group);
        }
        let takers = match setting.takers {
            Takers::Every => "every command".to_owned(),
            Takers::Only(names) => {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<String>>().join(", ")
            }
        };
        let range =
            setting.range.map_or("–".to_owned(), |(least, greatest)| format!("{least} to {greatest}"));
        let or_word = setting.word.map_or_else(String::new, |word| format!(" or `{word}`"));
        let Setting { name, flag, variable, kind, default, .. } = setting;
        let _ = write!(
            text,
            "\n### {name}\n\n{}\n\
             | flag | for | variable | type | default | range |\n|---|---|---|---|---|---|\n\
             | `{flag}` | {takers} | `{variable}` | {kind}{or_word} | `{default}` | {range} |\n",
            filled("", &explanation(setting)),
        );
    }
    text
}

/// The settings, each with whether it is the first of its group.
fn with_group_starts() -> impl Iterator<Item = (&'static Setting, bool)> {
    let mut last = "";
    settings()
        .iter()
        .map(move |setting| (setting, std::mem::replace(&mut last, setting.group) != setting.group))
}

/// What the setting does, in whole sentences of Markdown.
fn explanation(setting: &Setting) -> String {
    let mut text = format!("{}.", setting.summary);
    for choice in &setting.choices {
        if let Some(help) = choice.get_help() {
            let _ = write!(text, " `{}`: {help}.", choice.get_name());
        }
    }
    if !setting.details.is_empty() {
        text.push(' ');
        text.push_str(&setting.details);
    }
    text
}

/// The text in lines, each behind a prefix.
fn filled(prefix: &str, text: &str) -> String {
    let mut lines = String::new();
    let mut line = prefix.to_owned();
    for word in text.split(' ') {
        let is_first = line.len() == prefix.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = format!("{prefix}{word}");
        } else {
            let space = if is_first { "" } else { " " };
            line.push_str(space);
            line.push_str(word);
        }
    }
    lines + &line + "\n"
}
