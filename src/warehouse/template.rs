//! Fills the SQL templates under `sql/`.

/// Replaces each `{name}` in a template by its value, and leaves out the comment lines before the statement.
///
/// A value is not searched for names, so a column may be called `{x}`. Braces around anything but a name, as in a
/// regular expression, stay.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut rest = template.trim();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    let mut filled = String::with_capacity(rest.len() * 2);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let name_end = after.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_').unwrap_or(0);
        if name_end == 0 || !after[name_end..].starts_with('}') {
            filled.push('{');
            rest = after;
            continue;
        }
        let name = &after[..name_end];
        let (_, value) = values
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("the template has a name {{{name}}} that nobody fills"));
        filled.push_str(value);
        rest = &after[name_end + 1..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_taken_for_a_place_nor_a_regular_expression_for_one() {
        assert_eq!(
            fill("-- words\nSELECT {a}, r'\\d{6}{' FROM {b}\n", &[("a", "{b}"), ("b", "t")]),
            "SELECT {b}, r'\\d{6}{' FROM t"
        );
    }
}
