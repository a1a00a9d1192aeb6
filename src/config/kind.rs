//! What a kind of values is: how its values are written, read and shown.
//!
//! A value is one word of text. In TOML it may also be a whole number, which reads as its digits. So the file, the
//! environment and the command line take the same values. What is wrong is told by what would be right, because what a
//! parser stumbled over helps nobody.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap::builder::PossibleValue;
use toml::Value;

/// A kind of values. The types that implement it have no values of their own: they only name the kind in a row of
/// [`super::Config`].
pub trait ValueKind {
    /// The value as the program uses it.
    type Value;

    /// What stands for the value in `--help`, such as `DURATION`.
    const PLACEHOLDER: &'static str;
    /// What a shell offers to complete.
    const COMPLETION: ValueHint = ValueHint::Unknown;
    /// A word that stands beside the other values, such as `off`.
    const WORD: Option<&'static str> = None;
    /// Whether no message may repeat the value.
    const IS_SECRET: bool = false;

    /// The name of the kind in the reference, in Markdown, without its [`ValueKind::WORD`].
    fn name() -> String;

    /// What is right, after "should be".
    fn right() -> String;

    /// Reads one word.
    fn parse(text: &str) -> Option<Self::Value>;

    /// Reads a value as TOML has it.
    fn read(value: &Value) -> Option<Self::Value> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Integer(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Writes a value as TOML, so that it reads as the same value.
    fn show(value: &Self::Value) -> Value;

    /// The size of a value, to compare it with the limits. None is within all limits.
    fn amount(_: &Self::Value) -> Option<u128> {
        None
    }

    /// The value that somebody may have meant who wrote a wrong one.
    fn guess(_: &str) -> Option<String> {
        None
    }

    /// Changes the file paths in a value.
    fn map_paths(_: &mut Self::Value, _: &dyn Fn(&Path) -> PathBuf) {}

    /// The values, if there are only a few.
    fn choices() -> Vec<PossibleValue> {
        Vec::new()
    }
}

macro_rules! kind_or_word {
    ($(#[$doc:meta])* $kind:ident, $word:literal) => {
        $(#[$doc])*
        pub struct $kind<K>(PhantomData<K>);

        impl<K: ValueKind> ValueKind for $kind<K> {
            type Value = Option<K::Value>;
            const PLACEHOLDER: &'static str = K::PLACEHOLDER;
            const COMPLETION: ValueHint = K::COMPLETION;
            const WORD: Option<&'static str> = Some($word);
            const IS_SECRET: bool = K::IS_SECRET;

            fn name() -> String {
                K::name()
            }

            fn right() -> String {
                format!(concat!("{}, or \"", $word, "\""), K::right())
            }

            fn parse(text: &str) -> Option<Self::Value> {
                if text == $word { Some(None) } else { K::parse(text).map(Some) }
            }

            fn read(value: &Value) -> Option<Self::Value> {
                match value {
                    Value::String(text) => Self::parse(text),
                    other => K::read(other).map(Some),
                }
            }

            fn show(value: &Self::Value) -> Value {
                value.as_ref().map_or_else(|| $word.into(), K::show)
            }

            fn amount(value: &Self::Value) -> Option<u128> {
                value.as_ref().and_then(K::amount)
            }

            fn guess(text: &str) -> Option<String> {
                K::guess(text)
            }

            fn map_paths(value: &mut Self::Value, change: &dyn Fn(&Path) -> PathBuf) {
                value.iter_mut().for_each(|value| K::map_paths(value, change));
            }
        }
    };
}

kind_or_word! {
    /// A value, or `off` for none.
    OrOff, "off"
}

kind_or_word! {
    /// A value, or `auto` to let the program choose.
    OrAuto, "auto"
}
